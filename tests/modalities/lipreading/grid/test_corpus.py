"""Speakers as people write them, and clips as they lie on the disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from truing.domain.errors import InvalidInputError
from truing.modalities.lipreading.grid.corpus import (
    Corpus,
    Skip,
    by_number,
    chosen,
    note_skips,
    speaker_in,
)


def test_speakers_as_they_are_asked_for() -> None:
    assert chosen(["s1", "s2,s4", "s1"]) == ("s1", "s2", "s4")
    assert chosen(["s19-s22"]) == ("s19", "s20", "s21", "s22")
    assert chosen(["s1-3"]) == ("s1", "s2", "s3")
    every = chosen(["all"])
    assert len(every) == 33
    assert "s21" not in every
    assert chosen(["unknown"]) == ("unknown",)
    assert chosen([]) == ()
    for wrong in ("s35", "s0", "../s1", "s30-s40", "s5-s1", ",", ""):
        with pytest.raises(InvalidInputError, match="no speaker"):
            chosen([wrong])


@pytest.mark.parametrize(
    ("path", "speaker"),
    [
        ("s1", "s1"),
        ("data/S12/video", "s12"),
        ("grid_s1/mouth", "s1"),
        ("s3.mpg_vcd", "s3"),
        ("s1/s2", "s2"),
        ("grid", None),
        ("bands1/videos", None),
        ("s35", None),
    ],
)
def test_the_speaker_in_a_path(path: str, speaker: str | None) -> None:
    assert speaker_in(Path(path).parts) == speaker


def test_clips_by_speaker_and_name(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    assert corpus.speakers() == []
    assert corpus.clips(["s1"]) == []
    for path in ("s10/bbaf2n.mpg", "s2/swwp2s.mp4", "s2/swwp2s.mpg", "s2/bbaf2n.mp4", "s2/a.txt"):
        (tmp_path / "raw" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "raw" / path).touch()
    assert corpus.speakers() == ["s2", "s10"]
    found = [(clip.key, clip.ending) for clip in corpus.clips()]
    assert found == [("s2/bbaf2n", ".mp4"), ("s2/swwp2s", ".mpg"), ("s10/bbaf2n", ".mpg")]
    assert [clip.key for clip in corpus.clips(limit=1)] == ["s2/bbaf2n", "s10/bbaf2n"]
    assert [clip.key for clip in corpus.clips(["s10"])] == ["s10/bbaf2n"]
    assert sorted(["unknown", "s10", "s9"], key=by_number) == ["s9", "s10", "unknown"]


def test_skips_replace_those_of_the_same_step(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    corpus.log.write_text("my own note\n[1]\n", encoding="utf-8")
    note_skips(corpus, "align", [Skip(step="align", what="s1/b", reason="x")])
    note_skips(corpus, "prepare", [Skip(step="prepare", what="s1/a", reason="y")])
    note_skips(corpus, "align", [])
    lines = corpus.log.read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"step": "prepare", "what": "s1/a", "reason": "y"}
    ]
