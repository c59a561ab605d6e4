"""Real recordings, tiny untrained models and a run context that writes checkpoints to a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from truing.domain.recipe import Example, MediaFile
from truing.testing.folder_context import FolderContext

DIGITS = Path(__file__).parents[3] / "data" / "speech" / "digits"


def digits(speaker: str) -> list[Example]:
    lines = (DIGITS / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [
        Example(
            uid=row["file_name"],
            media={"audio": MediaFile(path=DIGITS / row["file_name"])},
            truth=row["transcription"],
            subject=speaker,
        )
        for row in rows
        if row["speaker"] == speaker
    ]


def digest(folder: Path) -> str:
    return sha256((folder / "model.safetensors").read_bytes()).hexdigest()


@pytest.fixture(scope="session")
def theo() -> list[Example]:
    """Fifteen recordings of the person."""
    return digits("theo")


@pytest.fixture(scope="session")
def jackson() -> list[Example]:
    """Ten recordings of somebody else, for replay."""
    return digits("jackson")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def context(tmp_path: Path) -> FolderContext:
    return FolderContext(tmp_path / "checkpoints")


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[str], Path]:
    """Makes an empty folder of the given name."""

    def make(name: str) -> Path:
        (tmp_path / name).mkdir()
        return tmp_path / name

    return make


def tiny_model(folder: Path, *, multilingual: bool) -> Path:
    """An untrained Whisper of 1 s input and about 12 000 parameters, as transformers saves it."""
    import torch

    from truing.modalities.speech.model_folder import write_model_folder
    from truing.modalities.speech.recipes.whisper_scratch import (
        WhisperScratchOptions,
        build_model,
        build_processor,
    )

    torch.manual_seed(7)
    options = WhisperScratchOptions(
        width=16, heads=2, layers=1, feedforward=32, input_seconds=1, text_positions=24, dropout=0.1
    )
    texts = ["zero one two three four", "five six seven eight nine"]
    processor = build_processor(texts, options)
    model: Any = build_model(processor.tokenizer, options)
    if multilingual:
        known = processor.tokenizer.get_vocab()
        settings = model.generation_config
        settings.is_multilingual = True
        settings.lang_to_id = {f"<|{code}|>": known[f"<|{code}|>"] for code in ("en", "de", "fr")}
        settings.task_to_id = {task: known[f"<|{task}|>"] for task in ("transcribe", "translate")}
    write_model_folder(folder, model=model, processor=processor)
    return folder


@pytest.fixture(scope="session")
def english_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("english"), multilingual=False)


@pytest.fixture(scope="session")
def multilingual_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("multilingual"), multilingual=True)
