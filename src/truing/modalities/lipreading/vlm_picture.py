"""The picture of a video that a vision-language model is shown: the mosaic, as its JPEG decodes.

Training and use go through here, so that a model is shown in use what it was trained on, down to
the traces of the JPEG.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from truing.domain.closing import Closing
from truing.domain.errors import InvalidInputError, MissingDependencyError
from truing.modalities.lipreading import alignment
from truing.modalities.lipreading.frames import probe, read_frames
from truing.modalities.lipreading.mosaic import RefinedLandmarks, encoded, mosaic_of
from truing.modalities.lipreading.vlm_folder import EXTRA

if TYPE_CHECKING:
    from truing.domain.recipe import MediaFile

RATE = 25.0
"""Frames per second of GRID, where a container names none."""


class Pictures(Closing):
    """Makes the pictures of samples; the face mesh is opened for the first face and kept.

    Args:
        span: `alignment` takes the frames from the first word to the last where there is an
            alignment, `clip` always all frames.
    """

    def __init__(self, span: str) -> None:
        self._span, self._faces = span, RefinedLandmarks()

    def jpeg(self, media: Mapping[str, MediaFile]) -> bytes | None:
        """The mosaic of a sample as the bytes of a JPEG; None where too few frames show a mouth.

        Args:
            media: with the role `video`, and perhaps `alignment`.

        Raises:
            InvalidInputError: there is no video, or an alignment that cannot be read.
            DamagedError: the video cannot be decoded.
            MissingDependencyError: the extra `lipreading` is not installed.
        """
        if "video" not in media:
            raise InvalidInputError(
                f"lips are read from `video`, and there is only {', '.join(media) or 'nothing'}",
                hint="give the video under the role `video`",
            )
        span = _frames(media, self._span)
        found = mosaic_of(media["video"].path, span, landmarks=self._faces)
        return None if found is None else encoded(found.image)

    def close(self) -> None:
        """Frees the face mesh; a second call does nothing."""
        self._faces.close()


def opened(jpeg: bytes) -> Any:
    """The picture as processors of transformers take it: a PIL image, RGB, 400 x 240.

    Raises:
        MissingDependencyError: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingDependencyError("pictures need Pillow", hint=EXTRA) from error
    with Image.open(BytesIO(jpeg)) as image:
        return image.convert("RGB")


def _frames(media: Mapping[str, MediaFile], span: str) -> tuple[int, int] | None:
    """First frame and first frame after the span; None for the whole video."""
    video = media["video"]
    aligned = media.get("alignment") if span == "alignment" else None
    if aligned is None and video.start is None and video.end is None:
        return None
    count = sum(1 for _ in read_frames(video.path, colour="grey"))
    rate = probe(video.path).rate or RATE
    if aligned is not None:
        words = alignment.frames_of(alignment.read(aligned.path), count, rate)
        if words:
            return words[0][0], words[-1][1]
    start = min(round((video.start or 0.0) * rate), count - 1)
    end = count - 1 if video.end is None else min(round(video.end * rate), count - 1)
    return start, max(start, end)
