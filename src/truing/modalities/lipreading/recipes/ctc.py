"""Open speech: characters or words in any order, by connectionist temporal classification.

The outputs are a blank and one label per unit (Graves et al., "Connectionist temporal
classification", 2006). Reading is a prefix beam search (Hannun et al., "First-pass large
vocabulary continuous speech recognition using bi-directional recurrent DNNs", 2014) that a lexicon
may confine to known words. Words get their times from the best path through their labels.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from truing.domain.errors import DamagedError
from truing.domain.prediction import Alternative, Recognition, Word
from truing.metrics.normalise import neutral

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 25.0
"""Frames per second of everything a network of this folder sees."""
BEAM = 16
"""Prefixes kept from one frame to the next."""
FAINT = 1e-4
"""A label less likely than this at a frame starts no prefix of its own."""
SPACE = " "
NOTHING = -math.inf


class CtcModel:
    """Labels of open speech, and what scores of them say.

    Args:
        kind: `characters`, or `words` for whole words in any order.
        units: the labels; a space is one of the characters.
        lexicon: words that the search is confined to, for characters; empty = any.
    """

    def __init__(self, kind: str, units: Sequence[str], lexicon: Iterable[str] = ()) -> None:
        self.kind, self.units = kind, tuple(units)
        self.lexicon = tuple(sorted(set(lexicon)))
        self.outputs = 1 + len(self.units)
        self._place = {unit: rank for rank, unit in enumerate(self.units, 1)}
        self._known = frozenset(self.lexicon)
        self._beginnings = _beginnings(self.lexicon)

    def as_dict(self) -> dict[str, object]:
        """What `config.json` keeps of it."""
        return {
            "vocabulary": self.kind,
            "units": list(self.units),
            "lexicon": list(self.lexicon),
        }

    def labels(self, text: str, frames: int) -> list[int] | None:
        """The labels of a text; None when a unit is unknown or the clip is too short for them."""
        units = units_of(text, self.kind)
        if not units or any(unit not in self._place for unit in units):
            return None
        found = [self._place[unit] for unit in units]
        repeats = sum(one == two for one, two in pairwise(found))
        return found if len(found) + repeats <= frames else None

    def loss(
        self, logits: Any, lengths: Sequence[int], labels: Sequence[Sequence[int]]
    ) -> tuple[Any, None]:
        """Summed over clips: minus the log probability of their labels, in nats.

        Args:
            logits: tensor (B, T, outputs).
            lengths: frames of each clip, at most T.
            labels: from `labels`, for each clip.
        """
        import torch
        from torch.nn import functional

        found = functional.ctc_loss(
            functional.log_softmax(logits.double(), dim=2).transpose(0, 1),
            torch.tensor([label for row in labels for label in row], device=logits.device),
            torch.tensor(list(lengths)),
            torch.tensor([len(row) for row in labels]),
            reduction="sum",
        )
        return found, None

    def word_losses(
        self, scores: NDArray[np.floating[Any]], lengths: Sequence[int], labels: Sequence[Any]
    ) -> NDArray[np.float64]:
        """(B, 1): minus the log probability of each text, per label, for calibration."""
        import numpy as np
        import torch

        rows = [
            float(self.loss(torch.from_numpy(clip[None, :n]), [n], [row])[0]) / len(row)
            for clip, n, row in zip(scores, lengths, labels, strict=True)
        ]
        return np.array(rows)[:, None]

    def weigh(self, scores: NDArray[np.floating[Any]], text: str) -> float | None:
        """The confidence in a text as `read` would give it; None when it cannot be written.

        Args:
            scores: (T, outputs), divided by the model's temperature.
            text: a sentence.
        """
        labels = self.labels(text, len(scores))
        if labels is None:
            return None
        loss = float(self.word_losses(scores[None], [len(scores)], [labels])[0, 0])
        return round(math.exp(-max(0.0, loss)), 6)

    def read(
        self, scores: NDArray[np.floating[Any]], lengths: Sequence[int], *, best: int = 0
    ) -> list[Recognition]:
        """What the clips say.

        Args:
            scores: (B, T, outputs), divided by the model's temperature.
            lengths: frames of each clip.
            best: how many readings stand beside the first; 0 also leaves out the words' times.

        Returns:
            For each clip its likeliest text. Its confidence is its probability per label: the
            root of the probability that its length asks for.
        """
        return [
            self._recognition(_log_softmax(clip[:length]), best)
            for clip, length in zip(scores, lengths, strict=True)
        ]

    def read_open(self, scores: NDArray[np.floating[Any]]) -> Recognition:
        """What a clip that goes on says so far: the text of the best labels of its frames.

        Args:
            scores: (T, outputs), divided by the model's temperature.
        """
        found = greedy(_log_softmax(scores))
        return Recognition(text=self.text_of(found))

    def text_of(self, labels: Sequence[int]) -> str:
        """The text that labels write."""
        joint = SPACE if self.kind == "words" else ""
        return SPACE.join(joint.join(self.units[label - 1] for label in labels).split())

    def _recognition(self, logs: NDArray[np.float64], best: int) -> Recognition:
        found = self.search(logs, max(best + 1, 1))
        if not found:
            return Recognition(text="", confidence=0.0)
        readings: dict[str, tuple[tuple[int, ...], float]] = {}
        for labels, log in found:
            readings.setdefault(self.text_of(labels), (labels, log))
        (text, (labels, log)), *others = readings.items()
        return Recognition(
            text=text,
            confidence=_per_label(log, labels),
            words=tuple(self._words(logs, labels)) if best and labels else (),
            alternatives=tuple(
                Alternative(text=other, confidence=_per_label(chance, row))
                for other, (row, chance) in others
            ),
        )

    def search(
        self, logs: NDArray[np.float64], count: int = 1
    ) -> list[tuple[tuple[int, ...], float]]:
        """The likeliest label rows of one clip and their log probability, best first.

        Args:
            logs: log probabilities (T, outputs).
            count: how many at most.
        """
        import numpy as np

        # For each prefix: log probability of ending in a blank, and in its last label.
        beams: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, NOTHING)}
        for frame in logs:
            heard = [int(i) for i in np.nonzero(frame[1:] > math.log(FAINT))[0] + 1]
            following: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [NOTHING, NOTHING])
            for prefix, (blank, label) in beams.items():
                total = _add(blank, label)
                own = following[prefix]
                own[0] = _add(own[0], total + float(frame[0]))
                if prefix:
                    own[1] = _add(own[1], label + float(frame[prefix[-1]]))
                for new in heard:
                    if not self._allowed(prefix, new):
                        continue
                    before = blank if prefix and prefix[-1] == new else total
                    grown = following[(*prefix, new)]
                    grown[1] = _add(grown[1], before + float(frame[new]))
            ranked = sorted(following.items(), key=lambda item: -_add(*item[1]))
            beams = {prefix: (one, two) for prefix, (one, two) in ranked[: max(BEAM, count)]}
        whole = [(row, _add(*logs)) for row, logs in beams.items() if self._complete(row)]
        return sorted(whole, key=lambda item: -item[1])[:count]

    def _allowed(self, prefix: tuple[int, ...], new: int) -> bool:
        if self.kind == "words":
            return True
        unit = self.units[new - 1]
        last = self._last_word(prefix)
        if unit == SPACE:
            return bool(last) and (not self.lexicon or last in self._known)
        return not self.lexicon or last + unit in self._beginnings

    def _complete(self, labels: tuple[int, ...]) -> bool:
        if self.kind == "words" or not self.lexicon:
            return True
        last = self._last_word(labels)
        return not last or last in self._known

    def _last_word(self, labels: tuple[int, ...]) -> str:
        written = []
        for label in reversed(labels):
            if self.units[label - 1] == SPACE:
                break
            written.append(self.units[label - 1])
        return "".join(reversed(written))

    def _words(self, logs: NDArray[np.float64], labels: Sequence[int]) -> list[Word]:
        """The words of a row of labels, with times and the mean probability of their labels."""
        spans = best_path(logs, labels)
        groups: list[list[int]] = [[]]
        for place, label in enumerate(labels):
            if self.kind == "words":
                groups.append([place])
            elif self.units[label - 1] == SPACE:
                groups.append([])
            else:
                groups[-1].append(place)
        found = []
        for group in filter(None, groups):
            peaks = [float(logs[spans[i][0] : spans[i][1], labels[i]].max()) for i in group]
            found.append(
                Word(
                    text="".join(self.units[labels[i] - 1] for i in group),
                    start=round(spans[group[0]][0] / RATE, 3),
                    end=round(spans[group[-1]][1] / RATE, 3),
                    confidence=round(math.exp(sum(peaks) / len(peaks)), 6),
                )
            )
        return found


def ctc_from(config: Mapping[str, Any]) -> CtcModel:
    """Reads what `CtcModel.as_dict` wrote.

    Raises:
        DamagedError: it holds no units.
    """
    units = config.get("units")
    if not isinstance(units, list) or not units:
        raise DamagedError(
            "The model's `config.json` names no `units`.",
            hint="Copy the model again from where it was made.",
        )
    return CtcModel(str(config["vocabulary"]), units, config.get("lexicon") or ())


def ctc_of(texts: Sequence[str], kind: str, *, lexicon: bool) -> CtcModel:
    """Labels for the units of training texts; `lexicon` confines the search to their words."""
    units = sorted({unit for text in texts for unit in units_of(text, kind)})
    words = {word for text in texts for word in neutral(text).split()}
    return CtcModel(kind, units, words if lexicon and kind == "characters" else ())


def units_of(text: str, kind: str) -> list[str]:
    """The units of a text: its words without case and punctuation, or their characters."""
    words = neutral(text).split()
    return words if kind == "words" else list(SPACE.join(words))


def greedy(logs: NDArray[np.float64]) -> list[int]:
    """The best label of each frame of (T, outputs), repeats and blanks removed."""
    best = [int(label) for label in logs.argmax(axis=1)]
    return [
        label for label, before in zip(best, [0, *best], strict=False) if label not in (0, before)
    ]


def best_path(logs: NDArray[np.float64], labels: Sequence[int]) -> list[tuple[int, int]]:
    """The frames of each label, end exclusive, on the best path of (T, outputs) through them."""
    import numpy as np

    states = [0]
    for label in labels:
        states += [label, 0]
    scores = logs[:, states]
    leap = np.array([s != 0 and i > 1 and s != states[i - 2] for i, s in enumerate(states)])
    now = np.full(len(states), NOTHING)
    now[:2] = scores[0, :2]
    came = np.zeros(scores.shape, dtype=np.intp)
    for t in range(1, len(scores)):
        ways = np.full((3, len(states)), NOTHING)
        ways[0], ways[1, 1:] = now, now[:-1]
        ways[2, 2:] = np.where(leap[2:], now[:-2], NOTHING)
        came[t] = ways.argmax(axis=0)
        now = ways.max(axis=0) + scores[t]
    state = len(states) - 1 - int(now[-2] > now[-1])
    firsts, lasts = [0] * len(labels), [0] * len(labels)
    for t in reversed(range(len(scores))):
        if state % 2:
            firsts[state // 2] = t
            lasts[state // 2] = max(lasts[state // 2], t + 1)
        state -= int(came[t, state])
    return list(zip(firsts, lasts, strict=True))


def _beginnings(lexicon: Iterable[str]) -> frozenset[str]:
    return frozenset(word[:end] for word in lexicon for end in range(1, len(word) + 1))


def _log_softmax(scores: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    import numpy as np

    shifted = np.asarray(scores, dtype=np.float64)
    shifted = shifted - shifted.max(axis=1, keepdims=True)
    found: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return found


def _add(one: float, other: float) -> float:
    """log(exp(one) + exp(other))."""
    if one < other:
        one, other = other, one
    return one if other == NOTHING else one + math.log1p(math.exp(other - one))


def _per_label(log: float, labels: Sequence[int]) -> float:
    return round(math.exp(min(0.0, log) / max(1, len(labels))), 6)
