"""Which clips make up a step: shuffled epochs, replay in every batch, each clip varied anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from truing.modalities.lipreading import alignment
from truing.modalities.lipreading.recipes.augmentation import (
    UNKNOWN,
    Piece,
    crossed,
    guessed_pieces,
    pasted,
    pieces_of,
    random_for,
    states_of,
    vary,
)
from truing.modalities.lipreading.recipes.clips import Clips
from truing.modalities.lipreading.recipes.sentence_model import SentenceModel
from truing.modalities.lipreading.recipes.tcn_folder import Decoder
from truing.modalities.lipreading.recipes.tcn_options import VisualTcnOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One clip of a batch."""

    frames: NDArray[np.float32]
    """(T, H, W), standardised."""
    labels: Sequence[int]
    """Of the whole clip, as the decoder's `labels` gives them."""
    states: Sequence[int] | None
    """The true output of every frame; None without an alignment."""


class Rows:
    """The rows of a run, by the numbers of their clips.

    Args:
        clips: all of them.
        decoder: gives their labels.
        options: of the recipe.
        train: numbers of the training clips.
        replay: of general clips, a share of every batch.
        validation: of the clips to validate on.
    """

    def __init__(
        self,
        clips: Clips,
        decoder: Decoder,
        options: VisualTcnOptions,
        *,
        train: Sequence[int],
        replay: Sequence[int],
        validation: Sequence[int],
    ) -> None:
        self.clips, self.decoder = clips, decoder
        self.train, self.replay, self.validation = train, replay, validation
        share = round(options.batch_size * options.replay_share) if len(replay) else 0
        self.replayed = min(share, options.batch_size - 1)
        """Clips of a batch that are replayed."""
        self.own = options.batch_size - self.replayed
        """Clips of a batch that are of the training rows."""
        self._variation = options.variation_for(len(train))
        found = {index: self._aligned_pieces(index) for index in (*train, *replay)}
        self._known = [index for index, pieces in found.items() if pieces is not None]
        self._aligned = frozenset(self._known)
        self._pieces = {
            index: pieces or self._other_pieces(index) for index, pieces in found.items()
        }
        self._words = self._words_by_slot()

    @property
    def aligned(self) -> int:
        """Training clips whose words have times."""
        return sum(index in self._aligned for index in self.train)

    def draw(self, step: int, seed: int, *, guess: bool) -> list[Drawn]:
        """The batch of a step; the same each time it is asked for.

        Args:
            step: its number.
            seed: of the run.
            guess: clips of a grammar without alignment get states by the motion of the lips and
                the length of the words: something to begin with.
        """
        found = []
        for name, rows, count in (
            ("train", self.train, self.own),
            ("replay", self.replay, self.replayed),
        ):
            for position in range(step * count, (step + 1) * count):
                epoch, place = divmod(position, len(rows))
                index = rows[_order(len(rows), seed, name, epoch)[place]]
                random = random_for(seed, f"{name} varied", position)
                found.append(self._drawn(index, random, guess=guess))
        return found

    def _drawn(self, index: int, random: np.random.Generator, *, guess: bool) -> Drawn:
        clip = self.clips.rows[index]
        pieces, variation = self._pieces[index], self._variation
        labels = self.decoder.labels(clip.example.truth, clip.frames) or []
        known = index in self._aligned
        if known:
            pieces = self._mixed(pieces, random)
            labels = [piece.meaning for piece in pieces if piece.meaning >= 0]
        if not known:
            variation = replace(variation, frames=0)  # what seems silent may be speech
        varied = vary(pieces, self.clips.pictures, variation, random)
        states: list[int] | None = None
        if isinstance(self.decoder, SentenceModel) and (known or guess):
            states = states_of(varied, self.decoder.state_of, self.decoder.outputs - 1)
        return Drawn(frames=varied.frames, labels=labels, states=states)

    def _mixed(self, pieces: tuple[Piece, ...], random: np.random.Generator) -> tuple[Piece, ...]:
        """An aligned clip with words of others, as often as the options say."""
        if random.random() < self._variation.cross:
            other = self._known[int(random.integers(len(self._known)))]
            pieces = crossed(pieces, self._pieces[other], random)
        return pasted(pieces, self._words, self._variation.paste, random)

    def _aligned_pieces(self, index: int) -> tuple[Piece, ...] | None:
        """The pieces of an aligned clip of the grammar; None for every other."""
        clip = self.clips.rows[index]
        if clip.words is None or not isinstance(self.decoder, SentenceModel):
            return None
        spans = alignment.frames_of(clip.words, clip.frames)
        numbers = [self.decoder.word_index(text) for _, _, text in spans]
        words = [
            (first, end, number)
            for (first, end, _), number in zip(spans, numbers, strict=True)
            if number is not None and end > first
        ]
        pieces = pieces_of(index, clip.frames, words)
        # A word without a frame of its own would leave its slot unnamed.
        return pieces if sum(piece.meaning >= 0 for piece in pieces) == len(spans) else None

    def _other_pieces(self, index: int) -> tuple[Piece, ...]:
        """The pieces of a clip whose words have no times: a guess, or for open speech one piece."""
        clip = self.clips.rows[index]
        whole = (Piece(index, 0, clip.frames, UNKNOWN),)
        if not isinstance(self.decoder, SentenceModel):
            return whole
        labels = self.decoder.labels(clip.example.truth, clip.frames) or []
        words = [(label, len(self.decoder.words[label])) for label in labels]
        return guessed_pieces(index, self.clips.pictures(index), words)

    def _words_by_slot(self) -> list[list[Piece]]:
        """For each slot the words of all aligned clips."""
        rows = [
            [piece for piece in pieces if piece.meaning >= 0]
            for pieces in map(self._pieces.__getitem__, self._known)
        ]
        return [list(slot) for slot in zip(*rows, strict=True)]


@lru_cache(maxsize=8)
def _order(count: int, seed: int, name: str, epoch: int) -> Sequence[int]:
    return [int(index) for index in random_for(seed, name, epoch).permutation(count)]
