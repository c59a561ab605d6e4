"""How a clip is varied for training: in time by its words, in place, in contrast, by hiding parts.

A clip is a row of pieces, each a span of frames with its meaning: silence before, a word, a pause,
silence after. Pieces are stretched, words may be replaced by the same slot's word of another clip,
and only then are frames looked up: nothing is interpolated. Everything random comes from a
generator keyed by (seed, purpose, numbers), so that a resumed run sees what one never stopped sees.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pictures = NDArray[np.uint8]
    Random = np.random.Generator

MARGIN = 4
"""Pixels that a stored picture is larger than the network's window, on each side."""
BEFORE, AFTER, PAUSE, UNKNOWN = -1, -2, -3, -4
"""Meanings of a piece that are no word; a word is its number, from 0."""
SMOOTH = 7
"""Frames over which motion is averaged."""
MOVING = 0.3
"""Lips move when their speed is this far from that of the stillest frames to the fastest."""
IGNORED = -100
"""The state of a frame that no piece explains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """How far a clip may be changed; `Variation()` changes nothing."""

    stretch: float = 0.0
    """Tempo of the clip: its log has this deviation."""
    word_stretch: float = 0.0
    """The same for each word by itself."""
    start: float = 0.0
    """Deviation of the sentence's start, in frames."""
    repeat: float = 0.0
    """Share of frames that show the frame before once more."""
    freeze: float = 0.0
    """Chance that one to four frames in a row stand still."""
    shift: int = 0
    """Most pixels that the mouth moves in its window, at most `MARGIN`."""
    flip: float = 0.0
    """Chance of the mirror image."""
    gain: float = 0.0
    """Contrast: its log has this deviation."""
    erase: float = 0.0
    """Chance that one rectangle shows nothing."""
    frames: int = 0
    """Silence of an aligned clip is cut so that no more frames are left; 0 cuts none."""
    cross: float = 0.0
    """Chance that a clip goes on as another one from some word on, and maybe comes back."""
    paste: float = 0.0
    """Chance that a word is replaced by a word of the same slot from another clip."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Frames `first` to `end` (exclusive) of one clip, and what is said in them."""

    clip: int
    first: int
    end: int
    meaning: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Varied:
    """A clip as the network sees it: (T, H, W) float32, standardised, and its pieces."""

    frames: NDArray[np.float32]
    pieces: tuple[Piece, ...]
    durations: tuple[int, ...]
    """Frames of each piece in `frames`."""


def random_for(seed: int, purpose: str, *numbers: int) -> Random:
    """A generator that depends on its arguments only, never on what was drawn before."""
    import numpy as np

    return np.random.default_rng(
        [seed & 0xFFFFFFFFFFFFFFFF, zlib.crc32(purpose.encode()), *numbers]
    )


def pieces_of(clip: int, frames: int, words: Sequence[tuple[int, int, int]]) -> tuple[Piece, ...]:
    """The pieces of an aligned clip; a word without a frame of its own is left out.

    Args:
        clip: its number.
        frames: how many it has.
        words: (first frame, end frame, number of the word), in order.
    """
    found: list[Piece] = []
    at = 0
    for first, end, word in words:
        if first > at:
            found.append(Piece(clip, at, first, PAUSE if found else BEFORE))
        if end > max(first, at):
            found.append(Piece(clip, max(first, at), end, word))
            at = end
    if at < frames:
        found.append(Piece(clip, at, frames, AFTER))
    return tuple(found)


def pasted(
    pieces: Sequence[Piece],
    others: Sequence[Sequence[Piece]],
    chance: float,
    random: Random,
) -> tuple[Piece, ...]:
    """Each word with this chance replaced by one that stands in the same slot of another clip.

    Args:
        pieces: of one clip.
        others: for each slot the words of all clips.
        chance: for each word.
        random: decides.
    """
    found = []
    slot = 0
    for piece in pieces:
        new = piece
        if piece.meaning >= 0:
            if random.random() < chance:
                new = others[slot][int(random.integers(len(others[slot])))]
            slot += 1
        found.append(new)
    return tuple(found)


def crossed(pieces: Sequence[Piece], other: Sequence[Piece], random: Random) -> tuple[Piece, ...]:
    """One clip up to some word, another from there on; every other time the first comes back.

    Neighbouring words then say less about each other than in the sentences that were recorded.

    Args:
        pieces: of one clip.
        other: of another one, with as many words.
        random: decides where.
    """
    first, second = ([i for i, p in enumerate(row) if p.meaning >= 0] for row in (pieces, other))
    count = len(first)
    if count < 2 or len(second) != count:
        return tuple(pieces)
    low = int(random.integers(1, count))
    high = int(random.integers(low + 1, count + 1))
    if high == count or random.random() < 0.5:
        return (*pieces[: first[low]], *other[second[low] :])
    return (*pieces[: first[low]], *other[second[low] : second[high]], *pieces[first[high] :])


def vary(
    pieces: Sequence[Piece],
    pictures: Callable[[int], Pictures],
    variation: Variation,
    random: Random,
) -> Varied:
    """One variant of a clip.

    Args:
        pieces: what it consists of.
        pictures: the stored frames of a clip by its number, (T, H + 2 margins, W + 2 margins).
        variation: how far it may be changed.
        random: decides.
    """
    durations = _durations(pieces, variation, random)
    parts = [
        pictures(piece.clip)[_places(piece, frames)]
        for piece, frames in zip(pieces, durations, strict=True)
    ]
    return Varied(
        frames=_shown(parts, variation, random), pieces=tuple(pieces), durations=tuple(durations)
    )


def window(pictures: Pictures) -> NDArray[np.float32]:
    """Stored frames as the network sees them when nothing is varied."""
    return _standardised(pictures[:, MARGIN:-MARGIN, MARGIN:-MARGIN])


def _durations(pieces: Sequence[Piece], variation: Variation, random: Random) -> list[int]:
    """Frames of each piece; the silences of an aligned clip take what the words leave of it."""
    import numpy as np

    tempo = float(np.exp(random.normal(0.0, variation.stretch)))
    found = []
    for piece in pieces:
        own = float(np.exp(random.normal(0.0, variation.word_stretch)))
        frames = (piece.end - piece.first) * tempo * (own if piece.meaning >= 0 else 1.0)
        found.append(max(1, round(frames)))
    moved = float(random.normal(0.0, variation.start))
    place = float(random.random())
    if pieces[0].meaning != BEFORE or pieces[-1].meaning != AFTER:
        return found
    total = sum(piece.end - piece.first for piece in pieces)
    room = max(2, min(total, variation.frames or total) - sum(found[1:-1]))
    before = pieces[0].end - pieces[0].first + moved
    if 0 < variation.frames < total:
        before = 1 + place * (room - 1)
    found[0] = min(max(1, round(before)), room - 1)
    found[-1] = room - found[0]
    return found


def _places(piece: Piece, frames: int) -> list[int]:
    """Which frames of a clip show a piece in so many frames.

    A silence is cut, or held, at its far end; all else is stretched evenly: the middle of each new
    frame is looked up among the old ones.
    """
    span = piece.end - piece.first
    if piece.meaning == BEFORE:
        return [max(piece.first, piece.end - frames + i) for i in range(frames)]
    if piece.meaning == AFTER:
        return [min(piece.end - 1, piece.first + i) for i in range(frames)]
    return [piece.first + int((i + 0.5) * span / frames) for i in range(frames)]


def _shown(parts: Sequence[Pictures], variation: Variation, random: Random) -> NDArray[np.float32]:
    import numpy as np

    pictures = np.concatenate(parts)
    frames = len(pictures)
    order = np.arange(frames)
    again = random.random(frames) < variation.repeat
    order[1:] -= again[1:]
    if random.random() < variation.freeze:
        first, count = int(random.integers(frames)), int(random.integers(1, 5))
        order[first : first + count] = order[first]
    down, right = (MARGIN + random.integers(-variation.shift, variation.shift + 1, 2)).tolist()
    height, width = (side - 2 * MARGIN for side in pictures.shape[1:])
    seen = pictures[order, down : down + height, right : right + width]
    if random.random() < variation.flip:
        seen = seen[:, :, ::-1]
    shown = _standardised(seen) * np.float32(np.exp(random.normal(0.0, variation.gain)))
    if random.random() < variation.erase:
        tall, wide = (int(random.integers(side // 8, side // 2)) for side in (height, width))
        top, left = int(random.integers(height - tall)), int(random.integers(width - wide))
        shown[:, top : top + tall, left : left + wide] = 0.0
    return np.ascontiguousarray(shown)


def _standardised(pictures: Pictures) -> NDArray[np.float32]:
    import numpy as np

    floats = pictures.astype(np.float32)
    floats -= floats.mean(dtype=np.float64)
    floats /= max(float(floats.std(dtype=np.float64)), 1.0)
    return floats


def states_of(varied: Varied, state: Callable[[int, float], int], last: int) -> list[int]:
    """The network's true output for each frame of an aligned clip, `IGNORED` where unknown.

    Args:
        varied: the clip.
        state: the output of a word, by its number, at a part of it from 0 to 1.
        last: the output of the silence after; that of the silence before is 0.
    """
    fixed = {BEFORE: 0, AFTER: last, PAUSE: IGNORED, UNKNOWN: IGNORED}
    found = []
    for piece, frames in zip(varied.pieces, varied.durations, strict=True):
        for i in range(frames):
            known = fixed.get(piece.meaning)
            found.append(state(piece.meaning, i / frames) if known is None else known)
    return found


def guessed_pieces(
    clip: int, pictures: Pictures, words: Sequence[tuple[int, int]]
) -> tuple[Piece, ...]:
    """The pieces of a clip without alignment: its words one after another while the lips move.

    Args:
        clip: its number.
        pictures: its frames, (T, height, width).
        words: (number, letters) of each word; longer words are given more time.
    """
    first, end = motion_span(pictures)
    if end - first < 2 * len(words):
        first, end = 0, len(pictures)
    sizes = [letters + 2 for _, letters in words]
    spans, passed = [], 0
    for (word, _), size in zip(words, sizes, strict=True):
        low, high = (
            first + round((end - first) * share / sum(sizes)) for share in (passed, passed + size)
        )
        spans.append((low, high, word))
        passed += size
    return pieces_of(clip, len(pictures), spans)


def motion_span(pictures: Pictures) -> tuple[int, int]:
    """First frame in which the lips move, and the first after the last one.

    Args:
        pictures: (T, height, width).
    """
    import numpy as np

    if len(pictures) < 2 * SMOOTH:
        return 0, len(pictures)
    small = pictures[:, ::4, ::4].astype(np.float32)
    speed = np.abs(np.diff(small, axis=0)).mean(axis=(1, 2))
    weights = np.hanning(SMOOTH + 2)[1:-1]
    smooth = np.convolve(np.pad(speed, SMOOTH // 2, "edge"), weights / weights.sum(), "valid")
    low, high = np.percentile(smooth, (10, 90))
    moving = np.flatnonzero(smooth > low + MOVING * (high - low))
    return (int(moving[0]), int(moving[-1]) + 2) if len(moving) else (0, len(pictures))
