"""The database store over PostgreSQL: the conformance suite on a real server, and its own ways."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa
import sqlalchemy.exc
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.stores.marked import MARKER, add_marked, files_with_marker

from truing.domain.errors import (
    UnavailableError,
)
from truing.domain.ports import Store
from truing.domain.sample import SampleFilter, SampleOrder
from truing.stores.database import cursors, paging
from truing.stores.database import postgresql as postgresql_module
from truing.stores.database import postgresql_search as searching
from truing.stores.database.store import DatabaseStore, open_database
from truing.testing.factories import (
    START,
    make_revision,
    make_sample,
    make_standing,
)
from truing.testing.postgresql_server import Server
from truing.testing.store_conformance import StoreConformance

EVERYTHING = SampleFilter()
NewDatabase = Callable[[], str]


@pytest.fixture
def store(wiped_store: DatabaseStore) -> DatabaseStore:
    return wiped_store


class TestPostgreSQL(StoreConformance):
    @pytest.fixture
    def store(self, wiped_store: DatabaseStore) -> Store:
        return wiped_store


# --- several processes -------------------------------------------------------------------------


_WORK = """
import sys
from truing.domain.errors import ConflictError
from truing.stores.database.store import open_database
from truing.testing.factories import make_revision, make_sample, make_standing
url, worker = sys.argv[1], int(sys.argv[2])
store = open_database(url)
stored = won = 0
for number in range(40):
    new = make_sample(uid=f"{worker}-{number}", source_key=str(number), source="shared")
    one = store.samples.add([new])[0]
    stored += one.new
    revision = make_revision(one.id, actor=f"worker-{worker}")
    try:
        store.reviews.append(revision, make_standing(revision), expected=0)
        won += 1
    except ConflictError:
        pass
store.close()
print(stored, won)
"""


def test_processes_capture_and_review_at_once(new_database: NewDatabase) -> None:
    url = new_database()
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _WORK, url, str(worker)], stdout=subprocess.PIPE, text=True
        )
        for worker in range(3)
    ]
    said = [worker.communicate(timeout=200)[0].split() for worker in workers]
    assert sum(int(stored) for stored, _ in said) == 40
    assert sum(int(won) for _, won in said) == 40
    store = open_database(url)
    with contextlib.closing(store):
        assert store.samples.count(EVERYTHING) == 40
        assert store.samples.state_counts()["accepted"] == 40
        assert len(list(store.reviews.iterate())) == 40
        assert store.check() == []


_CAPTURE = """
import sys
from truing.stores.database.store import open_database
from truing.testing.factories import make_sample
store = open_database(sys.argv[1])
for number in range(1_000_000):
    added = store.samples.add([make_sample(uid=f"{sys.argv[2]}-{number}", text="hello")])[0]
    print(added.id, added.uid, flush=True)
"""


def test_what_was_acknowledged_survives_a_kill(new_database: NewDatabase) -> None:
    url = new_database()
    acknowledged = {}
    for attempt in range(2):
        command = [sys.executable, "-c", _CAPTURE, url, str(attempt)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for _ in range(10 + attempt):
                number, uid = child.stdout.readline().split()
                acknowledged[uid] = int(number)
            child.kill()
            for line in child.stdout:
                if line.endswith("\n"):
                    number, uid = line.split()
                    acknowledged[uid] = int(number)
    store = open_database(url)
    with contextlib.closing(store):
        found = store.samples.by_uids(list(acknowledged))
        assert {uid: one.id for uid, one in found.items()} == acknowledged
        assert store.samples.count(SampleFilter(text="hello")) == store.samples.count(EVERYTHING)
        assert store.check() == []


_FORK = """
import os, sys
from truing.domain.sample import SampleFilter
from truing.stores.database.store import open_database
from truing.testing.factories import make_sample
store = open_database(sys.argv[1])
store.samples.add([make_sample()])
child = os.fork()
for number in range(30):
    store.samples.add([make_sample(uid=f"uid-{child == 0}-{number}")])
if child == 0:
    sys.exit(0 if store.samples.count(SampleFilter()) >= 31 else 1)
assert os.waitpid(child, 0)[1] == 0
# The child has ended and taken nothing of ours with it.
store.samples.add([make_sample()])
assert store.samples.count(SampleFilter()) == 62
assert store.check() == []
store.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_opens_its_own_connections(new_database: NewDatabase) -> None:
    subprocess.run([sys.executable, "-c", _FORK, new_database()], check=True)


def test_a_writer_that_does_not_let_go_is_reported(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_module, "BUSY_SECONDS", 1)
    url = new_database()
    store, other = open_database(url), open_database(url)
    with contextlib.closing(store), contextlib.closing(other):
        with (
            other.database.writing(),
            pytest.raises(UnavailableError, match="another program is writing") as raised,
        ):
            store.samples.add([make_sample()])
        assert raised.value.hint
        assert store.samples.count(EVERYTHING) == 0
        store.samples.add([make_sample()])
        assert store.samples.count(EVERYTHING) == 1


def test_a_reader_sees_one_moment(store: DatabaseStore) -> None:
    store.samples.add([make_sample()])
    count = sa.text("SELECT count(*) FROM samples")
    with store.database.reading() as connection:
        before = connection.scalar(count)
        thread = threading.Thread(target=lambda: store.samples.add([make_sample()]))
        thread.start()
        thread.join()
        assert connection.scalar(count) == before == 1
    assert store.samples.count(EVERYTHING) == 2


def test_a_server_that_ended_our_connections_is_met_again(
    store: DatabaseStore, postgresql: Server
) -> None:
    store.samples.add([make_sample()])
    assert store.samples.count(EVERYTHING) == 1
    ended = postgresql.run(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
        "WHERE datname = 'kept' AND pid <> pg_backend_pid()"
    )
    assert ended[0][0], "there were connections to end"
    store.samples.add([make_sample()])
    assert store.samples.count(EVERYTHING) == 2


# --- forgetting --------------------------------------------------------------------------------


def test_nothing_is_left_in_the_tables_of_what_was_forgotten(
    new_database: NewDatabase, postgresql: Server
) -> None:
    store = open_database(new_database())
    with contextlib.closing(store):
        store.samples.add([make_sample(text=f"some words number {n}") for n in range(200)])
        added = add_marked(store)
        assert store.samples.count(SampleFilter(text=MARKER)) == 40
        with store.database.writing() as connection:
            connection.exec_driver_sql("ANALYZE")
        data = postgresql.folder / "data"
        postgresql.run("CHECKPOINT")
        assert files_with_marker(data / "base"), "the search must be able to find it"
        store.samples.erase([one.id for one in added])
        store.scrub()
        postgresql.run("CHECKPOINT")
        assert files_with_marker(data / "base") == []
        assert files_with_marker(data / "pg_wal"), "the receipt says so"
        assert "write-ahead log" in " ".join(store.left_behind)
        assert store.samples.count(SampleFilter(text="number")) == 200
    assert MARKER not in (postgresql.folder / "log").read_text(encoding="utf-8")


def test_scrubbing_says_when_somebody_is_reading(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_module, "BUSY_SECONDS", 1)
    store = open_database(new_database())
    with contextlib.closing(store):
        store.samples.add([make_sample()])
        with store.database.reading() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM samples")
            with pytest.raises(UnavailableError, match="does not let go"):
                store.scrub()
        store.scrub()


# --- search and counters -----------------------------------------------------------------------

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 4), st.sampled_from(["speech", "lipreading"])),
        st.tuples(st.just("review"), st.integers(0, 9), st.none()),
        st.tuples(st.just("train"), st.integers(0, 9), st.none()),
        st.tuples(st.just("delete"), st.integers(0, 9), st.none()),
        st.tuples(st.just("erase"), st.integers(0, 9), st.none()),
    ),
    max_size=12,
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
    elif what == "delete":
        store.trash.put([sample.id], at=START, actor="ann")
    elif sample.revision == 0:
        revision = make_revision(sample.id, "truly")
        store.reviews.append(revision, make_standing(revision), expected=0)


@settings(max_examples=12, deadline=None)
@given(operations=OPERATIONS)
def test_counters_equal_a_recount(
    kept_store: DatabaseStore,
    wipe: Callable[[DatabaseStore], None],
    operations: list[tuple[str, int, object]],
) -> None:
    wipe(kept_store)
    for operation in operations:
        _apply(kept_store, *operation)
    assert kept_store.check() == []
    truly = sum(one.truth is not None for one in kept_store.samples.iterate(EVERYTHING))
    assert kept_store.samples.count(SampleFilter(text="truly")) == truly


@settings(max_examples=100, deadline=None)
@given(text=st.text(st.characters(exclude_categories=()), max_size=20))
def test_no_text_is_a_syntax_error(kept_store: DatabaseStore, text: str) -> None:
    found = kept_store.samples.page(SampleFilter(text=text), SampleOrder.NEWEST, limit=2)
    assert len(found.items) <= 2
    assert kept_store.samples.count(SampleFilter(text=text)) >= len(found.items)


WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


@settings(max_examples=300, deadline=None)
@given(words=st.lists(WORDS, min_size=1, max_size=4), cut=st.integers(1, 8))
def test_the_beginning_of_the_last_word_is_the_beginning_of_its_word(
    words: list[str], cut: int
) -> None:
    held = set(searching.indexed_words(", ".join(words), None))
    *whole, begun = searching.words_of(" ".join([*words[:-1], words[-1][:cut]]))
    assert set(whole) <= held
    assert any(word.startswith(begun) for word in held)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, wörld", ["hello", "world"]),
        ("don't", ["don", "t"]),
        ("ΟΔΟΣ Straße", ["οδοσ", "strasse"]),
        ("שלום! 😀 नमस्ते", ["שלום", "😀", "नमस्ते"]),
        ("a\0b 'x' | & ! ( ) : * \\ <->", ["a", "b", "x"]),
        ("half \ud83d", ["half"]),
        (" ?! ", []),
    ],
)
def test_words_of_a_text(text: str, words: list[str]) -> None:
    assert searching.words_of(text) == words


def test_texts_of_any_length_are_stored_and_found(store: DatabaseStore) -> None:
    long = " ".join(f"word{number}" for number in range(200_000))
    first = store.samples.add([make_sample(text=long)])[0]
    second = store.samples.add([make_sample(text="x" * 3_000_000)])[0]
    found = store.samples.page(SampleFilter(text="word17 word42"), SampleOrder.NEWEST)
    assert [one.id for one in found.items] == [first.id]
    found = store.samples.page(SampleFilter(text="xxxx"), SampleOrder.NEWEST)
    assert [one.id for one in found.items] == [second.id]
    assert store.samples.get(first.id).predictions[0].text == long
    assert store.check() == []


def test_a_wrong_counter_is_reported(store: DatabaseStore, postgresql: Server) -> None:
    store.samples.add([make_sample(), make_sample()])
    postgresql.run("UPDATE counters SET value = 7 WHERE name = 'pending'", database="kept")
    assert store.check() == ["the counter `pending` of `speech` says 7, not 2"]


@pytest.mark.parametrize(
    "fault",
    [
        "UPDATE search SET words = array_to_tsvector('{other}')",
        "DELETE FROM search",
        "INSERT INTO search VALUES (4242, '')",
    ],
)
def test_a_broken_search_index_is_reported(
    store: DatabaseStore, postgresql: Server, fault: str
) -> None:
    store.samples.add([make_sample(), make_sample()])
    assert store.check() == []
    postgresql.run(fault, database="kept")
    assert any("search index" in problem for problem in store.check())


def test_a_text_that_waits_for_the_index_without_its_sample_is_passed_over(
    store: DatabaseStore, postgresql: Server
) -> None:
    store.samples.add([make_sample(text="apple")])
    postgresql.run("INSERT INTO search_waiting VALUES (4242)", database="kept")
    assert store.samples.count(SampleFilter(text="apple")) == 1
    assert store.check() == []


def test_pages_walk_along_an_index(new_database: NewDatabase) -> None:
    store = open_database(new_database())
    with contextlib.closing(store):
        for start in range(0, 4000, 1000):
            new = [make_sample(captured_at=START + start + n) for n in range(1000)]
            store.samples.add(new)
        with store.database.writing() as connection:
            connection.exec_driver_sql("ANALYZE")
        for order in SampleOrder:
            plan = "\n".join(plan_of(store, order))
            assert "Index" in plan, plan
            assert "Seq Scan on samples" not in plan, plan


def plan_of(store: DatabaseStore, order: SampleOrder) -> list[str]:
    """What PostgreSQL will do for a page in the middle."""
    statements: list[tuple[str, object]] = []
    database = store.database
    with database.reading() as connection:

        @sa.event.listens_for(connection, "before_cursor_execute")
        def keep(_c: object, _u: object, text: str, values: object, *_: object) -> None:
            statements.append((text, values))

        after = cursors.Position(value=START + 2000, id=2000)
        paging.page_positions(
            connection, database.dialect, EVERYTHING, order, after=after, limit=51
        )
        text, values = statements[-1]
        return [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {text}", values)]
