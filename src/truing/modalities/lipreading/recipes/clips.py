"""Examples as mouth clips that training can look up by frame: decoded once, kept out of memory.

Every clip is brought to 25 frames per second by the times of its frames, whatever rate its file
claims, and cut to the part of the 96 x 96 mouth picture that a network sees. Pixels lie in an
unnamed temporary file mapped into memory: thousands of clips cost no more than the system spares.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from truing.domain.errors import DamagedError, InvalidInputError
from truing.domain.prediction import Word
from truing.domain.recipe import Example, MediaFile
from truing.metrics.normalise import neutral
from truing.modalities.lipreading import alignment
from truing.modalities.lipreading.mouth import mouth_clip

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 25.0
"""Frames per second of everything a network of this folder sees."""
TOP, LEFT, HEIGHT, WIDTH = 32, 12, 56, 72
"""The part of a 96 x 96 mouth picture that is kept."""
LONGEST = 60.0
"""Seconds; a longer clip is left out of training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One example: where its frames are, what is said, and when as far as that is known."""

    example: Example
    first: int
    frames: int
    words: tuple[Word, ...] | None
    """With times from the clip's start; None without an alignment of the very words."""


class Clips:
    """All clips of a run: train, validation and replay rows side by side."""

    def __init__(self) -> None:
        self.rows: list[Clip] = []
        self.notes: list[str] = []
        """What was left out, and why."""
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the clips
        self._frames = 0
        self._map: NDArray[np.uint8] | None = None

    def gather(
        self,
        examples: Sequence[Example],
        name: str,
        *,
        fits: Callable[[str, int], bool],
        stopped: Callable[[], bool],
    ) -> list[int] | None:
        """Decodes examples; those that cannot be used are left out and noted.

        Args:
            examples: each holds media under the role `video`, and maybe `alignment`.
            name: says in notes which rows these are.
            fits: whether a text can be learned from so many frames.
            stopped: asked before each clip.

        Returns:
            The numbers of the clips; None when asked to stop.

        Raises:
            InvalidInputError: an example has no video.
            NotFoundError: a file is missing.
        """
        skipped: Counter[str] = Counter()
        found = []
        for index in range(len(examples)):
            if stopped():
                return None
            why = self._add(examples[index], fits)
            if why is None:
                found.append(len(self.rows) - 1)
            else:
                skipped[why] += 1
        self.notes += [
            f"{count} of {len(examples)} {name} clips left out: {why}."
            for why, count in sorted(skipped.items())
        ]
        return found

    def _add(self, example: Example, fits: Callable[[str, int], bool]) -> str | None:
        """Keeps one example, or says why not."""
        if "video" not in example.media:
            raise InvalidInputError(
                f"The sample `{example.uid}` has no video.",
                hint="Train a lip-reading model on a dataset version of the modality `lipreading`.",
            )
        try:
            pictures = pictures_of(example.media["video"])
        except (DamagedError, InvalidInputError):
            return "their video cannot be decoded"
        if pictures is None:
            return "no face is to be seen in their video"
        if len(pictures) > LONGEST * RATE:
            return f"they are longer than {LONGEST:.0f} s"
        if not fits(example.truth, len(pictures)):
            return "their text is outside the vocabulary, or too long for the video"
        self._file.write(pictures.tobytes())
        self.rows.append(
            Clip(
                example=example,
                first=self._frames,
                frames=len(pictures),
                words=_words_of(example),
            )
        )
        self._frames += len(pictures)
        return None

    def pictures(self, index: int) -> NDArray[np.uint8]:
        """The frames of a clip, (T, 56, 72), 25 per second."""
        import numpy as np

        if self._map is None:
            self._file.flush()
            self._map = np.memmap(
                self._file, dtype=np.uint8, mode="r", shape=(self._frames, HEIGHT, WIDTH)
            )
        clip = self.rows[index]
        return self._map[clip.first : clip.first + clip.frames]

    def close(self) -> None:
        """Frees the disk space."""
        self._map = None
        self._file.close()


def pictures_of(video: MediaFile) -> NDArray[np.uint8] | None:
    """The mouth of a video as a network sees it: (T, 56, 72) uint8, 25 frames per second.

    None when no face is to be seen in it.

    Raises:
        DamagedError: it cannot be decoded.
        InvalidInputError: it is no video.
    """
    clip = mouth_clip(video.path, start=video.start, end=video.end)
    if not clip.seen.any():
        return None
    return cut(clip.frames[at_rate(clip.times)])


def cut(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(..., 56, 72) from mouth pictures (..., 96, 96)."""
    import numpy as np

    return np.ascontiguousarray(frames[..., TOP : TOP + HEIGHT, LEFT : LEFT + WIDTH])


def at_rate(times: Any) -> NDArray[np.intp]:
    """Which frames to show for 25 frames per second: at each moment the nearest in time.

    Args:
        times: of the frames, in seconds, rising; the last is shown as long as the one before it.
    """
    import numpy as np

    times = np.asarray(times, dtype=np.float64)
    if len(times) < 2:
        return np.zeros(len(times), dtype=np.intp)
    seconds = (times[-1] - times[0]) * len(times) / (len(times) - 1)
    moments = times[0] + np.arange(max(1, round(seconds * RATE))) / RATE
    middles = (times[1:] + times[:-1]) / 2
    found: NDArray[np.intp] = np.searchsorted(middles, moments, side="right")
    return found


def _words_of(example: Example) -> tuple[Word, ...] | None:
    """The words with their times, if the alignment is of the very text that is to be learned."""
    if "alignment" not in example.media:
        return None
    try:
        words = alignment.read(example.media["alignment"].path)
    except InvalidInputError:
        return None
    if [neutral(word.text) for word in words] != neutral(example.truth).split():
        return None
    start = example.media["video"].start or 0.0
    return tuple(
        Word(
            text=word.text,
            start=max(0.0, (word.start or 0.0) - start),
            end=max(0.0, (word.end or 0.0) - start),
        )
        for word in words
    )
