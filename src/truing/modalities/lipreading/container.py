"""What kind of file bytes are, by their first bytes: names of files are not to be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError

HEAD = 4096
"""Bytes that are enough to tell."""
PACKET = 188
"""Bytes between the sync bytes of an MPEG transport stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A kind of file with moving pictures."""

    name: str
    demuxer: str
    """FFmpeg's name. It is always given, since some demuxers it would guess open further files."""
    media_type: str


AVI = Container(name="avi", demuxer="avi", media_type="video/x-msvideo")
MP4 = Container(name="mp4", demuxer="mov", media_type="video/mp4")
QUICKTIME = Container(name="mov", demuxer="mov", media_type="video/quicktime")
MPEG = Container(name="mpeg", demuxer="mpeg", media_type="video/mpeg")
MPEG_VIDEO = Container(name="mpegvideo", demuxer="mpegvideo", media_type="video/mpeg")
TRANSPORT = Container(name="mpegts", demuxer="mpegts", media_type="video/mp2t")
MATROSKA = Container(name="matroska", demuxer="matroska", media_type="video/x-matroska")
WEBM = Container(name="webm", demuxer="matroska", media_type="video/webm")

READABLE = "give an AVI, MP4, QuickTime, MPEG, Matroska or WebM file"
SOUND = {
    b"fLaC": "FLAC sound",
    b"OggS": "Ogg sound",
    b"ID3": "MP3 sound",
    b"\xff\xfb": "MP3 sound",
    b"FORM": "AIFF sound",
    b"NIST_1A": "SPHERE sound",
}
OTHERS = {
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x89PNG": "a PNG picture",
    b"GIF8": "a GIF picture",
    b"PK\x03\x04": "a ZIP archive",
    b"%PDF": "a PDF document",
    b"SQLite format 3": "an SQLite database",
}


def sniff(head: bytes, name: str) -> Container:
    """The container that begins with these bytes.

    Args:
        head: the first `HEAD` bytes, or all of a shorter file.
        name: what errors call it.

    Raises:
        InvalidInputError: sound, a picture, text or an archive.
        DamagedError: nothing that is known, or no bytes at all.
    """
    if not head:
        raise DamagedError(f"`{name}` is empty (0 bytes)", hint="record it again")
    found = _container(head)
    if found is not None:
        return found
    kind = _other(head)
    if kind is not None:
        raise InvalidInputError(f"`{name}` is {kind}, not a video", hint=READABLE)
    raise DamagedError(
        f"`{name}` does not begin like any video (first bytes {head[:8].hex(' ')})", hint=READABLE
    )


def _container(head: bytes) -> Container | None:
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"AVIX"):
        return AVI
    if head[4:8] == b"ftyp":
        return QUICKTIME if head[8:12] == b"qt  " else MP4
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip"):
        return QUICKTIME
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return WEBM if b"webm" in head[:64] else MATROSKA
    if head.startswith(b"\x00\x00\x01\xba"):
        return MPEG
    if head.startswith(b"\x00\x00\x01\xb3"):
        return MPEG_VIDEO
    if len(head) > 2 * PACKET and head[0] == head[PACKET] == head[2 * PACKET] == 0x47:
        return TRANSPORT
    return None


def _other(head: bytes) -> str | None:
    for table in (SOUND, OTHERS):
        for start, kind in table.items():
            if head.startswith(start):
                return kind
    if head[:4] == b"RIFF":
        return "WAV sound" if head[8:12] == b"WAVE" else "a RIFF file without moving pictures"
    if _is_text(head):
        return f"text (it begins `{head[:24].decode('utf-8', 'replace').strip()}`)"
    return None


def _is_text(head: bytes) -> bool:
    if any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4 > 0  # only the cut end of a character is odd
    return True


def head_of(source: Path | bytes, name: str) -> bytes:
    """The first bytes of a file or of bytes.

    Raises:
        NotFoundError: no such file.
        InvalidInputError: a folder, or a file that may not be read.
    """
    if isinstance(source, bytes):
        return source[:HEAD]
    try:
        with source.open("rb") as file:
            return file.read(HEAD)
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file `{name}`", hint="check its name") from error
    except OSError as error:
        raise InvalidInputError(
            f"`{name}` cannot be read: {error.strerror}", hint="give a readable video file"
        ) from error
