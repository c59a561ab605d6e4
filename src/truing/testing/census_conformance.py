"""What every store must do with a census: count each sample once, follow every change."""

# ruff: noqa: D102 - the names of the tests say what they show

from __future__ import annotations

import random

from truing.domain.census import BETWEEN, Counted, Facts, Kind
from truing.domain.finding import CheckReport
from truing.domain.ports import Store
from truing.domain.rating import Rating
from truing.domain.review import LIVE, Verdict
from truing.domain.sample import Description, Sample
from truing.testing.factories import (
    START,
    make_finding,
    make_prediction,
    make_revision,
    make_sample,
    make_standing,
)

EVERYTHING = dict.fromkeys(Kind)


def facts_of(sample: Sample) -> Facts:
    """A text, its words, who rated it how, and what was found."""
    if sample.state not in LIVE:
        return Facts()
    text = sample.truth or sample.proposal or ""
    names = [(Kind.TEXT, f"{len(text)}{BETWEEN}{text}"), (Kind.SITTING, sample.session or "")]
    names += [(Kind.WORD, word) for word in text.split()]
    names += [(Kind.FINDING, one.check) for one in sample.findings]
    if sample.rating is not None:
        names.append((Kind.RATING, str(sample.rating)))
    size = sum(medium.size for medium in sample.media)
    return Facts(media=len(sample.media), bytes=size, names=tuple(dict.fromkeys(names)))


def counted(store: Store, version: str = "1") -> Counted:
    """The census when nothing waits to be counted any more."""
    while store.census.take("speech", version, facts_of, at_most=3):
        pass
    return store.census.counted("speech", EVERYTHING)


def samples_of(found: Counted, kind: Kind) -> dict[str, int]:
    """How many samples bear each name."""
    return {one.name: one.samples for one in found.entries[kind]}


class CensusConformance:
    """Tests of `Census`; see `store_conformance`."""

    def test_each_sample_is_counted_once(self, store: Store) -> None:
        assert counted(store) == Counted(entries={kind: [] for kind in Kind})
        texts = ("red wall", "red wall", "blue wall", "red sky wall")
        store.samples.add([make_sample(text=text) for text in texts * 3])
        store.samples.add([make_sample(text="green", modality="lip")])
        found = counted(store)
        assert samples_of(found, Kind.WORD) == {"wall": 12, "red": 9, "blue": 3, "sky": 3}
        assert [one.name for one in found.entries[Kind.WORD]][:2] == ["wall", "red"]
        assert found.distinct[Kind.TEXT] == 3
        assert found.distinct[Kind.WORD] == 4
        most = found.entries[Kind.WORD][0]
        assert (most.media, most.bytes) == (12, 12 * 32_000)
        assert counted(store) == found
        few = store.census.counted("speech", {Kind.WORD: 1})
        assert [one.name for one in few.entries[Kind.WORD]] == ["wall"]
        assert few.entries.keys() == {Kind.WORD}

    def test_at_most_so_many_are_counted_at_once(self, store: Store) -> None:
        store.samples.add([make_sample() for _ in range(5)])
        took = [store.census.take("speech", "1", facts_of, at_most=2) for _ in range(4)]
        assert took == [2, 2, 1, 0]

    def test_names_beneath_a_name(self, store: Store) -> None:
        texts = ("abc", "abc", "xyz", "xyz", "xyz", "ab", "abcd")
        store.samples.add([make_sample(text=text) for text in texts])
        counted(store)
        found = store.census.beneath("speech", Kind.TEXT, ["3", "4", "7"], most=5)
        told = {name: [(one.name, one.samples) for one in found[name]] for name in found}
        assert told == {"3": [("xyz", 3), ("abc", 2)], "4": [("abcd", 1)], "7": []}
        (first,) = store.census.beneath("speech", Kind.TEXT, ["3"], most=1)["3"]
        assert first.name == "xyz"

    def test_it_follows_every_change(self, store: Store) -> None:
        added = store.samples.add([make_sample(text=f"text {at}") for at in range(6)])
        first, second, third, fourth, fifth, sixth = (one.id for one in added)
        counted(store)
        right = make_revision(first, "told anew", verdict=Verdict.CORRECTED)
        store.reviews.append(right, make_standing(right), expected=0)
        store.ratings.add(Rating(sample_id=second, value=4, actor="ada", created_at=START))
        store.samples.set_report(third, CheckReport(findings=(make_finding("hum"),), quality=0.5))
        store.trash.put([fourth], at=START, actor="ada")
        store.samples.erase([fifth])
        store.samples.redescribe([sixth], lambda *_: Description(session="elsewhere"))
        found = counted(store)
        words = samples_of(found, Kind.WORD)
        assert words == {"told": 1, "anew": 1, "text": 3, "1": 1, "2": 1, "5": 1}
        assert samples_of(found, Kind.RATING) == {"4": 1}
        assert samples_of(found, Kind.FINDING) == {"hum": 1}
        assert samples_of(found, Kind.SITTING)["elsewhere"] == 1
        assert found.distinct[Kind.WORD] == 6
        store.trash.take_back([fourth])
        assert samples_of(counted(store), Kind.WORD)["3"] == 1

    def test_what_is_forgotten_leaves_no_word_behind(self, store: Store) -> None:
        added = store.samples.add([make_sample(text="marzipan"), make_sample(text="hello")])
        counted(store)
        store.samples.erase([added[0].id])
        # At once, not with the next look.
        left = store.census.counted("speech", EVERYTHING)
        assert samples_of(left, Kind.WORD) == {"hello": 1}
        assert left.distinct[Kind.WORD] == 1

    def test_another_version_counts_anew(self, store: Store) -> None:
        store.samples.add([make_sample() for _ in range(3)])
        before = counted(store)
        assert store.census.take("speech", "2", facts_of) == 3
        assert store.census.counted("speech", EVERYTHING).distinct == before.distinct

    def test_kept_sums_equal_a_recount(self, store: Store) -> None:
        rng = random.Random(3)
        alive: list[int] = []
        for turn in range(60):
            if turn % 2 == 0 or not alive:
                text = " ".join(rng.choices("abcde", k=3))
                alive += [one.id for one in store.samples.add([make_sample(text=text)])]
            else:
                self._change(store, alive, rng)
            if rng.random() < 0.3:
                store.census.take("speech", "1", facts_of, at_most=rng.randrange(1, 5))
        kept = counted(store)
        anew = counted(store, "another")
        for kind in Kind:
            assert samples_of(kept, kind) == samples_of(anew, kind)
        assert kept.distinct == anew.distinct

    def _change(self, store: Store, alive: list[int], rng: random.Random) -> None:
        number = rng.choice(alive)
        change = rng.randrange(4)
        if change == 0:
            store.ratings.add(
                Rating(sample_id=number, value=rng.randint(1, 5), actor="ada", created_at=START)
            )
        elif change == 1:
            store.samples.add_prediction(number, make_prediction("f"))
        elif change == 2:
            store.samples.set_report(number, CheckReport(findings=(make_finding("x"),), quality=1))
        else:
            alive.remove(number)
            store.samples.erase([number])
