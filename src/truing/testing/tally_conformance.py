"""What every store must do with tallies: count each sample once, follow every change."""

# ruff: noqa: D102 - the names of the tests say what they show

from __future__ import annotations

from truing.domain.ports import Store
from truing.domain.review import Verdict
from truing.domain.sample import Sample
from truing.domain.tally import Compared, Count, Slice, Tally
from truing.testing.factories import (
    START,
    make_prediction,
    make_revision,
    make_sample,
    make_standing,
)


def one_each(sample: Sample) -> Count:
    """A second for each sample; its truth against what was said, letter by letter."""
    raw = None
    if sample.truth is not None and sample.raw is not None:
        said, truth = sample.raw.text, sample.truth
        errors = abs(len(truth) - len(said))
        raw = Compared(exact=said == truth, numerator=errors, denominator=len(truth))
    return Count(model="m", week="2026-01-05", chance=True, seconds=1.0, raw=raw)


def total(store: Store, by: Slice | None = None, **where: str) -> dict[str, Tally]:
    """The sums when nothing waits to be counted any more."""
    while store.tallies.tally("speech", "wer 1", one_each, at_most=3):
        pass
    return store.tallies.sums(
        "speech", by, where={Slice(name): value for name, value in where.items()}
    )


class TallyConformance:
    """Tests of `Tallies`; see `store_conformance`."""

    def test_each_sample_is_counted_once(self, store: Store) -> None:
        assert total(store) == {}
        subjects = ("ada", "ada", "bob", None)
        store.samples.add([make_sample(subject=name) for name in subjects * 5])
        store.samples.add([make_sample(modality="lip")])
        assert total(store)[""].samples == 20
        assert total(store)[""].seconds == 20.0
        by_name = total(store, Slice.SUBJECT)
        assert {name: one.samples for name, one in by_name.items()} == {"ada": 10, "bob": 5, "": 5}
        assert total(store, subject="ada")[""].samples == 10
        assert total(store, Slice.WEEK, subject="ada").keys() == {"2026-01-05"}
        assert total(store, subject="nobody") == {}

    def test_at_most_so_many_are_counted_at_once(self, store: Store) -> None:
        store.samples.add([make_sample() for _ in range(5)])
        counted = [store.tallies.tally("speech", "wer 1", one_each, at_most=2) for _ in range(4)]
        assert counted == [2, 2, 1, 0]

    def test_figures_follow_reviews(self, store: Store) -> None:
        added = store.samples.add([make_sample(text="hello") for _ in range(4)])
        assert total(store)[""].raw.samples == 0
        right, wrong = (make_revision(one.id, text) for one, text in
                        zip(added, ("hello", "hello there"), strict=False))  # fmt: skip
        kept = store.reviews.append(right, make_standing(right), expected=0)
        store.reviews.append_many([(wrong, make_standing(wrong))])
        found = total(store)[""]
        assert (found.samples, found.raw.samples, found.raw.exact) == (4, 2, 1)
        assert (found.raw.numerator, found.raw.denominator) == (6.0, 16.0)
        retold = make_revision(added[0].id, "hell", verdict=Verdict.CORRECTED)
        store.reviews.append(retold, make_standing(retold), expected=kept.id)
        assert total(store)[""].raw.numerator == 7.0
        store.samples.add_prediction(added[2].id, make_prediction("x"))
        assert total(store)[""].samples == 4

    def test_what_is_gone_leaves_no_trace(self, store: Store) -> None:
        added = store.samples.add([make_sample(subject="zebra"), make_sample(subject="ada")])
        total(store)
        store.samples.erase([added[0].id])
        assert total(store, Slice.SUBJECT).keys() == {"ada"}
        assert store.check() == [line for line in store.check() if "3.51.3" in line]

    def test_the_trash_is_not_counted(self, store: Store) -> None:
        added = store.samples.add([make_sample() for _ in range(3)])
        total(store)
        store.trash.put([added[0].id], at=START, actor="ada")
        assert total(store)[""].samples == 2
        store.trash.take_back([added[0].id])
        assert total(store)[""].samples == 3

    def test_another_metric_counts_anew(self, store: Store) -> None:
        store.samples.add([make_sample() for _ in range(3)])
        total(store)
        assert store.tallies.tally("speech", "wer 2", one_each) == 3
        assert store.tallies.sums("speech")[""].samples == 3
        assert total(store)[""].samples == 3
