"""The frames of a medium, or of its span, with their times counted from the first of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from truing.domain.errors import DamagedError
from truing.domain.recipe import MediaFile
from truing.modalities.lipreading.frames import Colour, Frame, read_frames
from truing.modalities.lipreading.mouth import EARLY


def frames_in(medium: MediaFile, *, colour: Colour) -> Iterator[Frame]:
    """Decodes forward; `index` and `time` (s) count from the first frame of the span.

    A frame belongs to the span when it appears at or after `start` and before `end`.

    Raises:
        DamagedError: nothing can be decoded, or the span is outside of the video.
        InvalidInputError: no video, or one beyond the bounds of `read_frames`.
        NotFoundError: its file is gone.
    """
    first: Frame | None = None
    for frame in read_frames(medium.path, colour=colour):
        if medium.start is not None and frame.time < medium.start - EARLY:
            continue
        if medium.end is not None and frame.time >= medium.end - EARLY:
            break
        first = first or frame
        yield replace(frame, index=frame.index - first.index, time=frame.time - first.time)
    if first is None:
        raise DamagedError(
            f"no frame lies between {medium.start or 0} s and {medium.end} s",
            hint="the span is outside of its video",
        )
