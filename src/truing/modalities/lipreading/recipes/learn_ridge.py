"""Learn: from examples with their words to a `SlotRidge`, for the recipe and for the baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.errors import DamagedError, InvalidInputError
from truing.domain.grammar import Grammar
from truing.domain.recipe import Example, MediaFile
from truing.metrics.normalise import NEUTRAL
from truing.modalities.lipreading.alignment import read
from truing.modalities.lipreading.grammar import GRID, infer
from truing.modalities.lipreading.pixels import POINTS, WIDTH, Pixels, pixels_of
from truing.modalities.lipreading.recipes.slot_ridge import (
    SlotReader,
    SlotRidge,
    learn_slot,
    principal,
    window,
)
from truing.modalities.lipreading.recipes.word_bounds import learn_bounds, motion_span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    _Row = tuple[NDArray[np.float32], list[int], list[float]]

FEWEST_ALIGNED = 40
"""With fewer aligned clips the bounds of words are not learned."""
MOST_ALIGNED = 800
"""More of them add time, and hardly anything to where the bounds are found."""
FEWEST_BESIDE = 30
"""With fewer validation clips the figures are chosen on training clips left out in turn."""
MOSTLY = 0.9
"""From this share of the texts on, those outside the GRID grammar are left out."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Clips with their words, those with an alignment first."""

    values: NDArray[np.float32]
    """Pixels, shape (rows, instants, cells)."""
    words: NDArray[np.intp]
    """Number of the word in each slot, shape (rows, slots)."""
    bounds: NDArray[np.float64]
    """Of the words in instants, for the aligned rows: shape (aligned, slots + 1)."""
    notes: tuple[str, ...]
    """What was left out."""

    def __len__(self) -> int:
        return len(self.values)


def spelled(example: Example) -> str:
    """The truth as grammars are written: without punctuation, in small letters."""
    return NEUTRAL.apply(example.truth)


def grammar_of(texts: Sequence[str]) -> Grammar:
    """`GRID` when the texts are of it, else a grammar inferred from them.

    Args:
        texts: as `spelled`.

    Raises:
        InvalidInputError: they are open speech.
    """
    if texts and sum(map(GRID.fits, texts)) >= MOSTLY * len(texts):
        return GRID
    found = infer(texts)
    if found is None:
        raise InvalidInputError(
            "the texts follow no grammar: `pixel-ridge` needs sentences of one length, "
            "with few words in each place",
            hint="train the recipe visual-tcn, which can spell: truing recipes lipreading",
        )
    return found


def gather(examples: Sequence[Example], grammar: Grammar, *, aligned: bool) -> Rows:
    """Decodes examples; what cannot be used is left out and told.

    Args:
        examples: with a truth.
        grammar: of their sentences.
        aligned: whether alignments are read where there are any.
    """
    import numpy as np

    plain: list[_Row] = []
    timed: list[_Row] = []
    notes = []
    for example in examples:
        words = grammar.split(spelled(example))
        if words is None:
            notes.append(f"sample {example.uid}: its text is outside the grammar")
            continue
        try:
            pixels = pixels_of(example.media["video"])
        except DamagedError as error:
            notes.append(f"sample {example.uid}: {error.message}")
            continue
        if pixels.seen == 0:
            notes.append(f"sample {example.uid}: no face is seen")
            continue
        numbers = [slot.words.index(one) for slot, one in zip(grammar.slots, words, strict=True)]
        bounds = bounds_of(example.media.get("alignment"), pixels, len(words)) if aligned else None
        if bounds is None:
            plain.append((pixels.values, numbers, []))
        else:
            timed.append((pixels.values, numbers, bounds))
    both, count = [*timed, *plain], len(grammar.slots)
    return Rows(
        values=np.array([one[0] for one in both], np.float32).reshape(-1, POINTS, WIDTH),
        words=np.array([one[1] for one in both], np.intp).reshape(-1, count),
        bounds=np.array([one[2] for one in timed], np.float64).reshape(-1, count + 1),
        notes=tuple(notes),
    )


def bounds_of(alignment: MediaFile | None, pixels: Pixels, words: int) -> list[float] | None:
    """Where each word begins and the last one ends, in instants.

    None without an alignment, or when it has another number of words.

    Raises:
        InvalidInputError: it is no alignment.
    """
    found = read(Path(alignment.path)) if alignment is not None else ()
    if len(found) != words:
        return None
    last = found[-1].end
    times = [one.start for one in found]
    return [pixels.place(time) for time in (*times, last) if time is not None]


def find_words(
    rows: Rows, grammar: Grammar, *, finder: str, components: int, rounds: int
) -> SlotRidge:
    """Learns to find the words, not yet to tell them apart.

    Args:
        rows: to learn from; with the finder `given`, all of them aligned.
        grammar: of the sentences.
        finder: see `SlotRidge`.
        components: principal components of the pixels.
        rounds: how often found bounds are mended.
    """
    import numpy as np

    basis = principal(rows.values, min(components, WIDTH))
    clips = rows.values @ basis
    bounds = None
    if finder == "learned":
        most = min(len(rows.bounds), MOST_ALIGNED)
        bounds, held = learn_bounds(clips[:most], rows.bounds[:most], rounds)
        places = np.concatenate([held, bounds.find(clips[most:])])
    else:
        places = rows.bounds if finder == "given" else motion_span(rows.values)
    return SlotRidge(
        grammar=grammar,
        finder=finder,
        basis=basis,
        clips=clips,
        places=places,
        bounds=bounds,
        slots=(),
    )


def learn_slots(
    reader: SlotRidge, rows: Rows, beside: Rows | None = None
) -> Iterator[tuple[SlotReader, float]]:
    """Learns to tell the words apart, slot by slot; see `learn_slot`.

    Args:
        reader: from `find_words` on the same rows.
        rows: to learn from.
        beside: held out, to choose figures on, when there are enough of them.
    """
    if beside is not None and len(beside) < FEWEST_BESIDE:
        beside = None
    apart = None if beside is None else reader.find(beside.values, beside.bounds)
    for number, slot in enumerate(reader.grammar.slots):
        others = None
        if beside is not None and apart is not None:
            seen = window(beside.values @ reader.basis, apart, number, reader.finder)
            others = (seen, beside.words[:, number])
        own = window(reader.clips, reader.places, number, reader.finder)
        yield learn_slot(own, rows.words[:, number], len(slot.words), others)
