"""The database store over SQLite: the conformance suite, and what is SQLite's own."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.stores.marked import MARKER, add_marked, files_with_marker

from truing.domain.clock import SystemClock
from truing.domain.errors import UnavailableError
from truing.domain.ports import Store
from truing.domain.prediction import Recognition
from truing.domain.review import State, Verdict, standing
from truing.domain.sample import SampleFilter, SampleOrder
from truing.stores.database import cursors, paging, sqlite
from truing.stores.database import samples as database_samples
from truing.stores.database.connection import Database
from truing.stores.database.migrations import migrate
from truing.stores.database.sqlite import SQLite
from truing.stores.database.store import DatabaseStore, open_database
from truing.testing.factories import (
    START,
    make_assignment,
    make_evaluated_row,
    make_evaluation,
    make_finding,
    make_prediction,
    make_revision,
    make_row,
    make_sample,
    make_standing,
    make_version,
)
from truing.testing.store_conformance import StoreConformance

EVERYTHING = SampleFilter()
MODULES = {"ours": sqlite.library(), "python's": sqlite3}


def open_with(path: Path, module: ModuleType) -> DatabaseStore:
    """A store over one of the two SQLite libraries."""
    database = Database(SQLite(path, module=module))
    database.prepare()
    migrate(database, SystemClock())
    return DatabaseStore(database)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DatabaseStore]:
    store = open_database(tmp_path / "truing.db")
    yield store
    store.close()


class TestSQLite(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = open_database(tmp_path / "truing.db")
        yield store
        store.close()


# --- several processes -------------------------------------------------------------------------


_ADD = """
import sys
from truing.stores.database.store import open_database
from truing.testing.factories import make_sample
path, worker = sys.argv[1], int(sys.argv[2])
store = open_database(path)
stored = 0
for number in range(40):
    new = make_sample(uid=f"{worker}-{number}", source_key=str(worker % 2 * 1000 + number))
    stored += sum(one.new for one in store.samples.add([new]))
store.close()
print(stored)
"""


def test_processes_open_and_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "truing.db"
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _ADD, str(path), str(worker)], stdout=subprocess.PIPE, text=True
        )
        for worker in range(4)
    ]
    stored = [worker.communicate(timeout=200)[0] for worker in workers]
    assert sum(map(int, stored)) == 80
    store = open_database(path)
    assert store.samples.count(EVERYTHING) == 80
    assert store.samples.state_counts()["pending"] == 80
    assert store.check() == []
    store.close()


_CAPTURE = """
import sys
from truing.stores.database.store import open_database
from truing.testing.factories import make_sample
store = open_database(sys.argv[1])
for number in range(1_000_000):
    added = store.samples.add([make_sample(uid=f"{sys.argv[2]}-{number}", text="hello")])[0]
    print(added.id, added.uid, flush=True)
"""


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "truing.db"
    acknowledged = {}
    for attempt in range(3):
        command = [sys.executable, "-c", _CAPTURE, str(path), str(attempt)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for _ in range(10 + attempt):
                number, uid = child.stdout.readline().split()
                acknowledged[uid] = int(number)
            child.send_signal(signal.SIGKILL)
            for line in child.stdout:
                if line.endswith("\n"):
                    number, uid = line.split()
                    acknowledged[uid] = int(number)
    store = open_database(path)
    found = store.samples.by_uids(list(acknowledged))
    assert {uid: one.id for uid, one in found.items()} == acknowledged
    assert store.samples.count(SampleFilter(text="hello")) == store.samples.count(EVERYTHING)
    assert store.check() == []
    store.close()


_FORK = """
import os, sys
from truing.domain.sample import SampleFilter
from truing.stores.database.store import open_database
from truing.testing.factories import make_sample
store = open_database(sys.argv[1])
store.samples.add([make_sample()])
child = os.fork()
store.samples.add([make_sample(uid=f"uid-{child == 0}-{n}") for n in range(50)])
if child == 0:
    os._exit(0 if store.samples.count(SampleFilter()) >= 51 else 1)
assert os.waitpid(child, 0)[1] == 0
assert store.samples.count(SampleFilter()) == 101
assert store.check() == []
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_opens_its_own_connections(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", _FORK, str(tmp_path / "truing.db")], check=True)


def test_a_writer_that_does_not_let_go_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: DatabaseStore
) -> None:
    monkeypatch.setattr(sqlite, "_SETTINGS", ("PRAGMA busy_timeout=50",))
    hindered = open_database(tmp_path / "truing.db")
    holder = sqlite.library().connect(tmp_path / "truing.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnavailableError, match="another program is writing") as raised:
        hindered.samples.add([make_sample()])
    assert raised.value.hint
    assert hindered.samples.count(EVERYTHING) == 0
    holder.execute("COMMIT")
    hindered.samples.add([make_sample()])
    holder.close()
    hindered.close()


# --- forgetting --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
def test_nothing_is_left_of_what_was_forgotten(tmp_path: Path, name: str) -> None:
    store = open_with(tmp_path / "truing.db", MODULES[name])
    others = [make_sample(text=f"some words number {number}") for number in range(300)]
    store.samples.add(others)
    added = add_marked(store)
    uids = [one.uid for one in added]
    digest = store.samples.get(added[0].id).media[0].digest
    store.recognitions.put("model", digest, Recognition(text=f"{MARKER} cached"))
    evaluated = [make_evaluated_row(uid, prediction=MARKER, subject=MARKER) for uid in uids]
    store.evaluations.add(make_evaluation(evaluated))
    rows = [
        make_row(place, sample_uid=uid, payload={"uid": uid, "truth": MARKER, "media": {}})
        for place, uid in enumerate(uids)
    ]
    store.datasets.add(make_version(rows), rows, [make_assignment(r, MARKER) for r in rows])
    assert files_with_marker(tmp_path), "the search must be able to find it"
    store.datasets.entomb(uids)
    store.samples.erase([one.id for one in added])
    store.scrub()
    assert files_with_marker(tmp_path) == []
    assert store.samples.count(SampleFilter(text=MARKER)) == 0
    assert store.samples.count(SampleFilter(text="number")) == 300
    store.close()
    assert files_with_marker(tmp_path) == []


def test_scrubbing_says_when_somebody_is_reading(
    tmp_path: Path, store: DatabaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.samples.add([make_sample()])
    reader = sqlite.library().connect(tmp_path / "truing.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM samples").fetchall()
    store.samples.add([make_sample()])
    monkeypatch.setattr(sqlite, "_SETTINGS", ("PRAGMA busy_timeout=20",))
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    hindered = open_database(tmp_path / "truing.db")
    with pytest.raises(UnavailableError, match="being read"):
        hindered.scrub()
    reader.close()
    hindered.scrub()
    assert (tmp_path / "truing.db-wal").stat().st_size == 0
    hindered.close()


# --- counters and the search index -------------------------------------------------------------

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 4), st.sampled_from(["speech", "lipreading"])),
        st.tuples(st.just("review"), st.integers(0, 9), st.sampled_from([*Verdict])),
        st.tuples(st.just("train"), st.integers(0, 9), st.none()),
        st.tuples(st.just("erase"), st.integers(0, 9), st.none()),
    ),
    max_size=15,
)


def _apply(store: Store, what: str, number: int, detail: object) -> None:
    if what == "add":
        store.samples.add([make_sample(modality=detail) for _ in range(number)])
        return
    ids = [one.id for one in store.samples.iterate(EVERYTHING)]
    if not ids:
        return
    sample = store.samples.get(ids[number % len(ids)])
    if what == "train":
        store.samples.mark_trained([sample.uid])
    elif what == "erase":
        store.samples.erase([sample.id])
    elif detail is not Verdict.UNDONE or store.reviews.of(sample.id):
        history = store.reviews.of(sample.id)
        undoes = history[-1].id if detail is Verdict.UNDONE else None
        revision = make_revision(sample.id, "truly", verdict=detail, undoes=undoes)
        after = standing([*history, revision])
        store.reviews.append(revision, after, expected=sample.revision)


@settings(max_examples=15, deadline=None)
@given(operations=OPERATIONS)
def test_counters_equal_a_recount(
    tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[str, int, object]]
) -> None:
    store = open_database(tmp_path_factory.mktemp("counted") / "truing.db")
    with contextlib.closing(store):
        for operation in operations:
            _apply(store, *operation)
        assert store.check() == []
        everything = list(store.samples.iterate(EVERYTHING))
        counts = store.samples.state_counts()
        assert counts.pop("trained") == sum(one.trained for one in everything)
        assert sum(counts.values()) == len(everything)
        for state, count in counts.items():
            assert count == sum(one.state == state for one in everything)
        truly = sum(one.truth is not None for one in everything)
        assert store.samples.count(SampleFilter(text="truly")) == truly


@pytest.fixture(scope="module")
def haystack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseStore]:
    store = open_database(tmp_path_factory.mktemp("haystack") / "truing.db")
    store.samples.add([make_sample(text=f"words and {number}") for number in range(20)])
    yield store
    store.close()


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.characters(exclude_categories=()), max_size=20))
def test_no_text_is_a_syntax_error(haystack: DatabaseStore, text: str) -> None:
    assert haystack.samples.count(SampleFilter(text=text)) in range(21)
    page = haystack.samples.page(SampleFilter(text=text), SampleOrder.NEWEST, limit=2)
    assert len(page.items) <= 2


WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


@settings(max_examples=20, deadline=None)
@given(words=st.lists(WORDS, min_size=1, max_size=4), cut=st.integers(1, 8))
def test_every_word_is_found_and_the_last_by_its_beginning(
    haystack: DatabaseStore, words: list[str], cut: int
) -> None:
    added = haystack.samples.add([make_sample(text=", ".join(["zzbefore", *words]))])[0]
    asked = " ".join(["zzbefore", *words[:-1], words[-1][:cut]])
    page = haystack.samples.page(SampleFilter(text=asked), SampleOrder.NEWEST)
    assert added.id in [one.id for one in page.items]
    haystack.samples.erase([added.id])
    assert haystack.samples.count(SampleFilter(text="zzbefore")) == 0


def test_a_wrong_counter_is_reported(tmp_path: Path, store: DatabaseStore) -> None:
    store.samples.add([make_sample(), make_sample()])
    other = sqlite.library().connect(tmp_path / "truing.db", isolation_level=None)
    other.execute("UPDATE counters SET value = 7 WHERE name = 'pending'")
    other.close()
    assert store.check() == ["the counter `pending` of `speech` says 7, not 2"]


def test_a_broken_search_index_is_reported(tmp_path: Path, store: DatabaseStore) -> None:
    store.samples.add([make_sample(), make_sample()])
    assert store.check() == []
    other = sqlite.library().connect(tmp_path / "truing.db", isolation_level=None)
    other.execute("INSERT INTO search (search) VALUES ('delete-all')")
    other.close()
    assert any("search index" in problem for problem in store.check())


def unsearchable(store: DatabaseStore) -> int:
    with store._database.reading() as connection:
        return store._database.dialect.unsearchable(connection)


def test_captures_enter_the_search_index_with_the_next_search(store: DatabaseStore) -> None:
    first, second, third = (
        store.samples.add([make_sample(text=word)])[0] for word in ("apple", "pear", "plum")
    )
    assert unsearchable(store) == 3
    # What happens to a sample before it is in the index must not reach the index.
    store.samples.erase([second.id])
    store.samples.add_prediction(third.id, make_prediction("quince"))
    revision = make_revision(first.id, "apricot")
    store.reviews.append(revision, make_standing(revision), expected=0)
    for word in ("apple", "apricot", "plum", "quince"):
        assert store.samples.count(SampleFilter(text=word)) == 1, word
    assert store.samples.count(SampleFilter(text="pear")) == 0
    assert unsearchable(store) == 0
    assert store.check() == []


def test_the_batches_of_an_import_enter_the_search_index_one_after_the_other(
    store: DatabaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_samples, "_INDEXED_TOGETHER", 30)
    store.samples.add([make_sample()])
    store.samples.add([make_sample(text=f"word {number}") for number in range(100)])
    assert unsearchable(store) == 100
    store.samples.add([make_sample(text=f"word {number}") for number in range(60)])
    assert unsearchable(store) == 60
    assert store.samples.count(SampleFilter(text="word")) == 160
    assert unsearchable(store) == 0
    assert store.check() == []


def test_an_old_sqlite_is_reported(tmp_path: Path) -> None:
    store = open_with(tmp_path / "truing.db", sqlite3)
    problems = store.check()
    store.close()
    if sqlite3.sqlite_version_info < sqlite.SAFE_VERSION:
        assert len(problems) == 1
        assert sqlite3.sqlite_version in problems[0]
    else:
        assert problems == []


@pytest.mark.skipif(
    sqlite3.sqlite_version_info >= sqlite.SECURE_SEARCH_VERSION or sqlite.library() is sqlite3,
    reason="needs an old SQLite beside a new one",
)
def test_an_old_sqlite_does_not_touch_a_newer_database(
    tmp_path: Path, store: DatabaseStore
) -> None:
    store.samples.add([make_sample()])
    with pytest.raises(UnavailableError, match="newer SQLite"):
        open_with(tmp_path / "truing.db", sqlite3)


# --- pages use the indexes ---------------------------------------------------------------------


def plan_of(store: DatabaseStore, where: SampleFilter, order: SampleOrder) -> list[str]:
    """What SQLite will do for a page in the middle."""
    database = store._database
    with database.reading() as connection:
        statements: list[tuple[str, object]] = []

        @sa.event.listens_for(connection, "before_cursor_execute")
        def keep(_c: object, _u: object, text: str, values: object, *_: object) -> None:
            statements.append((text, values))

        after = cursors.Position(value=START + 1, id=1)
        paging.page_positions(connection, database.dialect, where, order, after=after, limit=51)
        text, values = statements[-1]
        explained = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
        return [row[-1] for row in explained]


@pytest.mark.parametrize("order", SampleOrder)
@pytest.mark.parametrize(
    "where",
    [
        EVERYTHING,
        SampleFilter(modality="speech"),
        SampleFilter(states=(State.PENDING, State.SKIPPED)),
        SampleFilter(modality="speech", subject="ada"),
        SampleFilter(trained=True, source="app"),
    ],
)
def test_pages_walk_along_an_index(
    store: DatabaseStore, monkeypatch: pytest.MonkeyPatch, where: SampleFilter, order: SampleOrder
) -> None:
    monkeypatch.setattr(paging, "few", lambda _: -1)
    added = store.samples.add(
        [make_sample(modality=name, subject="ada") for name in ("speech", "lip") * 3]
    )
    for one in added[:3]:
        revision = make_revision(one.id)
        store.reviews.append(revision, make_standing(revision), expected=0)
    store.samples.mark_trained([one.uid for one in added])
    plan = plan_of(store, where, order)
    searches = [line for line in plan if line.startswith("SEARCH samples USING")]
    index, column = {
        SampleOrder.LEAST_CONFIDENT: ("samples_by_certainty", "certainty"),
        SampleOrder.LOWEST_QUALITY: ("samples_by_quality", "quality"),
    }.get(order, ("samples_by_subject" if where.subject else "samples_by_date", "captured_at"))
    sign = "<" if order is SampleOrder.NEWEST else ">"
    subject = "subject=? AND " if index == "samples_by_subject" else ""
    ties = f"{index} (modality=? AND {subject}state=? AND {column}=? AND id{sign}?)"
    beyond = f"{index} (modality=? AND {subject}state=? AND {column}{sign}?)"
    assert len(searches) >= 2
    assert {line.partition("INDEX ")[2] for line in searches} == {ties, beyond}
    assert not [line for line in plan if line.startswith("SCAN samples")]
    sorted_here = [plan[n - 1] for n, line in enumerate(plan) if "TEMP B-TREE" in line]
    assert all(line.startswith("SCAN anon") for line in sorted_here), (
        "only full walks are put together"
    )


@pytest.mark.parametrize("order", [SampleOrder.LEAST_CONFIDENT, SampleOrder.LOWEST_QUALITY])
def test_few_samples_of_one_person_are_sorted_in_their_index(
    store: DatabaseStore, order: SampleOrder
) -> None:
    store.samples.add([make_sample(subject=name) for name in ("ada", "ben") * 3])
    (line, *_) = plan_of(store, SampleFilter(subject="ada", trained=False), order)
    index = "samples_by_subject (modality=? AND subject=? AND state=?)"
    assert line == f"SEARCH samples USING COVERING INDEX {index}"


def test_pages_of_one_person_hold_each_sample_once(store: DatabaseStore) -> None:
    sure = (0.9, 0.1, 0.5, 0.1, 0.7, 0.1)
    numbers = [
        store.samples.add([make_sample(subject="ada", confidence=one), make_sample()])[0].id
        for one in sure
    ]
    wanted = [number for _, number in sorted(zip(sure, numbers, strict=True))]
    where, found, after = SampleFilter(subject="ada"), [], None
    for _ in range(3):
        page = store.samples.page(where, SampleOrder.LEAST_CONFIDENT, after=after, limit=2)
        found += [sample.id for sample in page.items]
        after = page.next
    assert found == wanted
    assert after is None


def test_a_word_that_most_samples_hold(
    store: DatabaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "few", lambda _: -1)
    texts = ["river", "mountain", "river"] * 40
    added = store.samples.add([make_sample(text=text, confidence=0.5) for text in texts])
    wanted = [one.id for one, text in zip(added, texts, strict=True) if text == "river"]
    where = SampleFilter(text="river")
    for everywhere in (1, 1_000_000):
        monkeypatch.setattr(paging, "EVERYWHERE", everywhere)
        for nearby in (0, 100):
            monkeypatch.setattr(paging, "NEARBY", nearby)
            page = store.samples.page(where, SampleOrder.LEAST_CONFIDENT, limit=100)
            assert [sample.id for sample in page.items] == wanted


def test_a_capture_writes_few_pages(store: DatabaseStore, tmp_path: Path) -> None:
    def capture(count: int) -> None:
        for _ in range(count):
            store.samples.add([make_sample(subject="ada", session="s", groups=("near",))])

    capture(100)
    raw = store.database.engine.raw_connection()
    raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    capture(100)
    frames = ((tmp_path / "truing.db-wal").stat().st_size - 32) / (4096 + 24)
    # One for each index that is kept at once, the rows, the counters; some for pages that split.
    assert frames / 100 < 12


def test_counting_by_state_looks_at_no_sample(store: DatabaseStore) -> None:
    store.samples.add([make_sample()])
    statements: list[str] = []

    def keep(_c: object, _u: object, text: str, *_: object) -> None:
        statements.append(text)

    sa.event.listen(store._database.engine, "before_cursor_execute", keep)
    store.samples.state_counts()
    store.samples.state_counts("speech")
    store.samples.count(SampleFilter(modality="speech"))
    assert statements
    assert not [text for text in statements if "samples" in text]


def test_statements_of_a_capture_are_compiled_once(store: DatabaseStore) -> None:
    store.samples.add([make_sample(findings=(make_finding(),), groups=("a",))])
    compiled: list[tuple[object, ...]] = []

    def seen(*what: object) -> int:
        compiled.append(what)
        return 0

    driver = store._database._own.kept._connection.driver_connection
    driver.set_authorizer(seen)
    for _ in range(3):
        # An authorizer is asked when a statement is compiled; setting it compiles all anew.
        compiled.clear()
        store.samples.add([make_sample(findings=(make_finding(),), groups=("a",))])
    assert compiled == []


def test_a_page_costs_the_same_number_of_statements_at_any_size(store: DatabaseStore) -> None:
    counts = []
    for size in (1, 60):
        store.samples.add([make_sample() for _ in range(size)])
        statements: list[str] = []

        def keep(
            _c: object, _u: object, text: str, *_: object, into: list[str] = statements
        ) -> None:
            into.append(text)

        sa.event.listen(store._database.engine, "before_cursor_execute", keep)
        store.samples.page(EVERYTHING, SampleOrder.NEWEST, limit=50)
        sa.event.remove(store._database.engine, "before_cursor_execute", keep)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 5
