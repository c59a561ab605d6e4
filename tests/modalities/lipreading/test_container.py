"""Files told by their first bytes, whatever they are called."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError
from truing.modalities.lipreading.container import HEAD, head_of, sniff
from truing.modalities.lipreading.frames import probe, read_frames

DATA = Path(__file__).parents[2] / "data"
CODECS = {
    "mp4": "libx264",
    "mov": "mpeg4",
    "avi": "mjpeg",
    "mpeg": "mpeg1video",
    "mpegts": "libx264",
    "matroska": "libx264",
    "webm": "libvpx",
}


def film(container: str) -> bytes:
    target = BytesIO()
    with av.open(target, "w", format=container) as file:
        stream = file.add_stream(CODECS[container], rate=25)
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "yuvj420p" if CODECS[container] == "mjpeg" else "yuv420p"
        for number in range(6):
            picture = np.full((48, 64, 3), 40 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return target.getvalue()


@pytest.mark.parametrize("container", CODECS)
def test_every_container_is_told_and_read(container: str) -> None:
    data = film(container)
    assert sniff(data[:HEAD], "film").name == container
    assert probe(data).container == container
    frames = list(read_frames(data, colour="grey"))
    assert len(frames) == 6
    levels = [one.image.mean() for one in frames]
    assert levels == sorted(levels)
    assert np.allclose(np.diff([one.time for one in frames]), 0.04, atol=2e-3)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "WAV sound"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "a RIFF file without moving pictures"),
        (b"fLaC\x00\x00", "FLAC sound"),
        (b"OggS\x00\x02", "Ogg sound"),
        (b"ID3\x04\x00", "MP3 sound"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a JPEG picture"),
        (b"PK\x03\x04\x14\x00", "a ZIP archive"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (b"bin blue at f two now\n", "text (it begins `bin blue at f two now`)"),
        ("größer".encode() * 700, "text"),
    ],
)
def test_what_is_no_video_is_called_by_its_name(head: bytes, kind: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        sniff(head[:HEAD], "clip.mp4")
    assert f"`clip.mp4` is {kind}" in refused.value.message
    assert "MP4" in str(refused.value.hint)


def test_nothing_and_noise_are_damaged() -> None:
    with pytest.raises(DamagedError, match="0 bytes"):
        sniff(b"", "clip.avi")
    with pytest.raises(DamagedError, match="01 02 03 04"):
        sniff(b"\x01\x02\x03\x04" * 20, "clip.avi")


def test_heads_of_files_and_of_bytes(tmp_path: Path) -> None:
    path = tmp_path / "some"
    path.write_bytes(b"x" * 10_000)
    assert head_of(path, "some") == head_of(b"x" * 10_000, "some") == b"x" * HEAD
    with pytest.raises(NotFoundError, match="gone"):
        head_of(tmp_path / "gone", "gone")
    with pytest.raises(InvalidInputError, match="Is a directory"):
        head_of(tmp_path, "folder")
