"""Options of the Whisper recipes: what they refuse, and how they follow the corrections."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from truing.domain.errors import SettingError
from truing.domain.recipe import Example
from truing.modalities.speech.recipes import whisper
from truing.modalities.speech.recipes.whisper import WhisperOptions, WhisperRecipe


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 0.0),
        ("batch_size", 0),
        ("schedule", "steps"),
        ("replay_share", 1.0),
        ("precision", "int8"),
        ("task", "sing"),
    ],
)
def test_options_refuse_what_cannot_work(name: str, value: Any) -> None:
    with pytest.raises(SettingError, match=name):
        WhisperOptions(**{name: value})


def test_presets_follow_the_number_of_corrections(english_base: Path) -> None:
    recipe = WhisperRecipe()
    counts = (1, 49, 50, 199, 200, 999, 1000)
    epochs = [recipe.presets(count, "openai/whisper-small")["epochs"] for count in counts]
    assert epochs == [20, 20, 10, 10, 5, 5, 3]
    tiny = recipe.presets(50, str(english_base))
    assert tiny["max_steps"] == 160
    assert WhisperOptions(**tiny).learning_rate == 5e-4  # type: ignore[arg-type]


def test_every_option_explains_itself() -> None:
    for field in dataclasses.fields(WhisperOptions):
        assert field.metadata["help"]


@pytest.mark.parametrize(
    ("batch", "share", "has_replay", "expected"),
    [
        (16, 0.5, True, (8, 8)),
        (16, 0.5, False, (16, 0)),
        (16, 0.0, True, (16, 0)),
        (16, 0.01, True, (15, 1)),
        (2, 0.99, True, (1, 1)),
        (1, 0.5, True, (1, 0)),
    ],
)
def test_shares_of_a_batch(
    batch: int, share: float, has_replay: bool, expected: tuple[int, int]
) -> None:
    options = WhisperOptions(batch_size=batch, replay_share=share)
    assert whisper._shares(options, has_replay=has_replay) == expected


def test_validation_looks_at_a_bounded_number_of_rows(theo: list[Example]) -> None:
    chosen = whisper._some(theo, 5, seed=1)
    assert len({row.uid for row in chosen}) == 5
    assert chosen == whisper._some(theo, 5, seed=1) != whisper._some(theo, 5, seed=2)
    assert whisper._some(theo, 0, seed=1) is theo
    assert whisper._some(theo, 15, seed=1) is theo
