"""Rows from one database into another: everything arrives, or nothing does."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from truing.domain.erasure import Erasure, Forgotten
from truing.domain.errors import ConflictError, DamagedError, InvalidInputError
from truing.domain.picture import MadePicture
from truing.domain.prediction import Recognition
from truing.domain.rating import Rating
from truing.domain.run import MetricPoint
from truing.domain.sample import SampleFilter
from truing.stores.database import transfer as moving
from truing.stores.database.schema import metadata
from truing.stores.database.store import DatabaseStore, open_database
from truing.stores.database.transfer import database_digest, is_empty, transfer
from truing.testing.factories import (
    START,
    make_assignment,
    make_evaluated_row,
    make_evaluation,
    make_event,
    make_finding,
    make_model,
    make_prediction,
    make_promotion,
    make_request,
    make_revision,
    make_row,
    make_sample,
    make_standing,
    make_version,
)
from truing.testing.postgresql_server import programs
from truing.testing.preference_conformance import make_preference

EVERYTHING = SampleFilter()
NewDatabase = Callable[[], str]


@pytest.fixture
def source(tmp_path: Path) -> Iterator[DatabaseStore]:
    store = open_database(tmp_path / "truing.db")
    yield store
    store.close()


@pytest.fixture
def server_store(new_database: NewDatabase) -> Iterator[DatabaseStore]:
    store = open_database(new_database())
    yield store
    store.close()


def fill(store: DatabaseStore) -> None:
    """Rows in every table, with texts in several scripts, gaps in the numbers and odd figures."""
    added = store.samples.add(
        [
            make_sample(
                text=f"שלום 😀 👩‍👩‍👧 {number} \u202eback\u202c नमस्ते \x01",
                subject=("ada", "Zoë", None)[number % 3],
                source_key=f"row-{number}" if number % 2 else None,
                findings=(make_finding(),) if number % 4 == 0 else (),
                groups=(f"near:{number // 2}",),
                quality=number / 7,
                confidence=None if number % 5 == 0 else number / 31,
                contact=f"Zoë-{number}@x.de" if number % 6 == 0 else None,
            )
            for number in range(60)
        ]
    )
    for one in added[:30]:
        revision = make_revision(one.id, "مرحبا 🙂", seconds=1 / 3)
        store.reviews.append(revision, make_standing(revision), expected=0)
        store.samples.add_prediction(one.id, make_prediction("zweite 🎤"))
    for one in added[:3]:
        store.ratings.add(
            Rating(sample_id=one.id, value=4, reason="schön", actor="ada", created_at=START)
        )
    uids = [one.uid for one in added]
    for uid in uids[:3]:
        store.pictures.put("model", "given", uid, MadePicture(digest=f"sha256:{'b' * 64}"))
        store.preferences.add(make_preference(uid, actor="Zoë 🙂"))
    store.samples.mark_trained(uids[:20])
    store.recognitions.put("model", f"sha256:{'a' * 64}@1-2", Recognition(text="gehört"))
    rows = [make_row(place, sample_uid=uid) for place, uid in enumerate(uids[:10])]
    store.datasets.add(make_version(rows), rows, [make_assignment(row, "ada") for row in rows])
    evaluated = [make_evaluated_row(uid, prediction="📻", seconds=None) for uid in uids[:5]]
    store.evaluations.add(make_evaluation(evaluated))
    run = store.runs.add("run-1", make_request(), START)
    points = [MetricPoint(step=n, name="loss", value=float("nan"), at=START) for n in range(3)]
    store.runs.report(run.id, points)
    store.models.add(make_model(1))
    store.models.promote(make_promotion(), expected=None)
    store.models.add_trial("test", "speech/1", START)
    store.events.add(make_event())
    store.erasures.add([Erasure(kind=Forgotten.SAMPLE, mac="m", key="k", at=START, number=1)])
    store.trash.put([added[40].id], at=START, actor="ann")
    # The newest number and an entombed row: neither may come back.
    store.datasets.entomb(uids[:1])
    store.samples.erase([added[0].id, added[-1].id])


def rows_of(store: DatabaseStore) -> dict[str, list[tuple[object, ...]]]:
    """Every row, told without the code under test."""
    with store.database.reading() as connection:
        return {
            table.name: sorted(
                (tuple(row) for row in connection.execute(sa.select(table))), key=repr
            )
            for table in metadata.sorted_tables
            if table.name not in ("migrations", "counters")
        }


def test_there_and_back_again_nothing_differs(
    source: DatabaseStore, server_store: DatabaseStore, tmp_path: Path
) -> None:
    fill(source)
    before = rows_of(source)
    assert sum(map(bool, before.values())) >= 20
    seen: list[tuple[int, int]] = []
    sent = transfer(source, server_store, on_progress=lambda *done: seen.append(done))
    back = open_database(tmp_path / "back.db")
    with contextlib.closing(back):
        assert transfer(server_store, back) == sent
        assert database_digest(source) == database_digest(server_store) == database_digest(back)
        assert rows_of(server_store) == rows_of(back) == before == rows_of(source)
        last = source.samples.add([make_sample()])[0].id
        for store in (server_store, back):
            assert [line for line in store.check() if "3.51.3" not in line] == []
            assert store.samples.state_counts()["trained"] == 19
            for text in ("שלום", "😀 מ", "مرحبا", "zweite"):
                where = SampleFilter(text=text)
                assert store.samples.count(where) == source.samples.count(where), text
            assert store.samples.add([make_sample()])[0].id == last, "no number is used twice"
            assert store.runs.add("run-2", make_request(), START).id == 2
    assert seen[-1][0] == seen[-1][1] > 100


def test_a_digest_tells_every_difference(source: DatabaseStore) -> None:
    fill(source)
    before = database_digest(source)
    assert database_digest(source) == before
    number = next(iter(source.samples.iterate(EVERYTHING))).id
    source.samples.add_prediction(number, make_prediction("another"))
    after = database_digest(source)
    assert {name for name in before if before[name] != after[name]} == {"samples"}
    source.samples.erase([source.samples.add([make_sample()])[0].id])
    last = database_digest(source)
    assert {name for name in last if after[name] != last[name]} == {"numbers"}


def test_a_filled_database_is_not_touched(
    source: DatabaseStore, server_store: DatabaseStore
) -> None:
    fill(source)
    server_store.samples.add([make_sample()])
    before = database_digest(server_store)
    with pytest.raises(ConflictError, match="holds something already"):
        transfer(source, server_store)
    assert database_digest(server_store) == before


def test_a_finished_copy_is_as_good_as_a_new_one(
    source: DatabaseStore, server_store: DatabaseStore
) -> None:
    fill(source)
    sent = transfer(source, server_store)
    assert transfer(source, server_store) == sent


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_fails_leaves_the_new_database_empty(
    source: DatabaseStore,
    new_database: NewDatabase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    fill(source)
    before = database_digest(source)
    monkeypatch.setattr(moving, "BATCH", 10)
    target = open_database(new_database() if kind == "postgresql" else tmp_path / "new.db")

    def interrupt(done: int, _total: int) -> None:
        if done > 60:
            raise KeyboardInterrupt

    with contextlib.closing(target):
        with pytest.raises(KeyboardInterrupt):
            transfer(source, target, on_progress=interrupt)
        assert is_empty(target)
        assert database_digest(source) == before
        transfer(source, target)
        assert database_digest(target) == before


def test_what_arrives_changed_is_not_kept(
    source: DatabaseStore, server_store: DatabaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(source)
    load = type(server_store.database.dialect).load

    def lossy(self: object, connection: sa.Connection, table: sa.Table, rows: object) -> None:
        load(self, connection, table, rows)
        if table.name == "revisions":
            connection.execute(sa.text("UPDATE revisions SET truth = 'x' WHERE id = 3"))

    monkeypatch.setattr(type(server_store.database.dialect), "load", lossy)
    with pytest.raises(DamagedError, match=r"arrived.*: revisions"):
        transfer(source, server_store)
    assert is_empty(server_store)


def test_a_text_postgresql_cannot_keep_is_named(
    source: DatabaseStore, server_store: DatabaseStore
) -> None:
    source.samples.add([make_sample(), make_sample(text="zero\0byte")])
    with pytest.raises(InvalidInputError, match=r"row `2` of `samples`.*zero byte"):
        transfer(source, server_store)
    assert is_empty(server_store)


def test_nobody_writes_to_the_old_database_meanwhile(
    source: DatabaseStore, server_store: DatabaseStore, tmp_path: Path
) -> None:
    fill(source)
    other = open_database(tmp_path / "truing.db")
    added = threading.Event()

    def add() -> None:
        other.samples.add([make_sample()])
        added.set()

    thread = threading.Thread(target=add)

    def begin(_done: int, _total: int) -> None:
        if not thread.ident:
            thread.start()
        assert not added.wait(0.1)

    with contextlib.closing(other):
        transfer(source, server_store, on_progress=begin)
        thread.join()
    assert added.is_set()
    assert source.samples.count(EVERYTHING) == server_store.samples.count(EVERYTHING) + 1


_MEMORY = """
import sys
from pathlib import Path
from truing.stores.database.store import open_database
from truing.stores.database.transfer import transfer
source, target = open_database(Path(sys.argv[1])), open_database(sys.argv[2])
transfer(source, target)
source.close(), target.close()
# Its own peak: `ru_maxrss` begins with that of the process that started it.
lines = Path("/proc/self/status").read_text().splitlines()
print(next(line for line in lines if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells the peak")
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, new_database: NewDatabase) -> None:
    peaks = []
    # The smaller fills what is held at once: batches of rows, SQLite's pages.
    for count in (20, 60):
        path = tmp_path / f"{count}.db"
        store = open_database(path)
        with contextlib.closing(store):
            for _ in range(count):
                store.samples.add([make_sample(text="word " * 1000) for _ in range(100)])
        command = [sys.executable, "-c", _MEMORY, str(path), new_database()]
        peaks.append(int(subprocess.run(command, check=True, capture_output=True).stdout))
    # 4,000 more texts of 5 KB, twice in each row, are 40 MB.
    assert peaks[1] < peaks[0] + 20_000


def test_a_dump_that_is_restored_holds_the_same(
    source: DatabaseStore, server_store: DatabaseStore, new_database: NewDatabase, tmp_path: Path
) -> None:
    fill(source)
    sent = transfer(source, server_store)
    url, dump = new_database(), tmp_path / "voice.dump"
    here = server_store.place.removeprefix("PostgreSQL ")
    pg_dump, pg_restore = programs() / "pg_dump", programs() / "pg_restore"
    subprocess.run([pg_dump, "--format", "custom", "--file", dump, "--dbname", here], check=True)
    subprocess.run([pg_restore, "--no-owner", "--dbname", url, dump], check=True)
    restored = open_database(url)
    with contextlib.closing(restored):
        assert database_digest(restored) == sent
        assert restored.check() == []
        assert restored.samples.count(SampleFilter(text="שלום")) > 0
