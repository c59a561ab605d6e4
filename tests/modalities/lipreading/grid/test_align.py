"""What was said when: alignments, names, and what to do when they disagree."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from truing.modalities.lipreading.grid.align import align
from truing.modalities.lipreading.grid.bring import bring
from truing.modalities.lipreading.grid.corpus import Corpus

GOLDEN = Path(__file__).parents[3] / "data" / "lipreading" / "golden" / "grid_alignment_golden.json"


@pytest.fixture
def corpus(tmp_path: Path, my_videos: Path) -> Corpus:
    made = Corpus(tmp_path / "out")
    bring(made, my_videos)
    return made


def table(corpus: Corpus) -> dict:
    """`alignments.json`."""
    return json.loads(corpus.alignments.read_text("utf-8"))


def test_golden_alignments(corpus) -> None:
    done = align(corpus, corpus.clips())
    assert (done.made, done.present, done.skipped) == (5, 0, ())
    golden = json.loads(GOLDEN.read_text("utf-8"))
    made = table(corpus)
    assert made["s1/bbaf2n"] == golden["s1/bbaf2n"]
    assert made["s1/swwp2s"] == golden["s2/swwp2s"]
    again = align(corpus, corpus.clips())
    assert (again.made, again.present) == (0, 5)


def test_a_clip_without_an_alignment(corpus) -> None:
    done = align(corpus, corpus.clips())
    assert done.figures == {"unaligned": 1}
    assert done.notes == ("s1: 1 without an alignment, read over their whole length",)
    assert "s1/sbia1a" not in table(corpus)
    (skip,) = align(corpus, corpus.clips(), strict=True).skipped
    assert (skip.what, skip.reason) == ("s1/sbia1a", "there is no alignment sbia1a.align")


def test_the_alignment_of_another_clip(corpus) -> None:
    align(corpus, corpus.clips())
    folder = corpus.root / "alignments" / "s1"
    shutil.copy(folder / "swwp2s.align", folder / "bbaf2n.align")
    (skip,) = align(corpus, corpus.clips()).skipped
    assert skip.reason == (
        "bbaf2n.align says `set white with p two soon`, but the name spells `bin blue at f two now`"
    )
    assert "s1/bbaf2n" not in table(corpus)
    assert "bbaf2n" in corpus.log.read_text("utf-8")


def test_what_is_no_alignment(corpus) -> None:
    folder = corpus.root / "alignments" / "s1"
    (folder / "bbaf2n.align").write_text("0 74500 sil\n", encoding="utf-8")
    (folder / "swwp2s.align").write_text("hello\n", encoding="utf-8")
    (folder / "lrae3s.align").write_bytes(b"\xff\xfe\x00")
    reasons = {skip.what: skip.reason for skip in align(corpus, corpus.clips()).skipped}
    assert reasons["s1/bbaf2n"] == "bbaf2n.align has no words"
    assert "line 1" in reasons["s1/swwp2s"]
    assert "not UTF-8" in reasons["s1/lrae3s"]


def test_a_name_that_spells_nothing(corpus) -> None:
    raw = corpus.root / "raw" / "s1"
    shutil.copy(raw / "sbia1a.mpg", raw / "holiday.mpg")
    (skip,) = align(corpus, corpus.clips()).skipped
    assert "its name `holiday` spells no sentence" in skip.reason
    shutil.copy(
        corpus.root / "alignments" / "s1" / "bbaf2n.align",
        corpus.root / "alignments" / "s1" / "holiday.align",
    )
    assert align(corpus, corpus.clips()).skipped == ()
    assert table(corpus)["s1/holiday"]["transcription"] == "bin blue at f two now"


def test_a_late_end_is_cut_to_the_last_frame(corpus) -> None:
    path = corpus.root / "alignments" / "s1" / "bbaf2n.align"
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([*lines[:-2], "47250 75000 now"]), encoding="utf-8")
    align(corpus, [clip for clip in corpus.clips() if clip.name == "bbaf2n"])
    assert table(corpus)["s1/bbaf2n"]["end"] == 74
