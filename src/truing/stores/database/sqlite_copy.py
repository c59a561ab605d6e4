"""A SQLite database copied in one step, and copies looked at without writing to them.

Scope: `copy` is the backup interface of SQLite in a single step, which sees one moment while
others go on writing; in several steps a busy writer would make it begin anew for ever. Copying
over a database in use is one transaction too: others see the old content or the new.

Known trade-offs: a damaged page can pass SQLite's own quick check, so a copy is only as good as
the digest that was taken of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truing.domain.errors import UnavailableError
from truing.platform.files import sync_file
from truing.stores.database.chunks import chunks
from truing.stores.database.connection import explained
from truing.stores.database.schema import NUMBERS
from truing.stores.database.sqlite import BUSY_SECONDS, SQLite, library

# The newest samples are not in the table of their blobs yet; see `lookups`.
_NEWEST = """
FROM samples, json_each(samples.document, '$.media') AS medium
WHERE samples.id > (SELECT value FROM counters WHERE modality = '' AND name = 'noted')
"""
_PICTURES = "UNION SELECT digest FROM pictures"
_DIGESTS = f"""
SELECT digest FROM sample_blobs UNION SELECT digest FROM dataset_blobs {{pictures}}
UNION SELECT json_extract(medium.value, '$.digest') {_NEWEST}
UNION SELECT json_extract(medium.value, '$.parent') {_NEWEST}
  AND json_extract(medium.value, '$.parent') IS NOT NULL
ORDER BY 1
"""  # noqa: S608 - both parts are our own
_TABLES = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
    "AND name NOT LIKE 'search%' ORDER BY name"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a copy holds."""

    schema: int
    rows: Mapping[str, int]
    """Rows of each table, the search index left out."""
    models: Mapping[str, str]
    """Digests of models by reference."""


def size(path: Path) -> int:
    """Bytes that a copy of a database takes as it is now, what waits in its log included."""
    with _opened(path) as connection:
        pages: int = connection.execute("PRAGMA page_count").fetchone()[0]
        each: int = connection.execute("PRAGMA page_size").fetchone()[0]
    return pages * each


def copy(source: Path, target: Path) -> None:
    """Copies a database that may be in use to a new file, durable when this returns.

    Raises:
        UnavailableError: no space, or the database cannot be read.
    """
    with _opened(source) as here, _opened(target) as there:
        _in_one_step(here, there, source)
        # One file, without a log beside it.
        there.execute("PRAGMA journal_mode=DELETE")
    with target.open("rb+") as stream:
        sync_file(stream.fileno())


def copy_over(source: Path, target: Path) -> None:
    """Replaces the content of a database that other connections may have open.

    The number of the last sample given out never goes back: 42 means one sample for ever.

    Raises:
        UnavailableError: somebody else is writing and does not let go.
    """
    with _opened(source) as here, _opened(target) as there:
        query = "SELECT value FROM counters WHERE modality = ? AND name = 'samples'"
        given = there.execute(query, (NUMBERS,)).fetchone()
        if given is not None:
            here.execute(
                "UPDATE counters SET value = max(value, ?) WHERE modality = ? AND name = 'samples'",
                (given[0], NUMBERS),
            )
        _in_one_step(here, there, target)


def _in_one_step(here: Any, there: Any, place: Path) -> None:  # noqa: ANN401 - a driver's own
    deadline = time.monotonic() + BUSY_SECONDS

    def look(_status: int, remaining: int, _total: int) -> None:
        if remaining and time.monotonic() > deadline:
            raise UnavailableError(
                f"`{place}` is being written to by another program that does not let go",
                hint="wait until the other command is done, then try again",
            )

    here.backup(there, pages=-1, progress=look, sleep=0.05)


@contextmanager
def _opened(path: Path, *, frozen: bool = False) -> Iterator[Any]:
    """A connection of its own; `frozen` when nobody writes and nothing may be written beside."""
    dialect = SQLite(path)
    with explained(dialect):
        if frozen:
            address = f"{path.resolve().as_uri()}?immutable=1"
            made = library().connect(address, uri=True, isolation_level=None)
        else:
            made = library().connect(str(path), isolation_level=None, timeout=BUSY_SECONDS)
        with closing(made) as connection:
            connection.execute("PRAGMA secure_delete=ON")
            yield connection


def contents(path: Path) -> Contents:
    """Counts what a copy holds.

    Raises:
        DamagedError: it is no database.
    """
    with _opened(path, frozen=True) as connection:
        tables = [row[0] for row in connection.execute(_TABLES)]
        rows = {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608
            for name in tables
        }
        schema = connection.execute("SELECT max(number) FROM migrations").fetchone()[0]
        models = {
            f"{row[0]}/{row[1]}": row[2]
            for row in connection.execute("SELECT modality, number, digest FROM models")
        }
    return Contents(schema=schema or 0, rows=rows, models=models)


def problems(path: Path) -> list[str]:
    """What is wrong with a copy: broken pages, dangling rows, counters that do not add up."""
    with _opened(path, frozen=True) as connection:
        found = [
            f"SQLite: {row[0]}"
            for row in connection.execute("PRAGMA quick_check")
            if row[0] != "ok"
        ]
        found += [
            f"row {row[1]} of `{row[0]}` refers to a missing row of `{row[2]}`"
            for row in connection.execute("PRAGMA foreign_key_check")
        ]
        kept = _figures(
            connection,
            "SELECT modality, name, value FROM counters WHERE modality <> '' AND value <> 0",
        )
        true = _figures(
            connection, "SELECT modality, state, count(*) FROM samples GROUP BY modality, state"
        ) | _figures(
            connection,
            "SELECT modality, 'trained', count(*) FROM samples WHERE trained = 1 GROUP BY modality",
        )
    for modality, name in sorted(kept.keys() | true.keys()):
        says, real = kept.get((modality, name), 0), true.get((modality, name), 0)
        if says != real:
            found.append(f"the counter `{name}` of `{modality}` says {says}, not {real}")
    return found


def _figures(connection: Any, query: str) -> dict[tuple[str, str], int]:  # noqa: ANN401
    return {(row[0], row[1]): row[2] for row in connection.execute(query)}


def blob_digests(path: Path) -> Iterator[str]:
    """Every blob that a copy refers to, in order, each once."""
    with _opened(path, frozen=True) as connection:
        # A copy made before a migration may not have the table yet.
        present = {row[0] for row in connection.execute(_TABLES)}
        pictures = _PICTURES if "pictures" in present else ""
        for row in connection.execute(_DIGESTS.format(pictures=pictures)):
            yield row[0]


def settle(path: Path) -> None:
    """Brings a database that nobody has open into its one file, without a log beside it."""
    with _opened(path) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def holds_subject(path: Path, name: str) -> bool:
    """Whether a sample in a copy, or in an archive of it, is of that speaker."""
    return _holds(path, (("samples", "subject"), ("archived", "subject")), name)


def holds_contact(path: Path, contact: str) -> bool:
    """Whether a sample in a copy, or in an archive of it, has that contact."""
    return _holds(path, (("contacts", "contact"), ("archived", "contact")), contact)


def _holds(path: Path, columns: Sequence[tuple[str, str]], value: str) -> bool:
    with _opened(path, frozen=True) as connection:
        # Copies of long ago do not have every table.
        present = {row[0] for row in connection.execute(_TABLES)}
        return any(
            connection.execute(
                f'SELECT 1 FROM "{table}" WHERE "{column}" = ? LIMIT 1',  # noqa: S608 - our own
                (value,),
            ).fetchone()
            is not None
            for table, column in columns
            if table in present
        )


def named_contacts(path: Path) -> list[str]:
    """The contacts in a copy of the present schema, each once."""
    with _opened(path, frozen=True) as connection:
        query = (
            "SELECT contact FROM contacts "
            "UNION SELECT contact FROM archived WHERE contact IS NOT NULL ORDER BY contact"
        )
        return [str(row[0]) for row in connection.execute(query)]


def named_samples(path: Path) -> Iterator[tuple[str, str | None]]:
    """(uid, speaker) of every sample in a copy of the present schema or in an archive of it, and
    (uid, None) of every frozen row.
    """
    with _opened(path, frozen=True) as connection:
        yield from connection.execute("SELECT uid, subject FROM samples")
        yield from connection.execute("SELECT uid, subject FROM archived")
        query = "SELECT DISTINCT sample_uid FROM dataset_rows WHERE sample_uid IS NOT NULL"
        for row in connection.execute(query):
            yield row[0], None


def named_audiences(path: Path) -> list[str]:
    """The speakers for whom a copy has models."""
    query = (
        "SELECT audience FROM models UNION SELECT audience FROM promotions "
        "UNION SELECT audience FROM champions"
    )
    with _opened(path, frozen=True) as connection:
        found = [str(row[0]) for row in connection.execute(query)]
    return [one.removeprefix("subject:") for one in found if one.startswith("subject:")]


def schema_of(path: Path) -> int | None:
    """How many migrations a database has seen; None for one that is no workspace's."""
    with _opened(path) as connection:
        there = "SELECT count(*) FROM sqlite_master WHERE name = 'migrations'"
        if not connection.execute(there).fetchone()[0]:
            return None
        number = connection.execute("SELECT max(number) FROM migrations").fetchone()[0]
        return int(number or 0)


def holds_samples(path: Path, uids: Sequence[str]) -> bool:
    """Whether anything in a copy belongs to one of these samples."""
    columns = (
        *(("samples", "uid"), ("archived", "uid")),
        *(("dataset_rows", "sample_uid"), ("assignments", "sample_uid")),
    )
    with _opened(path, frozen=True) as connection:
        present = {row[0] for row in connection.execute(_TABLES)}
        for piece in chunks(uids):
            marks = ",".join("?" * len(piece))
            for table, column in columns:
                if table not in present:
                    continue
                query = f'SELECT 1 FROM "{table}" WHERE "{column}" IN ({marks}) LIMIT 1'  # noqa: S608
                if connection.execute(query, piece).fetchone():
                    return True
    return False
