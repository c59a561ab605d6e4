"""From videos to mosaics: once, again, in several processes, and with what is no video."""

from __future__ import annotations

import json
import os
import shutil
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from truing.modalities.lipreading.grid.bring import bring
from truing.modalities.lipreading.grid.corpus import Clip, Corpus
from truing.modalities.lipreading.grid.prepare import prepare
from truing.modalities.lipreading.mosaic import RefinedLandmarks, encoded, mosaic_of, tight_mouth
from truing.platform.files import write_durably

DATA = Path(__file__).parents[3] / "data" / "lipreading"


@pytest.fixture
def corpus(tmp_path: Path, my_videos: Path) -> Corpus:
    made = Corpus(tmp_path / "out")
    bring(made, my_videos)
    return made


def reasons(corpus: Corpus) -> dict[str, str]:
    """Clip -> why it was skipped, from the log."""
    lines = corpus.log.read_text("utf-8").splitlines()
    return {entry["what"]: entry["reason"] for entry in map(json.loads, lines)}


def test_mosaics_are_made_once(corpus, files_of) -> None:
    clips = corpus.clips()
    done = prepare(corpus, clips)
    assert (done.made, done.present, len(done.skipped)) == (5, 0, 1)
    assert done.figures == {"mosaics": 5}
    assert reasons(corpus) == {"s1/pbio7a": "no face in 27 of 75 frames (more than 20%)"}
    picture = mosaic_of(DATA / "grid" / "bbaf2n.mpg", (23, 53)).image
    kept = corpus.mosaic(Clip(speaker="s1", name="bbaf2n")).read_bytes()
    assert kept == encoded(picture)
    before = files_of(corpus.root)
    times = {path: path.stat().st_mtime_ns for path in corpus.root.rglob("*") if path.is_file()}
    again = prepare(corpus, clips)
    assert (again.made, again.present, len(again.skipped)) == (0, 5, 1)
    assert files_of(corpus.root) == before
    now = {path: path.stat().st_mtime_ns for path in corpus.root.rglob("*") if path.is_file()}
    assert now == times


def test_several_processes_make_the_same(corpus, mouth_clips, files_of, tmp_path) -> None:
    bring(corpus, mouth_clips(12))
    other = Corpus(tmp_path / "other")
    shutil.copytree(corpus.root, other.root)
    prepare(corpus, corpus.clips(), workers=1)
    done = prepare(other, other.clips(), workers=2)
    assert (done.made, len(done.skipped)) == (17, 1)
    assert files_of(other.root) == files_of(corpus.root)


def test_a_newer_alignment_or_video_makes_a_mosaic_again(corpus) -> None:
    clips = [clip for clip in corpus.clips() if clip.name in ("sbia1a", "swwp2s")]
    assert prepare(corpus, clips).made == 2
    whole = corpus.mosaic(clips[0]).read_bytes()
    align = corpus.alignment(clips[0])
    align.write_text("0 12000 sil\n12000 20000 set\n20000 74500 sil\n", encoding="utf-8")
    assert prepare(corpus, clips).skipped == ()
    # The alignment says another sentence than the name: such a clip is no longer worked on.
    assert corpus.mosaic(clips[0]).read_bytes() == whole
    words = ["set", "blue", "in", "a", "one", "again"]
    lines = [f"{12000 + 5000 * i} {17000 + 5000 * i} {word}" for i, word in enumerate(words)]
    align.write_text("\n".join(lines), encoding="utf-8")
    assert prepare(corpus, clips).made == 1
    assert corpus.mosaic(clips[0]).read_bytes() != whole
    os.utime(corpus.video(clips[1]))
    assert prepare(corpus, clips).made == 1


def test_killed_before_a_refusal_is_written(corpus, monkeypatch) -> None:
    clip = Clip(speaker="s1", name="swwp2s")
    assert prepare(corpus, [clip]).made == 1
    corpus.video(clip).unlink()
    corpus.video(clip).write_bytes(b"not a video any more")

    def killed(path: Path, data: bytes) -> None:
        write_durably(path, data)
        if path == corpus.refusal(clip):
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("truing.modalities.lipreading.grid.prepare.write_durably", killed)
        with pytest.raises(KeyboardInterrupt):
            prepare(corpus, [clip])
    assert prepare(corpus, [clip]).figures == {"mosaics": 0}
    assert not corpus.mosaic(clip).exists()


def test_frames_and_mouths_on_disk(corpus) -> None:
    clips = [clip for clip in corpus.clips() if clip.name in ("lrae3s", "pbio7a")]
    assert prepare(corpus, clips[:1]).made == 1
    done = prepare(corpus, clips, keep_frames=True, keep_mouths=True)
    assert (done.made, [skip.what for skip in done.skipped]) == (1, ["s1/pbio7a"])
    frames = sorted(corpus.frames(clips[0]).iterdir())
    assert [path.name for path in frames] == [f"frame_{place:03d}.png" for place in range(74)]
    capture = cv2.VideoCapture(str(corpus.video(clips[0])))
    with RefinedLandmarks() as landmarks:
        for path in frames[:30]:
            frame = capture.read()[1]
            assert np.array_equal(cv2.imread(str(path)), frame)
            face = landmarks(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))[0]
            mouth = cv2.imread(str(corpus.mouths(clips[0]) / path.name))
            assert np.array_equal(mouth, tight_mouth(frame, face))
    assert len(list(corpus.mouths(clips[1]).iterdir())) == 75 - 27
    assert prepare(corpus, clips, keep_frames=True, keep_mouths=True).made == 0
    shutil.rmtree(corpus.frames(clips[0]))
    assert prepare(corpus, clips, keep_frames=True).made == 1


def video(path: Path, frames: list[np.ndarray]) -> None:
    """Writes RGB frames as MPEG-1, 25 a second."""
    with av.open(str(path), "w", format="mpeg") as file:
        stream = file.add_stream("mpeg1video", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 360, 288, "yuv420p"
        stream.options = {"b": "1000000"}
        for image in frames:
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                file.mux(packet)
        for packet in stream.encode(None):
            file.mux(packet)


def sound(path: Path) -> None:
    """Half a second of sound and no picture, in a container that could hold one."""
    with av.open(str(path), "w", format="mpeg") as file:
        stream = file.add_stream("mp2", rate=44100, layout="mono")
        samples = np.zeros((1, 1152 * 20), np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.rate = 44100
        resampler = av.AudioResampler(format="s16", layout="mono", rate=44100, frame_size=1152)
        for piece in resampler.resample(frame):
            for packet in stream.encode(piece):
                file.mux(packet)
        for packet in stream.encode(None):
            file.mux(packet)


def test_what_is_no_video_of_a_face_is_skipped_and_said(tmp_path) -> None:
    corpus = Corpus(tmp_path)
    raw = tmp_path / "raw" / "s1"
    raw.mkdir(parents=True)
    wall = np.random.default_rng(7).integers(90, 110, (288, 360, 3)).astype(np.uint8)
    one = cv2.cvtColor(next_frame(DATA / "grid" / "swwp2s.mpg"), cv2.COLOR_BGR2RGB)
    video(raw / "bbaf2n.mpg", [wall] * 30)
    video(raw / "bbaf3s.mpg", [one])
    video(raw / "bbaf6n.mpg", [one] * 9)
    sound(raw / "bbaf4p.mpg")
    (raw / "bbaf5a.mpg").write_text("my notes on lips\n", encoding="utf-8")
    (raw / "bbag2n.mpg").write_bytes(b"")
    (raw / "bbag3s.mpg").write_bytes((DATA / "grid" / "swwp2s.mpg").read_bytes()[:30_000])
    done = prepare(corpus, corpus.clips())
    said = reasons(corpus)
    assert done.made == len(corpus.clips()) - len(said)
    assert said["s1/bbaf2n"] == "no face in 30 of 30 frames (more than 20%)"
    assert said["s1/bbaf3s"] == (
        "only 3 of 12 sampled frames show a mouth (the video has frames 0 to 0)"
    )
    assert "sound but no picture" in said["s1/bbaf4p"]
    assert "is text" in said["s1/bbaf5a"]
    assert "is empty" in said["s1/bbag2n"]
    assert "s1/bbaf6n" not in said
    # The first seconds of a clip are not what its name spells.
    assert said["s1/bbag3s"] == "the video has only 6 frames"
    again = prepare(corpus, corpus.clips())
    assert again.made == 0
    assert {skip.what: skip.reason for skip in again.skipped} == said


def next_frame(path: Path) -> np.ndarray:
    """The first frame of a video."""
    return cv2.VideoCapture(str(path)).read()[1]


def test_speech_beyond_the_end_of_the_video(corpus) -> None:
    clip = Clip(speaker="s1", name="swwp2s")
    corpus.video(clip).unlink()
    video(
        corpus.video(clip),
        [cv2.cvtColor(next_frame(DATA / "grid" / "swwp2s.mpg"), cv2.COLOR_BGR2RGB)] * 15,
    )
    prepare(corpus, [clip])
    assert reasons(corpus)["s1/swwp2s"] == (
        "only 2 of 12 sampled frames show a mouth (the video has frames 0 to 14, the speech goes "
        "from 12 to 55)"
    )
    shutil.copy(DATA / "grid" / "swwp2s.mpg", corpus.video(clip))
    assert prepare(corpus, [clip]).made == 1
    assert corpus.log.read_text("utf-8") == ""
    assert not corpus.refusal(clip).exists()
