"""Learning the second stage: the words of aligned clips, where they are and where they may seem.

The network's bounds are a little off, so each clip is learned from `COPIES` times more with bounds
shifted at random. Its figures were chosen on 198 clips of GRID's first speaker held out.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from truing.modalities.lipreading.recipes.augmentation import random_for, window
from truing.modalities.lipreading.recipes.kernel_ridge import KernelRidge, distances
from truing.modalities.lipreading.recipes.rows import Rows
from truing.modalities.lipreading.recipes.second_stage import SecondStage, cells_of, rows_of
from truing.modalities.lipreading.recipes.sentence_model import SentenceModel
from truing.modalities.lipreading.recipes.slot_ridge import principal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEWEST = 50
"""Aligned clips without which there is no second stage."""
COMPARED = 600
"""Most clips that words are compared with; they are kept in the model, 15 kB each."""
MOST = 2000
"""Most clips that are learned from."""
COPIES, JITTER = 3, 0.7
"""How often a clip is learned from with shifted bounds, and their deviation in frames."""
COMPONENTS = 128
"""Of an instant's cells; they hold 99.5 % of the variance."""
GAMMA, PENALTY = 0.3, 0.1
"""Of the kernel exp(-gamma d²), for rows of mean square 1 about their mean, and of the ridge."""
TINY = 1e-6
"""Keeps the normal equations solvable where two clips are the same."""


def learn_second_stage(rows: Rows, seed: int) -> SecondStage | None:
    """Learns from the aligned clips among the training and replayed rows.

    Args:
        rows: of a run with a grammar.
        seed: decides which clips, where there are too many, and how bounds are shifted.

    Returns:
        The stage, not yet calibrated; None with fewer than `FEWEST` clips, or without a grammar.
    """
    import numpy as np

    decoder = rows.decoder
    chosen = _chosen(rows, seed)
    if not isinstance(decoder, SentenceModel) or len(chosen) < FEWEST:
        return None
    cells = [cells_of(window(rows.clips.pictures(index))) for index in chosen[:COMPARED]]
    found = principal(np.concatenate(cells)[None], COMPONENTS)
    basis = found.astype(np.float16).astype(np.float32)  # as it will be kept
    # Each clip as it is, then its copies: the first row of each is compared with.
    learned = np.stack([_variants(rows, index, basis, seed) for index in chosen])
    words = np.array([_words(rows, decoder, index) for index in chosen])
    ridges = []
    for number, slot in enumerate(decoder.grammar.slots):
        targets = np.eye(len(slot.words))[np.repeat(words[:, number], COPIES + 1)]
        known = learned[:, :, number]
        ridges.append(_ridge(known.reshape(len(targets), -1), known[:COMPARED, 0], targets))
    return SecondStage(basis=basis, slots=tuple(ridges))


def _chosen(rows: Rows, seed: int) -> list[int]:
    """Numbers of aligned clips in the order of a lottery, a person's own before replayed ones."""
    found: list[int] = []
    for name, indices in (("train", rows.train), ("replay", rows.replay)):
        known = [index for index in indices if rows.edges(index) is not None]
        order = random_for(seed, f"{name} compared").permutation(len(known))
        found += [known[int(place)] for place in order]
    return found[:MOST]


def _variants(rows: Rows, index: int, basis: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """(1 + `COPIES`, slots, width): the clip's rows by its true bounds, then by shifted ones."""
    import numpy as np

    true = np.array(rows.edges(index), dtype=np.float64)
    shifts = random_for(seed, "shifted bounds", index).normal(0.0, JITTER, (COPIES, len(true)))
    edges = np.concatenate([true[None], true + shifts])
    for first, second in pairwise(range(edges.shape[1])):
        edges[:, second] = np.maximum(edges[:, second], edges[:, first] + 1.0)
    return rows_of(cells_of(window(rows.clips.pictures(index))) @ basis, edges)


def _words(rows: Rows, decoder: SentenceModel, index: int) -> list[int]:
    """For each slot the place of the word among the slot's."""
    clip = rows.clips.rows[index]
    return decoder.places(decoder.labels(clip.example.truth, clip.frames) or [])


def _ridge(
    rows: NDArray[np.float32], compared: NDArray[np.float32], targets: NDArray[np.float64]
) -> KernelRidge:
    """The regression on kernels with the compared rows that fits all rows best."""
    import numpy as np

    gamma = GAMMA / float(np.square(rows - rows.mean(0)).sum(1).mean() or 1.0)
    kernel = np.exp(-gamma * distances(rows, compared))
    inner = np.exp(-gamma * distances(compared, compared))
    offset = targets.mean(0)
    normal = kernel.T @ kernel + PENALTY * inner + TINY * np.eye(len(inner))
    weights = np.linalg.solve(normal, kernel.T @ (targets - offset))
    return KernelRidge(rows=compared, gamma=gamma, weights=weights, offset=offset)
