"""What a database system must bring so that the collections can be kept in it.

SQLite and PostgreSQL are there; another one is a class with these members, one line in
`store.DIALECTS`, and a subclass of the conformance suite in `truing.testing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa

if TYPE_CHECKING:
    from truing.domain.errors import TruingError
    from truing.stores.database.prepared import Direct


class Dialect(Protocol):
    """One database at one place, and all SQL that only its system understands."""

    kind: str
    """The system's name, for people."""
    place: str
    """Path or address without password, for messages."""
    left_behind: tuple[str, ...]
    """Where erased texts may still be read after `scrub`, in sentences for people."""
    begin_reading: str
    """Starts a transaction that sees one moment."""
    begin_writing: str
    """Starts a transaction that holds the right to write from its first statement."""

    def create_engine(self) -> sa.Engine:
        """Connections with every session setting made; nothing is opened yet."""
        ...

    def prepare(self, engine: sa.Engine) -> None:
        """Makes settings that belong to the database as a whole, safely from several processes.

        Raises:
            UnavailableError: the library is too old for this database.
        """
        ...

    def create_derived(self, connection: sa.Connection) -> None:
        """Creates what is kept by triggers: the counters and the search index."""
        ...

    def index_beginnings(self, connection: sa.Connection) -> None:
        """Makes the search index find words by their first letters as quickly as whole ones."""
        ...

    def insert(self, table: sa.Table) -> Any:  # noqa: ANN401 - each dialect's own insert
        """An insert that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
        ...

    def reserve(self, direct: Direct, count: int) -> range:
        """Numbers for the next `count` samples, given to nobody else, now or later."""
        ...

    def unsearchable(self, connection: sa.Connection) -> int:
        """About how many of the newest samples are not in the search index yet."""
        ...

    def make_searchable(self, connection: sa.Connection, *, at_most: int) -> None:
        """Takes the next samples into the search index; the connection may write."""
        ...

    def search_again(self, connection: sa.Connection, ids: Sequence[int]) -> None:
        """Makes sure that samples that came back will be found, whatever their numbers."""
        ...

    def merge_search(self, connection: sa.Connection, *, begun: bool) -> bool:
        """One step towards a search index in one piece; whether there is more to do.

        Args:
            connection: may write.
            begun: whether this is not the first step.
        """
        ...

    def matching(self, text: str) -> sa.Select[int] | None:
        """Numbers of the samples whose predictions or truth hold all words of `text`, the last
        one as a prefix. None when there is no word in it.
        """
        ...

    def unindexed(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """The column such that no index is chosen for it: for filters that select little."""
        ...

    def explain(self, error: BaseException) -> TruingError | None:
        """What a driver's exception means to a person; None for a fault in our own SQL."""
        ...

    def scrub(self, engine: sa.Engine) -> None:
        """Overwrites what deleted rows left behind, in every file.

        Raises:
            UnavailableError: another program is reading and would not let go.
        """
        ...

    def search_problems(self, connection: sa.Connection) -> list[str]:
        """Where the search index differs from the texts; the connection may write."""
        ...

    def problems(self, connection: sa.Connection) -> list[str]:
        """What is wrong with the database as a file and with the library that reads it."""
        ...

    def load(
        self, connection: sa.Connection, table: sa.Table, rows: Iterable[Sequence[Any]]
    ) -> None:
        """Inserts many rows, in the order of the table's columns, without holding them all."""
        ...

    def numbers(self, connection: sa.Connection) -> dict[str, int]:
        """The last number given out, by table; tables that gave none are left out."""
        ...

    def set_numbers(self, connection: sa.Connection, numbers: Mapping[str, int]) -> None:
        """The opposite of `numbers`: the next rows get numbers above these."""
        ...
