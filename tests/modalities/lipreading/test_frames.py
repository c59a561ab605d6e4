"""Real videos decoded forward, against OpenCV; headers, bounds and what is no video."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError
from truing.modalities.lipreading import frames
from truing.modalities.lipreading.encode import encoded
from truing.modalities.lipreading.frames import decode, probe, read_frames, stamps

DATA = Path(__file__).parents[2] / "data"
GRID = DATA / "lipreading" / "grid"
MOUTH = GRID / "bbaf2n_mouth.mp4"
CHAPLIN = min((DATA / "clients" / "chaplin_samples").rglob("*.avi"))


def opencv_frames(path: Path) -> list[np.ndarray]:
    capture = cv2.VideoCapture(str(path))
    found = []
    while True:
        there, image = capture.read()
        if not there:
            return found
        found.append(image)


@pytest.mark.parametrize("name", ["bbaf2n", "lrae3s", "pbio7a", "sgib8n"])
def test_bgr_frames_are_those_of_opencv_bit_for_bit(name: str) -> None:
    path = GRID / f"{name}.mpg"
    ours = list(read_frames(path, colour="bgr"))
    theirs = opencv_frames(path)
    assert len(ours) == len(theirs) == (74 if name == "lrae3s" else 75)
    assert all(np.array_equal(a.image, b) for a, b in zip(ours, theirs, strict=True))
    assert [one.index for one in ours] == list(range(len(ours)))
    assert np.allclose([one.time for one in ours], np.arange(len(ours)) / 25)


def test_the_one_corrupt_frame_is_marked_and_no_other() -> None:
    marked = [one.index for one in read_frames(GRID / "sgib8n.mpg", colour="grey") if one.damaged]
    assert marked == [46]
    assert not any(one.damaged for one in read_frames(GRID / "bbaf2n.mpg", colour="grey"))


def test_grey_is_the_luma_of_the_colours() -> None:
    pairs = zip(
        read_frames(GRID / "bbaf2n.mpg", colour="grey", last=5),
        read_frames(GRID / "bbaf2n.mpg", colour="rgb", last=5),
        strict=True,
    )
    for grey, rgb in pairs:
        assert grey.image.shape == (288, 360)
        skin = (slice(140, 230), slice(120, 200))  # the blue of the wall is beyond what RGB holds
        luma = 16 + rgb.image[skin] @ np.array([65.481, 128.553, 24.966]) / 255
        assert np.abs(grey.image[skin] - luma).mean() < 1.5


def test_jpeg_levels_become_those_of_all_other_video() -> None:
    full = opencv_frames(CHAPLIN)[0]
    grey = next(iter(read_frames(CHAPLIN, colour="grey"))).image
    expected = 16 + cv2.cvtColor(full, cv2.COLOR_BGR2GRAY) * (219 / 255)
    assert np.abs(grey - expected).mean() < 1.0


def test_first_last_and_only_choose_frames_without_changing_their_numbers() -> None:
    path = GRID / "bbaf2n.mpg"
    chosen = list(read_frames(path, colour="bgr", first=40, last=43))
    assert [one.index for one in chosen] == [40, 41, 42, 43]
    assert np.array_equal(chosen[0].image, opencv_frames(path)[40])
    some = read_frames(path, colour="grey", last=20, only={3, 17, 50})
    assert [one.index for one in some] == [3, 17]


def test_bytes_read_like_the_file() -> None:
    from_file = [one.image for one in read_frames(MOUTH, colour="grey")]
    from_bytes = [one.image for one in read_frames(MOUTH.read_bytes(), colour="grey")]
    assert np.array_equal(from_file, from_bytes)


def test_frames_are_decoded_one_at_a_time() -> None:
    for one in decode(GRID / "bbaf2n.mpg"):
        if one.index == 2:
            break
    stream = read_frames(GRID / "bbaf2n.mpg")
    assert next(stream).index == 0
    stream.close()


def test_headers_are_read_without_decoding() -> None:
    grid = probe(GRID / "bbaf2n.mpg")
    assert (grid.container, grid.codec, grid.width, grid.height) == ("mpeg", "mpeg1video", 360, 288)
    assert (grid.rate, grid.frames, grid.has_audio) == (25.0, None, True)
    mouth = probe(MOUTH)
    assert (mouth.container, mouth.media_type, mouth.frames) == ("mp4", "video/mp4", 75)
    chaplin = probe(CHAPLIN.read_bytes())
    assert (chaplin.container, chaplin.codec, chaplin.rate) == ("avi", "mjpeg", 16.0)
    assert chaplin.frames == len(opencv_frames(CHAPLIN))


def test_stamps_are_the_times_of_the_decoded_frames() -> None:
    for path in (GRID / "bbaf2n.mpg", GRID / "lrae3s.mpg", MOUTH, CHAPLIN):
        decoded = [one.time for one in read_frames(path, colour="grey")]
        assert np.allclose(stamps(path), decoded, atol=1e-9)


def test_uneven_times_come_back_to_the_millisecond() -> None:
    times = [0.0, 0.031, 0.102, 0.135, 0.301]
    film = encoded(np.full((5, 32, 48), 90, np.uint8), times)
    assert np.allclose([one.time for one in read_frames(film)], times, atol=1e-6)
    assert np.allclose(stamps(film), times, atol=1e-6)


def turned(cells: str) -> bytes:
    """A film whose header asks players to turn it, as phones write it: by a matrix of signs."""
    target = BytesIO()
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:32, :48, 0] = 255  # red in the upper left corner as the sensor saw it
    with av.open(target, "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    data = target.getvalue()
    place = data.index(b"tkhd") + 4 + 4 + 4 * 4 + 4 + 8 + 8  # the matrix of the track header
    one = (1 << 16).to_bytes(4, "big")
    minus, nothing, unit = b"\xff\xff\x00\x00", bytes(4), (1 << 30).to_bytes(4, "big")
    plus = {"+": one, "-": minus, "0": nothing}
    a, b, c, d = (plus[sign] for sign in cells)
    matrix = b"".join([a, b, nothing, c, d, nothing, nothing, nothing, unit])
    assert data[place : place + 4] == one
    return data[:place] + matrix + data[place + 36 :]


@pytest.mark.parametrize("cells", ["0+-0", "0-+0"])
def test_films_of_turned_phones_stand_upright_as_opencv_shows_them(
    cells: str, tmp_path: Path
) -> None:
    path = tmp_path / "phone.mp4"
    path.write_bytes(turned(cells))
    theirs = opencv_frames(path)[0]
    ours = next(iter(read_frames(path, colour="bgr"))).image
    assert ours.shape == theirs.shape == (96, 64, 3)
    assert np.array_equal(ours, theirs)
    assert next(iter(read_frames(path, colour="grey"))).image.shape == (96, 64)


@pytest.mark.parametrize(
    ("cells", "red"),
    [
        ("+00+", "upper left"),
        ("-00+", "upper right"),
        ("+00-", "lower left"),
        ("-00-", "lower right"),
        ("0+-0", "upper right"),
        ("0-+0", "lower left"),
        ("0++0", "upper left"),
        ("0--0", "lower right"),
    ],
)
def test_a_mirrored_film_is_not_upside_down(cells: str, red: str) -> None:
    """As FFmpeg's own player shows it; OpenCV takes a mirror for half a turn."""
    image = next(iter(read_frames(turned(cells), colour="rgb"))).image
    height, width = image.shape[:2]
    assert (height, width) == ((96, 64) if cells.startswith("0") else (64, 96))
    down, right = (float(one.mean()) for one in np.nonzero(image[..., 0] > 128))
    assert red == (
        f"{'upper' if down < height / 2 else 'lower'} {'left' if right < width / 2 else 'right'}"
    )


def test_a_stream_with_holes_gives_the_frames_around_them() -> None:
    data = bytearray((GRID / "bbaf2n.mpg").read_bytes())
    data[150_000:160_000] = bytes(10_000)
    found = list(read_frames(bytes(data), colour="grey"))
    assert 65 <= len(found) <= 75
    assert any(one.damaged for one in found)


@pytest.mark.parametrize("share", [0.9, 0.5, 0.1])
def test_a_film_that_was_cut_off_gives_what_it_has(share: float) -> None:
    data = (GRID / "bbaf2n.mpg").read_bytes()
    found = list(read_frames(data[: int(share * len(data))], colour="grey"))
    assert share * 60 < len(found) < share * 80 + 2


def sound_only() -> bytes:
    target = BytesIO()
    with av.open(target, "w", format="mp4") as file:
        stream = file.add_stream("aac", rate=16_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 16_000
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return target.getvalue()


def header_only(path: Path, code: str) -> bytes:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), 16, (64, 48))
    writer.release()
    return path.read_bytes()


def test_what_is_no_video_is_refused_by_name_with_a_hint(tmp_path: Path) -> None:
    renamed = tmp_path / "clip.mp4"
    renamed.write_text("bin blue at f two now\n")
    with pytest.raises(InvalidInputError, match=r"clip\.mp4` is text") as refused:
        probe(renamed)
    assert "AVI" in str(refused.value.hint)
    with pytest.raises(InvalidInputError, match="sound but no picture"):
        probe(sound_only())
    with pytest.raises(InvalidInputError, match="WAV sound"):
        probe(b"RIFF\x00\x00\x00\x00WAVEfmt ")
    with pytest.raises(InvalidInputError, match="PNG picture"):
        next(read_frames(b"\x89PNG\r\n\x1a\n" + bytes(64)))
    with pytest.raises(NotFoundError, match=r"gone\.avi"):
        probe(tmp_path / "gone.avi")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        probe(tmp_path)


def test_files_without_a_single_frame_are_damaged(tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match="empty"):
        probe(b"")
    with pytest.raises(DamagedError, match="not one frame"):
        list(read_frames(header_only(tmp_path / "empty.avi", "MJPG")))
    with pytest.raises(DamagedError, match="no picture"):
        list(read_frames(header_only(tmp_path / "empty.mp4", "mp4v")))
    with pytest.raises(DamagedError, match="there is no frame"):
        stamps(header_only(tmp_path / "empty.avi", "MJPG"))
    with pytest.raises(DamagedError, match="does not begin like any video"):
        probe(hashlib.sha256(b"noise").digest() * 4)
    with pytest.raises(DamagedError, match="cannot be opened"):
        probe(MOUTH.read_bytes()[:2000])


def test_bounds_stop_films_that_unpack_to_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    film = encoded(np.zeros((40, 64, 64), np.uint8), [n / 25 for n in range(40)])
    monkeypatch.setattr(frames, "MOST_FRAMES", 30)
    with pytest.raises(InvalidInputError, match="too long"):
        list(read_frames(film))
    with pytest.raises(InvalidInputError, match="too long"):
        stamps(film)
    monkeypatch.setattr(frames, "MOST_FRAMES", 100)
    monkeypatch.setattr(frames, "MOST_PIXELS_IN_ALL", 20 * 64 * 64)
    with pytest.raises(InvalidInputError, match="too long"):
        list(read_frames(film))
    monkeypatch.setattr(frames, "MOST_PIXELS", 63 * 64)
    with pytest.raises(InvalidInputError, match="64 x 64 pixels"):
        probe(film)
    monkeypatch.setattr(frames, "MOST_BYTES", 100)
    with pytest.raises(InvalidInputError, match="too large"):
        probe(film)
