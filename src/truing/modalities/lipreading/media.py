"""Video and alignments in: what an app gave becomes bytes to keep, and facts about them.

* A video file is kept as it came. If real times of its frames are given and the file says others
  (Chaplin's say 16 frames a second whatever the camera did), its coded pictures move unchanged into
  Matroska with the real ones.
* Frames as an array become H.264 in Matroska with their real times.
* An alignment is kept as its bytes; a list of words becomes a GRID alignment.

Every frame is decoded once, one at a time, for the digest of its luma: equal pictures in another
container are one content.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.errors import InvalidInputError, NotFoundError
from truing.domain.media import IngestedMedia, Media
from truing.domain.prediction import Word
from truing.modalities.lipreading import alignment
from truing.modalities.lipreading.container import MATROSKA, head_of, sniff
from truing.modalities.lipreading.encode import encoded, milliseconds, retimed
from truing.modalities.lipreading.frames import (
    MOST_BYTES,
    MOST_FRAMES,
    MOST_PIXELS,
    PIECES_HINT,
    VideoFacts,
    decode,
    probe,
)
from truing.modalities.lipreading.mouth import framing_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VIDEO, ALIGNMENT = "video", "alignment"
FRAMINGS = ("face", "mouth")
KEYS = {"path", "data", "frames", "times", "framing"}
MOST_SECONDS = 4 * 3600
MOST_ALIGNMENT = 1 << 20
"""Bytes of an alignment."""
SAME_TIME = 0.005
"""Seconds: given times nearer than this to the file's own are the same."""
PROMISE_SLACK = 2
"""Frames by which headers may be wrong without anything being lost."""
PROMISE_SHARE = 0.1
"""Share of the duration by which headers without a number of frames may be wrong."""


def ingest(role: str, source: object) -> IngestedMedia:
    """Turns what an app gave into bytes to keep.

    Args:
        role: `video` or `alignment`.
        source: for a video its path, its bytes, or a mapping with `path`, `data` or `frames` (uint8
            of shape (n, height, width) or (n, height, width, 3) RGB), `times` (seconds per frame;
            needed with `frames`) and `framing` (`face` or `mouth`). For an alignment its path, its
            bytes, words with times, or (text, start, end) with times in seconds.

    Returns:
        `facts` of a video: `duration` (s), `frames`, `rate` (nominal, per second), `measured_rate`,
        `width`, `height`, `codec`, `container`, `framing`, `content` (digest of the decoded luma),
        `damaged_frames`, `has_audio`; `times` (s) when real ones were given; `damage` for a file
        that is not whole. Of an alignment: `words`, how many there are, and `end` of the last (s).

    Raises:
        InvalidInputError: a type it cannot take, no video, another role, or more than the bounds.
        NotFoundError: no such file.
        DamagedError: not one frame can be decoded.
        MissingDependencyError: PyAV is not installed.
    """
    if role == VIDEO:
        return _video(_given(source))
    if role == ALIGNMENT:
        return _alignment(source)
    raise InvalidInputError(
        f"lip-reading has no medium `{role}`", hint=f"its media are `{VIDEO}` and `{ALIGNMENT}`"
    )


def group_keys(media: Sequence[Media]) -> tuple[str, ...]:
    """The content digest of each video: equal pictures must not straddle a split."""
    found = (medium.facts.get("content") for medium in media if medium.role == VIDEO)
    return tuple(sorted({key for key in found if isinstance(key, str)}))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Given:
    """A source, made alike."""

    name: str
    data: bytes
    times: list[float] | None
    framing: str | None


def _given(source: object) -> _Given:
    if isinstance(source, (str, Path)):
        return _Given(name=str(source), data=_read(Path(source)), times=None, framing=None)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _Given(name="the given bytes", data=bytes(source), times=None, framing=None)
    if isinstance(source, Mapping):
        return _of_mapping(source)
    raise InvalidInputError(
        f"lip-reading cannot be made of `{type(source).__name__}`",
        hint='give a path, the bytes of a video file, or {"frames": array, "times": seconds}',
    )


def _of_mapping(source: Mapping[Any, object]) -> _Given:
    odd = sorted(str(key) for key in source if key not in KEYS)
    kinds = [key for key in ("path", "data", "frames") if source.get(key) is not None]
    if odd or len(kinds) != 1:
        given = ", ".join(map(str, source)) or "nothing"
        raise InvalidInputError(
            f"a video cannot be made of {given}",
            hint="give one of `path`, `data` and `frames`, and `times` and `framing` if known",
        )
    framing = source.get("framing")
    if framing is not None and framing not in FRAMINGS:
        raise InvalidInputError(f"`{framing}` is no framing", hint="give `face` or `mouth`")
    times = _times(source.get("times"))
    if kinds == ["frames"]:
        return _of_frames(source["frames"], times, framing)
    plain = _given(source[kinds[0]])
    return _Given(name=plain.name, data=plain.data, times=times, framing=framing)


def _of_frames(frames: object, times: list[float] | None, framing: str | None) -> _Given:
    pictures = _pictures(frames)
    if times is None or len(times) != len(pictures):
        count = "no" if times is None else len(times)
        raise InvalidInputError(
            f"{len(pictures)} frames came with {count} times",
            hint="give in `times` the seconds at which each frame was taken",
        )
    return _Given(name="the frames", data=encoded(pictures, times), times=times, framing=framing)


def _pictures(frames: object) -> NDArray[np.uint8]:
    import numpy as np

    array = np.asarray(frames)
    shaped = array.ndim == 3 or (array.ndim == 4 and array.shape[3] == 3)
    if array.dtype != np.uint8 or not shaped or array.size == 0:
        raise InvalidInputError(
            f"frames cannot be of type {array.dtype} and shape {array.shape}",
            hint="give uint8 of shape (n, height, width) or (n, height, width, 3) in RGB",
        )
    if len(array) > MOST_FRAMES or array.shape[1] * array.shape[2] > MOST_PIXELS:
        raise InvalidInputError(f"frames of shape {array.shape} are too many", hint=PIECES_HINT)
    return np.ascontiguousarray(array)


def _times(given: object) -> list[float] | None:
    """Seconds from the first, which grow by a millisecond or more."""
    if given is None:
        return None
    try:
        times = [float(one) for one in given]  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"`times` cannot be made of `{type(given).__name__}`",
            hint="give a list of seconds, one for each frame",
        ) from error
    if not times or not all(map(math.isfinite, times)):
        raise InvalidInputError("`times` holds no usable number", hint="give seconds per frame")
    whole = milliseconds(times)
    for place, (before, after) in enumerate(pairwise(whole), 1):
        if after <= before:
            raise InvalidInputError(
                f"frame {place} was taken at {times[place]} s, not after the one before it at "
                f"{times[place - 1]} s",
                hint="times are seconds and grow from frame to frame",
            )
    return [one / 1000 for one in whole]


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise InvalidInputError(f"`{path}` is too large: {size} bytes", hint=PIECES_HINT)
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file `{path}`", hint="check its name") from error
    except OSError as error:
        raise InvalidInputError(
            f"`{path}` cannot be read: {error.strerror}", hint="give a readable video file"
        ) from error


def _video(given: _Given) -> IngestedMedia:
    header, data = probe(given.data, name=given.name), given.data
    seen = _look(given)
    own = seen.times
    if given.times is not None:
        if len(given.times) != len(own):
            raise InvalidInputError(
                f"`{given.name}` has {len(own)} frames, but {len(given.times)} times were given",
                hint="give one time, in seconds, for each frame",
            )
        own = given.times
        if max(abs(a - b) for a, b in zip(own, seen.times, strict=True)) > SAME_TIME:
            data = retimed(data, sniff(data[:64], given.name), own)
    damage = _damage(header, seen)
    facts = _facts(header, seen, own) | {
        "framing": given.framing or framing_of(seen.width, seen.height)
    }
    if data is not given.data or given.name == "the frames":
        facts |= {"container": MATROSKA.name}
    if given.times is not None:
        facts["times"] = own
    return IngestedMedia(
        role=VIDEO,
        data=data,
        media_type=header.media_type if data is given.data else MATROSKA.media_type,
        facts=facts | ({"damage": damage} if damage else {}),
        damage=damage,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Seen:
    """What decoding every frame showed."""

    times: list[float]
    """Seconds, by the file's own time stamps."""
    width: int
    height: int
    damaged: int
    """Frames that the decoder could not make whole."""
    content: str


def _look(given: _Given) -> _Seen:
    times: list[float] = []
    damaged, shape = 0, (0, 0)
    digest = hashlib.sha256()
    for one in decode(given.data, name=given.name):
        luma = one.image("grey")
        if luma.shape != shape:
            digest.update(f"{luma.shape};".encode())
            shape = shape if times else luma.shape
        digest.update(luma.data)
        times.append(one.time)
        damaged += one.damaged
        if abs(one.time) > MOST_SECONDS:
            raise InvalidInputError(
                f"`{given.name}` is too long: frame {one.index} is shown at {one.time:.0f} s",
                hint=PIECES_HINT,
            )
    height, width = shape
    return _Seen(
        times=times,
        width=width,
        height=height,
        damaged=damaged,
        content=f"luma:sha256:{digest.hexdigest()}",
    )


def _facts(header: VideoFacts, seen: _Seen, times: list[float]) -> dict[str, object]:
    count = len(times)
    passed = times[-1] - times[0]
    measured = (count - 1) / passed if count > 1 and passed > 0 else None
    steps = sorted(b - a for a, b in pairwise(times))
    last = steps[len(steps) // 2] if steps else 1 / (header.rate or 25.0)
    return {
        "duration": round(passed + last, 6),
        "frames": count,
        "rate": header.rate,
        "measured_rate": None if measured is None else round(measured, 4),
        "width": seen.width,
        "height": seen.height,
        "codec": header.codec,
        "container": header.container,
        "content": seen.content,
        "damaged_frames": seen.damaged,
        "has_audio": header.has_audio,
    }


def _damage(header: VideoFacts, seen: _Seen) -> str | None:
    """What is missing by the file's own header; damaged frames in between are counted, not lost."""
    held = len(seen.times)
    if header.frames is not None and held < header.frames - PROMISE_SLACK:
        return f"the file promises {header.frames} frames and ends after {held}"
    if header.frames is not None or header.has_audio or header.duration is None:
        return None  # sound may go on after the pictures
    ends, promised = seen.times[-1], header.duration
    if ends < promised - max(0.5, PROMISE_SHARE * promised):
        return f"the file promises {promised:.2f} s and ends after {ends:.2f} s"
    return None


def _alignment(source: object) -> IngestedMedia:
    data = _alignment_bytes(source)
    if len(data) > MOST_ALIGNMENT:
        raise InvalidInputError(
            f"an alignment of {len(data)} bytes is too large", hint="give one for each video"
        )
    words = alignment.parse(data)
    if not words:
        raise InvalidInputError("the alignment holds no word", hint="leave it out, or align anew")
    facts = {"words": len(words), "end": words[-1].end}
    return IngestedMedia(role=ALIGNMENT, data=data, media_type="text/plain", facts=facts)


def _alignment_bytes(source: object) -> bytes:
    if isinstance(source, (str, Path)):
        path = Path(source)
        head_of(path, str(path))  # for its errors
        return path.read_bytes()
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if not isinstance(source, Sequence):
        raise InvalidInputError(
            f"an alignment cannot be made of `{type(source).__name__}`",
            hint="give a path, bytes, or a list of (text, start, end) in seconds",
        )
    words = [_word(one) for one in source]
    end = max((word.end or 0.0 for word in words), default=0.0)
    return alignment.as_align(words, end).encode()


def _word(one: object) -> Word:
    if isinstance(one, Word):
        return one
    try:
        text, start, end = list(one)  # type: ignore[call-overload]
        return Word(text=str(text), start=float(start), end=float(end))
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"`{one}` is no word of an alignment", hint="give (text, start, end) in seconds"
        ) from error
