"""A model where an app looks for it: what its runtime reads, and nothing of who it learned from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from truing.domain.errors import InvalidInputError, NotFoundError, UnavailableError
from truing.modalities.lipreading.publish import publish


def folder(place: Path, **files: str | bytes) -> Path:
    place.mkdir(parents=True)
    for name, content in files.items():
        file = place / name.replace("__", ".")
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return place


def plain(place: Path, kind: str = "pixel-ridge") -> Path:
    return folder(
        place,
        config__json=json.dumps({"model_type": kind}),
        model__safetensors=b"weights",
        model__json='{"dataset": "mine@1"}',
        training__log="who was trained on",
    )


def names(place: Path) -> set[str]:
    return {file.name for file in place.iterdir()}


@pytest.mark.parametrize("kind", ["pixel-ridge", "visual-tcn"])
def test_plain_weights_under_the_next_number(tmp_path: Path, kind: str) -> None:
    model, target = plain(tmp_path / "model", kind), tmp_path / "app"
    assert publish(model, target, {}) == target / "1"
    assert publish(model, target, {}) == target / "2"
    assert names(target / "2") == {"config.json", "model.safetensors"}
    assert (target / "2" / "model.safetensors").read_bytes() == b"weights"
    assert names(target) == {"1", "2"}


def test_an_adapter_in_the_format_of_peft(tmp_path: Path) -> None:
    model = folder(
        tmp_path / "model",
        adapter_config__json='{"peft_type": "LORA"}',
        adapter_model__safetensors=b"adapter",
        tokenizer__json="{}",
        vlm__json="{}",
        model__json="{}",
    )
    published = publish(model, tmp_path / "app", {})
    assert names(published) == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "tokenizer.json",
        "vlm.json",
    }


def test_an_external_reader_has_no_weights(tmp_path: Path) -> None:
    model = folder(tmp_path / "model", config__json='{"model_type": "external"}')
    assert names(publish(model, tmp_path / "app", {})) == {"config.json"}


def test_what_cannot_be_published(tmp_path: Path) -> None:
    model = plain(tmp_path / "model")
    with pytest.raises(InvalidInputError, match="no option `quantization`"):
        publish(model, tmp_path / "app", {"quantization": "int8"})
    with pytest.raises(NotFoundError, match="no model folder"):
        publish(tmp_path / "none", tmp_path / "app", {})
    (model / "model.safetensors").unlink()
    with pytest.raises(NotFoundError, match="not whole"):
        publish(model, tmp_path / "app", {})
    assert not (tmp_path / "app").exists()
    other = folder(tmp_path / "other", config__json='{"model_type": "whisper"}')
    with pytest.raises(InvalidInputError, match="whisper"):
        publish(other, tmp_path / "app", {})
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnavailableError):
        publish(plain(tmp_path / "third"), tmp_path / "file" / "below", {})
