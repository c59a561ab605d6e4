"""Real mouth clips of one speaker, and a run context that writes checkpoints to a folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from truing.domain.grammar import sentence_of
from truing.domain.recipe import Example, MediaFile
from truing.testing.folder_context import FolderContext

GRID_S1 = Path(__file__).parents[2] / "data" / "lipreading" / "grid_s1"

SHORT = {
    "epochs": 6, "batch_size": 8, "learning_rate": 4e-3, "average": 0.9, "hidden": 96,
    "dropout": 0.1, "erase": 0.0, "freeze": 0.0,
}  # fmt: skip
"""A training of seconds that reads well above chance."""


def clip(name: str, *, aligned: bool = True, truth: str | None = None) -> Example:
    """One sentence of speaker s1, by the name that spells it."""
    media = {"video": MediaFile(path=GRID_S1 / "mouth" / f"{name}.mp4")}
    if aligned:
        media["alignment"] = MediaFile(path=GRID_S1 / "align" / f"{name}.align")
    return Example(
        uid=name, media=media, truth=sentence_of(name) if truth is None else truth, subject="s1"
    )


def names() -> list[str]:
    return sorted(path.stem for path in (GRID_S1 / "mouth").iterdir())


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


@dataclass(frozen=True)
class Trained:
    """A model after a very short training, and the rows that it never saw."""

    folder: Path
    train: list[Example]
    held_out: list[Example]
    context: FolderContext


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """About 20 seconds of one core: 124 clips, whole prefix groups of others held out."""
    from truing.domain.recipe import TrainingInput
    from truing.modalities.lipreading.recipes.visual_tcn import VisualTcnRecipe

    groups = sorted({name[:4] for name in names()})
    out = set(groups[::5])
    rows = {side: [clip(n) for n in names() if (n[:4] in out) is side] for side in (True, False)}
    folder = tmp_path_factory.mktemp("trained")
    context = FolderContext(tmp_path_factory.mktemp("kept"))
    recipe = VisualTcnRecipe()
    recipe.train(
        TrainingInput(
            base=None,
            train=rows[False],
            validation=rows[True],
            replay=(),
            options=recipe.options(**SHORT),
            seed=1,
            output=folder,
        ),
        context,
    )
    return Trained(folder=folder, train=rows[False], held_out=rows[True], context=context)
