"""What a sound file's header promises, read without decoding, to notice files that were cut off.

libsndfile opens a WAV with half of its sound missing and says nothing; the header still holds the
number of bytes that were meant to follow.

Scope: RIFF/WAVE (with RF64) and AIFF. FLAC, MP3 and Ogg are judged while decoding.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

UNKNOWN_SIZE = 0x7FFF0000
"""Programs writing to a pipe put a size at least this large: they cannot know it."""
SLACK_BYTES = 8
"""Missing padding at the end of a file is no loss."""


def header_damage(data: bytes) -> str | None:
    """What is wrong with a WAV or AIFF file by its own header; None when nothing is."""
    if data[:4] in (b"RIFF", b"RF64", b"RIFX") and data[8:12] == b"WAVE":
        order = ">" if data[:4] == b"RIFX" else "<"
        return _cut_off(data, b"data", order, "WAV")
    if data[:4] == b"FORM" and data[8:12] in (b"AIFF", b"AIFC"):
        return _cut_off(data, b"SSND", ">", "AIFF")
    return None


def _cut_off(data: bytes, wanted: bytes, order: str, name: str) -> str | None:
    for tag, promised, begin in _chunks(data, order):
        if tag != wanted:
            continue
        held = len(data) - begin
        if promised == 0 and held > SLACK_BYTES:
            return f"the {name} header says it holds no sound, yet {held} bytes follow it"
        if promised == 0:
            return f"the {name} file is a header without any sound"
        if promised < UNKNOWN_SIZE and promised - held > SLACK_BYTES:
            return (
                f"the {name} header promises {promised} bytes of sound and the file holds {held} "
                f"({100 * held // promised} %)"
            )
        return None
    return f"the {name} file ends before its sound begins"


def _chunks(data: bytes, order: str) -> Iterator[tuple[bytes, int, int]]:
    """(name, size it claims, offset of its content) of each chunk, as far as the bytes go."""
    place, wide = 12, {}
    while place + 8 <= len(data):
        tag = data[place : place + 4]
        size = struct.unpack_from(f"{order}I", data, place + 4)[0]
        begin = place + 8
        if tag == b"ds64" and begin + 16 <= len(data):
            wide[b"data"] = struct.unpack_from("<Q", data, begin + 8)[0]
        if size == 0xFFFFFFFF and tag in wide:
            yield tag, min(wide[tag], len(data) + 1), begin
            size = wide[tag]
        else:
            yield tag, size, begin
        place = begin + size + (size & 1)
