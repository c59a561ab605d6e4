"""A slot grammar over a network's outputs: exact word posteriors, sentence loss, times, n-best.

The outputs are scores of states: silence before, each word of the grammar in three parts, silence
after. Sentences compete as wholes: the loss of a clip is log Z of the whole grammar minus log Z of
its sentence (maximum mutual information: Bahl et al. 1986; free of a lattice: Povey et al. 2016),
and a word's confidence is its posterior among all words of its slot. `lattice.py` sums the paths.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from truing.domain.prediction import Alternative, Recognition, Word
from truing.metrics.normalise import neutral
from truing.modalities.lipreading.grammar import Grammar
from truing.modalities.lipreading.recipes.lattice import SUBSTATES, Lattice, Posteriors, Scores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 25.0
"""Frames per second of everything a network of this folder sees."""
CLAMP = 80.0
"""A frame's scores count as at most this far below its best one."""
LIKELY = 0.8
"""While a clip goes on, a word is shown once its slot was reached with this probability."""


class SentenceModel:
    """The paths of a grammar through the outputs of a network.

    Args:
        grammar: its slots, in order; a word may stand in several of them.
    """

    kind = "grammar"

    def __init__(self, grammar: Grammar) -> None:
        import numpy as np

        self.grammar = grammar
        self.words = grammar.words
        self.outputs = 2 + SUBSTATES * len(self.words)
        place = {word: index for index, word in enumerate(self.words)}
        self._place = place
        sizes = tuple(len(slot.words) for slot in grammar.slots)
        self._spoken = np.array([place[word] for slot in grammar.slots for word in slot.words])
        self._bounds = np.cumsum([0, *sizes])
        self._all, self._open = Lattice(sizes), Lattice(sizes, open_end=True)
        self._one = Lattice((1,) * len(sizes))

    def as_dict(self) -> dict[str, object]:
        """What `config.json` keeps of it."""
        return {"vocabulary": self.kind, "grammar": self.grammar.as_dict()}

    def labels(self, text: str, frames: int) -> list[int] | None:
        """The word of each slot; None when the text is none of the grammar or has no room."""
        words = self.grammar.split(neutral(text))
        if words is None or frames < len(words):
            return None
        return [self._place[word] for word in words]

    def state_of(self, word: int, part: float) -> int:
        """The output that stands for a word at `part` of it, from 0 to 1 (exclusive)."""
        return 1 + SUBSTATES * word + min(int(part * SUBSTATES), SUBSTATES - 1)

    def word_index(self, word: str) -> int | None:
        """The number of a word, None when it is not in the grammar."""
        return self._place.get(neutral(word))

    def loss(
        self, logits: Any, lengths: Sequence[int], labels: Sequence[Sequence[int]]
    ) -> tuple[Any, NDArray[np.float64]]:
        """Summed over clips: log Z of the grammar minus log Z of the true sentence, in nats.

        Args:
            logits: tensor (B, T, outputs).
            lengths: frames of each clip, at most T.
            labels: from `labels`, for each clip.

        Returns:
            A scalar tensor, whose gradient is that of the formula: the difference of the posteriors
            of the states without and with knowledge of the sentence; and the latter, (B, T,
            outputs): a soft alignment for clips that come without one.
        """
        import numpy as np
        import torch

        emissions = _clamped(logits.detach().double().cpu().numpy())
        truth = np.asarray(labels)
        everything, said = self._scores(emissions, lengths), _chosen(emissions, lengths, truth)
        log_z, free = self._all.posteriors(everything)
        log_truth, bound = self._one.posteriors(said)
        known = self._over_states(bound, np.arange(len(truth))[:, None], truth)
        slope = self._over_states(free, slice(None), self._spoken) - known
        surrogate = (logits * torch.from_numpy(slope).to(logits.device, logits.dtype)).sum()
        value = float((log_z - log_truth).sum())
        return surrogate + (value - surrogate.detach()), known

    def _over_states(self, found: Posteriors, clips: Any, words: Any) -> NDArray[np.float64]:
        """(B, T, outputs): posteriors of a lattice's words at the outputs that they stand for."""
        import numpy as np

        frames, count = found.before.shape
        inner = np.zeros((count, len(self.words), frames, SUBSTATES))
        # A word may stand in several slots: its parts add up.
        np.add.at(inner, (clips, words), found.words.transpose(1, 2, 0, 3))
        middle = inner.transpose(0, 2, 1, 3).reshape(count, frames, -1)
        return np.concatenate([found.before.T[..., None], middle, found.after.T[..., None]], axis=2)

    def word_losses(
        self, scores: NDArray[np.floating[Any]], lengths: Sequence[int], labels: Sequence[Any]
    ) -> NDArray[np.float64]:
        """(B, S): minus the log of each true word's posterior, for calibration."""
        import numpy as np

        chances = self._chances(self._free(scores, lengths)[1][1])
        first = self._bounds[:-1]
        rows = [
            [
                first[slot] + self.grammar.slots[slot].words.index(self.words[word])
                for slot, word in enumerate(row)
            ]
            for row in labels
        ]
        return -np.log(np.maximum(np.take_along_axis(chances, np.array(rows), axis=1), 1e-12))

    def weigh(self, scores: NDArray[np.floating[Any]], text: str) -> float | None:
        """The confidence in a text as `read` would give it; None when it is not of the grammar.

        Args:
            scores: (T, outputs), divided by the model's temperature.
            text: a sentence.
        """
        import numpy as np

        labels = self.labels(text, len(scores))
        if labels is None:
            return None
        emissions = _clamped(_float64(scores)[None])
        said = _chosen(emissions, [len(scores)], np.array([labels]))
        log_z = self._all.log_z(self._scores(emissions, [len(scores)]))
        gap = min(0.0, float(self._one.log_z(said)[0] - log_z[0]))
        return _share(np.exp(gap / len(labels)))

    def read(
        self, scores: NDArray[np.floating[Any]], lengths: Sequence[int], *, best: int = 0
    ) -> list[Recognition]:
        """What the clips say.

        Args:
            scores: (B, T, outputs), divided by the model's temperature.
            lengths: frames of each clip.
            best: how many readings stand beside the first; 0 also leaves out the words' times.

        Returns:
            For each clip the likeliest word of each slot, the words with their posterior (and
            start and end in seconds from the first frame), and the other readings. A sentence's
            confidence is its posterior per word: the S-th root. A clip with fewer frames than the
            grammar has slots says nothing.
        """
        emissions, (log_z, found) = self._free(scores, lengths)
        chances = self._chances(found)
        return [
            self._recognition(emissions[:, clip : clip + 1], length, float(log_z[clip]), row, best)
            if length >= len(self.grammar.slots)
            else Recognition(text="")
            for clip, (length, row) in enumerate(zip(lengths, chances, strict=True))
        ]

    def read_open(self, scores: NDArray[np.floating[Any]]) -> Recognition:
        """What a clip that goes on says so far: the words that it has reached.

        Args:
            scores: (T, outputs), divided by the model's temperature.
        """
        emissions = _clamped(_float64(scores)[None])
        _, found = self._open.posteriors(self._scores(emissions, [len(scores)]))
        chances = self._chances(found)[0]
        words = []
        for slot, (low, high) in enumerate(zip(self._bounds, self._bounds[1:], strict=False)):
            if chances[low:high].sum() < LIKELY:
                break
            best = int(chances[low:high].argmax())
            text = self.grammar.slots[slot].words[best]
            words.append(Word(text=text, confidence=_share(chances[low + best])))
        sure = [word.confidence or 0.0 for word in words]
        return Recognition(
            text=" ".join(word.text for word in words),
            confidence=_geometric_mean(sure) if sure else None,
            words=tuple(words),
        )

    def _free(self, scores: Any, lengths: Sequence[int]) -> tuple[Any, tuple[Any, Posteriors]]:
        emissions = _clamped(_float64(scores))
        return emissions, self._all.posteriors(self._scores(emissions, lengths))

    def _chances(self, found: Posteriors) -> NDArray[np.float64]:
        """(B, W): how likely each word is said in its slot."""
        chances: NDArray[np.float64] = found.entries.sum(axis=0)
        return chances

    def _scores(self, emissions: NDArray[np.float64], lengths: Sequence[int]) -> Scores:
        import numpy as np

        words = emissions[..., 1:-1].reshape(*emissions.shape[:2], len(self.words), SUBSTATES)
        return Scores(
            before=emissions[..., 0],
            words=words[:, :, self._spoken],
            after=emissions[..., -1],
            lengths=np.asarray(lengths),
        )

    def _recognition(
        self, emissions: Any, length: int, log_z: float, chances: Any, best: int
    ) -> Recognition:
        import numpy as np

        slots = [
            chances[low:high] / max(chances[low:high].sum(), 1e-300)
            for low, high in zip(self._bounds, self._bounds[1:], strict=False)
        ]
        rows = _likeliest(slots, best + 1)
        texts = [
            [slot.words[i] for slot, i in zip(self.grammar.slots, row, strict=True)] for row in rows
        ]
        truth = np.array([[self._place[word] for word in row] for row in texts])
        many = np.repeat(emissions, len(rows), axis=1)
        said = _chosen(many, [length] * len(rows), truth)
        sure = np.exp(np.minimum(self._one.log_z(said) - log_z, 0.0) / len(slots))
        words = [
            Word(text=text, confidence=_share(slot[i]))
            for text, slot, i in zip(texts[0], slots, rows[0], strict=True)
        ]
        if best:
            words = self._timed(words, _chosen(emissions, [length], truth[:1]))
        others = [
            Alternative(text=" ".join(row), confidence=_share(chance))
            for row, chance in zip(texts[1:], sure[1:], strict=True)
        ]
        return Recognition(
            text=" ".join(texts[0]),
            confidence=_share(sure[0]),
            words=tuple(words),
            alternatives=tuple(sorted(others, key=lambda one: -(one.confidence or 0.0))),
        )

    def _timed(self, words: Sequence[Word], said: Scores) -> list[Word]:
        """The words with the mean times at which the paths of their sentence enter them."""
        import numpy as np

        _, found = self._one.posteriors(said)
        frames = np.arange(len(found.entries), dtype=np.float64)
        starts = frames @ found.entries[:, 0]
        ended = found.ends[:, 0]
        # Paths that never reach the silence after end with the clip.
        last = frames @ ended + float(said.lengths[0]) * (1.0 - ended.sum())
        edges = [float(edge) / RATE for edge in (*starts, last)]
        return [
            Word(
                text=word.text,
                start=round(start, 3),
                end=round(end, 3),
                confidence=word.confidence,
            )
            for word, start, end in zip(words, edges, edges[1:], strict=False)
        ]


def sentence_model_from(config: Mapping[str, Any]) -> SentenceModel:
    """Reads what `SentenceModel.as_dict` wrote.

    Raises:
        InvalidInputError: it holds no grammar.
    """
    return SentenceModel(Grammar.from_dict(config.get("grammar") or {}))


def _chosen(emissions: NDArray[np.float64], lengths: Sequence[int], truth: Any) -> Scores:
    """The scores of one sentence for each clip; `truth` (B, S) holds its words."""
    import numpy as np

    columns = 1 + SUBSTATES * truth[:, :, None] + np.arange(SUBSTATES)
    flat = columns.reshape(1, len(truth), -1)
    words = np.take_along_axis(emissions, flat, axis=2)
    return Scores(
        before=emissions[..., 0],
        words=words.reshape(*words.shape[:2], *columns.shape[1:]),
        after=emissions[..., -1],
        lengths=np.asarray(lengths),
    )


def _float64(scores: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    import numpy as np

    return np.asarray(scores, dtype=np.float64)


def _clamped(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, B, C) from (B, T, C): relative to each frame's best score, and not absurdly below it."""
    import numpy as np

    relative = scores - scores.max(axis=2, keepdims=True)
    return np.ascontiguousarray(np.maximum(relative, -CLAMP).transpose(1, 0, 2))


def _likeliest(slots: Sequence[NDArray[np.float64]], count: int) -> list[tuple[int, ...]]:
    """The `count` likeliest choices of one word per slot, were the slots independent; best first.

    Best-first search: a choice's followers put one slot, not before the last one changed, a rank
    lower, so that none comes twice.
    """
    import numpy as np

    ranks = [[int(i) for i in np.argsort(-slot, kind="stable")] for slot in slots]
    costs = [
        -np.log(np.maximum(slot[rank], 1e-300)) for slot, rank in zip(slots, ranks, strict=True)
    ]
    heap = [(float(sum(cost[0] for cost in costs)), 0, (0,) * len(slots))]
    found: list[tuple[int, ...]] = []
    while heap and len(found) < count:
        total, last, chosen = heapq.heappop(heap)
        found.append(tuple(rank[i] for rank, i in zip(ranks, chosen, strict=True)))
        for slot in range(last, len(slots)):
            place = chosen[slot] + 1
            if place < len(ranks[slot]):
                next_total = total - float(costs[slot][place - 1]) + float(costs[slot][place])
                heapq.heappush(
                    heap, (next_total, slot, (*chosen[:slot], place, *chosen[slot + 1 :]))
                )
    return found


def _geometric_mean(chances: Sequence[float]) -> float:
    product = 1.0
    for chance in chances:
        product *= chance
    return _share(product ** (1 / len(chances)))


def _share(value: float) -> float:
    return round(min(1.0, max(0.0, float(value))), 6)
