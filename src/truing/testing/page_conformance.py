"""What every store must do with pages of samples: each order, each filter, full-text search."""

# ruff: noqa: D102 - the names of the tests say what they show

from __future__ import annotations

import base64
import string
from collections.abc import Iterator
from dataclasses import replace

import pytest

from truing.domain.errors import InvalidInputError
from truing.domain.ports import Store
from truing.domain.prediction import PredictionKind
from truing.domain.rating import Rating
from truing.domain.review import State, Verdict
from truing.domain.sample import Sample, SampleFilter, SampleOrder, Sampling
from truing.testing.factories import (
    START,
    make_finding,
    make_prediction,
    make_revision,
    make_sample,
    make_standing,
)

EVERYTHING = SampleFilter()
URL_SAFE = set(string.ascii_letters + string.digits + "-_~.")
SORT_KEYS = {
    SampleOrder.NEWEST: lambda one: (-one.captured_at, -one.id),
    SampleOrder.OLDEST: lambda one: (one.captured_at, one.id),
    SampleOrder.LEAST_CONFIDENT: lambda one: (_confidence(one), one.id),
    SampleOrder.LOWEST_QUALITY: lambda one: (one.quality, one.id),
}
FILTERS = {
    "everything": EVERYTHING,
    "modality": SampleFilter(modality="speech"),
    "state": SampleFilter(states=(State.PENDING,)),
    "states": SampleFilter(states=(State.PENDING, State.SKIPPED), modality="speech"),
    "no state": SampleFilter(states=()),
    "subject": SampleFilter(subject="ada"),
    "subject and state": SampleFilter(subject="ada", states=(State.REJECTED,)),
    "session": SampleFilter(session="monday"),
    "source": SampleFilter(source="s2s"),
    "sampling": SampleFilter(sampling=Sampling.AUDIT),
    "finding": SampleFilter(finding="clipped"),
    "any finding": SampleFilter(finding="*"),
    "dates": SampleFilter(captured_from=START + 3, captured_until=START + 9),
    "confidence": SampleFilter(confidence_below=0.5),
    "text": SampleFilter(text="wor"),
    "trained": SampleFilter(trained=True),
    "tag": SampleFilter(tag="odd"),
    "tag and state": SampleFilter(tag="odd", states=(State.PENDING,), subject="ada"),
    "not trained": SampleFilter(trained=False),
    "rating": SampleFilter(rating_from=4),
    "any rating": SampleFilter(rating_from=1),
    "quality": SampleFilter(quality_from=0.5),
    "rating and quality": SampleFilter(rating_from=2, quality_from=0.25, subject="ada"),
    "many": SampleFilter(
        modality="speech", states=(State.PENDING,), subject="ada", text="hello", finding="*"
    ),
}


def _confidence(sample: Sample) -> float:
    known = [
        one.recognition.confidence
        for one in sample.predictions
        if one.kind is PredictionKind.RECOGNIZER and one.recognition.confidence is not None
    ]
    return known[-1] if known else float("inf")


def lets_through(where: SampleFilter, sample: Sample) -> bool:
    """What a filter means, told the slow way."""
    texts = " ".join([*(one.text for one in sample.predictions), sample.truth or ""]).split()
    checks = {found.check for found in sample.findings}
    return all(
        (
            where.modality in (None, sample.modality),
            where.states is None or sample.state in where.states,
            where.subject in (None, sample.subject),
            where.session in (None, sample.session),
            where.source in (None, sample.source),
            where.sampling in (None, sample.sampling),
            where.finding is None or where.finding in checks or (where.finding == "*" and checks),
            where.captured_from is None or sample.captured_at >= where.captured_from,
            where.captured_until is None or sample.captured_at < where.captured_until,
            where.confidence_below is None or _confidence(sample) < where.confidence_below,
            where.text is None or any(word.startswith(where.text) for word in texts),
            where.trained in (None, sample.trained),
            where.tag is None or where.tag in sample.tags,
            where.rating_from is None or (sample.rating or 0) >= where.rating_from,
            where.quality_from is None or sample.quality >= where.quality_from,
        )
    )


def fill(store: Store, count: int = 60) -> list[Sample]:
    """Samples in which every field of a filter takes several values, with many ties."""
    added = store.samples.add(
        [
            make_sample(
                modality="lipreading" if number % 7 == 0 else "speech",
                captured_at=START + number * 5 % 11,
                subject=("ada", "bob", None)[number % 3],
                session="monday" if number % 20 == 0 else None,
                source="s2s" if number % 4 == 0 else "app",
                sampling=Sampling.AUDIT if number % 5 == 0 else Sampling.CHOSEN,
                findings=(make_finding(),) * (number % 6 == 0)
                + (make_finding("x"),) * (number % 9),
                quality=number % 4 / 4,
                text="hello" if number % 2 else "hello world",
                confidence=None if number % 8 == 0 else number * 3 % 10 / 10,
            )
            for number in range(count)
        ]
    )
    for number, one in enumerate(added):
        verdict = (None, Verdict.REJECTED, Verdict.SKIPPED, Verdict.CORRECTED, None)[number % 5]
        if verdict is not None:
            truth = "wor ld" if verdict is Verdict.CORRECTED else None
            revision = make_revision(one.id, truth, verdict=verdict)
            store.reviews.append(revision, make_standing(revision), expected=0)
    store.samples.mark_trained([one.uid for one in added[::3]])
    store.samples.redescribe(
        [one.id for one in added[1::2]], lambda _, before: replace(before, tags=("odd",))
    )
    for number, one in enumerate(added[::4]):
        store.ratings.add(
            Rating(sample_id=one.id, value=number % 5 + 1, actor="ada", created_at=START)
        )
    return list(store.samples.iterate(EVERYTHING))


def walk(store: Store, where: SampleFilter, order: SampleOrder, limit: int) -> Iterator[Sample]:
    """All pages, one after the other; each but the last is full."""
    after: str | None = None
    while True:
        page = store.samples.page(where, order, after=after, limit=limit)
        yield from page.items
        after = page.next
        if after is None:
            return
        assert len(page.items) == limit
        assert set(after) <= URL_SAFE


class PageConformance:
    """Tests of `Samples.page` and of filters; see `store_conformance`."""

    @pytest.mark.parametrize("order", SampleOrder)
    def test_pages_hold_what_matches_in_order(self, store: Store, order: SampleOrder) -> None:
        everything = fill(store)
        for name, where in FILTERS.items():
            wanted = [one for one in everything if lets_through(where, one)]
            wanted.sort(key=SORT_KEYS[order])
            assert store.samples.count(where) == len(wanted), name
            read = store.samples.iterate(where, batch=7)
            assert [one.id for one in read] == sorted(one.id for one in wanted), name
            for limit in (1, 7, 1000):
                assert list(walk(store, where, order, limit)) == wanted, (name, limit)

    def test_samples_without_a_confidence_come_last(self, store: Store) -> None:
        added = store.samples.add(
            [make_sample(confidence=value) for value in (None, 1.0, 0.0, float("nan"), 0.5)]
            + [make_sample(predictions=())]
        )
        page = store.samples.page(EVERYTHING, SampleOrder.LEAST_CONFIDENT)
        wanted = [added[place].id for place in (2, 4, 1, 0, 3, 5)]
        assert [one.id for one in page.items] == wanted

    def test_paging_goes_on_while_samples_come_and_go(self, store: Store) -> None:
        added = store.samples.add([make_sample(captured_at=START + n) for n in range(6)])
        first = store.samples.page(EVERYTHING, SampleOrder.NEWEST, limit=2)
        store.samples.add([make_sample(captured_at=START + 50)])
        store.samples.erase([first.items[-1].id, added[3].id])
        second = store.samples.page(EVERYTHING, SampleOrder.NEWEST, after=first.next, limit=9)
        assert [one.id for one in second.items] == [added[n].id for n in (2, 1, 0)]

    @pytest.mark.parametrize(
        "cursor",
        ["", "x", "!!", "0", "é", "A" * 5000, "null", "[]",
         base64.urlsafe_b64encode(b'["newest",1]').decode(),
         base64.urlsafe_b64encode(b'["newest","1",2]').decode(),
         base64.urlsafe_b64encode(b'["newest",NaN,2]').decode(),
         base64.urlsafe_b64encode(b'["newest",1,99999999999999999999]').decode(),
         base64.urlsafe_b64encode(b"[" * 3000).decode()],
    )  # fmt: skip
    def test_what_is_no_cursor_is_refused(self, store: Store, cursor: str) -> None:
        with pytest.raises(InvalidInputError):
            store.samples.page(EVERYTHING, SampleOrder.NEWEST, after=cursor)

    def test_a_cursor_of_another_order_is_refused(self, store: Store) -> None:
        store.samples.add([make_sample(), make_sample()])
        cursor = store.samples.page(EVERYTHING, SampleOrder.NEWEST, limit=1).next
        with pytest.raises(InvalidInputError, match="oldest"):
            store.samples.page(EVERYTHING, SampleOrder.OLDEST, after=cursor)

    def test_an_empty_page_cannot_be_asked_for(self, store: Store) -> None:
        with pytest.raises(InvalidInputError, match="`0`"):
            store.samples.page(EVERYTHING, SampleOrder.NEWEST, limit=0)

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("hello", True),
            ("WORLD hel", True),
            ("wor", True),
            ("wor hello", False),  # only the last word may be a beginning
            ("hello moon", False),
            ("  ", True),  # nothing asked
            ("!?", False),
            ('"', False),
            ('hello"', True),
            ("hello*", True),
            ("hello AND world", False),
            ("NOT", False),
            ("(hello", True),
            ("said:hello", False),
            ("hel-lo", False),
            ("don't", True),
            ("Crème", True),
            ("creme", True),
            ("שלום", True),
            ("מרחבא", False),
            ("مرحبا", True),
            ("नमस्ते", True),
            ("😀", True),
            ("日本", True),
            ("hello\0world", True),
            ("half \ud83d", False),
            ("a " * 5000, False),
            ("^hello", True),
            ("hello +world", True),
            ("NEAR(hello world)", False),
        ],
    )
    def test_search_takes_any_text(self, store: Store, text: str, found: bool) -> None:  # noqa: FBT001
        said = "Hello world, don't crème שלום مرحبا नमस्ते 😀 日本語"
        store.samples.add([make_sample(text=said)])
        where = SampleFilter(text=text)
        assert store.samples.count(where) == found
        page = store.samples.page(where, SampleOrder.NEWEST)
        assert len(page.items) == found

    def test_search_looks_at_every_prediction_and_the_truth(self, store: Store) -> None:
        corrected = make_prediction("pear", kind=PredictionKind.CORRECTOR)
        number = store.samples.add([make_sample(predictions=(make_prediction("apple"), corrected))])
        store.samples.add_prediction(number[0].id, make_prediction("plum"))
        revision = make_revision(number[0].id, truth="quince", verdict=Verdict.CORRECTED)
        kept = store.reviews.append(revision, make_standing(revision), expected=0)
        for word in ("apple", "pear", "plum", "quince", "apple quince"):
            assert store.samples.count(SampleFilter(text=word)) == 1, word
        undone = make_revision(number[0].id, None, verdict=Verdict.UNDONE, undoes=kept.id)
        pending = make_standing(undone)
        store.reviews.append(undone, pending, expected=kept.id)
        assert store.samples.count(SampleFilter(text="quince")) == 0
        assert store.samples.count(SampleFilter(text="plum")) == 1
