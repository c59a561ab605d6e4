"""What every store must do with arrivals and outlines of samples."""

# ruff: noqa: D102 - the names of the tests say what they show

from __future__ import annotations

from truing.domain.arrival import Day
from truing.domain.clock import MICROSECONDS
from truing.domain.ports import Store
from truing.domain.review import State
from truing.testing.factories import (
    START,
    make_media,
    make_revision,
    make_sample,
    make_standing,
)

_DAY = 86_400 * MICROSECONDS
TODAY, TOMORROW = "2023-11-14", "2023-11-15"
"""The days of START and after it."""


def counted(store: Store, *, at_most: int = 2) -> list[Day]:
    """The days when nothing waits to be counted any more."""
    while store.arrivals.count(at_most=at_most):
        pass
    return store.arrivals.days()


class ArrivalConformance:
    """Tests of `Arrivals`; see `store_conformance`."""

    def test_an_empty_store_has_no_arrivals(self, store: Store) -> None:
        assert store.arrivals.count() == 0
        assert (store.arrivals.days(), store.arrivals.total()) == ([], 0)

    def test_arrivals_are_counted_by_day_and_modality(self, store: Store) -> None:
        store.samples.add(
            [
                *(make_sample() for _ in range(3)),
                make_sample(added_at=START + _DAY),
                make_sample(added_at=START + _DAY, modality="image_edit"),
            ]
        )
        found = counted(store)
        assert [(day.date, day.modality, day.samples) for day in found] == [
            (TODAY, "speech", 3),
            (TOMORROW, "image_edit", 1),
            (TOMORROW, "speech", 1),
        ]
        # What is said of a sample counts as well.
        assert all(day.size > 32_000 * day.samples for day in found)
        assert all(day.size < 36_000 * day.samples for day in found)
        assert store.arrivals.total() == sum(day.size for day in found)
        assert store.arrivals.days(TOMORROW) == found[1:]
        assert store.arrivals.days("2030-01-01") == []

    def test_each_sample_is_counted_once_and_stays_counted(self, store: Store) -> None:
        added = store.samples.add([make_sample() for _ in range(3)])
        before = counted(store)
        assert store.arrivals.count() == 0
        store.samples.erase([one.id for one in added])
        store.samples.add([make_sample()])
        (day,) = counted(store)
        assert day.samples == before[0].samples + 1

    def test_a_blob_that_was_here_before_brings_no_bytes(self, store: Store) -> None:
        shared = make_media(b"original", size=1_000_000)
        store.samples.add([make_sample(media=(shared, shared)), make_sample(media=(shared,))])
        (day,) = counted(store, at_most=1)
        assert 1_000_000 < day.size < 1_010_000
        store.samples.add([make_sample(media=(shared,))])
        assert 1_000_000 < counted(store)[0].size < 1_010_000

    def test_a_blob_is_known_when_it_is_noted_as_well(self, store: Store) -> None:
        shared = make_media(b"original", size=1_000_000)
        # More than are read themselves: the others stand in the look-up table.
        store.samples.add([make_sample(media=(shared,)) for _ in range(450)])
        assert counted(store, at_most=100)[0].size < 2_000_000


class OutlineConformance:
    """Tests of `Outlines`; see `store_conformance`."""

    def test_outlines_come_page_by_page_from_the_newest(self, store: Store) -> None:
        added = store.samples.add([make_sample(source=f"app-{n}") for n in range(5)])
        numbers = [one.id for one in reversed(added)]
        first = store.outlines.newest(limit=3)
        rest = store.outlines.newest(before=first[-1].id, limit=3)
        assert [one.id for one in (*first, *rest)] == numbers
        assert store.outlines.newest(before=rest[-1].id) == []
        sample, outline = store.samples.get(numbers[0]), first[0]
        for name in ("id", "uid", "modality", "state", "source", "added_at"):
            assert getattr(outline, name) == getattr(sample, name)

    def test_outlines_leave_out_the_trash_and_other_states(self, store: Store) -> None:
        trashed, accepted, pending = (
            one.id for one in store.samples.add([make_sample() for _ in range(3)])
        )
        revision = make_revision(accepted)
        store.reviews.append(revision, make_standing(revision), expected=0)
        store.trash.put([trashed], at=START, actor="ada")
        outlines = store.outlines
        assert [one.id for one in outlines.newest()] == [pending, accepted]
        assert [one.id for one in outlines.newest(states=[State.PENDING])] == [pending]
        decided = [State.ACCEPTED, State.CORRECTED, State.REJECTED]
        assert [one.id for one in outlines.newest(states=decided)] == [accepted]

    def test_who_is_here(self, store: Store) -> None:
        here, trashed, gone = store.samples.add([make_sample() for _ in range(3)])
        store.trash.put([trashed.id], at=START, actor="ada")
        store.samples.erase([gone.id])
        uids = [here.uid, trashed.uid, gone.uid, "nobody"]
        assert store.outlines.here(uids) == {here.uid}
        assert store.outlines.here([]) == set()

    def test_blobs_are_named_with_their_bytes(self, store: Store) -> None:
        pair = (make_media(b"a", size=10), make_media(b"b", size=20))
        first, second = (
            one.id for one in store.samples.add([make_sample(media=pair), make_sample(media=())])
        )
        assert store.outlines.blobs([first, second, 4242]) == {
            first: {one.digest: one.size for one in pair},
            second: {},
        }
        assert store.outlines.blobs([]) == {}
