"""What every store must do with dataset versions, assignments, models and champions."""

# ruff: noqa: D102 - the names of the tests say what they show

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from truing.domain.dataset import Assignment, DatasetRef, DatasetRow, Split, SplitKind
from truing.domain.digest import chain_digest
from truing.domain.errors import ConflictError, NotFoundError
from truing.domain.model import ModelRef, ModelState
from truing.domain.ports import Store
from truing.testing.factories import (
    make_assignment,
    make_model,
    make_promotion,
    make_row,
    make_sample,
    make_version,
)


class DatasetConformance:
    """Tests of `Datasets`; see `store_conformance`."""

    def test_a_version_comes_back_as_it_was_frozen(self, store: Store) -> None:
        rows = [make_row(n, split=Split.TEST if n % 4 == 0 else Split.TRAIN) for n in range(2_300)]
        version = make_version(rows)
        assert store.datasets.next_number("mine") == 1
        store.datasets.add(version, iter(rows), [])
        assert store.datasets.get(version.ref) == version
        assert list(store.datasets.rows(version.ref)) == rows
        assert list(store.datasets.rows(version.ref, after=rows[0].position)) == rows[1:]
        tests = list(store.datasets.rows(version.ref, Split.TEST))
        assert tests == rows[::4]
        assert list(store.datasets.rows(version.ref, Split.VALIDATION)) == []
        assert store.datasets.next_number("mine") == 2
        assert store.datasets.next_number("other") == 1

    def test_versions_newest_first(self, store: Store) -> None:
        versions = [make_version([], number=n) for n in (1, 2)] + [make_version([], "other")]
        for version in versions:
            store.datasets.add(version, [], [])
        assert store.datasets.all() == versions[::-1]

    def test_an_unknown_version_is_not_found(self, store: Store) -> None:
        store.datasets.add(make_version([]), [], [])
        unknown = DatasetRef(name="mine", number=2)
        with pytest.raises(NotFoundError, match="mine@2") as raised:
            store.datasets.get(unknown)
        assert "mine@1" in str(raised.value.hint)
        with pytest.raises(NotFoundError):
            store.datasets.rows(unknown)

    def test_a_version_is_never_replaced(self, store: Store) -> None:
        rows = [make_row(0)]
        store.datasets.add(make_version(rows), rows, [])
        with pytest.raises(ConflictError, match="mine@1"):
            store.datasets.add(make_version([]), [], [])
        assert list(store.datasets.rows(DatasetRef(name="mine", number=1))) == rows

    def test_assignments_belong_to_a_name_and_a_kind(self, store: Store) -> None:
        rows = [make_row(n, split=Split.TEST) for n in range(1_100)]
        made = [make_assignment(row, "session:1", "near:ff") for row in rows]
        store.datasets.add(make_version(rows), rows, made)
        kept = list(store.datasets.assignments("mine", SplitKind.PERSONAL))
        assert sorted(kept, key=lambda one: one.sample_uid) == sorted(
            made, key=lambda one: one.sample_uid
        )
        assert list(store.datasets.assignments("mine", SplitKind.UNSEEN_SPEAKER)) == []
        assert list(store.datasets.assignments("other", SplitKind.PERSONAL)) == []
        store.datasets.add(make_version([], "other"), [], made[:1])
        assert list(store.datasets.assignments("other", SplitKind.PERSONAL)) == made[:1]

    def test_an_assignment_made_meanwhile_stops_the_version(self, store: Store) -> None:
        row = make_row(0)
        store.datasets.add(make_version([row]), [row], [make_assignment(row)])
        second = make_version([row], number=2)
        with pytest.raises(ConflictError):
            store.datasets.add(second, [row], [make_assignment(row)])
        with pytest.raises(NotFoundError):
            store.datasets.get(second.ref)

    def test_rows_that_fail_leave_nothing(self, store: Store) -> None:
        def broken() -> Iterator[DatasetRow]:
            yield make_row(0)
            raise ConflictError("changed meanwhile")

        with pytest.raises(ConflictError, match="changed meanwhile"):
            store.datasets.add(make_version([]), broken(), [])
        assert store.datasets.all() == []
        assert store.datasets.next_number("mine") == 1

    def test_rows_may_be_read_from_the_store_while_they_are_written(self, store: Store) -> None:
        added = store.samples.add([make_sample() for _ in range(3)])

        def rows() -> Iterator[DatasetRow]:
            for place, one in enumerate(added):
                yield make_row(place, sample_uid=store.samples.get(one.id).uid)

        store.datasets.add(make_version([]), rows(), [])
        kept = store.datasets.rows(DatasetRef(name="mine", number=1))
        assert [row.sample_uid for row in kept] == [one.uid for one in added]

    def test_a_version_in_the_making_is_not_shown_and_lets_others_write(self, store: Store) -> None:
        """A large version takes minutes to store, and captures do not wait for its end."""
        first = make_version([make_row(0)])
        store.datasets.add(first, [make_row(0)], [])
        rows = [make_row(n) for n in range(5_000)]
        version = make_version(rows, number=2)
        captured, done = [], threading.Event()

        def capture() -> None:
            while not done.is_set():
                store.samples.add([make_sample()])
                captured.append(1)

        seen: list[int] = []

        def watched() -> Iterator[DatasetRow]:
            for row in rows:
                if row.position % 500 == 0:
                    time.sleep(0.15)
                    seen.append(len(captured))
                    assert store.datasets.all() == [first]
                    assert store.datasets.next_number("mine") == 2
                    assert store.datasets.holding([str(rows[0].sample_uid)]) == {
                        str(rows[0].sample_uid): []
                    }
                yield row

        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(capture)
            try:
                store.datasets.add(version, watched(), [])
            finally:
                done.set()
            running.result()
        assert seen[-1] > seen[0], "nobody could write until the version was stored"
        assert store.datasets.get(version.ref) == version

    def test_forgetting_while_a_version_is_made_stops_it(self, store: Store) -> None:
        rows = [make_row(n) for n in range(1_200)]
        version = make_version(rows)
        halfway, erased = threading.Event(), threading.Event()

        def watched() -> Iterator[DatasetRow]:
            yield from rows[:600]
            halfway.set()
            yield from rows[600:]

        def forget() -> None:
            halfway.wait(30)
            store.datasets.entomb([str(rows[0].sample_uid)])
            erased.set()

        def assignments() -> Iterator[Assignment]:
            # Asked for in the last transaction, when forgetting had its turn or waits for it.
            erased.wait(0.01)
            yield from ()

        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(forget)
            with suppress(ConflictError):
                store.datasets.add(version, watched(), assignments())
            running.result()
        for kept in store.datasets.all():
            assert next(store.datasets.rows(kept.ref)).payload is None
        assert store.datasets.entomb([str(rows[0].sample_uid)]) == []

    def test_which_versions_hold_a_sample(self, store: Store) -> None:
        rows = [make_row(n) for n in range(1_300)]
        store.datasets.add(make_version(rows), rows, [])
        store.datasets.add(make_version(rows[:1], number=2), rows[:1], [])
        uids = [str(row.sample_uid) for row in rows]
        held = store.datasets.holding([*uids, "unknown"])
        assert held[uids[0]] == ["mine@1", "mine@2"]
        assert held[uids[-1]] == ["mine@1"]
        assert held["unknown"] == []

    def test_a_tombstone_keeps_the_chain(self, store: Store) -> None:
        rows = [make_row(n) for n in range(1_600)]
        made = [make_assignment(row) for row in rows]
        first = make_version(rows)
        store.datasets.add(first, rows, made)
        store.datasets.add(make_version(rows[:2], "other"), rows[:2], made[:2])
        store.datasets.add(make_version(rows[-1:], "third"), rows[-1:], [])
        uids = [str(row.sample_uid) for row in rows[:-1]]
        assert store.datasets.entomb([*uids, uids[0], "unknown"]) == ["mine@1", "other@1"]
        kept = list(store.datasets.rows(first.ref))
        assert all(row.forgotten and row.salt is None for row in kept[:-1])
        assert [row.sample_uid for row in kept[:-1]] == [None] * 1_599
        assert kept[-1] == rows[-1]
        assert chain_digest(row.digest for row in kept) == first.digest
        assert store.datasets.get(first.ref).forgotten == 1_599
        assert store.datasets.get(DatasetRef(name="other", number=1)).forgotten == 2
        assert list(store.datasets.assignments("mine", SplitKind.PERSONAL)) == made[-1:]
        assert list(store.datasets.assignments("other", SplitKind.PERSONAL)) == []
        assert store.datasets.entomb(uids) == []
        assert store.datasets.get(first.ref).forgotten == 1_599


class ModelConformance:
    """Tests of `Models`; see `store_conformance`."""

    def test_a_model_comes_back_as_it_was_given(self, store: Store) -> None:
        outside = make_model(
            2, recipe=None, base=None, parents=(), dataset=None, dataset_digest=None, run_id=None,
            licence=None, state=ModelState.TAINTED, audience="subject:ada",
        )  # fmt: skip
        assert store.models.next_number("speech") == 1
        for model in (make_model(1), outside, make_model(1, modality="lip")):
            store.models.add(model)
            assert store.models.get(model.ref) == model
        assert store.models.next_number("speech") == 3
        assert store.models.all("speech")[0] == outside
        assert len(store.models.all()) == 3

    def test_a_number_is_given_once(self, store: Store) -> None:
        store.models.add(make_model(1))
        with pytest.raises(ConflictError, match="speech/1"):
            store.models.add(make_model(1))

    def test_an_unknown_model_is_not_found(self, store: Store) -> None:
        store.models.add(make_model(1))
        unknown = ModelRef(modality="speech", number=2)
        with pytest.raises(NotFoundError, match="speech/2") as raised:
            store.models.get(unknown)
        assert "speech/1" in str(raised.value.hint)
        with pytest.raises(NotFoundError):
            store.models.set_state(unknown, ModelState.TAINTED)

    def test_a_model_is_marked(self, store: Store) -> None:
        model = make_model(1)
        store.models.add(model)
        store.models.set_state(model.ref, ModelState.TAINTED)
        assert store.models.get(model.ref).state is ModelState.TAINTED

    def test_the_champion_moves_only_from_where_one_saw_it(self, store: Store) -> None:
        assert store.models.champion("speech", "general") is None
        first = store.models.promote(make_promotion(), expected=None)
        assert first.id > 0
        for expected in (None, "speech/7"):
            with pytest.raises(ConflictError, match="speech/1"):
                store.models.promote(make_promotion("speech/2"), expected=expected)
        second = store.models.promote(
            make_promotion("speech/2", "speech/1", reason="rollback"), expected="speech/1"
        )
        own = make_promotion("speech/3", audience="subject:ada")
        store.models.promote(own, expected=None)
        assert store.models.champion("speech", "general") == "speech/2"
        assert store.models.champion("speech", "subject:ada") == "speech/3"
        assert store.models.champion("lip", "general") is None
        assert store.models.promotions("speech", "general") == [second, first]

    def test_the_champions_of_all_audiences(self, store: Store) -> None:
        assert store.models.champions() == {}
        for promotion in (
            make_promotion("speech/3", audience="subject:zoë"),
            make_promotion("speech/2"),
            make_promotion("lip/1", modality="lip"),
        ):
            store.models.promote(promotion, expected=None)
        speech = {("speech", "general"): "speech/2", ("speech", "subject:zoë"): "speech/3"}
        assert store.models.champions("speech") == speech
        assert list(store.models.champions("speech")) == list(speech)
        assert store.models.champions() == {("lip", "general"): "lip/1", **speech}
        assert store.models.champions("video") == {}

    def test_an_audience_can_go_back_to_no_champion_of_its_own(self, store: Store) -> None:
        own = make_promotion("speech/3", audience="subject:ada")
        store.models.promote(own, expected=None)
        none = make_promotion("", "speech/3", audience="subject:ada", reason="rollback")
        with pytest.raises(ConflictError):
            store.models.promote(none, expected="speech/2")
        moved = store.models.promote(none, expected="speech/3")
        assert store.models.champion("speech", "subject:ada") is None
        assert store.models.champions() == {}
        assert store.models.promotions("speech", "subject:ada")[0] == moved
        store.models.promote(own, expected=None)
        assert store.models.champion("speech", "subject:ada") == "speech/3"

    def test_of_many_promotions_at_once_one_wins(self, store: Store) -> None:
        def promote(number: int) -> bool:
            try:
                store.models.promote(make_promotion(f"speech/{number}"), expected=None)
            except ConflictError:
                return False
            return True

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(promote, range(6))) == 1
        assert len(store.models.promotions("speech", "general")) == 1

    def test_trials_are_counted_by_test_set(self, store: Store) -> None:
        tried = [
            store.models.add_trial(test, candidate, 5)
            for test, candidate in (("t", "a"), ("t", "b"), ("t", "a"), ("u", "b"), ("t", "c"))
        ]
        assert tried == [1, 2, 1, 1, 3]
