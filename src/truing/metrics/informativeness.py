"""How much a review of a sample would teach: doubt of the model, and disagreement of its voices.

Both are numbers from 0 to 1 made of what was said already; nothing is recognized anew.
"""

from __future__ import annotations

from itertools import combinations

from truing.domain.prediction import Recognition
from truing.domain.sample import Sample
from truing.metrics.normalise import NEUTRAL
from truing.metrics.words import words

WEAKEST = 3
"""How many of the least sure words tell of an utterance: one misheard word is worth a look."""


def uncertainty(sample: Sample) -> float | None:
    """How unsure the recognizer was: the mean of the signs there are, None when there is none.

    The signs are least confidence over the whole utterance (Lewis & Gale, "A sequential algorithm
    for training text classifiers", 1994), here from token log-probabilities; the least sure words,
    as in Hakkani-Tür, Riccardi & Gorin, "Active learning for automatic speech recognition", 2002;
    and the margin between the two best readings (Scheffer, Decomain & Wrobel, "Active hidden
    Markov models for information extraction", 2001).
    """
    raw = sample.raw
    if raw is None:
        return None
    said = raw.recognition
    signs = (_doubt(said), _weakest_words(said), _margin(said))
    known = [sign for sign in signs if sign is not None]
    return sum(known) / len(known) if known else None


def _doubt(said: Recognition) -> float | None:
    return None if said.confidence is None else _share(1.0 - said.confidence)


def _weakest_words(said: Recognition) -> float | None:
    sure = sorted(word.confidence for word in said.words if word.confidence is not None)[:WEAKEST]
    return _share(1.0 - sum(sure) / len(sure)) if sure else None


def _margin(said: Recognition) -> float | None:
    """1 when the second best reading is as likely as the best; alternatives may repeat the best."""
    others = [
        other.confidence
        for other in said.alternatives
        if other.confidence is not None and other.text != said.text
    ]
    if said.confidence is None or not others:
        return None
    return _share(1.0 - (said.confidence - max(others)))


def disagreement(sample: Sample) -> float | None:
    """How far apart the texts of a sample's voices are: the largest word distance of two of them,
    over the longer one. None when only one has spoken.

    Voices are the recognizer, the corrector and every model that was asked since: a committee
    (Seung, Opper & Sompolinsky, "Query by committee", 1992). The same model's later answer
    replaces its earlier one.
    """
    voices = {(said.kind, said.model): said.text for said in sample.predictions}
    texts = {tuple(words(NEUTRAL.apply(text))) for text in voices.values()}
    if len(voices) < 2:
        return None
    return max((_distance(one, other) for one, other in combinations(texts, 2)), default=0.0)


def _distance(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    from rapidfuzz.distance import Levenshtein

    return float(Levenshtein.normalized_distance(one, other))


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))
