"""The store: all collections of one workspace over one database, opened by path or URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import sqlalchemy as sa

from truing.domain.clock import Clock, SystemClock
from truing.domain.erasure import Renamed
from truing.domain.errors import InvalidInputError, MissingDependencyError, NotFoundError
from truing.domain.ports import Store
from truing.stores.database.archives import DatabaseArchives
from truing.stores.database.arrivals import DatabaseArrivals
from truing.stores.database.census import DatabaseCensus
from truing.stores.database.connection import Database
from truing.stores.database.contacts import DatabaseContacts
from truing.stores.database.datasets import DatabaseDatasets
from truing.stores.database.dialect import Dialect
from truing.stores.database.erasures import DatabaseErasures
from truing.stores.database.evaluations import DatabaseEvaluations
from truing.stores.database.events import DatabaseEvents
from truing.stores.database.lookups import note
from truing.stores.database.marks import read_marks
from truing.stores.database.migrations import migrate
from truing.stores.database.models import DatabaseModels
from truing.stores.database.names import rename_subject
from truing.stores.database.originals import DatabaseOriginals
from truing.stores.database.outlines import DatabaseOutlines
from truing.stores.database.people import DatabasePeople
from truing.stores.database.pictures import DatabasePictures
from truing.stores.database.preferences import DatabasePreferences
from truing.stores.database.ratings import DatabaseRatings
from truing.stores.database.recognitions import DatabaseRecognitions
from truing.stores.database.reviews import DatabaseReviews
from truing.stores.database.runs import DatabaseRuns
from truing.stores.database.samples import TRAINED, DatabaseSamples
from truing.stores.database.schema import NUMBERS, counters, samples
from truing.stores.database.sqlite import SQLite
from truing.stores.database.tallies import DatabaseTallies
from truing.stores.database.trash import DatabaseTrash


class DatabaseStore(Store):
    """See `truing.domain.ports.Store`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.samples = DatabaseSamples(database)
        self.reviews = DatabaseReviews(database)
        self.recognitions = DatabaseRecognitions(database)
        self.datasets = DatabaseDatasets(database)
        self.runs = DatabaseRuns(database)
        self.models = DatabaseModels(database)
        self.evaluations = DatabaseEvaluations(database)
        self.events = DatabaseEvents(database)
        self.erasures = DatabaseErasures(database)
        self.trash = DatabaseTrash(database)
        self.tallies = DatabaseTallies(database)
        self.census = DatabaseCensus(database)
        self.people = DatabasePeople(database)
        self.pictures = DatabasePictures(database)
        self.ratings = DatabaseRatings(database)
        self.contacts = DatabaseContacts(database)
        self.preferences = DatabasePreferences(database)
        self.arrivals = DatabaseArrivals(database)
        self.outlines = DatabaseOutlines(database)
        self.archives = DatabaseArchives(database)
        self.originals = DatabaseOriginals(database)

    @property
    def file(self) -> Path | None:
        """See `Store.file`."""
        path: Path | None = getattr(self._database.dialect, "path", None)
        return path

    def rename_subject(self, name: str, pseudonym: str, *, everywhere: bool) -> Renamed:
        """See `Store.rename_subject`."""
        return rename_subject(self._database, name, pseudonym, everywhere=everywhere)

    @property
    def database(self) -> Database:
        """The database below, for what reaches all tables at once."""
        return self._database

    @property
    def place(self) -> str:
        """See `Store.place`."""
        return f"{self._database.dialect.kind} {self._database.dialect.place}"

    def marks(self) -> dict[str, tuple[object, ...]]:
        """See `Store.marks`."""
        return read_marks(self._database)

    @property
    def left_behind(self) -> tuple[str, ...]:
        """See `Store.left_behind`."""
        return self._database.dialect.left_behind

    def tidy(self) -> None:
        """See `Store.tidy`: notes what samples are looked for by, merges the search index."""
        note(self._database)
        more, begun = True, False
        while more:
            with self._database.writing() as connection:
                more = self._database.dialect.merge_search(connection, begun=begun)
            begun = True

    def scrub(self) -> None:
        """See `Store.scrub`.

        Raises:
            UnavailableError: another program is reading and would not let go.
        """
        self._database.scrub()

    def check(self) -> list[str]:
        """See `Store.check`; also names a SQLite that may damage what it writes.

        Writers wait while the search index is compared with the texts.
        """
        with self._database.writing() as connection:
            search = self._database.dialect.search_problems(connection)
        with self._database.reading() as connection:
            found = self._database.dialect.problems(connection)
            counted = {
                (row[0], row[1]): row[2]
                for row in connection.execute(sa.select(counters))
                if row[2] != 0 and row[0] != NUMBERS
            }
            real = _recount(connection)
        for modality, name in sorted(counted.keys() | real.keys(), key=str):
            kept, true = counted.get((modality, name), 0), real.get((modality, name), 0)
            if kept != true:
                found.append(f"the counter `{name}` of `{modality}` says {kept}, not {true}")
        return found + search

    def close(self) -> None:
        """See `Store.close`."""
        self._database.close()


def _recount(connection: sa.Connection) -> dict[tuple[str, str], int]:
    table = samples.c
    by_state = sa.select(table.modality, table.state, sa.func.count()).group_by(
        table.modality, table.state
    )
    trained = (
        sa.select(table.modality, sa.literal(TRAINED), sa.func.count())
        .where(table.trained == 1)
        .group_by(table.modality)
    )
    return {
        (row[0], row[1]): row[2]
        for query in (by_state, trained)
        for row in connection.execute(query)
    }


def open_database(
    where: Path | str,
    *,
    create: bool = True,
    clock: Clock | None = None,
    before_migrating: Callable[[], object] = lambda: None,
) -> DatabaseStore:
    """Opens the database of a workspace and brings it up to date.

    Args:
        where: path of a SQLite file, or a URL (`sqlite:///…`, `postgresql://…`).
        create: make a new one when there is none; its folder must exist.
        clock: dates the migrations.
        before_migrating: called before the schema of a database with content is changed.

    Raises:
        NotFoundError: nothing there and `create` is False.
        InvalidInputError: an unknown kind of database, or one of another program.
        UnavailableError: it cannot be opened or written.
        MissingDependencyError: the driver of its system is not installed.
        DamagedError: the file is no database, or was written by a newer version of this one.
    """
    dialect = _dialect(where, create=create)
    database = Database(dialect)
    try:
        database.prepare()
        if migrate(database, clock or SystemClock(), before=before_migrating):
            # SQLite compiles every statement anew on a connection that has made a search index.
            database.close()
    except BaseException:
        database.close()
        raise
    return DatabaseStore(database)


def _dialect(where: Path | str, *, create: bool) -> Dialect:
    text = str(where)
    name, separator, _ = text.partition("://")
    if isinstance(where, Path) or not separator:
        return _sqlite(Path(where), create=create)
    system = name.partition("+")[0]
    if system not in DIALECTS:
        raise InvalidInputError(
            f"`{system}` is no database this version knows",
            hint=f"use one of {', '.join(sorted(DIALECTS))}, or a path",
        )
    return DIALECTS[system](text, create)


def _sqlite(path: Path, *, create: bool) -> Dialect:
    if not path.is_file() and not create:
        raise NotFoundError(f"no database at `{path}`", hint="`truing init` makes a workspace")
    return SQLite(path)


def _sqlite_url(text: str, create: bool) -> Dialect:  # noqa: FBT001 - a table's own signature
    path = sa.make_url(text).database
    if not path or path == ":memory:":
        raise InvalidInputError(f"`{text}` names no file", hint="write sqlite:///PATH")
    return _sqlite(Path(path), create=create)


def _postgresql_url(text: str, create: bool) -> Dialect:  # noqa: FBT001 - a table's own signature
    try:
        from truing.stores.database.postgresql import from_url
    except ImportError as error:
        raise MissingDependencyError(
            f"PostgreSQL needs a driver: {error}", hint='pip install "truing[postgres]"'
        ) from error
    return from_url(text, create)


DIALECTS: Mapping[str, Callable[[str, bool], Dialect]] = {
    "postgres": _postgresql_url,
    "postgresql": _postgresql_url,
    "sqlite": _sqlite_url,
}
"""How a URL of each kind is opened: (URL, create) -> dialect."""
