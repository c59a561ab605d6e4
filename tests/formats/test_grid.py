"""Clips of the GRID corpus are found and told by their names, wherever they lie."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from truing.domain.errors import InvalidInputError, NotFoundError
from truing.domain.format import FailedRow, ImportedRow, Reader
from truing.formats.grid import Grid

DATA = Path(__file__).parents[1] / "data" / "lipreading"


def clip(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"video")
    return path


def align(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    words = text.split()
    lines = [f"{n * 1000} {n * 1000 + 1000} {word}" for n, word in enumerate(["sil", *words], 0)]
    path.write_text("\r\n".join([*lines, "70000 74500 sp"]))
    return path


def rows(folder: Path) -> tuple[dict[str, ImportedRow], dict[str, str]]:
    found = list(Grid().read(folder))
    good = {row.key: row for row in found if isinstance(row, ImportedRow)}
    bad = {row.key: row.reason for row in found if isinstance(row, FailedRow)}
    assert len(good) + len(bad) == len(found)
    return good, bad


def test_it_is_a_reader_of_lip_reading() -> None:
    assert isinstance(Grid(), Reader)
    assert (Grid().name, Grid().modality) == ("grid", "lipreading")


def test_real_mouth_clips_with_alignments() -> None:
    good, bad = rows(DATA / "grid_s1")
    assert len(good) == 160
    assert bad == {}
    row = good["s1/bbas1s"]
    assert row.truth == "bin blue at s one soon"
    assert row.subject == "s1"
    assert row.session == "s1/bbas"
    assert row.prediction_known is False
    assert row.media == {
        "video": DATA / "grid_s1" / "mouth" / "bbas1s.mp4",
        "alignment": DATA / "grid_s1" / "align" / "bbas1s.align",
    }
    assert len({one.session for one in good.values()}) == 49


def test_real_originals_without_a_speaker(tmp_path: Path) -> None:
    folder = tmp_path / "originals"
    folder.mkdir()
    for file in (*(DATA / "grid").glob("*.mpg"), *(DATA / "grid").glob("*.align")):
        shutil.copy(file, folder)
    good, bad = rows(folder)
    assert bad == {}
    assert len(good) == 6
    assert {row.subject for row in good.values()} == {None}
    assert sum("alignment" in row.media for row in good.values()) == 5
    owners = {key.partition("/")[0] for key in good}
    assert len(owners) == 1
    assert all(row.session == f"{row.key[:-2]}" for row in good.values())


def test_two_folders_of_unknown_speakers_are_told_apart(tmp_path: Path) -> None:
    for place in ("one", "two"):
        clip(tmp_path / place / "clips" / "bbaf2n.mpg")
    keys = [next(iter(rows(tmp_path / place / "clips")[0])) for place in ("one", "two")]
    assert keys[0] != keys[1]
    assert all(key.startswith("clips-") and key.endswith("/bbaf2n") for key in keys)


@pytest.mark.parametrize(
    ("place", "speaker"),
    [
        ("s1", "s1"),
        ("S34", "s34"),
        ("grid_s2", "s2"),
        ("s3.mpg_vcd", "s3"),
        ("s4/video/mpg_6000", "s4"),
        ("s1/s20", "s20"),
        ("s35", None),
        ("s0", None),
        ("cats1", None),
        ("s1st", None),
    ],
)
def test_the_speaker_is_part_of_the_path(tmp_path: Path, place: str, speaker: str | None) -> None:
    clip(tmp_path / "corpus" / place / "bbaf2n.mpg")
    good, _ = rows(tmp_path / "corpus")
    assert [row.subject for row in good.values()] == [speaker]


def test_alignments_are_found_by_name_and_speaker(tmp_path: Path) -> None:
    text = "bin blue at f two now"
    clip(tmp_path / "s1" / "BBAF2N.AVI")
    clip(tmp_path / "s2" / "video" / "bbaf2n.mp4")
    clip(tmp_path / "s3" / "bbaf2n.mov")
    first = align(tmp_path / "s1" / "bbaf2n.align", text)
    second = align(tmp_path / "alignments" / "s2" / "align" / "bbaf2n.align", text)
    good, bad = rows(tmp_path)
    assert bad == {}
    assert good["s1/bbaf2n"].media["alignment"] == first
    assert good["s2/bbaf2n"].media["alignment"] == second
    assert "alignment" not in good["s3/bbaf2n"].media
    shared = align(tmp_path / "align" / "bbaf2n.align", text)
    assert rows(tmp_path)[0]["s3/bbaf2n"].media["alignment"] == shared


def test_an_alignment_that_says_something_else_is_told(tmp_path: Path) -> None:
    clip(tmp_path / "s1" / "bbaf2n.mpg")
    clip(tmp_path / "s1" / "bbaf3s.mpg")
    clip(tmp_path / "s1" / "bbaf4p.mpg")
    align(tmp_path / "s1" / "bbaf2n.align", "bin blue at f two soon")
    align(tmp_path / "s1" / "bbaf3s.align", "bin blue at f three soon")
    (tmp_path / "s1" / "bbaf4p.align").write_bytes(b"\xff\xfe\x00nonsense")
    good, bad = rows(tmp_path)
    assert list(good) == ["s1/bbaf3s"]
    assert list(bad) == ["s1/bbaf2n", "s1/bbaf4p"]
    assert "bin blue at f two now" in bad["s1/bbaf2n"]
    assert "bin blue at f two soon" in bad["s1/bbaf2n"]


def test_of_several_files_of_a_clip_the_first_counts(tmp_path: Path) -> None:
    kept = clip(tmp_path / "s1" / "mouth" / "bbaf2n.mp4")
    clip(tmp_path / "s1" / "video" / "bbaf2n.mpg")
    good, bad = rows(tmp_path / "s1")
    assert good["s1/bbaf2n"].media["video"] == kept
    assert bad == {"video/bbaf2n.mpg": "the same clip as `mouth/bbaf2n.mp4`"}


def test_videos_of_other_names_are_told_and_other_files_are_not(tmp_path: Path) -> None:
    clip(tmp_path / "s1" / "bbaf2n.mpg")
    clip(tmp_path / "s1" / "holiday.mp4")
    clip(tmp_path / "s1" / "._bbaf3s.mpg")
    clip(tmp_path / ".hidden" / "bbaf4p.mpg")
    clip(tmp_path / "__MACOSX" / "bbaf5a.mpg")
    (tmp_path / "README.md").write_text("read me")
    good, bad = rows(tmp_path)
    assert list(good) == ["s1/bbaf2n"]
    assert list(bad) == ["s1/holiday.mp4"]


def test_what_is_no_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        Grid().read(tmp_path / "nowhere")
    with pytest.raises(InvalidInputError, match="not a folder"):
        Grid().read(clip(tmp_path / "bbaf2n.mpg"))
    clip(tmp_path / "others" / "holiday.mp4")
    with pytest.raises(InvalidInputError, match="no video named by a sentence") as told:
        Grid().read(tmp_path / "others")
    assert told.value.hint
