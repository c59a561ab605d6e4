"""Pictures of a run: whole or not there, in order, forgotten with their sample."""

from __future__ import annotations

from pathlib import Path

import pytest

from truing.domain.errors import NotFoundError
from truing.domain.recipe import Glimpse
from truing.jobs.pictures import MOST_STEPS, PictureFolder, name_of

UID = "0199a0c4-2f00-7000-8000-000000000007"
OTHER = "0199a0c4-2f00-7000-8000-000000000001"


def glimpse(uid: str, made: bytes) -> Glimpse:
    return Glimpse(uid=uid, text=f"edit {uid[-1]}", given=b"given", made=made, wanted=b"wanted")


@pytest.fixture
def pictures(tmp_path: Path) -> PictureFolder:
    return PictureFolder(tmp_path / "pictures")


def test_rows_come_as_they_were_first_shown(pictures: PictureFolder) -> None:
    assert pictures.rows() == []
    for step in (0, 40):
        pictures.add(step, [glimpse(UID, b"%d" % step), glimpse(OTHER, b"x")])
    assert [row.as_dict() for row in pictures.rows()] == [
        {"sample": UID, "text": "edit 7", "steps": [0, 40]},
        {"sample": OTHER, "text": "edit 1", "steps": [0, 40]},
    ]
    assert pictures.file(UID, "original").read_bytes() == b"given"
    assert pictures.file(UID, "target").read_bytes() == b"wanted"
    assert pictures.file(UID, "40").read_bytes() == b"40"


def test_a_step_shown_again_replaces_the_one_before(pictures: PictureFolder) -> None:
    for made in (b"one", b"two"):
        pictures.add(1_234_567, [glimpse(UID, made)])
    assert pictures.rows()[0].steps == (1_234_567,)
    assert pictures.file(UID, "1234567").read_bytes() == b"two"


def test_the_first_and_the_newest_steps_are_kept(pictures: PictureFolder) -> None:
    for step in range(MOST_STEPS + 5):
        pictures.add(step, [glimpse(UID, b"x")])
    steps = pictures.rows()[0].steps
    assert (steps[0], steps[1], steps[-1]) == (0, 5, MOST_STEPS + 4)


def test_what_is_not_there_or_no_picture(pictures: PictureFolder) -> None:
    pictures.add(0, [glimpse(UID, b"x")])
    for sample, name in [
        (UID, "1"), (OTHER, "0"), (UID, "row"), (UID, "../x"), ("..", "original"), (".", "0"),
    ]:  # fmt: skip
        with pytest.raises(NotFoundError, match="there is no picture"):
            pictures.file(sample, name)


def test_a_row_that_is_half_there_is_not_told(pictures: PictureFolder, tmp_path: Path) -> None:
    pictures.add(0, [glimpse(UID, b"x"), glimpse(OTHER, b"x")])
    (tmp_path / "pictures" / UID / "row.json").unlink()
    assert [row.sample for row in pictures.rows()] == [OTHER]


def test_forgetting_removes_the_sample_and_nothing_else(
    pictures: PictureFolder, tmp_path: Path
) -> None:
    strange = "a/b c"
    pictures.add(0, [glimpse(UID, b"x"), glimpse(OTHER, b"x"), glimpse(strange, b"x")])
    assert (tmp_path / "pictures" / name_of(strange)).is_dir()
    assert pictures.forget([UID, strange, "0199a0c4-2f00-7000-8000-000000000009"]) == 2
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == [OTHER]
