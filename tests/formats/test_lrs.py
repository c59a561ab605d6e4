"""Folders of LRS2 and LRS3: the text lies beside the clip."""

from __future__ import annotations

from pathlib import Path

import pytest

from truing.domain.errors import InvalidInputError, NotFoundError
from truing.domain.format import FailedRow, ImportedRow, Reader
from truing.formats.lrs import Lrs

TEXT = "Text:  AND THAT IS WHY\nConf:  4\n"
TABLE = "\nWORD START END ASDSCORE\nAND 0.40 0.71 9.4\nTHAT 0.71 1.00 8.1\n"
TABLE += "IS 1.00 1.10 8\nWHY 1.2 1.5 7\n\n"


def clip(folder: Path, name: str, text: str | None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    video = folder / f"{name}.mp4"
    video.write_bytes(b"video")
    if text is not None:
        (folder / f"{name}.txt").write_text(text)
    return video


def test_sentences_and_times(tmp_path: Path) -> None:
    plain = clip(tmp_path / "5535" / "x", "00001", TEXT)
    timed = clip(tmp_path / "5535" / "x", "00002", TEXT + TABLE)
    clip(tmp_path, "00003", TEXT)
    assert isinstance(Lrs(), Reader)
    found = {row.key: row for row in Lrs().read(tmp_path) if isinstance(row, ImportedRow)}
    assert list(found) == ["00003", "5535/x/00001", "5535/x/00002"]
    row = found["5535/x/00001"]
    assert (row.truth, row.session, row.subject) == ("AND THAT IS WHY", "5535/x", None)
    assert row.media == {"video": plain}
    assert found["00003"].session == tmp_path.name
    assert found["5535/x/00002"].media == {
        "video": timed,
        "alignment": [
            ("AND", 0.4, 0.71),
            ("THAT", 0.71, 1.0),
            ("IS", 1.0, 1.1),
            ("WHY", 1.2, 1.5),
        ],
    }


def test_rows_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    clip(tmp_path, "a", TEXT)
    clip(tmp_path, "b", None)
    clip(tmp_path, "c", "no sentence here\n")
    clip(tmp_path, "d", TEXT + "WORD START END\nAND soon 0.71\n")
    clip(tmp_path, "e", TEXT + "WORD START END\nAND\n")
    rows = list(Lrs().read(tmp_path))
    assert [row.key for row in rows if isinstance(row, ImportedRow)] == ["a"]
    bad = {row.key: row.reason for row in rows if isinstance(row, FailedRow)}
    assert list(bad) == ["b", "c", "d", "e"]
    assert "b.txt" in bad["b"]
    assert "Text:" in bad["c"]
    assert "start end" in bad["d"]


def test_what_is_no_such_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        Lrs().read(tmp_path / "nowhere")
    with pytest.raises(InvalidInputError, match="not a folder"):
        Lrs().read(clip(tmp_path, "lonely", None))
    with pytest.raises(InvalidInputError, match="same name beside it"):
        Lrs().read(tmp_path)
