"""One PostgreSQL database for many tests: making one takes longer than most tests."""

from collections.abc import Callable, Iterator

import pytest

from truing.stores.database.schema import metadata
from truing.stores.database.store import DatabaseStore, open_database
from truing.testing.postgresql_server import Server


@pytest.fixture(scope="module")
def kept_store(postgresql: Server) -> Iterator[DatabaseStore]:
    """Kept by all tests of a module."""
    store = open_database(postgresql.create("kept"))
    yield store
    store.close()
    postgresql.drop("kept")


@pytest.fixture(scope="session")
def wipe() -> Callable[[DatabaseStore], None]:
    """Removes every row, as a new database would have none."""
    return _wipe


def _wipe(store: DatabaseStore) -> None:
    names = [table.name for table in reversed(metadata.sorted_tables) if table.name != "migrations"]
    with store.database.writing() as connection:
        for name in (*names, "search_waiting", "search"):
            connection.exec_driver_sql(f'DELETE FROM "{name}"')


@pytest.fixture
def wiped_store(kept_store: DatabaseStore) -> Iterator[DatabaseStore]:
    """The kept database without a row."""
    _wipe(kept_store)
    yield kept_store
    kept_store.close()
