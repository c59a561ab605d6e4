"""A Whisper model's files: where they are, on this machine or a hub, and how they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from truing.domain.errors import InvalidInputError
from truing.modalities.speech.vocabulary import read_json
from truing.platform.hub import local_folder

EXAMPLE = "distil-whisper/distil-small.en"
FILES = (
    "*.json",
    "model.safetensors",
    "model-*-of-*.safetensors",
    "model.bin",
    "vocabulary.txt",
)
"""What is fetched: configuration and weights, never pickles."""


def find_model(model: str) -> Path:
    """The folder of a model given as a folder or hub id, with a Whisper model in it.

    Raises:
        NotFoundError: no such folder, or no model in it, or the hub does not know the id.
        UnavailableError: the hub cannot be reached.
        MissingDependencyError: an id was given and `huggingface_hub` is not installed.
        InvalidInputError: the folder holds another kind of model.
    """
    return _whisper(local_folder(model, FILES, example=EXAMPLE, extra="train"))


def is_ctranslate2(folder: Path) -> bool:
    """Whether the folder was written by CTranslate2."""
    return (folder / "model.bin").is_file()


def write_model_folder(folder: Path, *, model: Any, processor: Any) -> None:
    """Writes a model that transformers, CTranslate2 and faster-whisper can read.

    `preprocessor_config.json` repeats what `processor_config.json` holds: transformers 5 no longer
    writes it, faster-whisper still asks for it.
    """
    model.save_pretrained(folder, safe_serialization=True)
    processor.save_pretrained(folder)
    processor.feature_extractor.save_pretrained(folder)


def _whisper(folder: Path) -> Path:
    if is_ctranslate2(folder):
        return folder
    kind = read_json(folder / "config.json").get("model_type")
    if kind != "whisper":
        raise InvalidInputError(
            f"the model in `{folder}` is of the kind `{kind}`",
            hint="give the folder of a Whisper model",
        )
    return folder
