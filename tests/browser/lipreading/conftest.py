"""What the tests of lip-reading's pages share: a model, a camera with a face, samples to watch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from truing import Workspace
from truing.domain.prediction import Recognition, Word
from truing.domain.recipe import Example, MediaFile, TrainingInput
from truing.modalities.lipreading import alignment
from truing.modalities.lipreading.grammar import sentence_of

DATA = Path(__file__).parents[2] / "data" / "lipreading"
CLIP = DATA / "grid" / "bbaf2n.mpg"
FAKE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
BITS = 8
"""Of the numbered frames: one black or white field for each bit of the number."""
FIELD = 24
NUMBERED = 60
"""How many frames of the numbered video there are."""


class Quiet:
    """A run's context for a recipe that is over in seconds."""

    def report(self, step: int, metrics: object) -> None:
        """Not recorded."""

    def progress(self, done: int, total: int) -> None:
        """Not shown."""

    def log(self, message: str) -> None:
        """Not written."""

    def should_stop(self) -> bool:
        """Nobody asks."""
        return False

    def save_checkpoint(self, step: int, write: object) -> None:
        """Not needed."""

    def latest_checkpoint(self) -> None:
        """There is none."""


@pytest.fixture(scope="session")
def ridge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of one speaker's mouth clips, made in seconds."""
    from truing.modalities.lipreading.recipes.pixel_ridge import (
        PixelRidgeOptions,
        PixelRidgeRecipe,
    )

    folder = tmp_path_factory.mktemp("ridge")
    examples = [
        Example(
            uid=clip.stem,
            media={
                "video": MediaFile(path=clip),
                "alignment": MediaFile(path=DATA / "grid_s1" / "align" / f"{clip.stem}.align"),
            },
            truth=sentence_of(clip.stem),
        )
        for clip in sorted((DATA / "grid_s1" / "mouth").glob("*.mp4"))[::2]
    ]
    given = TrainingInput(
        base=None,
        train=examples,
        validation=[],
        replay=None,
        output=folder,
        options=PixelRidgeOptions(components=16),
        seed=0,
    )
    PixelRidgeRecipe().train(given, Quiet())
    return folder


@pytest.fixture(scope="session")
def camera(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Flags of a browser whose camera shows the GRID clip."""
    import av

    path = tmp_path_factory.mktemp("camera") / "face.y4m"
    with av.open(str(CLIP), format="mpeg") as file, path.open("wb") as out:
        out.write(b"YUV4MPEG2 W360 H288 F25:1 Ip A1:1 C420\n")
        for frame in file.decode(file.streams.video[0]):
            out.write(b"FRAME\n" + frame.reformat(format="yuv420p").to_ndarray().tobytes())
    return (*FAKE, f"--use-file-for-fake-video-capture={path}")


def until(page: Page, told: str, *, patience: float = 60.0) -> Any:
    """Waits until an expression in the page is true, and gives its value."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        value = page.evaluate(told)
        if value:
            return value
        time.sleep(0.03)
    raise AssertionError(f"it did not come true: {told}")


def numbered() -> dict[str, object]:
    """Frames that show their own number in black and white fields, at uneven times."""
    frames = np.zeros((NUMBERED, FIELD * 4, FIELD * BITS, 3), np.uint8)
    for number in range(NUMBERED):
        for bit in range(BITS):
            lit = 255 if number >> bit & 1 else 0
            frames[number, :, bit * FIELD : (bit + 1) * FIELD] = lit
    steps = np.random.default_rng(3).uniform(0.02, 0.09, NUMBERED)
    steps[0] = 0
    return {"frames": frames, "times": np.cumsum(steps).round(3).tolist()}


@pytest.fixture
def filmed(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with numbered frames, a face and a mouth clip, the latter with alignments."""
    with Workspace.create(tmp_path / "ws", environ={}) as workspace:
        workspace.capture("lipreading", video=numbered(), sampling="wholesale")
        for video, align in (
            (CLIP, CLIP.with_suffix(".align")),
            (DATA / "grid_s1/mouth/bbas1s.mp4", DATA / "grid_s1/align/bbas1s.align"),
        ):
            words = alignment.read(align)
            heard = [(w.text, w.start, w.end, 0.9 if w.text != "at" else 0.2) for w in words]
            said = tuple(
                Word(text=text, start=start, end=end, confidence=sure)
                for text, start, end, sure in heard
            )
            workspace.capture(
                "lipreading",
                video=video,
                alignment=align,
                raw=Recognition(text=alignment.text_of(words), words=said, confidence=0.9),
                model="lipreading/1",
                subject="s1",
                sampling="wholesale",
            )
        yield workspace
