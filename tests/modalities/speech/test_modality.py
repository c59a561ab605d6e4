"""The modality as the loop meets it."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from truing.domain.media import Media
from truing.domain.modality import (
    CanBaseline,
    CanPlay,
    CanPublish,
    CanRecognize,
    CanTrain,
    CheckInput,
    Modality,
)
from truing.domain.recipe import Example
from truing.domain.settings import resolve
from truing.modalities import MODALITIES
from truing.modalities.speech.modality import Speech


def test_the_table_names_it() -> None:
    module, _, name = MODALITIES["speech"].partition(":")
    assert getattr(import_module(module), name) is Speech


def test_it_has_every_ability() -> None:
    speech = Speech()
    for ability in (Modality, CanRecognize, CanTrain, CanBaseline, CanPublish, CanPlay):
        assert isinstance(speech, ability)
    assert [metric.name for metric in speech.metrics] == ["wer", "cer", "sentence_accuracy"]
    assert {"whisper", "whisper-scratch"} <= set(speech.recipes)


def test_its_settings_are_its_own_and_documented() -> None:
    keys = [setting.key for setting in Speech.settings]
    assert len(keys) == len(set(keys))
    for setting in Speech.settings:
        assert setting.key.startswith("speech.")
        assert setting.help.startswith("`")


def test_from_an_array_to_findings_and_groups() -> None:
    speech = Speech()
    kept = speech.ingest("audio", (np.zeros(16_000, np.int16), 16_000))
    medium = Media(role=kept.role, digest="d", size=1, media_type=kept.media_type, facts=kept.facts)
    limits = resolve(
        speech.settings, flags={}, environ={}, file_values={}, file_origin="truing.toml"
    )
    given = CheckInput(
        media=[medium], data={"audio": kept.data}, predictions=[], truth=None, damage={}
    )
    report = speech.check(given, limits)
    assert [found.check for found in report.findings] == ["silent"]
    assert speech.group_keys([medium]) == (kept.facts["content"],)


def test_recognising_publishing_and_the_baseline_are_reached_through_it(
    base: Path, tmp_path: Path, digits: list[Any]
) -> None:
    speech = Speech()
    published = speech.publish(base, tmp_path, {})
    recognizer = speech.open_recognizer(str(published), {"threads": 1})
    assert recognizer.recognize(digits[0].media).text == digits[0].text
    rows = [Example(uid=d.path.stem, media=d.media, truth=d.text) for d in digits[:3]]
    assert speech.baseline(rows, rows) == [row.truth for row in rows]


def test_importing_it_loads_nothing_heavy() -> None:
    heavy = ["torch", "transformers", "numpy", "scipy", "soundfile", "soxr", "ctranslate2", "rich"]
    code = (
        "import sys; from truing.modalities.speech.modality import Speech; Speech();"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
