"""How well a network reads the validation clips, and how far its confidence must be cooled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from truing.domain.prediction import Recognition
from truing.metrics.normalise import neutral
from truing.metrics.words import WER, rate
from truing.modalities.lipreading.recipes.augmentation import window
from truing.modalities.lipreading.recipes.numerics import Numerics
from truing.modalities.lipreading.recipes.rows import Rows
from truing.modalities.lipreading.recipes.sentence_model import SentenceModel
from truing.modalities.lipreading.recipes.tcn_folder import Decoder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BATCH = 16
LEAST = 5
"""Validation clips without which confidence is not calibrated."""
TEMPERATURES = (0.5, 6.0, 28)
"""Lowest, highest and how many are tried, evenly in their log."""


def validate(network: Any, rows: Rows, numerics: Numerics) -> dict[str, float]:
    """`validation_loss` (nats per clip), `validation_wer`, and for a grammar the share of right
    words of each slot, such as `validation_letter`. Texts outside the vocabulary count as wrong.
    """
    decoder = rows.decoder
    losses: list[float] = []
    read: list[tuple[int, Recognition]] = []
    for indices, scores, lengths in scored(network, rows, numerics):
        read += zip(indices, decoder.read(scores, lengths), strict=True)
        told = _told(decoder, rows, indices)
        if told:
            places, labels = zip(*told, strict=True)
            losses += _losses(decoder, scores[list(places)], [lengths[p] for p in places], labels)
    pairs = [(rows.clips.rows[index].example.truth, found) for index, found in read]
    figures = {
        "validation_loss": sum(losses) / max(1, len(losses)),
        "validation_wer": rate(WER.score(truth, found.text) for truth, found in pairs),
    }
    return figures | _by_slot(decoder, pairs)


def temperature_for(network: Any, rows: Rows, numerics: Numerics) -> float | None:
    """The temperature under which the truths of the validation clips are likeliest.

    Guo et al., "On calibration of modern neural networks" (2017). None with too few clips.
    """
    import numpy as np

    decoder = rows.decoder
    if len(rows.validation) < LEAST:
        return None
    batches = [
        (scores[list(places)], [lengths[p] for p in places], labels)
        for indices, scores, lengths in scored(network, rows, numerics)
        if (told := _told(decoder, rows, indices))
        for places, labels in [zip(*told, strict=True)]
    ]
    if not batches:
        return None
    tried = np.geomspace(*TEMPERATURES)
    losses = [
        sum(float(decoder.word_losses(s / t, n, labels).sum()) for s, n, labels in batches)
        for t in tried
    ]
    return round(float(tried[int(np.argmin(losses))]), 4)


def scored(
    network: Any, rows: Rows, numerics: Numerics
) -> Iterator[tuple[list[int], NDArray[np.float32], list[int]]]:
    """Numbers, scores (B, T, outputs) and lengths of the validation clips, batch by batch.

    Clips of one length share a batch: what is held at the end of a shorter one would be seen.
    """
    by_length = sorted(rows.validation, key=lambda index: rows.clips.rows[index].frames)
    batch: list[int] = []
    for index in by_length:
        frames = rows.clips.rows[index].frames
        if batch and (len(batch) == BATCH or rows.clips.rows[batch[0]].frames != frames):
            yield _scored(network, rows, batch, numerics)
            batch = []
        batch.append(index)
    if batch:
        yield _scored(network, rows, batch, numerics)


def _scored(
    network: Any, rows: Rows, batch: list[int], numerics: Numerics
) -> tuple[list[int], NDArray[np.float32], list[int]]:
    pictures = [window(rows.clips.pictures(index)) for index in batch]
    return batch, scores_of(network, pictures, numerics), [len(one) for one in pictures]


def scores_of(
    network: Any, clips: Sequence[NDArray[np.float32]], numerics: Numerics
) -> NDArray[np.float32]:
    """Scores (B, T, outputs) of standardised clips of one length, without dropout."""
    import torch

    from truing.modalities.lipreading.recipes.network import batch_of

    network.eval()
    with torch.inference_mode():
        batch, _ = batch_of(clips)
        found: NDArray[np.float32] = (
            network(batch.to(numerics.device), numerics.autocast).cpu().numpy()
        )
    return found


def _told(decoder: Decoder, rows: Rows, indices: Sequence[int]) -> list[tuple[int, list[int]]]:
    """(place in the batch, labels) of the clips whose text the vocabulary knows."""
    clips = [rows.clips.rows[index] for index in indices]
    labels = [decoder.labels(clip.example.truth, clip.frames) for clip in clips]
    return [(place, row) for place, row in enumerate(labels) if row is not None]


def _losses(
    decoder: Decoder, scores: Any, lengths: Sequence[int], labels: Sequence[Any]
) -> list[float]:
    found = decoder.word_losses(scores, lengths, labels).sum(axis=1)
    return [float(one) for one in found]


def _by_slot(decoder: Decoder, pairs: Sequence[tuple[str, Recognition]]) -> dict[str, float]:
    if not isinstance(decoder, SentenceModel):
        return {}
    known = [
        (words, tuple(found.text.split()))
        for truth, found in pairs
        if (words := decoder.grammar.split(neutral(truth))) is not None
    ]
    return {
        f"validation_{slot.name.replace(' ', '_')}": sum(a[i] == b[i] for a, b in known)
        / max(1, len(known))
        for i, slot in enumerate(decoder.grammar.slots)
    }
