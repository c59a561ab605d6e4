from pathlib import Path

import pytest

from truing.domain.errors import ConflictError, UnavailableError
from truing.formats import target as module
from truing.formats.target import whole


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_file_and_its_folder_appear_together(tmp_path: Path) -> None:
    target, beside = tmp_path / "deep" / "rows.csv", tmp_path / "deep" / "rows.media"
    with whole(target, beside) as draft:
        (draft / "rows.csv").write_text("rows")
        (draft / "rows.media").mkdir()
        (draft / "rows.media" / "a").touch()
        assert not target.exists()
        assert not beside.exists()
    assert target.read_text() == "rows"
    assert names(tmp_path / "deep") == ["rows.csv", "rows.media"]
    assert names(beside) == ["a"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_appears_when_building_fails(tmp_path: Path, error: type[BaseException]) -> None:
    def build() -> None:
        with whole(tmp_path / "x") as draft:
            (draft / "x").write_text("half")
            raise error

    with pytest.raises(error):
        build()
    assert names(tmp_path) == []


def test_somebody_was_faster(tmp_path: Path) -> None:
    def build() -> None:
        with whole(tmp_path / "x") as draft:
            (draft / "x").write_text("ours")
            (tmp_path / "x").write_text("theirs")

    with pytest.raises(ConflictError, match="not empty"):
        build()
    assert (tmp_path / "x").read_text() == "theirs"
    assert names(tmp_path) == ["x"]


def test_the_companion_goes_when_the_table_cannot_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, place: Path) -> None:
        if place.name == "rows.csv":
            raise OSError(28, "No space left on device")
        source.rename(place)

    def build() -> None:
        with whole(tmp_path / "rows.csv", tmp_path / "rows.media") as draft:
            (draft / "rows.csv").touch()
            (draft / "rows.media").mkdir()
            (draft / "rows.media" / "a").touch()

    monkeypatch.setattr(module, "replace", refuse)
    with pytest.raises(UnavailableError, match="space"):
        build()
    assert names(tmp_path) == []


def test_a_disk_that_fills_up_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="space"), whole(tmp_path / "x"):
        raise OSError(28, "No space left on device")
    assert names(tmp_path) == []


@pytest.mark.parametrize("built", ["file", "folder"])
@pytest.mark.parametrize("there", ["file", "folder"])
def test_an_empty_place_is_taken_whatever_it_was(tmp_path: Path, built: str, there: str) -> None:
    target = tmp_path / "x"
    if there == "file":
        target.touch()
    else:
        target.mkdir()
    with whole(target) as draft:
        if built == "file":
            (draft / "x").write_text("rows")
        else:
            (draft / "x").mkdir()
            (draft / "x" / "a").touch()
    assert target.read_text() == "rows" if built == "file" else names(target) == ["a"]


@pytest.mark.parametrize("there", ["file", "folder"])
def test_a_place_in_use_is_refused_before_building(tmp_path: Path, there: str) -> None:
    target = tmp_path / "x"
    if there == "file":
        target.write_text("mine")
    else:
        (target / "mine").mkdir(parents=True)
    with pytest.raises(ConflictError) as caught, whole(target):
        pytest.fail("nothing should be built")
    assert caught.value.hint
    assert names(tmp_path) == ["x"]
