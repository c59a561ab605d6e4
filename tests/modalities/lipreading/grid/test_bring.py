"""Videos that are on the machine already, in whatever folders."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import pytest

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError
from truing.modalities.lipreading.grid.bring import bring
from truing.modalities.lipreading.grid.corpus import Clip, Corpus
from truing.modalities.lipreading.grid.prepare import prepare


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path / "out")


def test_files_are_found_by_name(corpus, my_videos, files_of) -> None:
    done = bring(corpus, my_videos)
    assert (done.made, done.present, done.figures) == (11, 0, {"videos": 6})
    assert [clip.name for clip in corpus.clips(["s1"])] == sorted(
        path.stem for path in my_videos.rglob("*.mpg")
    )
    before = files_of(corpus.root)
    for path in my_videos.rglob("*.*"):
        if path.is_file():
            folder = "raw" if path.suffix == ".mpg" else "alignments"
            assert before[f"{folder}/s1/{path.name}"] == path.read_bytes()
    again = bring(corpus, my_videos)
    assert (again.made, again.present) == (0, 11)
    assert files_of(corpus.root) == before


def test_only_so_many_of_each_speaker(corpus, my_videos) -> None:
    assert bring(corpus, my_videos, limit=2).figures == {"videos": 2}
    assert [clip.name for clip in corpus.clips()] == ["bbaf2n", "lrae3s"]
    assert len(list((corpus.root / "alignments" / "s1").iterdir())) == 2
    assert bring(corpus, my_videos).figures == {"videos": 6}


def test_speakers(corpus, my_videos, tmp_path) -> None:
    with pytest.raises(InvalidInputError, match=r"of s2 below"):
        bring(corpus, my_videos, speakers=["s2"])
    flat = tmp_path / "flat"
    shutil.copytree(my_videos / "s1" / "video", flat)
    bring(corpus, flat)
    assert corpus.speakers() == ["unknown"]
    bring(corpus, flat, speakers=["s7"], limit=1)
    assert corpus.speakers() == ["s7", "unknown"]


def test_an_original_counts_before_its_mouth_clip(corpus, my_videos, mouth_clips) -> None:
    clips = mouth_clips(3)
    shutil.copy(my_videos / "s1" / "video" / "swwp2s.mpg", clips / "s1" / "bbas1s.mpg")
    bring(corpus, clips)
    endings = {clip.name: clip.ending for clip in corpus.clips()}
    assert endings == {"bbas1s": ".mpg", "bbas2p": ".mp4", "bbas3a": ".mp4"}


def test_two_different_files_of_a_clip(corpus, my_videos) -> None:
    (my_videos / "s1" / "video2").mkdir()
    copy = my_videos / "s1" / "video2" / "bbaf2n.mpg"
    shutil.copy(my_videos / "s1" / "video" / "bbaf2n.mpg", copy)
    assert bring(corpus, my_videos).skipped == ()
    copy.write_bytes(copy.read_bytes()[:1000])
    (skip,) = bring(corpus, my_videos).skipped
    assert skip.what == str(copy)
    assert "video/bbaf2n.mpg" in skip.reason
    assert str(copy) in corpus.log.read_text("utf-8")


def test_a_changed_alignment_comes_again(corpus, my_videos) -> None:
    bring(corpus, my_videos)
    align = my_videos / "s1" / "align" / "bbaf2n.align"
    align.write_bytes(align.read_bytes().replace(b"23750", b"23500"))
    assert bring(corpus, my_videos).made == 1
    kept = corpus.alignment(Clip(speaker="s1", name="bbaf2n"))
    assert kept.read_bytes() == align.read_bytes()


def test_archives_that_were_fetched_by_hand(corpus, my_videos, tmp_path) -> None:
    hand = tmp_path / "hand"
    hand.mkdir()
    with zipfile.ZipFile(hand / "s1.zip", "w") as made:
        for path in (my_videos / "s1" / "video").iterdir():
            made.write(path, f"s1/{path.name}")
            made.writestr(f"__MACOSX/s1/._{path.name}", b"finder")
        made.writestr("../../etc/swwb2n.mpg", b"not outside")
    with zipfile.ZipFile(hand / "alignments.zip", "w") as made:
        for path in (my_videos / "s1" / "align").iterdir():
            made.write(path, f"alignments/s1/{path.name}")
            made.write(path, f"alignments/s2/{path.name}")
    done = bring(corpus, hand, speakers=["s1"])
    assert (done.made, done.figures) == (12, {"videos": 7})
    assert not (tmp_path / "etc").exists()
    assert not (corpus.root / "alignments" / "s2").exists()
    assert bring(corpus, hand, speakers=["s1"]).made == 0


def test_a_repaired_video_makes_its_picture_again_however_old_it_is(corpus, my_videos) -> None:
    clip = Clip(speaker="s1", name="bbaf2n")
    source = my_videos / "s1" / "video" / "bbaf2n.mpg"
    whole = source.read_bytes()
    source.write_bytes(whole[:2] + b"?" + whole[3:])  # of the same size
    bring(corpus, my_videos)
    assert len(prepare(corpus, [clip]).skipped) == 1
    source.unlink()
    source.write_bytes(whole)
    os.utime(source, (1_000_000_000, 1_000_000_000))
    assert bring(corpus, my_videos).made == 1
    assert corpus.video(clip).read_bytes() == whole
    assert prepare(corpus, [clip]).made == 1


def test_links_are_followed_and_those_to_nothing_are_named(corpus, my_videos) -> None:
    folder = my_videos / "s1" / "video"
    blob = my_videos / "objects" / "1f"
    blob.parent.mkdir()
    (folder / "bbaf2n.mpg").rename(blob)
    (folder / "bbaf2n.mpg").symlink_to("../../objects/1f")
    (folder / "swwp2s.mpg").unlink()
    (folder / "swwp2s.mpg").symlink_to("../../objects/not-fetched")
    done = bring(corpus, my_videos)
    assert [skip.what for skip in done.skipped] == [str(folder / "swwp2s.mpg")]
    assert "a file that is not there" in done.skipped[0].reason
    video = corpus.video(Clip(speaker="s1", name="bbaf2n"))
    assert video.samefile(blob)
    assert not video.is_symlink()
    assert bring(corpus, my_videos).made == 0


def test_a_loose_file_counts_before_that_of_an_archive(corpus, my_videos) -> None:
    with zipfile.ZipFile(my_videos / "s1.zip", "w") as made:
        made.write(my_videos / "s1" / "video" / "swwp2s.mpg", "s1/bbaf2n.mpg")
        made.write(my_videos / "s1" / "video" / "swwp2s.mpg", "s1/bbaf3s.mpg")
    assert bring(corpus, my_videos).figures == {"videos": 7}
    assert bring(corpus, my_videos).made == 0


def test_an_archive_with_another_file_of_the_same_size(corpus, my_videos, tmp_path) -> None:
    hand = tmp_path / "hand"
    hand.mkdir()
    text = (my_videos / "s1" / "align" / "bbaf2n.align").read_bytes()
    for said in (text, text.replace(b"23750", b"23500")):
        with zipfile.ZipFile(hand / "s1.zip", "w") as made:
            made.writestr("s1/bbaf2n.align", said)
        assert bring(corpus, hand).made == 1
    assert corpus.alignment(Clip(speaker="s1", name="bbaf2n")).read_bytes() == said


@pytest.mark.parametrize("packed", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_with_damaged_bytes(corpus, my_videos, tmp_path, packed: int) -> None:
    hand = tmp_path / "hand"
    hand.mkdir()
    with zipfile.ZipFile(hand / "s1.zip", "w", packed) as made:
        made.write(my_videos / "s1" / "video" / "bbaf2n.mpg", "s1/bbaf2n.mpg")
    data = (hand / "s1.zip").read_bytes()
    (hand / "s1.zip").write_bytes(data[:200] + bytes(200) + data[400:])
    with pytest.raises(DamagedError, match=r"s1\.zip` is not a whole ZIP archive"):
        bring(corpus, hand)


@pytest.mark.parametrize(("local", "central", "value"), [(6, 8, 1), (8, 10, 97)])
def test_an_archive_that_only_its_owner_can_open(
    corpus, my_videos, tmp_path, local: int, central: int, value: int
) -> None:
    hand = tmp_path / "hand"
    hand.mkdir()
    with zipfile.ZipFile(hand / "s1.zip", "w") as made:
        made.write(my_videos / "s1" / "video" / "bbaf2n.mpg", "s1/bbaf2n.mpg")
    data = bytearray((hand / "s1.zip").read_bytes())
    data[local] = data[data.rindex(b"PK\x01\x02") + central] = value  # encrypted; packed oddly
    (hand / "s1.zip").write_bytes(data)
    with pytest.raises(InvalidInputError, match="cannot be unpacked") as caught:
        bring(corpus, hand)
    assert "--local-path" in caught.value.hint


def test_a_half_downloaded_archive(corpus, my_videos, tmp_path) -> None:
    hand = tmp_path / "hand"
    hand.mkdir()
    whole = hand / "s1.zip"
    with zipfile.ZipFile(whole, "w") as made:
        for path in (my_videos / "s1" / "video").iterdir():
            made.write(path, f"s1/{path.name}")
    whole.write_bytes(whole.read_bytes()[:100_000])
    with pytest.raises(DamagedError, match=r"s1\.zip` is not a whole ZIP archive") as caught:
        bring(corpus, hand)
    assert "fetch it again" in caught.value.hint
    assert corpus.clips() == []


def test_nothing_to_bring(corpus, tmp_path) -> None:
    with pytest.raises(NotFoundError, match="no folder"):
        bring(corpus, tmp_path / "nowhere")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "bbaf2n.txt").write_text("bin blue", encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"no \.mpg and no \.align") as caught:
        bring(corpus, tmp_path / "notes")
    assert "bbaf2n.mpg" in caught.value.hint
