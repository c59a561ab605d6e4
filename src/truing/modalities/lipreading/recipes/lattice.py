"""Sums over all ways through a sentence of word slots: log Z, and the posterior of every state.

A path waits in the silence before, goes through one word of each slot in turn and ends in the
silence after. A word is a row of sub-states from left to right. From one frame to the next a path
stays (weight 1), moves on by one sub-state (1) or by two (0.3); it may enter a word at its second
sub-state and leave it from the last but one (0.3 each). The recursion is the forward-backward
algorithm (Rabiner, "A tutorial on hidden Markov models", 1989), in float64 and in the log domain:
products of likelihoods of a few hundred frames leave even the range of float64.

Shapes: T frames, B clips, W words (over all slots, slot after slot), K sub-states, S slots.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

SUBSTATES = 3
RARE = -1.2039728043259361
"""log 0.3: of moving on by two, of entering late, of leaving early."""
NEVER = -1e30
"""The log of nothing; finite, so that no difference of two is undefined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Log-potentials of a batch; frames beyond a clip's length are not looked at."""

    before: Numbers
    """(T, B): silence before the sentence."""
    words: Numbers
    """(T, B, W, K)."""
    after: Numbers
    """(T, B): silence after it."""
    lengths: NDArray[np.intp]
    """(B,): frames of each clip, at least one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posteriors:
    """Probabilities given the whole clip; 0 beyond its length. Each frame sums to one."""

    before: Numbers
    """(T, B)."""
    words: Numbers
    """(T, B, W, K)."""
    after: Numbers
    """(T, B)."""
    entries: Numbers
    """(T, B, W): a path enters the word at this frame. Summed over frames: it contains the word."""
    ends: Numbers
    """(T, B): a path enters the silence after at this frame."""


class Lattice:
    """The paths through slots of words.

    Args:
        sizes: words of each slot.
        open_end: paths may end anywhere, not only after the last word: for a clip that goes on.
    """

    def __init__(self, sizes: tuple[int, ...], *, open_end: bool = False) -> None:
        import numpy as np

        self.open_end = open_end
        self.firsts = np.cumsum([0, *sizes[:-1]])
        """(S,): the first word of each slot."""
        self.slot_of = np.repeat(np.arange(len(sizes)), sizes)
        """(W,): the slot of each word."""
        self._last = self.slot_of == len(sizes) - 1

    def log_z(self, scores: Scores) -> Numbers:
        """(B,): log of the sum of all paths' weights; about `NEVER` when there is no path."""
        return _Forward(self, scores).log_z

    def posteriors(self, scores: Scores) -> tuple[Numbers, Posteriors]:
        """Log Z (B,) and the posteriors of states, entries and ends."""
        import numpy as np

        forward = _Forward(self, scores)
        before, words, after = self._backward(scores)
        log_z = forward.log_z
        inside = np.arange(len(scores.before))[:, None] < scores.lengths
        heads = scores.words[..., :2] + words[..., :2]
        heads[..., 1] += RARE
        sources = forward.sources[:, :, self.slot_of]
        ends = forward.exits_before[:, :, -1] + scores.after + after

        def chances(logs: Numbers) -> Numbers:
            room = (1,) * (logs.ndim - 2)
            found = np.exp(np.minimum(logs - log_z.reshape(-1, *room), 0.0))
            return np.where(inside.reshape(*inside.shape, *room), found, 0.0)

        return log_z, Posteriors(
            before=chances(forward.before + before),
            words=chances(forward.words + words),
            after=chances(forward.after + after),
            entries=chances(sources + log_sum(heads)),
            ends=chances(ends),
        )

    def leaving(self, words: Numbers) -> Numbers:
        """(..., S) from (..., W, K): the weight with which paths leave each slot."""
        import numpy as np

        out = np.logaddexp(words[..., -1], words[..., -2] + RARE)
        return self._over_slots(out)

    def _over_slots(self, values: Numbers) -> Numbers:
        """(..., S) from (..., W): log of the sum over the words of each slot."""
        import numpy as np

        most = np.maximum.reduceat(values, self.firsts, axis=-1)
        parts = np.exp(values - most[..., self.slot_of])
        return most + np.log(np.add.reduceat(parts, self.firsts, axis=-1))

    def _backward(self, scores: Scores) -> tuple[Numbers, Numbers, Numbers]:
        """The weight of all that may follow each state, shaped as `scores`."""
        import numpy as np

        before, words, after = map(np.empty_like, (scores.before, scores.words, scores.after))
        end_before, end_words = self._ends(words.shape[1:])
        step = np.empty((3, *words.shape[1:]))
        step[2, ..., -1] = NEVER
        final = scores.lengths - 1
        for t in reversed(range(len(words))):
            if t + 1 < len(words):
                new_words = scores.words[t + 1] + words[t + 1]
                new_after = scores.after[t + 1] + after[t + 1]
                entered = np.logaddexp(new_words[..., 0], new_words[..., 1] + RARE)
                entering = self._over_slots(entered)
                onward = np.concatenate([entering[:, 1:], new_after[:, None]], axis=1)
                onward = onward[:, self.slot_of]
                step[0] = new_words
                step[1, ..., :-1], step[1, ..., -1] = new_words[..., 1:], onward
                step[2, ..., :-2], step[2, ..., -2] = new_words[..., 2:] + RARE, onward + RARE
                words[t] = log_sum(step, axis=0)
                before[t] = np.logaddexp(scores.before[t + 1] + before[t + 1], entering[:, 0])
                after[t] = new_after
            over = t >= final
            if over.any():
                words[t, over], before[t, over], after[t, over] = end_words[over], end_before, 0.0
        return before, words, after

    def _ends(self, shape: tuple[int, ...]) -> tuple[float, Numbers]:
        """The weight of ending in the silence before, and in each word's sub-states."""
        import numpy as np

        if self.open_end:
            return 0.0, np.zeros(shape)
        words = np.full(shape, NEVER)
        words[:, self._last, -1], words[:, self._last, -2] = 0.0, RARE
        return NEVER, words


class _Forward:
    """The weight of all that may lead to each state, shaped as the scores, which it includes."""

    def __init__(self, lattice: Lattice, scores: Scores) -> None:
        import numpy as np

        self._lattice, self._scores = lattice, scores
        slots, shape = len(lattice.firsts), scores.words.shape[1:]
        self.before, self.words, self.after = map(
            np.empty_like, (scores.before, scores.words, scores.after)
        )
        self.sources = np.full((*scores.before.shape, slots), NEVER)
        """(T, B, S): the weight that enters each slot at this frame."""
        self.exits_before = np.full((*scores.before.shape, slots), NEVER)
        """(T, B, S): the weight that has left each slot at the frame before."""
        self.sources[0, :, 0] = 0.0
        step = np.full((3, *shape), NEVER)
        now = np.full(shape, NEVER)
        before, after = np.zeros(shape[0]), np.full(shape[0], NEVER)
        for t in range(len(scores.words)):
            if t:
                exits = self.exits_before[t] = lattice.leaving(now)
                self.sources[t, :, 0], self.sources[t, :, 1:] = before, exits[:, :-1]
                after = np.logaddexp(after, exits[:, -1])
            entering = self.sources[t][:, lattice.slot_of]
            step[0] = now
            step[1, ..., 1:], step[1, ..., 0] = now[..., :-1], entering
            step[2, ..., 2:], step[2, ..., 1] = now[..., :-2] + RARE, entering + RARE
            now = self.words[t] = log_sum(step, axis=0) + scores.words[t]
            before = self.before[t] = before + scores.before[t]
            after = self.after[t] = after + scores.after[t]

    @cached_property
    def log_z(self) -> Numbers:
        """(B,)."""
        import numpy as np

        last = self._scores.lengths - 1, np.arange(len(self._scores.lengths))
        words, after = self.words[last], self.after[last]
        if not self._lattice.open_end:
            return np.logaddexp(after, self._lattice.leaving(words)[:, -1])
        inside = log_sum(words.reshape(len(words), -1))
        return np.logaddexp(np.logaddexp(self.before[last], inside), after)


def log_sum(values: Numbers, axis: int = -1) -> Numbers:
    """Log of the sum of exponentials along one axis."""
    import numpy as np

    most = values.max(axis=axis)
    found: Numbers = most + np.log(np.exp(values - np.expand_dims(most, axis)).sum(axis=axis))
    return found
