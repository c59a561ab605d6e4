"""A model where a dictation app looks for it, whole or not at all."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from truing.domain.errors import (
    DamagedError,
    InvalidInputError,
    MissingDependencyError,
    NotFoundError,
    UnavailableError,
)
from truing.modalities.speech.publish import publish
from truing.modalities.speech.recognize import open_recognizer
from truing.platform.numbered import highest


def test_the_next_number_is_what_the_app_loads(
    base: Path, tmp_path: Path, digits: list[Any]
) -> None:
    for other in ("3", "v9", "08", "12x", ".13"):
        (tmp_path / other).mkdir()
    (tmp_path / "99").write_text("a file that is called like a version")
    published = publish(base, tmp_path, {})
    assert published == tmp_path / "9"
    assert publish(base, tmp_path, {"quantization": "int8"}) == tmp_path / "10"
    assert highest(tmp_path) == 10
    names = {path.name for path in published.iterdir()}
    assert names == {
        "model.bin",
        "config.json",
        "vocabulary.json",
        "tokenizer.json",
        "generation_config.json",
        "preprocessor_config.json",
    }
    assert (tmp_path / "10" / "model.bin").stat().st_size < 0.4 * (
        published / "model.bin"
    ).stat().st_size
    for folder in (published, tmp_path / "10"):
        recognizer = open_recognizer(str(folder), {"threads": 1})
        assert recognizer.seconds == 2.0
        known = [digit for digit in digits if digit.speaker == "jackson"]
        found = recognizer.recognize_many([digit.media for digit in known])
        assert sum(a.text == b.text for a, b in zip(found, known, strict=True)) >= 8


def test_what_faster_whisper_asks_for(base: Path, tmp_path: Path) -> None:
    published = publish(base, tmp_path / "new" / "folder", {})
    told = json.loads((published / "preprocessor_config.json").read_text(encoding="utf-8"))
    assert (told["feature_size"], told["chunk_length"], told["nb_max_frames"]) == (80, 2, 200)


def test_a_failed_conversion_leaves_nothing(base: Path, tmp_path: Path) -> None:
    broken, target = tmp_path / "broken", tmp_path / "target"
    shutil.copytree(base, broken)
    (broken / "model.safetensors").write_bytes(b"rotten")
    with pytest.raises(DamagedError):
        publish(broken, target, {})
    assert list(target.iterdir()) == []


def test_what_cannot_be_published(base: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        publish(tmp_path / "none", tmp_path, {})
    with pytest.raises(InvalidInputError, match="`int3`"):
        publish(base, tmp_path, {"quantization": "int3"})
    with pytest.raises(InvalidInputError, match="`quantisation`"):
        publish(base, tmp_path, {"quantisation": "int8"})
    published = publish(base, tmp_path / "target", {})
    with pytest.raises(InvalidInputError, match="already"):
        publish(published, tmp_path / "target", {})
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError):
        publish(base, tmp_path / "file" / "below", {})


@pytest.mark.parametrize(
    ("missing", "extra"),
    [("torch", "truing[train]"), ("ctranslate2.converters", "truing[serve-models]")],
)
def test_without_the_extras(
    base: Path, tmp_path: Path, missing: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingDependencyError) as error:
        publish(base, tmp_path, {})
    assert extra in str(error.value.hint)
