"""What every store must do with revisions, cached recognitions, evaluations and the journal."""

# ruff: noqa: D102 - the names of the tests say what they show

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from truing.domain.errors import ConflictError, NotFoundError
from truing.domain.evaluation import RowScore
from truing.domain.ports import Store
from truing.domain.prediction import Alternative, Recognition, Word
from truing.domain.review import Appended, Standing, State, Verdict, standing
from truing.testing.factories import (
    make_evaluated_row,
    make_evaluation,
    make_event,
    make_pending,
    make_revision,
    make_sample,
    make_standing,
)


class ReviewConformance:
    """Tests of `Reviews`; see `store_conformance`."""

    def test_a_revision_comes_back_as_it_was_given(self, store: Store) -> None:
        number = store.samples.add([make_sample()])[0].id
        given = make_revision(
            number,
            "Héllo",
            verdict=Verdict.CORRECTED,
            why="accent",
            shown_because="audit",
            prediction_known=False,
            seconds=2.5,
            keys=7,
        )
        kept = store.reviews.append(given, make_standing(given), expected=0)
        assert kept.id > 0
        assert store.reviews.get(kept.id) == kept
        assert store.reviews.of(number) == [kept]
        sample = store.samples.get(number)
        assert (sample.state, sample.truth) == (State.CORRECTED, "Héllo")
        assert sample.revision == kept.id
        assert not sample.prediction_known

    def test_undoing_takes_the_sample_back(self, store: Store) -> None:
        number = store.samples.add([make_sample()])[0].id
        given = make_revision(number, prediction_known=False)
        first = store.reviews.append(given, make_standing(given), expected=0)
        undone = make_revision(number, None, verdict=Verdict.UNDONE, undoes=first.id)
        result = standing([first, undone])
        assert result == make_pending()
        second = store.reviews.append(undone, result, expected=first.id)
        sample = store.samples.get(number)
        assert (sample.state, sample.truth, sample.revision) == (State.PENDING, None, second.id)
        assert sample.prediction_known
        assert store.reviews.of(number) == [first, second]

    def test_a_lost_update_is_refused(self, store: Store) -> None:
        number = store.samples.add([make_sample()])[0].id
        given = make_revision(number)
        first = store.reviews.append(given, make_standing(given), expected=0)
        for expected in (0, first.id + 1):
            with pytest.raises(ConflictError):
                store.reviews.append(given, make_standing(given), expected=expected)
        assert store.reviews.of(number) == [first]

    def test_many_first_revisions_at_once(self, store: Store) -> None:
        added = store.samples.add([make_sample() for _ in range(700)])
        given = [make_revision(one.id, f"word {one.id}") for one in added]
        decided = store.reviews.append(given[5], make_standing(given[5]), expected=0)
        unknown = make_revision(4242)
        kept = store.reviews.append_many(
            [(one, make_standing(one)) for one in (*reversed(given), given[0], unknown)]
        )
        assert [one is None for one in kept] == [
            *(place == 5 for place in reversed(range(700))), True, True,
        ]  # fmt: skip
        assert [store.reviews.of(one.id) for one in added[4:6]] == [[kept[695]], [decided]]
        stored = store.samples.get(added[0].id)
        assert (stored.state, stored.truth) == (State.ACCEPTED, f"word {added[0].id}")
        assert stored.revision == kept[699].id if kept[699] is not None else False
        assert store.samples.state_counts()["accepted"] == 700
        assert store.reviews.append_many([]) == []

    def test_a_decision_comes_with_its_sample(self, store: Store) -> None:
        taken, refused = make_sample(), make_sample()
        rejection = make_revision(0, None, verdict=Verdict.REJECTED, why="not chosen")
        added = store.samples.add([taken, replace(refused, decided=rejection)])
        (kept,) = store.reviews.of(added[1].id)
        assert kept == replace(rejection, id=kept.id, sample_id=added[1].id)
        sample = store.samples.get(added[1].id)
        assert (sample.state, sample.revision) == (State.REJECTED, kept.id)
        assert store.reviews.of(added[0].id) == []
        counts = store.samples.state_counts()
        assert (counts["pending"], counts["rejected"]) == (1, 1)

    def test_all_decisions_are_stored_or_none(self, store: Store) -> None:
        one, other = (added.id for added in store.samples.add([make_sample(), make_sample()]))
        given = [make_revision(number, f"word {number}") for number in (other, one)]
        ready = [Appended(each, make_standing(each), 0) for each in given]
        stale = Appended(given[1], make_standing(given[1]), 7)
        gone = Appended(make_revision(4242), make_standing(make_revision(4242)), 0)
        for wrong, told in ((stale, ConflictError), (gone, NotFoundError)):
            with pytest.raises(told):
                store.reviews.append_all([ready[0], wrong], {other: {"page": "x"}})
        with pytest.raises(NotFoundError):
            store.reviews.append_all(ready, {one: {}, 4242: {}})
        assert store.reviews.of_many([one, other]) == {}
        assert store.samples.get(other).context == make_sample().context
        kept = store.reviews.append_all(ready, {one: {"page": "ü"}, other: {}})
        assert [each.sample_id for each in kept] == [other, one]
        assert store.reviews.of_many([one, other]) == {other: [kept[0]], one: [kept[1]]}
        found = store.samples.by_ids([one, other])
        assert [each.context for each in found] == [{"page": "ü"}, {}]
        assert [each.truth for each in found] == [f"word {one}", f"word {other}"]

    def test_an_unknown_sample_or_revision_is_not_found(self, store: Store) -> None:
        given = make_revision(42)
        with pytest.raises(NotFoundError, match="`42`"):
            store.reviews.append(given, make_standing(given), expected=0)
        with pytest.raises(NotFoundError, match="`43`"):
            store.reviews.get(43)
        assert store.reviews.of(42) == []

    def test_of_many_reviewers_at_once_one_wins(self, store: Store) -> None:
        number = store.samples.add([make_sample()])[0].id

        def append(actor: int) -> bool:
            given = make_revision(number, actor=f"actor-{actor}")
            try:
                store.reviews.append(given, make_standing(given), expected=0)
            except ConflictError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(append, range(8))) == 1
        assert len(store.reviews.of(number)) == 1

    def test_the_newest_of_an_actor(self, store: Store) -> None:
        added = store.samples.add([make_sample() for _ in range(5)])
        kept = []
        for place, one in enumerate(added):
            given = make_revision(one.id, actor="bob" if place == 2 else "ada")
            kept.append(store.reviews.append(given, make_standing(given), expected=0))
        assert store.reviews.latest_by("ada", limit=3) == [kept[4], kept[3], kept[1]]
        assert store.reviews.latest_by("bob") == [kept[2]]
        assert store.reviews.latest_by("eve") == []

    def test_all_revisions_in_batches(self, store: Store) -> None:
        added = store.samples.add([make_sample(modality=m) for m in ("speech", "lip") * 6])
        kept = []
        for one in added:
            given = make_revision(one.id)
            kept.append(store.reviews.append(given, make_standing(given), expected=0))
        assert list(store.reviews.iterate(batch=5)) == kept
        assert list(store.reviews.iterate("lip", batch=4)) == kept[1::2]

    def test_a_disputed_sample_keeps_the_state_given(self, store: Store) -> None:
        number = store.samples.add([make_sample()])[0].id
        given = make_revision(number, None, verdict=Verdict.REJECTED)
        result = Standing(state=State.REJECTED, truth=None, deciding=given, disputed=True)
        store.reviews.append(given, result, expected=0)
        assert store.samples.get(number).state is State.REJECTED


class ReportConformance:
    """Tests of `Recognitions`, `Evaluations` and `Events`; see `store_conformance`."""

    def test_a_recognition_is_remembered_once(self, store: Store) -> None:
        said = Recognition(
            text="Hello 😀",
            confidence=0.5,
            words=(Word(text="Hello", start=0.0, end=1.0),),
            alternatives=(Alternative(text="Yellow", confidence=0.2),),
            seconds=0.1,
        )
        assert store.recognitions.get("model", "media") is None
        store.recognitions.put("model", "media", said)
        store.recognitions.put("model", "media", Recognition(text="other"))
        assert store.recognitions.get("model", "media") == said
        assert store.recognitions.get("other", "media") is None
        assert store.recognitions.get("model", "other") is None

    def test_the_newest_evaluation_is_found_with_its_rows(self, store: Store) -> None:
        scores = {"wer": RowScore(numerator=0.5, denominator=3), "cer": RowScore(1, 9)}
        rows = [
            make_evaluated_row(f"sample-{place}", scores=scores, subject=None, confidence=None)
            for place in range(1_200)
        ]
        store.evaluations.add(make_evaluation())
        kept = store.evaluations.add(make_evaluation(rows))
        assert kept.id > 0
        keys = (kept.model_digest, "mine@1", "test", "neutral-1")
        assert store.evaluations.find(*keys) == kept
        for place in range(4):
            other = [*keys]
            other[place] = "other"
            assert store.evaluations.find(*other) is None
        assert store.evaluations.get(kept.uid) == kept
        with pytest.raises(NotFoundError, match="nobody"):
            store.evaluations.get("nobody")
        heads = store.evaluations.all()
        assert [one.id for one in heads] == [kept.id, kept.id - 1]
        assert heads[0].rows == ()
        assert heads[0].figures == kept.figures
        assert len(store.evaluations.all(limit=1)) == 1

    def test_rows_of_forgotten_samples_go(self, store: Store) -> None:
        uids = [f"sample-{place}" for place in range(1_500)]
        kept = store.evaluations.add(make_evaluation([make_evaluated_row(uid) for uid in uids]))
        assert store.evaluations.forget([*uids[1:], uids[1], "unknown"]) == 1_499
        found = store.evaluations.find(kept.model_digest, "mine@1", "test", "neutral-1")
        assert found is not None
        assert [row.sample_uid for row in found.rows] == [uids[0]]

    def test_the_journal_is_read_from_where_one_stopped(self, store: Store) -> None:
        assert store.events.all() == []
        for kind in ("imported", "evaluated", "promoted"):
            store.events.add(make_event(kind, data={"model": "speech/1", "p": 0.01}))
        first = store.events.all(limit=2)
        assert [one.kind for one in first] == ["imported", "evaluated"]
        assert first[0].data == {"model": "speech/1", "p": 0.01}
        assert [one.kind for one in store.events.all(after=first[-1].id)] == ["promoted"]
        assert [one.kind for one in store.events.all(kind="promoted")] == ["promoted"]
        assert store.events.all(kind="evaluated", after=first[-1].id) == []
