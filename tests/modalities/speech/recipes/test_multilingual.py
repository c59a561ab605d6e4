"""Two languages from nothing to a transcript: trained, detected, fine-tuned, transcribed.

The languages are two real voices: one says the digits in English; what the other says is written in
German. So the language can be told from the sound, and the text follows from the language.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from truing.demo import shipped
from truing.domain.errors import SettingError
from truing.domain.recipe import Example, MediaFile, TrainingInput
from truing.modalities.speech.recipes.whisper import WhisperOptions, WhisperRecipe
from truing.modalities.speech.recipes.whisper_scratch import (
    WhisperScratchOptions,
    WhisperScratchRecipe,
)
from truing.modalities.speech.recognize import open_recognizer

GERMAN = dict(
    zip(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
        ["null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"],
        strict=True,
    )
)


def spoken(takes: range) -> list[Example]:
    """Theo's digits in English and Jackson's in German."""
    lines = (shipped.RECORDINGS / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    found = []
    for row in map(json.loads, lines):
        language = {"theo": "en", "jackson": "de"}.get(row["speaker"])
        if language is not None and row["recording"] in takes:
            said = row["transcription"]
            found.append(
                Example(
                    uid=row["file_name"],
                    media={"audio": MediaFile(path=shipped.RECORDINGS / row["file_name"])},
                    truth=GERMAN[said] if language == "de" else said,
                    subject=row["speaker"],
                    inputs={"language": language},
                )
            )
    return found


def scratch(output: Path, train: list[Example], **options: Any) -> TrainingInput:
    small: dict[str, Any] = {"languages": "en,de", "input_seconds": 1, "text_positions": 24}
    return TrainingInput(
        base=None, train=train, validation=(), replay=(), seed=1, output=output,
        options=WhisperScratchOptions(**{**small, **options}),
    )  # fmt: skip


def share_right(model: Path, rows: list[Example], **options: Any) -> float:
    recognizer = open_recognizer(str(model), {"text_only": True, **options})
    heard = recognizer.recognize_many([row.media for row in rows])
    recognizer.close()
    return sum(h.text == row.truth for h, row in zip(heard, rows, strict=True)) / len(rows)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_two_languages_from_nothing_to_a_transcript(context: Any, fresh: Any) -> None:
    model, tuned = fresh("model"), fresh("tuned")
    learned = scratch(
        model, spoken(range(12)), max_steps=600, learning_rate=2e-3, width=64, join_chance=0.0
    )  # fmt: skip
    WhisperScratchRecipe().train(learned, context)
    held_out = spoken(range(30, 36))
    english = [row for row in held_out if row.inputs["language"] == "en"]
    german = [row for row in held_out if row.inputs["language"] == "de"]
    assert share_right(model, held_out) > 0.6, "the language is heard"
    in_english = share_right(model, english, language="en")
    assert in_english > 0.5
    assert share_right(model, german, language="german") > 0.6
    assert share_right(model, english, language="de") < in_english / 2, "told German, it is German"

    asked = TrainingInput(
        base=str(model), train=spoken(range(12, 18)), validation=german, replay=spoken(range(4)),
        seed=1, output=tuned,
        options=WhisperOptions(max_steps=60, learning_rate=5e-4, accumulation=1, threads=1),
    )  # fmt: skip
    result = WhisperRecipe().train(asked, context)
    assert result.figures["validation_wer"] < 0.4
    settings = json.loads((tuned / "generation_config.json").read_text(encoding="utf-8"))
    assert settings["is_multilingual"]
    assert share_right(tuned, english, language="en") > 0.7
    assert share_right(tuned, german, language="de") > 0.7


def test_a_sample_in_a_language_that_was_not_named_is_refused(context: Any, fresh: Any) -> None:
    rows = spoken(range(1))
    french = dataclasses.replace(rows[0], inputs={"language": "fr"})
    with pytest.raises(SettingError, match="fr") as caught:
        WhisperScratchRecipe().train(scratch(fresh("out"), [french], max_steps=1), context)
    assert caught.value.hint == "Set `languages` to en,de,fr."


def test_the_model_says_which_languages_it_knows(context: Any, fresh: Any) -> None:
    out = fresh("out")
    WhisperScratchRecipe().train(scratch(out, spoken(range(1)), max_steps=1, width=16), context)
    settings = json.loads((out / "generation_config.json").read_text(encoding="utf-8"))
    assert set(settings["lang_to_id"]) == {"<|en|>", "<|de|>"}
    recognizer = open_recognizer(str(out), {"text_only": True, "language": "german"})
    recognizer.close()
