"""Pictures made alike by flags: in an export, in a version, and to a bucket."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

TREE = Path(__file__).parents[1] / "data" / "clients" / "nexvision_doc"


@pytest.fixture
def edits(truing):
    """A workspace of two confirmed image edits."""
    assert truing("import", "nexvision", TREE).code == 0
    for number in (1, 2):
        assert truing("label", number, "--accept").code == 0


def kinds(folder: Path) -> set[tuple[str, tuple[int, int]]]:
    found = set()
    for file in folder.rglob("*.*"):
        if file.suffix in (".jpg", ".png"):
            with Image.open(file) as image:
                found.add((image.format, image.size))
    return found


@pytest.mark.usefixtures("edits")
def test_an_export_of_one_size(truing, tmp_path: Path) -> None:
    flags = ("--size", "48x32", "--kind", "png")
    assert truing("export", "imagefolder", tmp_path / "out", *flags).code == 0
    assert kinds(tmp_path / "out") == {("PNG", (48, 32))}
    assert truing("export", "imagefolder", tmp_path / "plain").code == 0
    assert ("PNG", (48, 32)) not in kinds(tmp_path / "plain")


@pytest.mark.usefixtures("edits")
def test_a_version_remembers_it(truing, tmp_path: Path) -> None:
    frozen = truing("dataset", "freeze", "mine", "--size", "64", "--kind", "jpeg", "--json").json
    assert frozen["parameters"]["standard"]["width"] == 64
    assert "64 x 64 (cover), sRGB, jpeg" in truing("dataset", "show", "mine@1").out
    told = truing("dataset", "export", "mine@1", tmp_path / "out", "--format", "imagefolder")
    assert told.code == 0
    assert kinds(tmp_path / "out") == {("JPEG", (64, 64))}
    other = ("--format", "nexvision", "--size", "20x10", "--kind", "jpeg")
    assert truing("dataset", "export", "mine@1", tmp_path / "other", *other).code == 0
    assert kinds(tmp_path / "other") == {("JPEG", (20, 10))}


@pytest.mark.usefixtures("edits")
@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--size", "0x9"), "side"),
        (("--size", "big"), "`big` is not a size"),
        (("--size", "9x9", "--quality", "101"), "quality"),
        (("--fit", "inside"), "has no size"),
        (("--fit", "tight", "--size", "9"), "`--fit` cannot be `tight`"),
    ],
)
def test_what_cannot_be_meant_is_refused(truing, tmp_path: Path, flags, said: str) -> None:
    told = truing("export", "imagefolder", tmp_path / "out", *flags)
    assert told.code == 2
    assert said in told.err
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("edits")
def test_only_formats_of_pictures_take_it(truing, tmp_path: Path) -> None:
    told = truing("export", "jsonl", tmp_path / "rows", "--standardise")
    assert told.code == 2
    assert "no pictures" in told.err


@pytest.mark.usefixtures("edits")
def test_a_bucket_is_a_place_like_any_other(truing, bucket: str, s3_server: str) -> None:
    url = f"s3://{bucket}/out?endpoint={s3_server}"
    assert truing("export", "nexvision", url, "--json").json == {"path": url}
    again = truing("import", "nexvision", url, "--json").json
    assert (again["added"], again["skipped"]) == (0, 2)
    assert truing("export", "nexvision", url).code == 4
