"""The review queue over a real store: what comes first, and that nothing is left out."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from truing.domain.ports import Store
from truing.domain.prediction import PredictionKind
from truing.domain.review import State, Verdict
from truing.domain.sample import Sample, SampleFilter, Sampling
from truing.loop import select as selecting
from truing.loop.select import Queue, Weighing, select
from truing.metrics.informativeness import disagreement, uncertainty
from truing.stores.database.store import open_database
from truing.testing.factories import (
    make_media,
    make_prediction,
    make_revision,
    make_sample,
    make_standing,
)

EVERYTHING = SampleFilter()


def place(sample: Sample) -> Sequence[float] | None:
    """Where the tests put a sample."""
    found = sample.media[0].facts.get("place")
    return found if isinstance(found, list) else None


WEIGHING = Weighing(uncertainty=uncertainty, disagreement=disagreement, sketch=place)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_database(tmp_path / "truing.db")
    yield store
    store.close()


def add(store: Store, at: list[float] | None = None, **different: Any) -> int:
    facts = {} if at is None else {"place": at}
    media = (make_media(object(), facts=facts),)
    different.setdefault("sampling", Sampling.CHOSEN)
    return store.samples.add([make_sample(media=media, **different)])[0].id


def order(store: Store, queue: Queue, where: SampleFilter = EVERYTHING, **more: Any) -> list[int]:
    return [one.sample.id for one in select(store.samples, queue, where, WEIGHING, **more)]


def decide(store: Store, number: int, verdict: Verdict) -> None:
    truth = "hello world" if verdict is Verdict.ACCEPTED else None
    revision = make_revision(number, truth, verdict=verdict)
    store.reviews.append(revision, make_standing(revision), expected=0)


@pytest.mark.parametrize("queue", Queue)
def test_every_undecided_sample_comes_once_and_the_skipped_last(
    store: Store, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selecting, "WINDOW", 3)
    monkeypatch.setattr(selecting, "PAGE", 2)
    numbers = [
        add(store, [float(n % 5), 1.0], confidence=n / 20, sampling=Sampling.AUDIT)
        for n in range(17)
    ]
    if queue is Queue.FINDINGS:
        from truing.domain.finding import CheckReport
        from truing.testing.factories import make_finding

        for number in numbers:
            store.samples.set_report(number, CheckReport(findings=(make_finding(),), quality=0.5))
    decide(store, numbers[3], Verdict.ACCEPTED)
    decide(store, numbers[5], Verdict.REJECTED)
    decide(store, numbers[0], Verdict.SKIPPED)
    found = order(store, queue)
    assert sorted(found) == sorted(set(numbers) - {numbers[3], numbers[5]})
    assert found[-1] == numbers[0]


def test_the_least_sure_words_and_readings_count(store: Store) -> None:
    from truing.domain.prediction import Alternative, Word

    sure = add(store, confidence=0.9)
    one_weak_word = [Word(text="hello", confidence=0.1), Word(text="world", confidence=0.99)]
    said = make_prediction(confidence=0.9, words=tuple(one_weak_word))
    weak = add(store, predictions=(said,))
    close = make_prediction(
        confidence=0.9, alternatives=(Alternative(text="yellow world", confidence=0.88),)
    )
    torn = add(store, predictions=(close,))
    silent = add(store, predictions=())
    assert order(store, Queue.UNCERTAIN) == [torn, weak, sure, silent]


def test_a_repeated_reading_is_no_rival(store: Store) -> None:
    from truing.domain.prediction import Alternative

    same = Alternative(text="hello world", confidence=0.9)
    number = add(store, predictions=(make_prediction(confidence=0.9, alternatives=(same,)),))
    assert uncertainty(store.samples.get(number)) == pytest.approx(0.1)


def test_voices_that_differ_come_first(store: Store) -> None:
    alone = add(store, text="hello world")
    number = add(store, text="hello world")
    agreed = make_prediction("Hello, world!", kind=PredictionKind.CORRECTOR, model=None)
    store.samples.add_prediction(number, agreed)
    disputed = add(store, text="hello world")
    store.samples.add_prediction(disputed, make_prediction("yellow word", model="speech/2"))
    assert order(store, Queue.DISAGREEMENT) == [disputed, number, alone]
    assert disagreement(store.samples.get(disputed)) == 1.0
    assert disagreement(store.samples.get(number)) == 0.0
    assert disagreement(store.samples.get(alone)) is None


def test_a_models_later_answer_replaces_its_earlier_one(store: Store) -> None:
    number = add(store, text="hello word")
    store.samples.add_prediction(number, make_prediction("hello world", model="tiny"))
    store.samples.add_prediction(number, make_prediction("hello world", model="speech/2"))
    assert disagreement(store.samples.get(number)) == 0.0


def test_diverse_goes_round_the_corners_first(store: Store) -> None:
    corners = [[0.0, 0.0], [9.0, 0.0], [0.0, 9.0], [9.0, 9.0]]
    first = [add(store, at) for at in corners]
    for near in ([0.1, 0.0], [9.0, 0.1], [0.2, 9.0], [8.9, 9.0]):
        add(store, near)
    assert set(order(store, Queue.DIVERSE)[:4]) & set(first) != set()
    chosen = [place(store.samples.get(number)) for number in order(store, Queue.DIVERSE)[:4]]
    quadrants = {(at[0] > 4, at[1] > 4) for at in chosen if at is not None}
    assert len(quadrants) == 4


def test_informative_weighs_doubt_and_novelty(store: Store) -> None:
    crowd = [add(store, [0.0, n / 100], confidence=0.1) for n in range(4)]
    lonely = add(store, [5.0, 5.0], confidence=0.4)
    dull = add(store, [-5.0, 5.0], confidence=0.99)
    found = order(store, Queue.INFORMATIVE)
    assert found[0] in crowd, "the least sure first"
    assert found[1] == lonely, "then what is unlike it, before its neighbours"
    assert found.index(dull) > found.index(lonely)


def test_what_was_decided_lately_is_kept_away_from(store: Store) -> None:
    seen = add(store, [0.0, 0.0], confidence=0.1)
    near = add(store, [0.01, 0.0], confidence=0.1)
    far = add(store, [5.0, 5.0], confidence=0.5)
    add(store, [9.0, 9.0], confidence=0.99)
    decide(store, seen, Verdict.ACCEPTED)
    assert order(store, Queue.INFORMATIVE)[0] == near
    assert order(store, Queue.INFORMATIVE, shown=[store.samples.get(seen)])[0] == far


def test_mixed_takes_turns_and_says_why(store: Store) -> None:
    drawn = [add(store, confidence=0.99, sampling=Sampling.AUDIT) for _ in range(2)]
    doubted = [add(store, confidence=0.1 + n / 100) for n in range(3)]
    found = list(select(store.samples, Queue.MIXED, EVERYTHING, WEIGHING))
    assert [one.because for one in found[:4]] == ["audit", "informative"] * 2
    assert [one.sample.id for one in found] == [
        drawn[0], doubted[0], drawn[1], doubted[1], doubted[2],
    ]  # fmt: skip


def test_samples_without_a_sketch_and_of_other_lengths_are_let_through(store: Store) -> None:
    numbers = [add(store), add(store, [1.0]), add(store, [1.0, 2.0]), add(store, [2.0])]
    for queue in (Queue.DIVERSE, Queue.INFORMATIVE):
        assert sorted(order(store, queue)) == numbers


def test_a_filter_by_state_is_kept(store: Store) -> None:
    pending, done = add(store), add(store)
    decide(store, done, Verdict.ACCEPTED)
    where = SampleFilter(states=(State.ACCEPTED,))
    assert order(store, Queue.MIXED, where) == [done]
    assert order(store, Queue.MIXED) == [pending]


def test_a_window_reads_few_pages(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next sample costs the same at any size: two pages of a window, not a scan."""
    store.samples.add([make_sample(confidence=n / 1000) for n in range(600)])
    asked = []
    page = store.samples.page

    def counted(*args: Any, **named: Any) -> Any:
        asked.append(named["limit"])
        return page(*args, **named)

    monkeypatch.setattr(store.samples, "page", counted)
    stream = select(store.samples, Queue.INFORMATIVE, EVERYTHING, WEIGHING)
    assert next(stream).sample.raw is not None
    assert sum(asked) <= 2 * selecting.WINDOW + 2 * selecting.WINDOW
    assert len(asked) <= 4
