"""What PostgreSQL refuses, and how that is said to a person."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable

import psycopg
import pytest
import sqlalchemy as sa
import sqlalchemy.exc

from truing.domain.errors import (
    ConflictError,
    DamagedError,
    InvalidInputError,
    NotFoundError,
    TruingError,
    UnavailableError,
)
from truing.domain.rating import Rating
from truing.domain.sample import SampleFilter
from truing.stores.database import migrations, postgresql_errors
from truing.stores.database import postgresql as postgresql_module
from truing.stores.database.sample_rows import sample_row
from truing.stores.database.schema import samples
from truing.stores.database.store import DatabaseStore, open_database
from truing.testing import postgresql_server
from truing.testing.factories import (
    START,
    make_sample,
)
from truing.testing.postgresql_server import PASSWORD, Server

EVERYTHING = SampleFilter()
NewDatabase = Callable[[], str]


@pytest.fixture
def store(wiped_store: DatabaseStore) -> DatabaseStore:
    return wiped_store


# --- the server and what it refuses ------------------------------------------------------------


def test_a_wrong_password_is_reported_without_it(postgresql: Server) -> None:
    assert open_database(postgresql.tcp_url("postgres")).place.startswith("PostgreSQL")
    with pytest.raises(UnavailableError, match="refuses the user or the password") as raised:
        open_database(postgresql.tcp_url("postgres", "not-the-password"))
    said = f"{raised.value} {raised.value.hint}"
    assert "not-the-password" not in said
    assert ".pgpass" in said


def test_the_password_may_come_from_the_environment(
    new_database: NewDatabase, postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = new_database().partition("@/")[2].partition("?")[0]
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    store = open_database(f"postgresql://truing@127.0.0.1:{postgresql.port}/{name}")
    with contextlib.closing(store):
        store.samples.add([make_sample()])
        assert PASSWORD not in store.place


def test_a_missing_database_and_server_are_reported(postgresql: Server) -> None:
    with pytest.raises(UnavailableError, match="no such database") as raised:
        open_database(postgresql.url("nowhere"))
    assert "createdb" in str(raised.value.hint)
    with pytest.raises(UnavailableError, match="cannot be reached"):
        open_database("postgresql://ann:secret@127.0.0.1:1/voice")
    with pytest.raises(InvalidInputError) as unread:
        open_database("postgresql://ann:secret@127.0.0.1:port/voice")
    assert "secret" not in str(unread.value)


def test_a_database_that_may_not_be_written_is_reported(
    new_database: NewDatabase, postgresql: Server
) -> None:
    url = new_database()
    store = open_database(url)
    name = url.partition("@/")[2].partition("?")[0]
    postgresql.run(f"ALTER DATABASE {name} SET default_transaction_read_only TO on")
    store.close()
    with contextlib.closing(store), pytest.raises(UnavailableError, match="nobody write"):
        store.samples.add([make_sample()])


def test_unfit_databases_are_reported(
    new_database: NewDatabase, postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database()
    with pytest.raises(NotFoundError, match="no workspace"):
        open_database(url, create=False)
    with pytest.raises(NotFoundError, match="schema"):
        open_database(f"{url}&options=-csearch_path%3Dnowhere")
    name = url.partition("@/")[2].partition("?")[0]
    postgresql.run("CREATE TABLE invoices (id int)", database=name)
    with pytest.raises(InvalidInputError, match="another program"):
        open_database(url)
    postgresql.run("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(UnavailableError, match="LATIN1"):
        open_database(postgresql.url("latin"))
    postgresql.drop("latin")
    monkeypatch.setattr(postgresql_module, "OLDEST_SERVER", 10**9)
    with pytest.raises(UnavailableError, match="too old"):
        open_database(url)


def test_an_older_schema_is_brought_up_to_date(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database()
    monkeypatch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:1])
    with contextlib.closing(open_database(url)) as older:
        with older.database.writing_directly() as direct:
            (number,) = older.database.dialect.reserve(direct, 1)
        held = sample_row(number, make_sample(text="apple"))
        # What later versions brought is not there yet.
        del held["rating"]
        with older.database.writing() as connection:
            connection.execute(sa.insert(samples).values(held))
    monkeypatch.undo()
    told: list[str] = []
    store = open_database(url, before_migrating=lambda: told.append("about to change"))
    with contextlib.closing(store):
        assert told == ["about to change"]
        assert [one.id for one in store.samples.iterate(SampleFilter(text="apple"))] == [number]
        assert store.check() == []
        store.ratings.add(Rating(sample_id=number, value=4, actor="ann", created_at=START))
        assert store.samples.count(SampleFilter(rating_from=4)) == 1
        store.trash.put([number], at=START, actor="ann")
        assert store.samples.count(EVERYTHING) == 0


def test_workspaces_may_share_a_database_as_schemas(
    new_database: NewDatabase, postgresql: Server
) -> None:
    url = new_database()
    name = url.partition("@/")[2].partition("?")[0]
    postgresql.run("CREATE SCHEMA one", "CREATE SCHEMA two", database=name)
    first = open_database(f"{url}&options=-csearch_path%3Done")
    second = open_database(f"{url}&options=-csearch_path%3Dtwo")
    with contextlib.closing(first), contextlib.closing(second):
        first.samples.add([make_sample(text="apple")])
        assert first.samples.count(SampleFilter(text="apple")) == 1
        assert second.samples.count(EVERYTHING) == 0
        assert second.samples.add([make_sample()])[0].id == 1
        assert first.check() == second.check() == []


_WITHOUT_DRIVER = """
import sys
sys.modules["psycopg"] = None
from truing.domain.errors import MissingDependencyError
from truing.stores.database.store import open_database
try:
    open_database("postgresql://localhost/voice")
except MissingDependencyError as error:
    print(error.hint)
"""


def test_without_the_driver_the_extra_is_named() -> None:
    program = [sys.executable, "-c", _WITHOUT_DRIVER]
    said = subprocess.run(program, check=True, capture_output=True, text=True).stdout
    assert "truing[postgres]" in said


@pytest.mark.parametrize(
    "different",
    [
        {"text": "hello\0world"},
        {"subject": "a\0b"},
        {"source_key": os.urandom(8000).hex()},
    ],
)
def test_what_postgresql_cannot_keep_is_refused_before_anything_is_written(
    store: DatabaseStore, different: dict[str, object]
) -> None:
    with pytest.raises(InvalidInputError) as raised:
        store.samples.add([make_sample(), make_sample(**different)])
    assert raised.value.hint
    assert store.samples.count(EVERYTHING) == 0
    store.samples.add([make_sample()])
    assert store.check() == []


def test_an_error_never_quotes_what_people_said(store: DatabaseStore) -> None:
    uid = store.samples.add([make_sample(text="marzipan")])[0].uid
    with pytest.raises(ConflictError) as raised:
        store.samples.add([make_sample(uid=uid, text="marzipan")])
    assert "marzipan" not in str(raised.value)
    with pytest.raises(InvalidInputError) as refused:
        store.samples.add([make_sample(quality=float("nan"), text="marzipan")])
    assert "marzipan" not in str(refused.value)
    assert "quality" in str(refused.value)


def test_statements_of_our_own_that_fail_are_not_disguised(store: DatabaseStore) -> None:
    with (
        pytest.raises(sqlalchemy.exc.ProgrammingError, match="nowhere"),
        store.database.writing_directly() as direct,
    ):
        direct.cursor.execute("INSERT INTO nowhere VALUES (1)")
    store.samples.add([make_sample()])
    assert store.samples.count(EVERYTHING) == 1


CODES: dict[str, type[TruingError] | None] = {
    "08006": UnavailableError,
    "22003": InvalidInputError,
    "23502": InvalidInputError,
    "23503": NotFoundError,
    "23505": ConflictError,
    "25006": UnavailableError,
    "25P03": UnavailableError,
    "28P01": UnavailableError,
    "3D000": UnavailableError,
    "40001": UnavailableError,
    "40P01": UnavailableError,
    "42501": UnavailableError,
    "42601": None,
    "42P01": None,
    "53100": UnavailableError,
    "53200": UnavailableError,
    "53300": UnavailableError,
    "54000": InvalidInputError,
    "55P03": UnavailableError,
    "57014": UnavailableError,
    "57P01": UnavailableError,
    "57P03": UnavailableError,
    "58030": UnavailableError,
    "XX000": None,
    "XX001": DamagedError,
}


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_meaning(code: str) -> None:
    meant = postgresql_errors.explain(psycopg.errors.lookup(code)("what it says"), "here")
    wanted = CODES[code]
    assert type(meant) is (type(None) if wanted is None else wanted)
    if meant is not None:
        assert meant.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('FATAL:  password authentication failed for user "ann"', "password"),
        ("fe_sendauth: no password supplied", "password"),
        ('FATAL:  database "voice" does not exist', "no such database"),
        ("FATAL:  sorry, too many clients already", "no connection left"),
        ("FATAL:  the database system is starting up", "starting"),
        ("server closed the connection unexpectedly", "ended the connection"),
        ("connection to server failed: Connection refused", "cannot be reached"),
        ("something nobody has seen before", "cannot be reached"),
    ],
)
def test_errors_before_a_connection_are_known_by_their_text(text: str, said: str) -> None:
    meant = postgresql_errors.explain(psycopg.OperationalError(text), "here")
    assert isinstance(meant, UnavailableError)
    assert said in meant.message
    assert meant.hint


def test_other_errors_have_no_meaning() -> None:
    assert postgresql_errors.explain(ValueError("a bug"), "here") is None
    assert postgresql_errors.explain(psycopg.ProgrammingError("a bug"), "here") is None


def test_a_missing_server_is_a_clear_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_server, "PLACES", ())
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="apt-get install postgresql"):
        postgresql_server.programs()
