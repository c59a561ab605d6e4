"""Archives in a database: which there are, what lies in them, and samples as the rows they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from truing.domain.archive import Archive, Away, Packed, Row
from truing.domain.errors import ConflictError, DamagedError, NotFoundError
from truing.domain.review import State
from truing.stores.database.chunks import chunks
from truing.stores.database.connection import Database
from truing.stores.database.erasing import erase_samples
from truing.stores.database.json_text import to_json, to_list
from truing.stores.database.lookups import note, still_referenced
from truing.stores.database.pictures import erase_pictures
from truing.stores.database.preferences import erase_preferences
from truing.stores.database.readmitting import readmit
from truing.stores.database.sample_rows import read_sample
from truing.stores.database.schema import (
    archived,
    archives,
    contacts,
    evaluated_rows,
    ratings,
    revisions,
    samples,
)

BEGUN, WHOLE = "begun", "whole"


class DatabaseArchives:
    """See `truing.domain.archive.Archives`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, archive: Archive) -> None:
        """See `Archives.begin`."""
        with self._database.writing() as connection:
            taken = sa.select(archives.c.name).where(archives.c.name == archive.name)
            if connection.scalar(taken) is not None:
                raise ConflictError(
                    f"there is an archive `{archive.name}` already",
                    hint="choose another name: truing archive create --name NAME",
                )
            connection.execute(sa.insert(archives).values(_archive_row(archive, BEGUN)))

    def begun(self) -> list[Archive]:
        """See `Archives.begun`."""
        return self._all(archives.c.state == BEGUN)

    def pack(self, ids: Sequence[int]) -> list[Packed]:
        """See `Archives.pack`."""
        with self._database.reading() as connection:
            return _packed(connection, ids)

    def take(self, archive: Archive, packed: Sequence[Packed]) -> list[str] | None:
        """See `Archives.take`."""
        note(self._database)
        ids = [one.number for one in packed]
        with self._database.writing() as connection:
            if _packed(connection, ids) != list(packed):
                return None
            uids = [one.uid for one in packed]
            for piece in chunks(uids):
                # Put away twice: whatever an older archive holds of it is a copy.
                older = sa.update(archived).where(archived.c.uid.in_(piece))
                connection.execute(older.values(back=1))
            rows = [_away_row(archive.name, one) for one in packed]
            connection.execute(sa.insert(archived), rows)
            here = archives.c.name == archive.name
            connection.execute(sa.update(archives).where(here).values(_archive_row(archive, WHOLE)))
            return erase_samples(connection, ids, leaving=True)

    def put_back(self, packed: Sequence[Packed]) -> dict[str, int]:
        """See `Archives.put_back`."""
        for one in packed:
            _refuse_strange(one)
        with self._database.writing() as connection:
            numbers = readmit(connection, self._database.dialect, packed)
            for piece in chunks(numbers):
                came = sa.update(archived).where(archived.c.uid.in_(piece))
                connection.execute(came.values(back=1))
        return numbers

    def all(self) -> list[Archive]:
        """See `Archives.all`."""
        return self._all(archives.c.state == WHOLE)

    def _all(self, *where: sa.ColumnElement[bool]) -> list[Archive]:
        only = sa.and_(archived.c.archive == archives.c.name, archived.c.back == 0)
        kept = sa.select(sa.func.count()).select_from(archived).where(only)
        query = sa.select(archives, kept.correlate(archives).scalar_subquery().label("archived"))
        query = query.where(*where).order_by(archives.c.created_at.desc(), archives.c.name)
        with self._database.reading() as connection:
            return [_archive(row) for row in connection.execute(query).mappings()]

    def get(self, name: str) -> Archive:
        """See `Archives.get`."""
        found = self._all(archives.c.state == WHOLE, archives.c.name == name)
        if not found:
            there = ", ".join(f"`{one.name}`" for one in self.all()[:5])
            raise NotFoundError(
                f"there is no archive `{name}`",
                hint=f"there are {there}" if there else "truing archive create makes one",
            )
        return found[0]

    def move(self, name: str, place: Path, digest: str) -> None:
        """See `Archives.move`."""
        change = sa.update(archives).where(archives.c.name == name)
        with self._database.writing() as connection:
            connection.execute(change.values(place=str(place), digest=digest))

    def remove(self, name: str) -> list[str]:
        """See `Archives.remove`."""
        with self._database.writing() as connection:
            own = archived.c.archive == name
            only = sa.select(archived.c.uid).where(own, archived.c.back == 0)
            uids = sorted(connection.scalars(only))
            connection.execute(sa.delete(archived).where(own))
            connection.execute(sa.delete(archives).where(archives.c.name == name))
        return uids

    def by_uids(self, uids: Sequence[str]) -> list[Away]:
        """See `Archives.by_uids`."""
        return self._away(archived.c.uid, uids)

    def by_ids(self, ids: Sequence[int]) -> list[Away]:
        """See `Archives.by_ids`."""
        return self._away(archived.c.sample_id, ids)

    def of(self, *, subject: str | None = None, contact: str | None = None) -> list[Away]:
        """See `Archives.of`."""
        if subject is not None:
            return self._away(archived.c.subject, [subject])
        return self._away(archived.c.contact, [] if contact is None else [contact])

    def _away(self, column: sa.Column[Any], values: Sequence[object]) -> list[Away]:
        found: list[Away] = []
        with self._database.reading() as connection:
            for piece in chunks(dict.fromkeys(values)):
                query = sa.select(archived).where(column.in_(piece))
                rows = connection.execute(query.order_by(archived.c.sample_id, archived.c.archive))
                found += [_away(row) for row in rows.mappings()]
        return found

    def iterate(self) -> Iterator[Away]:
        """See `Archives.iterate`."""
        key = (archived.c.archive, archived.c.uid)
        last = ("", "")
        while True:
            query = sa.select(archived).where(sa.tuple_(*key) > sa.tuple_(*last))
            with self._database.reading() as connection:
                rows = connection.execute(query.order_by(*key).limit(1000)).mappings().all()
            for row in rows:
                yield _away(row)
            if not rows:
                return
            last = (rows[-1]["archive"], rows[-1]["uid"])

    def drop(self, uids: Sequence[str]) -> list[str]:
        """See `Archives.drop`."""
        digests: set[str] = set()
        with self._database.writing() as connection:
            for piece in chunks(dict.fromkeys(uids)):
                gone = sa.delete(archived).where(archived.c.uid.in_(piece))
                for text in connection.scalars(gone.returning(archived.c.digests)):
                    digests.update(map(str, to_list(text)))
                measured = evaluated_rows.c.sample_uid.in_(piece)
                connection.execute(sa.delete(evaluated_rows).where(measured))
                erase_preferences(connection, piece)
                digests |= erase_pictures(connection, piece)
            return sorted(digests - still_referenced(connection, digests))


def _packed(connection: sa.Connection, ids: Sequence[int]) -> list[Packed]:
    found: dict[int, Row] = {}
    said: dict[int, str] = {}
    hung: dict[sa.Table, dict[int, list[Row]]] = {revisions: {}, ratings: {}}
    for piece in chunks(dict.fromkeys(ids)):
        query = sa.select(samples).where(
            samples.c.id.in_(piece), samples.c.state != State.TRASHED.value
        )
        found.update((row["id"], dict(row)) for row in connection.execute(query).mappings())
        for table, held in hung.items():
            own = sa.select(table).where(table.c.sample_id.in_(piece)).order_by(table.c.id)
            for row in connection.execute(own).mappings():
                held.setdefault(row["sample_id"], []).append(dict(row))
        named = sa.select(contacts.c.sample_id, contacts.c.contact)
        rows = connection.execute(named.where(contacts.c.sample_id.in_(piece)))
        said.update((row[0], row[1]) for row in rows)
    return [
        Packed(
            sample=found[number],
            revisions=tuple(hung[revisions].get(number, ())),
            ratings=tuple(hung[ratings].get(number, ())),
            contact=said.get(number),
        )
        for number in ids
        if number in found
    ]


def _refuse_strange(packed: Packed) -> None:
    """Makes sure that rows can be read as a sample before they are stored.

    Raises:
        DamagedError: they cannot.
    """
    tables = ((samples, [packed.sample]), (revisions, packed.revisions), (ratings, packed.ratings))
    for table, rows in tables:
        names = {column.name for column in table.columns}
        if any(set(row) != names for row in rows):
            raise DamagedError(
                f"a row of `{table.name}` in the archive does not have the columns of this version",
                hint="bring Truing up to date: pip install --upgrade truing",
            )
    read_sample(packed.sample)


def _archive_row(archive: Archive, state: str) -> Row:
    return {
        "name": archive.name,
        "place": str(archive.place),
        "digest": archive.digest,
        "state": state,
        "created_at": archive.created_at,
        "actor": archive.actor,
        "samples": archive.samples,
        "size": archive.size,
        "media_bytes": archive.media_bytes,
    }


def _archive(row: Mapping[Any, Any]) -> Archive:
    return Archive(
        name=row["name"],
        place=Path(row["place"]),
        digest=row["digest"],
        created_at=row["created_at"],
        actor=row["actor"],
        samples=row["samples"],
        size=row["size"],
        media_bytes=row["media_bytes"],
        archived=row["archived"],
    )


def _away_row(archive: str, packed: Packed) -> Row:
    return {
        "archive": archive,
        "uid": packed.uid,
        "sample_id": packed.number,
        "back": 0,
        "source": packed.sample["source"],
        "source_key": packed.sample["source_key"],
        "subject": packed.sample["subject"],
        "contact": packed.contact,
        "digests": to_json(list(packed.digests), "digests"),
    }


def _away(row: Mapping[Any, Any]) -> Away:
    return Away(
        sample_id=row["sample_id"],
        uid=row["uid"],
        archive=row["archive"],
        subject=row["subject"],
        contact=row["contact"],
        digests=tuple(map(str, to_list(row["digests"]))),
        back=bool(row["back"]),
        source=row["source"],
        source_key=row["source_key"],
    )
