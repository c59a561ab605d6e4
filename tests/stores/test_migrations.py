"""Migrations: from nothing to now, once; strangers and newer databases are refused."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest
import sqlalchemy as sa

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError, TruingError
from truing.domain.rating import Rating
from truing.domain.sample import SampleFilter, SampleOrder
from truing.stores.database import migrations, schema
from truing.stores.database.migrations import MIGRATIONS, m001_first
from truing.stores.database.sample_rows import sample_row
from truing.stores.database.store import open_database
from truing.testing.factories import START, FrozenClock, make_sample


def statements(metadata: sa.MetaData) -> dict[str, str]:
    """The SQL of every table and index."""
    dialect = sa.create_engine("sqlite://").dialect
    made = {}
    for table in metadata.sorted_tables:
        made[table.name] = str(sa.schema.CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            made[str(index.name)] = str(sa.schema.CreateIndex(index).compile(dialect=dialect))
    return made


def test_migrations_lead_to_the_present_schema(tmp_path: Path) -> None:
    open_database(tmp_path / "truing.db").close()
    there = sqlite3.connect(tmp_path / "truing.db")
    query = "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index')"
    kept = {name: " ".join(text.split()) for name, text in there.execute(query) if text}
    there.close()
    for name, text in statements(schema.metadata).items():
        assert kept.pop(name) == " ".join(text.split()), name
    assert all(name.startswith(("search", "sqlite_")) for name in kept), kept.keys()


def test_the_first_migration_is_frozen() -> None:
    """Change `schema` by a new migration; what version 1 looks like never changes."""
    tables = set(m001_first.metadata.tables)
    assert {"samples", "revisions", "datasets", "runs", "models"} <= tables
    source = Path(m001_first.__file__).read_text(encoding="utf-8")
    assert "database.schema" not in source


def test_what_was_applied_is_recorded(tmp_path: Path) -> None:
    for _ in range(2):
        open_database(tmp_path / "truing.db", clock=FrozenClock()).close()
    there = sqlite3.connect(tmp_path / "truing.db")
    rows = there.execute("SELECT number, name, applied_at FROM migrations").fetchall()
    there.close()
    names = ["m001_first", "m002_erasures", "m003_lists", "m004_captures"]
    names += ["m005_accounts", "m006_tags", "m007_ratings", "m008_preferences"]
    names += ["m009_archives", "m010_census", "m011_arrivals", "m012_pictures"]
    assert rows == [(number, name, START) for number, name in enumerate(names, 1)]


def test_samples_of_before_ratings_are_kept_and_can_be_rated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "truing.db"
    monkeypatch.setattr(migrations, "MIGRATIONS", MIGRATIONS[:6])
    open_database(path).close()
    monkeypatch.undo()
    held = sample_row(1, make_sample(quality=0.5, subject="ada"))
    del held["rating"]
    there = sqlite3.connect(path)
    names, marks = ", ".join(held), ", ".join("?" * len(held))
    there.execute(f"INSERT INTO samples ({names}) VALUES ({marks})", tuple(held.values()))
    there.commit()
    there.close()
    store = open_database(path)
    assert store.samples.get(1).rating is None
    store.ratings.add(Rating(sample_id=1, value=4, actor="ada", created_at=START))
    for where in (SampleFilter(rating_from=4), SampleFilter(quality_from=0.5, subject="ada")):
        assert [one.id for one in store.samples.page(where, SampleOrder.NEWEST).items] == [1]
    assert [line for line in store.check() if "3.51.3" not in line] == []
    store.close()


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "truing.db"
    open_database(path).close()
    there = sqlite3.connect(path)
    there.execute("INSERT INTO migrations VALUES (99, 'm099_future', 0)")
    there.commit()
    before = there.execute("SELECT count(*) FROM migrations").fetchall()
    with pytest.raises(DamagedError, match=r"newer version.*99") as raised:
        open_database(path)
    assert "upgrade" in str(raised.value.hint)
    assert there.execute("SELECT count(*) FROM migrations").fetchall() == before
    there.close()


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    there = sqlite3.connect(path)
    there.execute("CREATE TABLE utterances (id INTEGER)")
    there.commit()
    with pytest.raises(InvalidInputError, match="utterances"):
        open_database(path)
    names = [name for (name,) in there.execute("SELECT name FROM sqlite_master")]
    there.close()
    assert names == ["utterances"]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database at all, only words " * 100, encoding="utf-8")
    with pytest.raises(DamagedError):
        open_database(path)
    assert path.read_text(encoding="utf-8").startswith("no database")


def test_opening_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        open_database(tmp_path / "truing.db", create=False)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TruingError, match="cannot be opened"):
        open_database(tmp_path / "no" / "folder" / "truing.db")


@pytest.mark.parametrize("url", ["oracle://localhost/x", "mysql+pymysql://x", "sqlite://"])
def test_a_url_of_an_unknown_kind_is_refused(url: str) -> None:
    with pytest.raises(InvalidInputError, match=url.partition(":")[0].partition("+")[0]):
        open_database(url)


def test_a_path_may_hold_any_characters(tmp_path: Path) -> None:
    folder = tmp_path / "a b?c#d%20é"
    folder.mkdir()
    store = open_database(folder / "tru ing.db")
    store.samples.add([make_sample()])
    store.close()
    again = open_database(f"sqlite:///{tmp_path / 'plain.db'}")
    again.close()
    assert (folder / "tru ing.db").is_file()
    assert (tmp_path / "plain.db").is_file()


def test_threads_opening_at_once_migrate_once(tmp_path: Path) -> None:
    path = tmp_path / "truing.db"
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(lambda _: open_database(path), range(6)))
    for store in stores:
        assert store.samples.count(SampleFilter()) == 0
        store.close()


def test_a_migration_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "truing.db"
    store = open_database(path)
    store.samples.add([make_sample()])
    store.close()
    second = ModuleType("truing.stores.database.migrations.m002_half")

    def apply(connection: sa.Connection, _dialect: object) -> None:
        connection.exec_driver_sql("CREATE TABLE half (id INTEGER)")
        connection.exec_driver_sql("DROP TABLE revisions")
        raise InvalidInputError("half way")

    second.apply = apply  # type: ignore[attr-defined]
    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, second))
    with pytest.raises(InvalidInputError, match="half way"):
        open_database(path)
    monkeypatch.undo()
    store = open_database(path)
    assert store.samples.count(SampleFilter()) == 1
    assert store.check() == []
    store.close()
