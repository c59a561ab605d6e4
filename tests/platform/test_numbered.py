"""Numbered folders appear whole, one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from truing.domain.errors import ConflictError, UnavailableError
from truing.platform.numbered import ATTEMPTS, add_numbered, highest


def write(place: Path) -> None:
    place.mkdir()
    (place / "weights").write_bytes(b"weights")


def test_the_highest_number_counts(tmp_path: Path) -> None:
    for name in ("3", "v9", "08", "12x", ".13"):
        (tmp_path / name).mkdir()
    (tmp_path / "99").write_text("a file")
    assert highest(tmp_path) == 8
    assert add_numbered(tmp_path, write) == tmp_path / "9"
    assert add_numbered(tmp_path, write) == tmp_path / "10"
    assert (tmp_path / "10" / "weights").read_bytes() == b"weights"


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "new"

    def fail(place: Path) -> None:
        write(place)
        raise ConflictError("in the middle")

    with pytest.raises(ConflictError, match="in the middle"):
        add_numbered(target, fail)
    assert list(target.iterdir()) == []


def test_a_number_taken_meanwhile_is_passed_over(tmp_path: Path) -> None:
    def slow(place: Path) -> None:
        write(place)
        for number in range(1, 4):
            (tmp_path / str(number)).write_text("a file of another program")

    assert add_numbered(tmp_path, slow) == tmp_path / "4"


def test_a_folder_that_others_keep_filling_is_given_up(tmp_path: Path) -> None:
    def crowded(place: Path) -> None:
        write(place)
        for number in range(1, ATTEMPTS + 1):
            (tmp_path / str(number)).write_text("a file of another program")

    with pytest.raises(ConflictError, match="keep publishing"):
        add_numbered(tmp_path, crowded)


def test_a_target_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnavailableError, match="file"):
        add_numbered(tmp_path / "file" / "below", write)
