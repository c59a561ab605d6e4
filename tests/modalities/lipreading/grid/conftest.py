"""A small corpus of real clips, in folders as people have them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from truing.modalities.lipreading.grid.corpus import Clip, Corpus
from truing.modalities.lipreading.grid.prepare import prepare

DATA = Path(__file__).parents[3] / "data" / "lipreading"
ORIGINALS = ("bbaf2n", "lrae3s", "pbio7a", "sbia1a", "sgib8n", "swwp2s")


@pytest.fixture
def my_videos(tmp_path: Path) -> Path:
    """Six originals of s1 with their alignments but one, `my/s1/video` and `my/s1/align`."""
    folder = tmp_path / "my" / "s1"
    for name in ("video", "align"):
        (folder / name).mkdir(parents=True)
    for name in ORIGINALS:
        shutil.copy(DATA / "grid" / f"{name}.mpg", folder / "video")
        if name != "sbia1a":
            shutil.copy(DATA / "grid" / f"{name}.align", folder / "align")
    return tmp_path / "my"


@pytest.fixture
def mouth_clips(tmp_path: Path) -> Callable[..., Path]:
    """Ready mouth clips of so many sentences as `clips/s1/mouth` and `clips/s1/align`."""

    def make(count: int, speaker: str = "s1") -> Path:
        for kind, ending in (("mouth", "mp4"), ("align", "align")):
            folder = tmp_path / "clips" / speaker / kind
            folder.mkdir(parents=True)
            for file in sorted((DATA / "grid_s1" / kind).glob(f"*.{ending}"))[:count]:
                shutil.copy(file, folder)
        return tmp_path / "clips"

    return make


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of 60 mouth clips of s1 with their mosaics; copy it before you change it."""
    corpus = Corpus(tmp_path_factory.mktemp("prepared"))
    clips = [path.stem for path in sorted((DATA / "grid_s1" / "mouth").iterdir())[:60]]
    for name in clips:
        for kind, target in (
            ("mouth", corpus.video(Clip(speaker="s1", name=name, ending=".mp4"))),
            ("align", corpus.alignment(Clip(speaker="s1", name=name))),
        ):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(DATA / "grid_s1" / kind / target.name, target)
    prepare(corpus, corpus.clips(), workers=1)
    return corpus.root


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but locks, with its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


@pytest.fixture
def files_of() -> Callable[[Path], dict[str, bytes]]:
    """See `tree`."""
    return tree
