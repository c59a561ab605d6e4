"""What every store must do with what people prefer of two models' results."""

# ruff: noqa: D102 - the names of the tests say what they show

from __future__ import annotations

from typing import Any

import pytest

from truing.domain.errors import ConflictError
from truing.domain.ports import Store
from truing.domain.preference import Choice, Preference
from truing.testing.factories import START, make_digest, make_sample

LESSER, GREATER = sorted((make_digest("image_edit/1"), make_digest("image_edit/2")))


def make_preference(sample_uid: str, choice: Choice = Choice.B, **different: Any) -> Preference:  # noqa: ANN401
    """What Ada prefers: the second model's result."""
    return Preference(
        **{
            "uid": f"preference-of-{different.get('actor', 'ada')}-on-{sample_uid}",
            "modality": "image_edit",
            "dataset": "mine@1",
            "split": "test",
            "model_a": LESSER,
            "model_b": GREATER,
            "sample_uid": sample_uid,
            "choice": choice,
            "actor": "ada",
            "created_at": START,
            "seconds": 2.5,
            **different,
        }
    )


class PreferenceConformance:
    """Tests of `Preferences`; see `store_conformance`."""

    def test_preferences_are_seen_from_either_model(self, store: Store) -> None:
        first = make_preference("one", Choice.A)
        second = make_preference("two", Choice.A, model_a=GREATER, model_b=LESSER, seconds=None)
        third = make_preference("three", Choice.TIE)
        for one in (first, second, third):
            store.preferences.add(one)
        found = store.preferences.of(LESSER, GREATER, "mine@1", "test")
        assert found == [first, second.seen_from(LESSER), third]
        assert [one.choice for one in found] == [Choice.A, Choice.B, Choice.TIE]
        turned = store.preferences.of(GREATER, LESSER, "mine@1", "test")
        assert [one.choice for one in turned] == [Choice.B, Choice.A, Choice.TIE]
        assert turned[1] == second
        assert {one.model_a for one in turned} == {GREATER}

    def test_preferences_of_other_rows_and_models_are_others(self, store: Store) -> None:
        store.preferences.add(make_preference("one"))
        others = [("dataset", "mine@2"), ("split", "validation"), ("model_b", make_digest("3"))]
        for name, value in others:
            different: dict[str, Any] = {"uid": f"other-{name}", name: value}
            store.preferences.add(make_preference("one", **different))
        assert len(store.preferences.of(LESSER, GREATER, "mine@1", "test")) == 1
        assert store.preferences.of(LESSER, LESSER, "mine@1", "test") == []

    def test_a_person_chooses_once_on_a_row(self, store: Store) -> None:
        store.preferences.add(make_preference("one"))
        again = make_preference("one", Choice.TIE, uid="again", model_a=GREATER, model_b=LESSER)
        with pytest.raises(ConflictError, match="ada"):
            store.preferences.add(again)
        other = make_preference("one", Choice.TIE, actor="bob")
        store.preferences.add(other)
        assert store.preferences.remove(other.uid)
        assert not store.preferences.remove(other.uid)
        (left,) = store.preferences.of(LESSER, GREATER, "mine@1", "test")
        assert left.choice is Choice.B

    def test_preferences_are_forgotten_with_their_samples(self, store: Store) -> None:
        kept, gone, erased = store.samples.add([make_sample() for _ in range(3)])
        for actor in ("ada", "bob"):
            for one in (kept, gone, erased):
                store.preferences.add(make_preference(one.uid, actor=actor))
        assert store.preferences.forget([gone.uid, gone.uid, "unknown"]) == 2
        store.samples.erase([erased.id])
        left = store.preferences.of(LESSER, GREATER, "mine@1", "test")
        assert [(one.sample_uid, one.actor) for one in left] == [
            (kept.uid, "ada"),
            (kept.uid, "bob"),
        ]
        many = [make_preference(f"many-{number}") for number in range(1_200)]
        for preference in many[:3]:
            store.preferences.add(preference)
        assert store.preferences.forget([one.sample_uid for one in many]) == 3
