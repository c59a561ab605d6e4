"""The trivial reader that a trained model must beat: `pixel-ridge` as it is, in seconds.

It learns from the training rows alone and reads without alignments, like a model in use. Guessing
evenly among the words of a grammar, which is right for 19 % of the words of GRID, is far below it.
"""

from __future__ import annotations

from collections.abc import Sequence

from truing.domain.errors import InvalidInputError
from truing.domain.recipe import Example
from truing.modalities.lipreading.pixels import pixels_of
from truing.modalities.lipreading.recipes.learn_ridge import (
    find_words,
    gather,
    grammar_of,
    learn_slots,
    spelled,
)
from truing.modalities.lipreading.recipes.pixel_ridge import PixelRidgeOptions, finder_for, spread

MOST_ROWS = 600
"""Training clips it learns from: with them it takes about ten seconds."""
FEWEST_ROWS = 20


def pixel_ridge(train: Sequence[Example], test: Sequence[Example]) -> list[str] | None:
    """Predictions for `test`; None when the texts follow no grammar, or with too few clips.

    Raises:
        NotFoundError, DamagedError: a test video that is not there or cannot be decoded.
        MissingDependencyError: the packages that decode video are not installed.
    """
    import numpy as np

    chosen = spread(train, MOST_ROWS)
    try:
        grammar = grammar_of([spelled(example) for example in chosen])
    except InvalidInputError:
        return None  # open speech, which a ridge per slot cannot say
    rows = gather(chosen, grammar, aligned=True)
    if len(rows) < FEWEST_ROWS:
        return None
    options = PixelRidgeOptions()
    finder = finder_for(options.alignment, rows)
    reader = find_words(
        rows, grammar, finder=finder, components=options.components, rounds=options.rounds
    )
    model = reader.with_slots([slot for slot, _ in learn_slots(reader, rows)])
    clips = [pixels_of(example.media["video"]) for example in test]
    values = np.array([clip.values for clip in clips])
    words = [
        [slot.words[number] for number in chances.argmax(1)]
        for slot, chances in zip(grammar.slots, model.read(values, model.find(values)), strict=True)
    ]
    return [" ".join(said) if clip.seen else "" for clip, *said in zip(clips, *words, strict=True)]
