"""A tiny pipeline, photos with parametric edits, and a context that keeps what it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from truing.domain.recipe import Example, TrainingInput, TrainingResult
from truing.modalities.image_edit.recipes.instruct_pix2pix import InstructPix2PixRecipe
from truing.modalities.image_edit.recipes.options import InstructPix2PixOptions
from truing.testing.folder_context import FolderContext
from truing.testing.photo_edits import edited_pairs, edits
from truing.testing.tiny_editor import tiny_editor

PHOTOS = Path(__file__).parents[3] / "data" / "clients" / "nexvision" / "training-data"
SIZE = 16
QUICK = InstructPix2PixOptions(
    size=SIZE,
    batch_size=4,
    accumulation=2,
    max_steps=4,
    validate_every=2,
    learning_rate=3e-3,
    steps=2,
    text_guidance=1.0,
    image_guidance=1.0,
    threads=1,
)


Train = Callable[..., tuple[TrainingResult, FolderContext, Path]]


@pytest.fixture(scope="session")
def photos() -> dict[str, Image.Image]:
    """The first original of each of the five photos."""
    found: dict[str, Image.Image] = {}
    stamps = {"051": "chelsea", "205": "coffee", "269": "rocket", "305": "brick", "358": "camera"}
    for stamp, name in stamps.items():
        file = next(PHOTOS.glob(f"session-2026-11-20T09-49-36-{stamp}Z/original-*"))
        found[name] = Image.open(file).convert("RGB")
    return found


@pytest.fixture(scope="session")
def pairs(
    photos: dict[str, Image.Image], tmp_path_factory: pytest.TempPathFactory
) -> list[Example]:
    """Eight edits of one window into each of two photos."""
    two = {name: photos[name] for name in ("coffee", "chelsea")}
    return edited_pairs(tmp_path_factory.mktemp("pairs"), two, 1, size=24)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline that edits at random."""
    folder = tmp_path_factory.mktemp("base") / "tiny"
    return tiny_editor(folder, list(edits()), widths=(16, 32), size=SIZE, prediction="sample")


@pytest.fixture(scope="session")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline that makes pictures from text: its UNet takes four channels, and says noise."""
    folder = tmp_path_factory.mktemp("narrow") / "tiny"
    return tiny_editor(
        folder, list(edits()), widths=(8, 16), size=SIZE, channels=4, prediction="epsilon"
    )


@pytest.fixture
def train(tmp_path: Path, pairs: list[Example], base: Path) -> Train:
    """Trains on the first eight pairs, validated by two of the others."""

    def run(
        name: str,
        context: FolderContext | None = None,
        *,
        rows: Sequence[Example] | None = None,
        validation: Sequence[Example] | None = None,
        start: Path | None = base,
        **options: Any,
    ) -> tuple[TrainingResult, FolderContext, Path]:
        output = tmp_path / name
        output.mkdir()
        context = context or FolderContext(tmp_path / f"{name}-checkpoints")
        given = TrainingInput(
            base=None if start is None else str(start),
            train=pairs[:8] if rows is None else rows,
            validation=pairs[8:10] if validation is None else validation,
            replay=(),
            options=replace(QUICK, **options),
            seed=3,
            output=output,
        )
        return InstructPix2PixRecipe().train(given, context), context, output

    return run
