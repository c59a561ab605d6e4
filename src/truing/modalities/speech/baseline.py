"""The trivial recogniser a trained model must beat: the training clip that sounds nearest.

Every clip becomes a sequence of 13 mel-frequency cepstral coefficients (Davis & Mermelstein 1980);
the distance of two clips is that of dynamic time warping with the Sakoe-Chiba band (1978), divided
by the length of the path; a test clip gets the text of its nearest training clip. That is how
speaker-dependent word recognisers worked before statistical models.

Scope: closed vocabularies only, such as digits or commands. It cannot spell a new sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from truing.domain.recipe import Example
from truing.modalities.speech.acoustics import frames, mel_edges, triangles
from truing.modalities.speech.recording import RATE, Recording

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Cepstra = NDArray[np.float32]

MOST_TEXTS = 200
"""Distinct texts; with more of them nearest-template is no honest opponent."""
MOST_TEMPLATES = 400
"""Training clips compared with; the first of each text in turn, so that every text is there."""
COEFFICIENTS, BANDS = 13, 26
HOP = 0.020
"""Seconds between frames: twice the usual, for a quarter of the time."""
MOST_FRAMES = 75
"""Longer clips are stretched to this many frames, which bounds time and memory."""
BAND, NARROWEST = 0.2, 4
"""How far the path may leave the diagonal: a share of the length, and frames."""
LONGEST = 30.0


def nearest_template(train: Sequence[Example], test: Sequence[Example]) -> list[str] | None:
    """Predictions for `test`; None when the vocabulary is open.

    It is open when there are no training clips, more than 200 different texts, or when none of the
    truths of `test` occurs in `train`.

    Raises:
        NotFoundError, DamagedError: sound that is not there or cannot be decoded.
    """
    import numpy as np

    texts = {example.truth for example in train}
    known = sum(example.truth in texts for example in test)
    if not texts or len(texts) > MOST_TEXTS or not known:
        return None
    chosen = _spread(train)
    templates = [cepstra(example) for example in chosen]
    longest = max(map(len, templates))
    padded = np.zeros((len(templates), longest, COEFFICIENTS), dtype=np.float32)
    for row, template in enumerate(templates):
        padded[row, : len(template)] = template
    lengths = np.array([len(template) for template in templates])
    return [chosen[int(warped(cepstra(e), padded, lengths).argmin())].truth for e in test]


def _spread(train: Sequence[Example]) -> list[Example]:
    """At most `MOST_TEMPLATES` examples, the texts taking turns."""
    turns: dict[str, int] = {}
    ranked = []
    for place, example in enumerate(train):
        turn = turns.get(example.truth, 0)
        turns[example.truth] = turn + 1
        ranked.append((turn, place))
    return [train[place] for _, place in sorted(ranked)[:MOST_TEMPLATES]]


def cepstra(example: Example) -> Cepstra:
    """MFCC of an example's sound, shape (frames, 13), mean and variance normalised per clip."""
    with Recording(example.media["audio"]) as recording:
        return mfcc(recording.read(0.0, LONGEST))


def mfcc(sound: NDArray[np.float32]) -> Cepstra:
    """13 cepstra of 25 ms every 20 ms at 16 kHz, pre-emphasis 0.97, Hamming, 26 mel bands."""
    import numpy as np

    if not len(sound):
        return np.zeros((1, COEFFICIENTS), dtype=np.float32)
    signal = np.append(sound[0], sound[1:] - 0.97 * sound[:-1]).astype(np.float64)
    size = 512
    cut = frames(signal, round(0.025 * RATE), round(HOP * RATE))
    power = np.abs(np.fft.rfft(cut * np.hamming(cut.shape[1]), size, axis=1)) ** 2
    # Up to 4 kHz only: telephone sound and studio sound then look alike.
    weights = triangles(mel_edges(60.0, 4000.0, BANDS), np.fft.rfftfreq(size, 1 / RATE))
    # The discrete cosine transform; its scale falls out with the normalisation below.
    steps = np.outer(np.arange(BANDS) + 0.5, np.arange(COEFFICIENTS))
    found = np.log(power @ weights.T + 1e-8) @ np.cos(np.pi / BANDS * steps)
    found = (found - found.mean(axis=0)) / (found.std(axis=0) + 1e-6)
    if len(found) > MOST_FRAMES:
        found = found[np.linspace(0, len(found) - 1, MOST_FRAMES).round().astype(int)]
    return np.asarray(found, dtype=np.float32)


def warped(clip: Cepstra, padded: NDArray[Any], lengths: NDArray[Any]) -> NDArray[np.float64]:
    """Distance of one clip to each of many templates, shape (templates,).

    Args:
        clip: shape (frames, 13).
        padded: shape (templates, longest, 13), zeros after each template's own length.
        lengths: frames of each template.

    All templates are warped at once, cell by cell of their alignment matrices.
    """
    import numpy as np

    rows, (count, longest, _) = len(clip), padded.shape
    squares = np.square(padded).sum(axis=2).T
    across = np.arange(longest)[:, None]
    width = np.maximum(BAND * np.maximum(lengths, rows), NARROWEST)
    total = np.full((longest + 1, count), np.inf, dtype=np.float32)
    total[0] = 0.0
    for row, frame in enumerate(clip):
        local = squares - 2 * (padded @ frame).T + frame @ frame
        np.sqrt(np.maximum(local, 0.0, out=local), out=local)
        local[np.abs(across - row / max(1, rows - 1) * (lengths - 1)) > width] = np.inf
        best = np.minimum(total[:-1], total[1:])
        total[0] = np.inf
        for column in range(longest):
            np.minimum(best[column], total[column], out=total[column + 1])
            total[column + 1] += local[column]
    return np.asarray(total[lengths, np.arange(count)] / (lengths + rows))
