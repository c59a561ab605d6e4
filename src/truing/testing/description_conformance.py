"""What every store must do with descriptions of samples (who, sitting, tags) and looks for news."""

# ruff: noqa: D102 - the names of the tests say what they show

from __future__ import annotations

from dataclasses import replace

from truing.domain.ports import Store
from truing.domain.review import Verdict
from truing.domain.sample import Description, SampleFilter, SampleOrder
from truing.testing.factories import (
    make_event,
    make_finding,
    make_revision,
    make_sample,
    make_standing,
)


class DescriptionConformance:
    """Tests of `Samples.redescribe` and what reads it; see `store_conformance`."""

    def test_a_description_is_changed_and_found(self, store: Store) -> None:
        added = store.samples.add([make_sample(subject="ada", session="one") for _ in range(3)])
        first, second, third = (one.id for one in added)
        told = store.samples.redescribe(
            [second, first, 4242],
            lambda number, _: Description(
                subject="bob", session=f"sitting {number}", tags=("b", "a", "b")
            ),
        )
        assert list(told) == [second, first]
        assert told[first].before == Description(subject="ada", session="one")
        after = Description(subject="bob", session=f"sitting {first}", tags=("a", "b"))
        assert told[first].after == after
        sample = store.samples.get(first)
        assert (sample.subject, sample.session, sample.tags) == ("bob", after.session, ("a", "b"))
        assert [one.id for one in store.samples.iterate(SampleFilter(tag="a"))] == [first, second]
        assert store.samples.count(SampleFilter(subject="bob")) == 2
        assert store.samples.count(SampleFilter(session=after.session)) == 1
        assert store.samples.count(SampleFilter(session="one")) == 1
        assert [one.id for one in store.samples.iterate(SampleFilter(subject="ada"))] == [third]
        assert store.samples.tag_counts() == {"a": 2, "b": 2}

    def test_a_sitting_that_was_noted_before_is_found_anew(self, store: Store) -> None:
        added = store.samples.add([make_sample(session="one") for _ in range(300)])
        assert store.samples.count(SampleFilter(session="one")) == 300
        number = added[0].id
        store.samples.redescribe([number], lambda _, before: replace(before, session="two"))
        assert store.samples.count(SampleFilter(session="one")) == 299
        assert [one.id for one in store.samples.iterate(SampleFilter(session="two"))] == [number]

    def test_tags_are_taken_off_and_erased(self, store: Store) -> None:
        added = store.samples.add([make_sample(), make_sample()])
        numbers = [one.id for one in added]
        store.samples.redescribe(numbers, lambda _, before: replace(before, tags=("x", "y")))
        store.samples.redescribe(numbers[:1], lambda _, before: replace(before, tags=("y",)))
        assert store.samples.tag_counts() == {"x": 1, "y": 2}
        assert store.samples.get(numbers[0]).tags == ("y",)
        store.samples.erase(numbers)
        assert store.samples.tag_counts() == {}
        assert store.samples.count(SampleFilter(tag="y")) == 0

    def test_tags_page_in_every_order(self, store: Store) -> None:
        added = store.samples.add([make_sample() for _ in range(40)])
        tagged = [one.id for one in added[::3]]
        store.samples.redescribe(tagged, lambda _, before: replace(before, tags=("third",)))
        for order in SampleOrder:
            found: list[int] = []
            after = None
            while True:
                page = store.samples.page(SampleFilter(tag="third"), order, after=after, limit=5)
                found += [one.id for one in page.items]
                after = page.next
                if after is None:
                    break
            assert sorted(found) == tagged

    def test_samples_by_number(self, store: Store) -> None:
        first, second = (one.id for one in store.samples.add([make_sample(), make_sample()]))
        assert [one.id for one in store.samples.by_ids([second, 4242, first])] == [second, first]
        assert store.samples.by_ids([]) == []

    def test_findings_of_undecided_samples_are_counted(self, store: Store) -> None:
        loud, quiet = make_finding("loud"), make_finding("quiet")
        given = [(loud,), (loud, quiet), (loud,), ()]
        added = store.samples.add([make_sample(findings=one) for one in given])
        decided = make_revision(added[0].id)
        store.reviews.append(decided, make_standing(decided), expected=0)
        skipped = make_revision(added[2].id, None, verdict=Verdict.SKIPPED)
        store.reviews.append(skipped, make_standing(skipped), expected=0)
        assert store.samples.finding_counts() == {"loud": 2, "quiet": 1}
        assert store.samples.finding_counts("speech") == {"loud": 2, "quiet": 1}
        assert store.samples.finding_counts("lipreading") == {}

    def test_the_newest_revisions_of_everybody(self, store: Store) -> None:
        numbers = [one.id for one in store.samples.add([make_sample() for _ in range(3)])]
        for number, actor in zip(numbers, ("ada", "bob", "ada"), strict=True):
            revision = make_revision(number, actor=actor)
            store.reviews.append(revision, make_standing(revision), expected=0)
        newest = store.reviews.latest(limit=2)
        assert [(one.sample_id, one.actor) for one in newest] == [
            (numbers[2], "ada"),
            (numbers[1], "bob"),
        ]

    def test_marks_differ_after_what_is_written(self, store: Store) -> None:
        seen = store.marks()
        assert set(seen) == {"samples", "runs", "models", "datasets"}
        assert store.marks() == seen
        number = store.samples.add([make_sample()])[0].id
        writes = (
            lambda: store.samples.add([make_sample()]),
            lambda: _decided(store, number),
            lambda: store.trash.put([number], at=0, actor="ada"),
            lambda: store.events.add(make_event()),
        )
        for write in writes:
            before = store.marks()["samples"]
            write()
            assert store.marks()["samples"] != before


def _decided(store: Store, number: int) -> None:
    revision = make_revision(number)
    store.reviews.append(revision, make_standing(revision), expected=0)
