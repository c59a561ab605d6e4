"""Video and alignments in, in every form an app may give them, whole and damaged."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError, TruingError
from truing.domain.media import IngestedMedia, Media
from truing.domain.prediction import Word
from truing.modalities.lipreading import media
from truing.modalities.lipreading.container import sniff
from truing.modalities.lipreading.encode import encoded, retimed
from truing.modalities.lipreading.frames import probe, read_frames, stamps
from truing.modalities.lipreading.media import group_keys, ingest

DATA = Path(__file__).parents[2] / "data"
GRID = DATA / "lipreading" / "grid"
MOUTH = GRID / "bbaf2n_mouth.mp4"
CHAPLIN = min((DATA / "clients" / "chaplin_samples").rglob("*.avi"))


def pictures(source: Path | bytes) -> list[np.ndarray]:
    return [one.image for one in read_frames(source, colour="grey")]


def test_a_file_is_kept_as_it_came_with_its_facts() -> None:
    kept = ingest("video", GRID / "bbaf2n.mpg")
    assert kept.data == (GRID / "bbaf2n.mpg").read_bytes()
    assert (kept.role, kept.media_type, kept.damage) == ("video", "video/mpeg", None)
    facts = dict(kept.facts)
    assert re.fullmatch(r"luma:sha256:[0-9a-f]{64}", str(facts.pop("content")))
    assert facts == {
        "duration": 3.0,
        "frames": 75,
        "rate": 25.0,
        "measured_rate": 25.0,
        "width": 360,
        "height": 288,
        "codec": "mpeg1video",
        "container": "mpeg",
        "damaged_frames": 0,
        "has_audio": True,
        "framing": "face",
    }


def test_a_path_as_text_and_bytes_and_mappings_are_one_and_the_same() -> None:
    path = GRID / "bbaf2n.mpg"
    plain = ingest("video", path)
    data = path.read_bytes()
    for source in (str(path), data, bytearray(data), {"path": path}, {"data": data}):
        assert ingest("video", source) == plain


def test_ready_mouth_clips_are_told_by_their_size_or_by_word() -> None:
    assert ingest("video", MOUTH).facts["framing"] == "mouth"
    assert ingest("video", {"path": MOUTH, "framing": "face"}).facts["framing"] == "face"
    assert ingest("video", {"path": CHAPLIN, "framing": "mouth"}).facts["framing"] == "mouth"


def test_equal_pictures_in_another_container_are_one_content() -> None:
    data = MOUTH.read_bytes()
    moved = retimed(data, sniff(data[:64], "clip"), [n / 25 for n in range(75)])
    one, other = ingest("video", data), ingest("video", moved)
    assert one.facts["content"] == other.facts["content"]
    assert (one.facts["container"], other.facts["container"]) == ("mp4", "matroska")
    assert ingest("video", GRID / "bbaf2n.mpg").facts["content"] != one.facts["content"]


def medium(kept: IngestedMedia) -> Media:
    return Media(
        role=kept.role,
        digest="sha256:x",
        size=len(kept.data),
        media_type=kept.media_type,
        facts=kept.facts,
    )


def test_groups_are_the_content_of_the_videos() -> None:
    video, words = ingest("video", MOUTH), ingest("alignment", GRID / "bbaf2n.align")
    assert group_keys([medium(video), medium(words)]) == (video.facts["content"],)
    assert group_keys([medium(words)]) == ()


def test_frames_with_their_times_become_a_film_with_these_times() -> None:
    frames = np.stack([one.image for one in read_frames(GRID / "bbaf2n.mpg", last=11)])
    times = [100.0, 100.04, 100.1, 100.14, 100.2, 100.3, 100.34, 100.4, 100.44, 100.5, 100.6, 100.7]
    kept = ingest("video", {"frames": frames, "times": times})
    own = [round(time - 100, 3) for time in times]
    assert kept.facts["times"] == pytest.approx(own, abs=1e-9)
    assert stamps(kept.data) == pytest.approx(own, abs=1e-6)
    assert (kept.media_type, kept.facts["codec"]) == ("video/x-matroska", "h264")
    assert kept.facts["measured_rate"] == pytest.approx(11 / 0.7, abs=1e-3)
    assert kept.facts["duration"] == pytest.approx(0.76, abs=0.011)
    decoded = np.stack([one.image for one in read_frames(kept.data)])
    assert np.abs(decoded.astype(int) - frames).mean() < 4


def test_grey_frames_and_odd_sizes_are_taken_as_well() -> None:
    rng = np.random.default_rng(3)
    frames = cv2.GaussianBlur(rng.integers(0, 255, (45, 61, 6), np.uint8), (0, 0), 5)
    frames = np.ascontiguousarray(frames.transpose(2, 0, 1))
    kept = ingest("video", {"frames": frames, "times": [n * 0.033 for n in range(6)]})
    assert (kept.facts["width"], kept.facts["height"], kept.facts["frames"]) == (61, 45, 6)
    shown = np.stack([one.image[..., 1] for one in read_frames(kept.data)])
    assert np.abs(shown.astype(int) - frames).mean() < 4


def test_real_times_replace_a_nominal_rate_without_touching_the_pictures() -> None:
    count = len(pictures(CHAPLIN))
    times = [1700.0 + n / 14.99 for n in range(count)]
    kept = ingest("video", {"path": CHAPLIN, "times": times})
    assert kept.media_type == "video/x-matroska"
    assert (kept.facts["rate"], kept.facts["container"]) == (16.0, "matroska")
    assert kept.facts["measured_rate"] == pytest.approx(14.99, abs=0.01)
    assert stamps(kept.data) == pytest.approx([time - 1700 for time in times], abs=6e-4)
    assert np.array_equal(pictures(kept.data), pictures(CHAPLIN))
    assert kept.facts["content"] == ingest("video", CHAPLIN).facts["content"]


def test_times_that_the_file_says_itself_leave_it_as_it_came() -> None:
    kept = ingest("video", {"path": MOUTH, "times": np.arange(75) / 25})
    assert kept.data == MOUTH.read_bytes()
    assert kept.facts["times"] == pytest.approx([n / 25 for n in range(75)])


def test_pictures_that_are_stored_out_of_order_get_their_times_in_the_order_shown() -> None:
    frames = np.stack([np.full((48, 64), 10 * n, np.uint8) for n in range(12)])
    plain = encoded(frames, [n / 25 for n in range(12)])
    with av.open(BytesIO(plain)) as file:
        stored = [packet.pts for packet in file.demux(file.streams.video[0]) if packet.size]
    assert stored != sorted(stored)
    times = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1]
    kept = ingest("video", {"data": plain, "times": times})
    shown = [(round(one.time, 3), one.image.mean()) for one in read_frames(kept.data)]
    assert [time for time, _ in shown] == times
    assert [level for _, level in shown] == sorted(level for _, level in shown)


def test_damage_that_the_decoder_notices_is_counted_and_lost_ends_are_said() -> None:
    assert ingest("video", GRID / "sgib8n.mpg").facts["damaged_frames"] == 1
    data = CHAPLIN.read_bytes()
    half = ingest("video", data[: len(data) // 2])
    assert half.damage is not None
    assert re.fullmatch(r"the file promises \d+ frames and ends after \d+", half.damage)
    assert half.facts["damage"] == half.damage
    assert 0 < int(str(half.facts["frames"])) < probe(data).frames  # type: ignore[operator]
    film = encoded(np.zeros((50, 32, 32), np.uint8), [n / 10 for n in range(50)])
    long = encoded(
        np.random.default_rng(1).integers(0, 255, (50, 64, 64), np.uint8),
        [n / 10 for n in range(50)],
    )
    assert ingest("video", film).damage is None
    assert "the file promises 5.00 s" in str(ingest("video", long[: len(long) // 2]).damage)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (3, "`int`"),
        ({}, "made of nothing"),
        ({"path": "a", "data": b"b"}, "made of path, data"),
        ({"path": str(MOUTH), "speed": 2}, "made of path, speed"),
        ({"path": str(MOUTH), "framing": "nose"}, "`nose` is no framing"),
        ({"path": str(MOUTH), "times": [0.0, 0.1]}, "has 75 frames, but 2 times"),
        ({"path": str(MOUTH), "times": 5}, "`int`"),
        ({"path": str(MOUTH), "times": [0.0, float("nan")]}, "no usable number"),
        ({"frames": np.zeros((2, 8, 8), np.uint8)}, "2 frames came with no times"),
        ({"frames": np.zeros((2, 8, 8), np.uint8), "times": [0.0]}, "2 frames came with 1"),
        ({"frames": np.zeros((2, 8, 8), np.uint8), "times": [1.0, 1.0]}, "frame 1 was taken at"),
        ({"frames": np.zeros((2, 8, 8), np.float32), "times": [0, 1]}, "type float32"),
        ({"frames": np.zeros((0, 8, 8), np.uint8), "times": []}, "no usable number"),
        ({"frames": np.zeros((8, 8), np.uint8), "times": [0]}, r"shape \(8, 8\)"),
    ],
)
def test_what_cannot_be_taken_is_named(source: object, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as refused:
        ingest("video", source)
    assert refused.value.hint


def test_a_role_it_does_not_have() -> None:
    with pytest.raises(InvalidInputError, match="no medium `audio`"):
        ingest("audio", MOUTH)


def test_files_are_named_by_their_path(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"gone\.mp4"):
        ingest("video", tmp_path / "gone.mp4")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        ingest("video", tmp_path)
    text = tmp_path / "renamed.avi"
    text.write_text("set white with p two soon")
    with pytest.raises(InvalidInputError, match=r"renamed\.avi` is text"):
        ingest("video", text)
    nothing = tmp_path / "empty.avi"
    nothing.touch()
    with pytest.raises(DamagedError, match=r"empty\.avi` is empty"):
        ingest("video", nothing)
    if os.geteuid():
        text.chmod(0)
        with pytest.raises(InvalidInputError, match="cannot be read"):
            ingest("video", text)


def test_a_recorder_that_wrote_only_a_header(tmp_path: Path) -> None:
    path = tmp_path / "webcam1.avi"
    cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 16, (64, 48)).release()
    assert path.stat().st_size > 1000
    with pytest.raises(DamagedError, match=r"not one frame of `.*webcam1\.avi`"):
        ingest("video", path)


def test_a_single_frame_is_kept_and_left_to_the_checks() -> None:
    kept = ingest("video", {"frames": np.zeros((1, 64, 80), np.uint8), "times": [7.0]})
    assert (kept.facts["frames"], kept.facts["measured_rate"]) == (1, None)
    assert 0 < float(str(kept.facts["duration"])) < 0.1


def test_a_film_over_days_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    film = encoded(np.zeros((3, 32, 32), np.uint8), [0.0, 10.0, 20_000.0])
    with pytest.raises(InvalidInputError, match="too long: frame 2 is shown at 20000 s"):
        ingest("video", film)
    monkeypatch.setattr(media, "MOST_BYTES", 1000)
    with pytest.raises(InvalidInputError, match="too large"):
        ingest("video", MOUTH)
    monkeypatch.setattr(media, "MOST_FRAMES", 2)
    with pytest.raises(InvalidInputError, match="too many"):
        ingest("video", {"frames": np.zeros((3, 8, 8), np.uint8), "times": [0, 1, 2]})


LONG_FILM = """
import resource, sys
from truing.modalities.lipreading.media import ingest
from truing.modalities.lipreading.frames import read_frames
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
facts = ingest("video", sys.argv[1]).facts
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(facts["frames"], (after - before) // 1024)
"""


def test_a_long_film_is_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.mkv"
    frame = np.zeros((480, 640), np.uint8)
    writer = av.open(str(path), "w", format="matroska")
    stream = writer.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
    stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
    for number in range(1500):
        picture = av.VideoFrame.from_ndarray(frame, format="gray")
        picture.pts = number
        writer.mux(stream.encode(picture))
    writer.mux(stream.encode(None))
    writer.close()
    code = [sys.executable, "-c", LONG_FILM, str(path)]
    done = subprocess.run(code, capture_output=True, text=True, check=True)
    frames, megabytes = map(int, done.stdout.split())
    assert frames == 1500
    assert megabytes < 120  # the pictures are 460 megabytes of luma


@settings(max_examples=25, deadline=None)
@given(
    cut=st.integers(0, 15_000),
    holes=st.lists(
        st.tuples(st.integers(0, 15_000), st.binary(min_size=1, max_size=40)), max_size=5
    ),
)
def test_whatever_happens_to_a_file_it_is_taken_or_explained(
    cut: int, holes: list[tuple[int, bytes]]
) -> None:
    data = bytearray(MOUTH.read_bytes())
    for place, junk in holes:
        data[place : place + len(junk)] = junk
    try:
        said: object = ingest("video", bytes(data[: len(data) - cut])).facts["frames"]
    except TruingError as error:
        said = error.hint
    assert said


def test_an_alignment_is_kept_as_its_bytes() -> None:
    path = GRID / "bbaf2n.align"
    kept = ingest("alignment", path)
    assert kept.data == path.read_bytes()
    assert (kept.role, kept.media_type) == ("alignment", "text/plain")
    assert kept.facts["words"] == 6
    assert 1.5 < float(str(kept.facts["end"])) < 2.98
    assert ingest("alignment", path.read_bytes()) == kept == ingest("alignment", str(path))


def test_words_with_times_become_an_alignment() -> None:
    plain = ingest("alignment", [("bin", 0.1, 0.5), ["blue", 0.6, 0.9]])
    words = [Word(text="bin", start=0.1, end=0.5), Word(text="blue", start=0.6, end=0.9)]
    assert plain == ingest("alignment", words)
    assert plain.data == b"0 2500 sil\n2500 12500 bin\n12500 15000 sil\n15000 22500 blue\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"1 2\n", "line 1"),
        (b"0 100 sil\n", "no word"),
        (b"", "no word"),
        (b"0 1 a\n" * 200_000, "too large"),
        (7, "`int`"),
        ([3], "`3` is no word"),
        ([("a", "x", "y")], "is no word"),
        ([Word(text="a")], "has no times"),
    ],
)
def test_alignments_that_are_none(source: object, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as refused:
        ingest("alignment", source)
    assert refused.value.hint


def test_an_alignment_that_is_not_there() -> None:
    with pytest.raises(NotFoundError, match=r"gone\.align"):
        ingest("alignment", GRID / "gone.align")
