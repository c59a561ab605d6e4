"""The video of a row on its way out: the bytes as they are kept, and the usual ending for them."""

from __future__ import annotations

from truing.domain.errors import InvalidInputError
from truing.domain.format import ExportedRow, ExportMedia
from truing.formats.exported_audio import extension

EXTENSIONS = {
    "video/x-msvideo": ".avi",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/mpeg": ".mpg",
    "video/mp2t": ".ts",
    "video/x-matroska": ".mkv",
    "video/webm": ".webm",
}
ROLE = "video"


def ending_of(media_type: str) -> str:
    """The usual ending of a file of that type, such as `.avi` or `.flac`."""
    kind = media_type.partition(";")[0].strip().lower()
    return EXTENSIONS.get(kind) or extension(kind)


def video_file(row: ExportedRow, media: ExportMedia) -> tuple[bytes, str]:
    """The bytes of a row's video and its extension, such as `.avi`.

    Raises:
        InvalidInputError: the row holds a span of its video, which cannot be cut without loss.
    """
    medium = row.media[ROLE]
    if medium.start is not None or medium.end is not None:
        raise InvalidInputError(
            f"sample {row.uid} is a span of its video, which this format cannot hold",
            hint="leave it out, or export it as jsonl",
        )
    return media.read(medium.digest), ending_of(medium.media_type)
