"""Dataset versions and split assignments in a database."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import sqlalchemy as sa
import sqlalchemy.exc

from truing.domain.clock import MICROSECONDS
from truing.domain.dataset import (
    Assignment,
    DatasetRef,
    DatasetRow,
    DatasetVersion,
    Split,
    SplitKind,
)
from truing.domain.errors import ConflictError, NotFoundError
from truing.stores.database.chunks import chunks
from truing.stores.database.connection import Database
from truing.stores.database.json_text import to_json, to_list, to_mapping
from truing.stores.database.schema import assignments, dataset_blobs, dataset_rows, datasets

_ROWS_AT_ONCE = 1000
_TURN = 0.5
"""Seconds for which storing a version holds the right to write at a time."""
_GAP = 0.12
"""Seconds between; SQLite looks after at most 0.1 whether it may write."""
_DRAFTS_KEPT = 24 * 3600 * MICROSECONDS
"""A version in the making that is older was left by a crash; its number is below 0."""


class DatabaseDatasets:
    """See `truing.domain.dataset.Datasets`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def assignments(self, name: str, kind: SplitKind) -> Iterator[Assignment]:
        """See `Datasets.assignments`."""
        last = ""
        table = assignments.c
        while True:
            query = (
                sa.select(table.sample_uid, table.split, table["keys"])
                .where(table.name == name, table.kind == kind.value)
                .where(table.sample_uid > last)
                .order_by(table.sample_uid)
                .limit(_ROWS_AT_ONCE)
            )
            with self._database.reading() as connection:
                found = connection.execute(query).all()
            for uid, split, keys in found:
                yield Assignment(
                    sample_uid=uid,
                    split=Split(split),
                    keys=tuple(str(key) for key in to_list(keys)),
                )
            if len(found) < _ROWS_AT_ONCE:
                return
            last = found[-1][0]

    def next_number(self, name: str) -> int:
        """See `Datasets.next_number`."""
        query = sa.select(sa.func.max(datasets.c.number)).where(datasets.c.name == name)
        with self._database.reading() as connection:
            return max(0, connection.scalar(query) or 0) + 1

    def add(
        self,
        version: DatasetVersion,
        rows: Iterable[DatasetRow],
        new_assignments: Iterable[Assignment],
    ) -> None:
        """See `Datasets.add`.

        The rows of a large version take minutes: they are stored piece by piece under a head
        that nobody is shown, so that others can write in between, and the last transaction
        shows it. What a crash left of another one is removed after a day. `rows` is read while
        the right to write is held, so that nothing of a piece is erased before it is stored; it
        may read this store, not write to it.
        """
        number = self._draft(version)
        try:
            pieces = iter(chunks(rows))
            while self._stored_some(number, pieces):
                time.sleep(_GAP)
            self._show(number, version, new_assignments)
        except BaseException:
            with self._database.writing() as connection:
                connection.execute(sa.delete(datasets).where(datasets.c.id == number))
            raise

    def _draft(self, version: DatasetVersion) -> int:
        with self._database.writing() as connection:
            left = version.created_at - _DRAFTS_KEPT
            connection.execute(
                sa.delete(datasets).where(datasets.c.number < 0, datasets.c.created_at < left)
            )
            there = sa.select(datasets.c.id).where(
                (datasets.c.uid == version.uid)
                | (datasets.c.name == version.ref.name) & (datasets.c.number == version.ref.number)
            )
            if connection.scalar(there) is not None:
                raise _exists(version.ref)
            last = connection.scalar(sa.select(sa.func.max(datasets.c.id))) or 0
            head = {**_head_row(version), "number": -(last + 1)}
            insert = sa.insert(datasets).values(head).returning(datasets.c.id)
            return cast("int", connection.scalar(insert))

    def _stored_some(self, number: int, pieces: Iterator[Sequence[DatasetRow]]) -> bool:
        """Stores pieces until others should have their turn; False when that was the last."""
        deadline = time.monotonic() + _TURN
        with self._database.writing() as connection:
            for piece in pieces:
                _insert_rows(connection, number, piece)
                if time.monotonic() > deadline:
                    return True
        return False

    def _show(self, number: int, version: DatasetVersion, new: Iterable[Assignment]) -> None:
        with self._database.writing() as connection:
            draft = datasets.c.id == number
            forgotten = connection.scalar(sa.select(datasets.c.forgotten).where(draft))
            if forgotten != version.forgotten:
                raise ConflictError(
                    "samples were forgotten while the version was stored; nothing is left of it",
                    hint="run the same command again",
                )
            _assign(connection, version, new)
            try:
                connection.execute(
                    sa.update(datasets).where(draft).values(number=version.ref.number)
                )
            except sqlalchemy.exc.IntegrityError as error:
                raise _exists(version.ref) from error

    def get(self, ref: DatasetRef) -> DatasetVersion:
        """See `Datasets.get`."""
        with self._database.reading() as connection:
            return _version(_head(connection, ref))

    def all(self) -> list[DatasetVersion]:
        """See `Datasets.all`."""
        query = sa.select(datasets).where(datasets.c.number > 0).order_by(datasets.c.id.desc())
        with self._database.reading() as connection:
            return [_version(row) for row in connection.execute(query).mappings()]

    def rows(
        self, ref: DatasetRef, split: Split | None = None, *, after: int | None = None
    ) -> Iterator[DatasetRow]:
        """See `Datasets.rows`.

        Raises:
            NotFoundError: no such version; at the call, not at the first row.
        """
        with self._database.reading() as connection:
            number = _head(connection, ref)["id"]
        return self._rows(number, split, -1 << 62 if after is None else after)

    def _rows(self, number: int, split: Split | None, last: int) -> Iterator[DatasetRow]:
        table = dataset_rows.c
        while True:
            query = (
                sa.select(dataset_rows)
                .where(table.dataset_id == number, table.position > last)
                .order_by(table.position)
                .limit(_ROWS_AT_ONCE)
            )
            if split is not None:
                query = query.where(table.split == split.value)
            with self._database.reading() as connection:
                found = connection.execute(query).mappings().all()
            for row in found:
                yield _row(row)
            if len(found) < _ROWS_AT_ONCE:
                return
            last = found[-1]["position"]

    def holding(self, uids: Sequence[str]) -> dict[str, list[str]]:
        """See `Datasets.holding`; a sample that no version holds has an empty list."""
        found: dict[str, list[str]] = {uid: [] for uid in uids}
        query = (
            # The number stands there for systems that order DISTINCT rows by what they show only.
            sa.select(dataset_rows.c.sample_uid, datasets.c.name, datasets.c.number, datasets.c.id)
            .join(datasets, datasets.c.id == dataset_rows.c.dataset_id)
            .where(datasets.c.number > 0)
            .order_by(datasets.c.id)
            .distinct()
        )
        with self._database.reading() as connection:
            for piece in chunks(found):
                wanted = query.where(dataset_rows.c.sample_uid.in_(piece))
                for uid, name, number, _ in connection.execute(wanted):
                    found[uid].append(str(DatasetRef(name=name, number=number)))
        return found

    def entomb(self, uids: Sequence[str]) -> list[str]:
        """See `Datasets.entomb`: uid, salt and payload go; position, split and digest stay."""
        touched: dict[int, int] = {}
        with self._database.writing() as connection:
            for piece in chunks(dict.fromkeys(uids)):
                places = _places(connection, piece)
                _entomb(connection, piece, places)
                for dataset_id, _ in places:
                    touched[dataset_id] = touched.get(dataset_id, 0) + 1
                connection.execute(
                    sa.delete(assignments).where(assignments.c.sample_uid.in_(piece))
                )
            for dataset_id, count in touched.items():
                connection.execute(
                    sa.update(datasets)
                    .where(datasets.c.id == dataset_id)
                    .values(forgotten=datasets.c.forgotten + count)
                )
            return _names(connection, sorted(touched))


def _places(connection: sa.Connection, uids: Sequence[str]) -> list[tuple[int, int]]:
    table = dataset_rows.c
    query = sa.select(table.dataset_id, table.position).where(table.sample_uid.in_(uids))
    return [(row[0], row[1]) for row in connection.execute(query)]


def _entomb(
    connection: sa.Connection, uids: Sequence[str], places: Sequence[tuple[int, int]]
) -> None:
    if not places:
        return
    table = dataset_blobs.c
    here = (table.dataset_id == sa.bindparam("version"), table.position == sa.bindparam("place"))
    named = [{"version": dataset_id, "place": position} for dataset_id, position in places]
    connection.execute(sa.delete(dataset_blobs).where(*here), named)
    nothing = {"sample_uid": None, "salt": None, "payload": None}
    gone = dataset_rows.c.sample_uid.in_(uids)
    connection.execute(sa.update(dataset_rows).where(gone).values(**nothing))


def _names(connection: sa.Connection, ids: Sequence[int]) -> list[str]:
    found: list[str] = []
    for piece in chunks(ids):
        query = sa.select(datasets.c.name, datasets.c.number).where(
            datasets.c.id.in_(piece), datasets.c.number > 0
        )
        for name, number in connection.execute(query.order_by(datasets.c.id)):
            found.append(str(DatasetRef(name=name, number=number)))
    return found


def _assign(connection: sa.Connection, version: DatasetVersion, new: Iterable[Assignment]) -> None:
    for piece in chunks(new):
        rows = [
            {
                "name": version.ref.name,
                "kind": version.split_kind.value,
                "sample_uid": one.sample_uid,
                "split": one.split.value,
                "keys": to_json(list(one.keys), "keys"),
            }
            for one in piece
        ]
        try:
            connection.execute(sa.insert(assignments), rows)
        except sqlalchemy.exc.IntegrityError as error:
            raise ConflictError(
                f"a sample of `{version.ref.name}` was assigned to a split meanwhile",
                hint="read the assignments again and freeze once more",
            ) from error


def _insert_rows(connection: sa.Connection, number: int, rows: Sequence[DatasetRow]) -> None:
    connection.execute(
        sa.insert(dataset_rows),
        [
            {
                "dataset_id": number,
                "position": row.position,
                "sample_uid": row.sample_uid,
                "split": row.split.value,
                "digest": row.digest,
                "salt": row.salt,
                "payload": None if row.payload is None else to_json(dict(row.payload), "payload"),
            }
            for row in rows
        ],
    )
    needed = [
        {"digest": digest, "dataset_id": number, "position": row.position}
        for row in rows
        for digest in _digests(row.payload)
    ]
    if needed:
        connection.execute(sa.insert(dataset_blobs), needed)


def _digests(payload: Mapping[str, object] | None) -> set[str]:
    media = payload.get("media") if payload is not None else None
    if not isinstance(media, Mapping):
        return set()
    named = [one.get("digest") if isinstance(one, Mapping) else one for one in media.values()]
    return {digest for digest in named if isinstance(digest, str)}


def _head(connection: sa.Connection, ref: DatasetRef) -> sa.RowMapping:
    table = datasets.c
    query = sa.select(datasets).where(table.name == ref.name, table.number == ref.number)
    row = connection.execute(query).mappings().first()
    if row is None:
        newest = sa.select(table.name, table.number).where(table.number > 0)
        newest = newest.order_by(table.id.desc()).limit(5)
        there = [f"`{name}@{number}`" for name, number in connection.execute(newest)]
        raise NotFoundError(
            f"no dataset version `{ref}`",
            hint=f"there are {', '.join(there)}" if there else "freeze one first",
        )
    return row


def _exists(ref: DatasetRef) -> ConflictError:
    return ConflictError(
        f"the dataset version `{ref}` exists already",
        hint="versions are immutable: freeze the next one",
    )


def _head_row(version: DatasetVersion) -> dict[str, Any]:
    return {
        "name": version.ref.name,
        "number": version.ref.number,
        "uid": version.uid,
        "modality": version.modality,
        "split_kind": version.split_kind.value,
        "parameters": to_json(dict(version.parameters), "parameters"),
        "digest": version.digest,
        "created_at": version.created_at,
        "counts": to_json(dict(version.counts), "counts"),
        "excluded": to_json(dict(version.excluded), "excluded"),
        "forgotten": version.forgotten,
    }


def _version(row: sa.RowMapping) -> DatasetVersion:
    return DatasetVersion(
        ref=DatasetRef(name=row["name"], number=row["number"]),
        uid=row["uid"],
        modality=row["modality"],
        split_kind=SplitKind(row["split_kind"]),
        parameters=to_mapping(row["parameters"]),
        digest=row["digest"],
        created_at=row["created_at"],
        counts=cast("dict[str, int]", to_mapping(row["counts"])),
        excluded=cast("dict[str, int]", to_mapping(row["excluded"])),
        forgotten=row["forgotten"],
    )


def _row(row: sa.RowMapping) -> DatasetRow:
    return DatasetRow(
        position=row["position"],
        sample_uid=row["sample_uid"],
        split=Split(row["split"]),
        digest=row["digest"],
        salt=row["salt"],
        payload=None if row["payload"] is None else to_mapping(row["payload"]),
    )
