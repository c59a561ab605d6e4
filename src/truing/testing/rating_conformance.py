"""What every store must do with ratings and contacts of samples."""

# ruff: noqa: D102 - the names of the tests say what they show

from __future__ import annotations

import pytest

from truing.domain.errors import ConflictError, NotFoundError
from truing.domain.ports import Store
from truing.domain.rating import Rating
from truing.domain.sample import SampleFilter, SampleOrder
from truing.testing.factories import START, make_sample

ADDRESS = "zoë@example.org"


def make_rating(sample_id: int, value: int, **different: str) -> Rating:
    """A rating by Ada."""
    return Rating(
        **{"sample_id": sample_id, "value": value, "actor": "ada", "created_at": START, **different}  # type: ignore[arg-type]
    )


class RatingConformance:
    """Tests of `Ratings`; see `store_conformance`."""

    def test_the_newest_rating_counts_and_all_are_kept(self, store: Store) -> None:
        first, second = (one.id for one in store.samples.add([make_sample(), make_sample()]))
        assert store.samples.get(first).rating is None
        before = store.ratings.add(make_rating(first, 5, reason="schön 🙂"))
        other = store.ratings.add(make_rating(second, 4))
        after = store.ratings.add(make_rating(first, 2, actor="bob"))
        assert 0 < before.id < other.id < after.id
        assert store.ratings.of(first) == [before, after]
        assert before.reason == "schön 🙂"
        assert [one.rating for one in store.samples.by_ids([first, second])] == [2, 4]
        assert store.ratings.of(4242) == []

    def test_what_is_not_there_or_in_the_trash_is_not_rated(self, store: Store) -> None:
        (added,) = store.samples.add([make_sample()])
        with pytest.raises(NotFoundError, match="`4242`"):
            store.ratings.add(make_rating(4242, 3))
        store.trash.put([added.id], at=START, actor="ann")
        with pytest.raises(ConflictError, match="trash"):
            store.ratings.add(make_rating(added.id, 3))
        assert store.ratings.of(added.id) == []
        assert store.samples.get(added.id).rating is None

    def test_ratings_are_erased_with_their_sample(self, store: Store) -> None:
        added = store.samples.add([make_sample(), make_sample()])
        for one in added:
            store.ratings.add(make_rating(one.id, 3, reason="marzipan"))
        store.samples.erase([added[0].id])
        assert store.ratings.of(added[0].id) == []
        assert len(store.ratings.of(added[1].id)) == 1
        assert store.samples.count(SampleFilter(rating_from=3)) == 1
        assert store.ratings.add(make_rating(added[1].id, 1)).id > 2
        assert store.samples.count(SampleFilter(rating_from=3)) == 0

    def test_a_forgotten_name_is_taken_out_of_reasons(self, store: Store) -> None:
        (added,) = store.samples.add([make_sample(subject="bob")])
        store.ratings.add(make_rating(added.id, 3, reason="ada hums here, adamant"))
        store.rename_subject("ada", "forgotten-1", everywhere=True)
        assert store.ratings.of(added.id)[0].reason == "forgotten-1 hums here, adamant"

    def test_a_rating_is_news(self, store: Store) -> None:
        (added,) = store.samples.add([make_sample()])
        before = store.marks()
        store.ratings.add(make_rating(added.id, 3))
        assert store.marks()["samples"] != before["samples"]

    @pytest.mark.parametrize("rated", [3, 520])
    def test_few_and_many_rated_samples_page_in_every_order(self, store: Store, rated: int) -> None:
        added = store.samples.add(
            [make_sample(captured_at=START + n, quality=n % 7 / 7) for n in range(1_100)]
        )
        wanted = [one.id for one in added[::2][:rated]]
        for number in wanted:
            store.ratings.add(make_rating(number, 4))
        store.ratings.add(make_rating(added[1].id, 3))
        where = SampleFilter(rating_from=4)
        assert store.samples.count(where) == rated
        assert [one.id for one in store.samples.iterate(where)] == wanted
        for order in SampleOrder:
            found: list[int] = []
            after = None
            while True:
                page = store.samples.page(where, order, after=after, limit=90)
                found += [one.id for one in page.items]
                after = page.next
                if after is None:
                    break
            assert sorted(found) == wanted, order


class ContactConformance:
    """Tests of `Contacts`; see `store_conformance`."""

    def test_samples_are_found_by_their_contact(self, store: Store) -> None:
        new = [make_sample(contact=one) for one in (ADDRESS, None, "ann@example.org", ADDRESS)]
        first, nobody, ann, last = (one.id for one in store.samples.add(new))
        assert store.contacts.samples(ADDRESS) == [first, last]
        assert store.contacts.samples("nobody@example.org") == []
        assert store.contacts.of(ann) == "ann@example.org"
        assert store.contacts.of(nobody) is None
        assert store.contacts.of(4242) is None

    def test_a_contact_is_no_part_of_the_sample(self, store: Store) -> None:
        (added,) = store.samples.add([make_sample(contact=ADDRESS)])
        assert ADDRESS not in repr(store.samples.get(added.id))
        assert store.samples.count(SampleFilter(text=ADDRESS)) == 0

    def test_a_sample_that_is_known_keeps_the_contact_it_came_with(self, store: Store) -> None:
        twins = [make_sample(source_key="1", contact=one) for one in (ADDRESS, "ann@example.org")]
        first, again = (store.samples.add([one])[0] for one in twins)
        assert (again.id, again.new) == (first.id, False)
        assert store.contacts.of(first.id) == ADDRESS
        assert store.contacts.samples("ann@example.org") == []

    def test_the_contact_is_erased_with_its_sample(self, store: Store) -> None:
        first, second = store.samples.add([make_sample(contact=ADDRESS) for _ in range(2)])
        store.trash.put([first.id], at=START, actor="ann")
        assert store.contacts.samples(ADDRESS) == [first.id, second.id]
        store.samples.erase([first.id])
        assert store.contacts.samples(ADDRESS) == [second.id]
        assert store.contacts.of(first.id) is None
