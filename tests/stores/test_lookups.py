"""What samples are seldom looked for by: right whether it is noted yet or not, on every system."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from truing.domain.sample import SampleFilter, SampleOrder
from truing.stores.database import lookups, sqlite_copy
from truing.stores.database.schema import counters, sample_blobs, sample_sittings
from truing.stores.database.store import DatabaseStore, open_database
from truing.testing.factories import make_media, make_sample
from truing.testing.postgresql_server import Server


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DatabaseStore]:
    if request.param == "sqlite":
        made = open_database(tmp_path / "truing.db")
    else:
        made = request.getfixturevalue("wiped_store")
    with contextlib.closing(made):
        yield made


def kept(store: DatabaseStore, table: sa.Table) -> int:
    with store.database.reading() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def add(store: DatabaseStore, count: int, **different: object) -> list[int]:
    return [one.id for one in store.samples.add([make_sample(**different) for _ in range(count)])]


def of_session(store: DatabaseStore, session: str) -> set[int]:
    page = store.samples.page(SampleFilter(session=session), SampleOrder.NEWEST, limit=1000)
    return {sample.id for sample in page.items}


def test_a_capture_notes_nothing_and_is_found(store: DatabaseStore) -> None:
    medium, parent = make_media("own", parent=make_media("parent").digest), make_media("parent")
    (number,) = add(store, 1, session="morning", media=(medium,))
    assert kept(store, sample_blobs) == kept(store, sample_sittings) == 0
    assert of_session(store, "morning") == {number}
    assert of_session(store, "evening") == set()
    assert list(store.samples.referenced_blobs()) == sorted([medium.digest, parent.digest])
    assert store.samples.needed_blobs([medium.digest]) == {medium.digest}
    assert store.samples.erase([number]) == sorted([medium.digest, parent.digest])
    assert kept(store, sample_blobs) == kept(store, sample_sittings) == 0


def test_many_are_noted_once_somebody_asks(
    store: DatabaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "UNNOTED", 3)
    monkeypatch.setattr(lookups, "TOGETHER", 4)
    first = add(store, 6, session="morning")
    later = add(store, 5, session="evening")
    assert of_session(store, "evening") == set(later)
    assert kept(store, sample_sittings) >= 8
    fresh = add(store, 2, session="evening")
    assert of_session(store, "evening") == {*later, *fresh}
    assert store.samples.count(SampleFilter(source="app")) == 13
    assert len(list(store.samples.referenced_blobs())) == 13
    store.samples.erase([*first, *later, *fresh])
    assert kept(store, sample_blobs) == kept(store, sample_sittings) == 0
    assert list(store.samples.referenced_blobs()) == []


def test_a_lost_mark_is_made_anew(store: DatabaseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "UNNOTED", 1)
    numbers = add(store, 4, session="morning")
    assert of_session(store, "morning") == set(numbers)
    with store.database.writing() as connection:
        connection.execute(sa.delete(counters).where(counters.c.name == "noted"))
    assert of_session(store, "morning") == set(numbers)
    with store.database.reading() as connection:
        assert lookups.noted(connection) == numbers[-1]


def test_tidying_notes_and_merges(store: DatabaseStore) -> None:
    for word in ("apple", "pear", "plum"):
        add(store, 60, text=word)
        assert store.samples.count(SampleFilter(text=word)) == 60
    add(store, lookups.UNNOTED + 1)
    store.tidy()
    assert kept(store, sample_sittings) == 180 + lookups.UNNOTED + 1
    assert store.samples.count(SampleFilter(text="pear")) == 60
    assert store.check() == []
    store.tidy()


@pytest.mark.parametrize("noted", [True, False])
def test_a_copy_names_the_blobs_of_the_newest(tmp_path: Path, *, noted: bool) -> None:
    store = open_database(tmp_path / "truing.db")
    media = [make_media(name, parent=make_media(f"of {name}").digest) for name in ("a", "b")]
    with contextlib.closing(store):
        for medium in media:
            store.samples.add([make_sample(media=(medium,))])
            if noted:
                add(store, lookups.UNNOTED + 1, media=(medium,))
                store.tidy()
        sqlite_copy.copy(tmp_path / "truing.db", tmp_path / "copy.db")
        everything = sorted({one for medium in media for one in (medium.digest, medium.parent)})
        assert list(sqlite_copy.blob_digests(tmp_path / "copy.db")) == everything


def test_what_moves_to_another_system_stays_noted(
    tmp_path: Path, postgresql: Server, new_database: Callable[[], str]
) -> None:
    from truing.stores.database.transfer import transfer

    source, target = open_database(tmp_path / "truing.db"), open_database(new_database())
    with contextlib.closing(source), contextlib.closing(target):
        numbers = add(source, lookups.UNNOTED + 1, session="morning")
        source.tidy()
        fresh = add(source, 1, session="morning")
        transfer(source, target)
        with target.database.reading() as connection:
            assert lookups.noted(connection) == numbers[-1]
        assert of_session(target, "morning") == {*numbers, *fresh}
