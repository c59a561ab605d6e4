"""Where the words of a clip begin and end: told by an alignment, learned, or where lips move.

*Learned*: a kernel ridge on the whole clip guesses all bounds; then, round by round, one ridge per
bound looks at the lips around its guess and moves it (cascaded regression, Dollár, Welinder,
Perona 2010). Each round learns from guesses made for folds that were left out, so that they err in
training as they do in use. With 600 GRID clips a bound is 0.9 frames off on average.

*By motion*: from the first to the last instant in which the lips move.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from truing.modalities.lipreading.pixels import POINTS, between
from truing.modalities.lipreading.recipes.kernel_ridge import KernelRidge, fit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Clips = NDArray[np.float32]
    Places = NDArray[np.float64]

WINDOW = tuple(range(-12, 13, 2))
"""Instants around a guess that the ridge of a bound looks at."""
MOVING = 0.2
"""The lips move when their speed passes this share of the way from its low to its high."""
LOW, HIGH = 10, 95
"""Percentiles of a clip's speed."""
SMOOTH = 9
"""Instants over which the speed is smoothed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Round:
    """One look at the lips around each bound."""

    places: NDArray[np.float64]
    """The guesses for the training clips that this round learned to move, (clips, bounds)."""
    ridges: tuple[KernelRidge, ...]
    """One per bound; gives how far to move it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WordBounds:
    """Finds the bounds of words: where each begins, and where the last one ends."""

    first: KernelRidge
    """Guesses all bounds from the whole clip."""
    rounds: tuple[Round, ...]

    def find(self, clips: Clips) -> Places:
        """Bounds in instants, rising, shape (clips, words + 1)."""
        import numpy as np

        found = self.first.predict(clips)
        for one in self.rounds:
            moved = found.copy()
            for bound, ridge in enumerate(one.ridges):
                moved[:, bound] += ridge.predict(around(clips, found[:, bound]))[:, 0]
            found = np.sort(moved, axis=1)
        return found

    def tensors(self) -> dict[str, NDArray[np.generic]]:
        """All that was learned but the clips, by name."""
        told = self.first.tensors("bounds.first")
        for number, one in enumerate(self.rounds):
            told[f"bounds.{number}.places"] = one.places
            for bound, ridge in enumerate(one.ridges):
                told |= ridge.tensors(f"bounds.{number}.{bound}")
        return told

    @staticmethod
    def from_tensors(clips: Clips, told: Mapping[str, NDArray[np.generic]]) -> WordBounds:
        """Reads what `tensors` told, with the clips it was learned from.

        Raises:
            KeyError: something is missing.
            ValueError: these are not those clips.
        """
        rounds: list[Round] = []
        while f"bounds.{len(rounds)}.places" in told:
            name = f"bounds.{len(rounds)}"
            places = told[f"{name}.places"].astype(float)
            ridges = tuple(
                KernelRidge.from_tensors(f"{name}.{bound}", told, around(clips, places[:, bound]))
                for bound in range(places.shape[1])
            )
            rounds.append(Round(places=places, ridges=ridges))
        first = KernelRidge.from_tensors("bounds.first", told, clips)
        return WordBounds(first=first, rounds=tuple(rounds))


def learn_bounds(clips: Clips, bounds: Places, rounds: int) -> tuple[WordBounds, Places]:
    """Learns to find bounds.

    Args:
        clips: shape (clips, instants, width).
        bounds: where the words are, in instants, shape (clips, words + 1).
        rounds: how often the first guess is mended.

    Returns:
        What finds them, and what it finds in these clips when each one's fold is left out.
    """
    import numpy as np

    start = fit(clips, bounds, partial(_off, bounds))
    found, made = start.held, []
    for _ in range(rounds):
        moved, ridges = found.copy(), []
        for bound in range(bounds.shape[1]):
            wanted = (bounds - found)[:, bound : bound + 1]
            one = fit(around(clips, found[:, bound]), wanted, partial(_off, wanted))
            ridges.append(one.ridge)
            moved[:, bound] += one.held[:, 0]
        made.append(Round(places=found, ridges=tuple(ridges)))
        found = np.sort(moved, axis=1)
    return WordBounds(first=start.ridge, rounds=tuple(made)), found


def _off(wanted: Places, held: Places) -> float:
    import numpy as np

    return float(np.abs(held - wanted).mean())


def around(clips: Clips, places: NDArray[np.float64]) -> Clips:
    """The lips around one instant of each clip, shape (clips, len(`WINDOW`), width)."""
    import numpy as np

    return between(clips, places[:, None] + np.array(WINDOW, dtype=np.float64))


def motion_span(clips: Clips) -> Places:
    """First and last instant in which the lips move, shape (clips, 2)."""
    import numpy as np

    speed = np.abs(np.diff(clips, axis=1)).mean(2)
    weights = np.hanning(SMOOTH + 2)[1:-1]
    weights /= weights.sum()
    spans = []
    for row in speed:
        smooth = np.convolve(np.pad(row, SMOOTH // 2, "edge"), weights, "valid")
        low, high = np.percentile(smooth, (LOW, HIGH))
        moving = np.flatnonzero(smooth > low + MOVING * (high - low))
        # A still mouth has no span: then it is all of the clip.
        spans.append((moving[0], moving[-1] + 1) if len(moving) else (0, POINTS - 1))
    return np.array(spans, dtype=np.float64).reshape(-1, 2)
