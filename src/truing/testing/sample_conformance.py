"""What every store must do with samples: keep, find, count and erase them."""

# ruff: noqa: D102 - the names of the tests say what they show

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from truing.domain.consent import Consent, Purpose
from truing.domain.errors import ConflictError, InvalidInputError, NotFoundError
from truing.domain.finding import CheckReport, Severity
from truing.domain.ports import Store
from truing.domain.prediction import Alternative, PredictionKind, Word
from truing.domain.review import State, Verdict
from truing.domain.sample import NewSample, Sample, SampleFilter, Sampling
from truing.testing.factories import (
    START,
    make_digest,
    make_evaluated_row,
    make_evaluation,
    make_finding,
    make_media,
    make_prediction,
    make_revision,
    make_row,
    make_sample,
    make_standing,
    make_version,
)

EVERYTHING = SampleFilter()


def full_sample() -> NewSample:
    """A sample in which no field has its default."""
    words = (
        Word(text="hello", start=0.1, end=0.4, confidence=0.9),
        Word(text="wörld", start=0.5, end=None, confidence=None),
    )
    return make_sample(
        source="s2s",
        source_key="row-7",
        added_at=START + 5,
        consent=Consent(
            policy="operator",
            purposes=frozenset({Purpose.TRAINING}),
            withdrawn_at=START,
            reason="für die Werkstatt",
        ),
        sampling=Sampling.CHOSEN,
        subject="ada",
        session="monday",
        context={"document": "letter", "nested": {"line": 3, "tags": ["a", None, True, 0.5]}},
        media=(
            make_media(b"one", start=0.5, end=2.25, facts={"duration": 1.75, "content": "c1"}),
            make_media(b"two", role="video", parent=make_digest(b"p"), parameters={"crop": [1, 2]}),
        ),
        predictions=(
            make_prediction(
                "hello wörld",
                confidence=0.25,
                words=words,
                alternatives=(Alternative(text="yellow", confidence=0.1), Alternative(text="")),
                seconds=0.3,
            ),
            make_prediction("Hello, world!", kind=PredictionKind.CORRECTOR, model=None),
        ),
        findings=(
            make_finding(),
            make_finding("level", severity=Severity.BLOCKING, value=None, threshold=None),
        ),
        quality=0.75,
        groups=("content:c1", "near:00ff"),
    )


def same(stored: Sample, new: NewSample) -> None:
    """Asserts that a stored sample says what the new one said."""
    for name in (
        "uid", "modality", "salt", "source", "source_key", "captured_at", "added_at", "consent",
        "sampling", "subject", "session", "context", "media", "findings", "quality", "groups",
    ):  # fmt: skip
        assert getattr(stored, name) == getattr(new, name), name
    kept = [(one.kind, one.recognition, one.model, one.created_at) for one in stored.predictions]
    given = [(one.kind, one.recognition, one.model, one.created_at) for one in new.predictions]
    assert kept == given
    assert all(one.id > 0 for one in stored.predictions)


class SampleConformance:
    """Tests of `Samples` but for pages; see `store_conformance`."""

    def test_a_sample_comes_back_as_it_was_given(self, store: Store) -> None:
        new = full_sample()
        added = store.samples.add([new])[0]
        stored = store.samples.get(added.id)
        same(stored, new)
        assert (stored.state, stored.truth, stored.revision) == (State.PENDING, None, 0)
        assert stored.prediction_known
        assert not stored.trained

    def test_adding_answers_in_the_order_given(self, store: Store) -> None:
        new = [make_sample() for _ in range(700)]
        added = store.samples.add(new)
        assert [one.uid for one in added] == [one.uid for one in new]
        assert all(one.new for one in added)
        assert [one.id for one in added] == sorted({one.id for one in added})
        assert store.samples.add([]) == []

    def test_a_known_source_key_is_not_stored_again(self, store: Store) -> None:
        first = store.samples.add([make_sample(source="s2s", source_key="1")])[0]
        again, other_source, other_key = store.samples.add(
            [
                make_sample(source="s2s", source_key="1", text="another"),
                make_sample(source="app", source_key="1"),
                make_sample(source="s2s", source_key="2"),
            ]
        )
        assert (again.id, again.uid, again.new) == (first.id, first.uid, False)
        assert other_source.new
        assert other_key.new
        assert store.samples.count(EVERYTHING) == 3
        assert store.samples.get(first.id).predictions[0].text == "hello world"

    def test_one_call_stores_a_source_key_once(self, store: Store) -> None:
        twins = [make_sample(source_key="1"), make_sample(source_key="1"), make_sample()]
        first, second, third = store.samples.add(twins)
        assert (second.id, second.uid, second.new) == (first.id, twins[0].uid, False)
        assert third.new
        assert store.samples.count(EVERYTHING) == 2

    def test_samples_without_a_source_key_are_never_the_same(self, store: Store) -> None:
        added = store.samples.add([make_sample(), make_sample()])
        assert added[0].id != added[1].id

    def test_adding_is_all_or_nothing(self, store: Store) -> None:
        uid = store.samples.add([make_sample()])[0].uid
        with pytest.raises(ConflictError):
            store.samples.add([make_sample(text="zebra"), make_sample(uid=uid)])
        assert store.samples.count(EVERYTHING) == 1
        assert store.samples.count(SampleFilter(text="zebra")) == 0
        assert store.samples.state_counts()["pending"] == 1

    @pytest.mark.parametrize(
        "different",
        [{"context": {"a": float("nan")}}, {"quality": float("nan")}, {"captured_at": 1 << 63},
         {"subject": "half \ud83d"}],
    )  # fmt: skip
    def test_a_value_no_database_can_hold_is_refused(
        self, store: Store, different: dict[str, object]
    ) -> None:
        with pytest.raises(InvalidInputError):
            store.samples.add([make_sample(), make_sample(**different)])
        assert store.samples.count(EVERYTHING) == 0

    def test_threads_adding_the_same_rows_store_them_once(self, store: Store) -> None:
        def add(worker: int) -> int:
            keys = range(worker, worker + 30)
            new = [make_sample(source="s2s", source_key=str(key)) for key in keys]
            return sum(one.new for one in store.samples.add(new))

        with ThreadPoolExecutor(6) as pool:
            stored = sum(pool.map(add, range(6)))
        assert stored == 35
        assert store.samples.count(EVERYTHING) == 35

    def test_an_unknown_number_is_not_found(self, store: Store) -> None:
        with pytest.raises(NotFoundError, match="`42`"):
            store.samples.get(42)
        with pytest.raises(NotFoundError):
            store.samples.add_prediction(42, make_prediction())
        with pytest.raises(NotFoundError):
            store.samples.set_report(42, CheckReport())

    def test_many_uids_at_once(self, store: Store) -> None:
        added = store.samples.add([make_sample() for _ in range(1_500)])
        uids = [one.uid for one in added]
        found = store.samples.by_uids([*reversed(uids), uids[0], "unknown"])
        assert {uid: sample.id for uid, sample in found.items()} == {
            one.uid: one.id for one in added
        }
        store.samples.mark_trained(uids)
        assert store.samples.state_counts()["trained"] == 1_500
        assert len(store.samples.erase([one.id for one in added])) == 1_500
        assert store.samples.count(EVERYTHING) == 0

    def test_keys_of_a_source(self, store: Store) -> None:
        keys = [f"row-{number}" for number in range(1_200)]
        added = store.samples.add([make_sample(source="s2s", source_key=key) for key in keys])
        assert store.samples.by_source("s2s", [*keys, "unknown"]) == {
            key: one.id for key, one in zip(keys, added, strict=True)
        }
        assert store.samples.by_source("app", keys) == {}

    def test_samples_by_group_key(self, store: Store) -> None:
        added = store.samples.add(
            [make_sample(groups=("a", "b")), make_sample(groups=("b", "b")), make_sample()]
        )
        first, second = added[0].id, added[1].id
        assert store.samples.by_groups(["a", "b", "c"]) == {"a": [first], "b": [first, second]}
        store.samples.erase([first])
        assert store.samples.by_groups(["a", "b"]) == {"b": [second]}

    def test_iterating_reads_each_once_and_lets_others_write(self, store: Store) -> None:
        added = store.samples.add([make_sample() for _ in range(25)])
        seen = []
        for sample in store.samples.iterate(EVERYTHING, batch=4):
            seen.append(sample.id)
            store.samples.mark_trained([sample.uid])
            if sample.id == added[3].id:
                store.samples.erase([added[10].id])
        assert seen == [one.id for one in added if one.id != added[10].id]
        assert len(list(store.samples.iterate(SampleFilter(trained=True), batch=5))) == 24
        assert list(store.samples.iterate(SampleFilter(modality="image"))) == []

    def test_counters_follow_every_change(self, store: Store) -> None:
        assert set(store.samples.state_counts()) == {*map(str, State), "trained"}
        added = store.samples.add([make_sample() for _ in range(3)] + [make_sample(modality="lip")])
        revision = make_revision(added[0].id)
        store.reviews.append(revision, make_standing(revision), expected=0)
        store.samples.mark_trained([added[0].uid, added[0].uid, added[3].uid, "unknown"])
        counts = store.samples.state_counts("speech")
        assert (counts["pending"], counts["accepted"], counts["trained"]) == (2, 1, 1)
        assert store.samples.state_counts()["trained"] == 2
        store.samples.erase([added[0].id, added[3].id])
        assert store.samples.state_counts() == {**dict.fromkeys(counts, 0), "pending": 2}
        assert store.check() == [line for line in store.check() if "3.51.3" in line]

    def test_a_prediction_is_appended(self, store: Store) -> None:
        number = store.samples.add([make_sample(confidence=0.9)])[0].id
        said = store.samples.add_prediction(number, make_prediction("again", confidence=0.2))
        assert said.id > 0
        stored = store.samples.get(number)
        assert [one.text for one in stored.predictions] == ["hello world", "again"]
        assert stored.predictions[1] == said
        unsure = store.samples.count(SampleFilter(confidence_below=0.5))
        assert unsure == 1, "the newest recognizer decides"
        corrected = make_prediction("x", kind=PredictionKind.CORRECTOR, confidence=0.99)
        store.samples.add_prediction(number, corrected)
        assert store.samples.count(SampleFilter(confidence_below=0.5)) == 1

    def test_a_report_replaces_the_one_before(self, store: Store) -> None:
        number = store.samples.add([full_sample()])[0].id
        report = CheckReport(findings=(make_finding("short"),), quality=0.5)
        store.samples.set_report(number, report)
        stored = store.samples.get(number)
        assert (stored.findings, stored.quality) == (report.findings, 0.5)
        store.samples.set_report(number, CheckReport())
        assert store.samples.get(number).findings == ()

    def test_erasing_reaches_everything(self, store: Store) -> None:
        new = full_sample()
        digest = new.media[0].digest
        added = store.samples.add([new])[0]
        revision = make_revision(added.id, truth="marzipan")
        kept = store.reviews.append(revision, make_standing(revision), expected=0)
        said = make_prediction("zebra").recognition
        other = make_digest("other")
        for key in (digest, f"{digest}@0.5-2.0", f"{other}+{digest}", other):
            store.recognitions.put("model", key, said)
        row = make_evaluated_row(added.uid)
        store.evaluations.add(make_evaluation([row, make_evaluated_row("stays")]))
        gone = store.samples.erase([added.id, added.id, 4242])
        parents = [medium.parent for medium in new.media if medium.parent]
        assert sorted(gone) == sorted({*(m.digest for m in new.media), *parents})
        with pytest.raises(NotFoundError):
            store.samples.get(added.id)
        with pytest.raises(NotFoundError):
            store.reviews.get(kept.id)
        for text in ("hello", "marzipan"):
            assert store.samples.count(SampleFilter(text=text)) == 0
        for key in (digest, f"{digest}@0.5-2.0", f"{other}+{digest}"):
            assert store.recognitions.get("model", key) is None
        assert store.recognitions.get("model", other) == said
        head = store.evaluations.all()[0]
        found = store.evaluations.find(head.model_digest, "mine@1", "test", "neutral-1")
        assert found is not None
        assert [one.sample_uid for one in found.rows] == ["stays"]

    def test_a_number_is_never_used_again(self, store: Store) -> None:
        last = store.samples.add([make_sample() for _ in range(3)])[-1].id
        store.samples.erase([last])
        assert store.samples.add([make_sample()])[0].id > last

    def test_blobs_that_others_need_are_not_given_up(self, store: Store) -> None:
        shared, parent, frozen, own = (make_media(name) for name in ("sh", "pa", "fr", "own"))
        derived = make_media("derived", parent=parent.digest)
        first, second = store.samples.add(
            [make_sample(media=(shared, parent, frozen, own)), make_sample(media=(shared, derived))]
        )
        row = make_row(0, sample_uid="someone", media={"audio": frozen.digest})
        store.datasets.add(make_version([row]), [row], [])
        everything = {one.digest for one in (shared, parent, frozen, own, derived)}
        assert set(store.samples.referenced_blobs()) == everything
        assert store.samples.erase([first.id]) == [own.digest]
        assert set(store.samples.referenced_blobs()) == everything - {own.digest}
        left = store.samples.erase([second.id])
        assert sorted(left) == sorted([shared.digest, parent.digest, derived.digest])
        store.datasets.entomb(["someone"])
        assert list(store.samples.referenced_blobs()) == []

    def test_a_verdict_is_found_by_its_truth(self, store: Store) -> None:
        added = store.samples.add([make_sample(text="helo wrld")])[0]
        revision = make_revision(added.id, truth="hello world", verdict=Verdict.CORRECTED)
        store.reviews.append(revision, make_standing(revision), expected=0)
        assert store.samples.count(SampleFilter(text="hello")) == 1
        assert store.samples.count(SampleFilter(text="wrld")) == 1
