"""Pictures that are standardised on their way out: asked for, or frozen with a version."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from truing import Workspace
from truing.domain.errors import InvalidInputError
from truing.formats.standardise import Kind, Standard

TREE = Path(__file__).parents[1] / "data" / "clients" / "nexvision_doc"
STANDARD = Standard(width=64, height=48, kind=Kind.JPEG)


@pytest.fixture
def workspace(tmp_path: Path):
    with Workspace.create(tmp_path / "workspace") as workspace:
        workspace.import_from("nexvision", TREE)
        for number in (1, 2):
            workspace.review(number, "accepted")
        yield workspace


def sizes(folder: Path) -> set[tuple[int, int]]:
    found = set()
    for file in folder.rglob("*.jpg"):
        with Image.open(file) as image:
            found.add(image.size)
    return found


def test_a_standard_reaches_every_picture(workspace, tmp_path: Path) -> None:
    for name in ("imagefolder", "nexvision"):
        workspace.export(name, tmp_path / name, standard=STANDARD)
        assert sizes(tmp_path / name) == {(64, 48)}
    workspace.export("nexvision", tmp_path / "as-it-is")
    assert (64, 48) not in sizes(tmp_path / "as-it-is")
    with pytest.raises(InvalidInputError, match="no pictures"):
        workspace.export("jsonl", tmp_path / "rows", standard=STANDARD)


def test_a_version_has_its_own(workspace, tmp_path: Path) -> None:
    version = workspace.freeze("mine", modality="image_edit", standard=STANDARD)
    assert version.parameters["standard"] == STANDARD.as_dict()
    workspace.export("imagefolder", tmp_path / "out", dataset="mine@1")
    assert sizes(tmp_path / "out") == {(64, 48)}
    other = Standard(width=8, height=8, kind=Kind.JPEG)
    workspace.export("imagefolder", tmp_path / "other", dataset="mine@1", standard=other)
    assert sizes(tmp_path / "other") == {(8, 8)}
    workspace.export("jsonl", tmp_path / "rows", dataset="mine@1")  # keeps what is stored
    assert (64, 48) not in sizes(tmp_path / "rows")
