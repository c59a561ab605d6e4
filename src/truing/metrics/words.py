"""Error rates of text: words, characters and whole sentences, with the alignment behind them.

*Words.* The normalised text is cut at white space. Scripts written without spaces (Han, kana,
Thai, Lao, Khmer, Burmese) are cut into characters, marks staying with their base: the "mixed
error rate" usual for such text, as in the Whisper paper (Radford et al. 2022, appendix C).

*Characters* are Unicode code points of the normalised text, single spaces included, as in jiwer;
NFKC has composed accents by then, so they are what a reader counts except in emoji sequences and
scripts with free-standing marks.

*Empty references* follow jiwer 4: nothing said and nothing expected is no error; each word said
against an empty truth is an insertion, so the row has `RowScore(insertions, 0)`. Over a set that
adds errors but no length; `rate` is where a set without any length gets its value.

Error counts are Levenshtein distances (unit costs), by rapidfuzz.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from truing.domain.evaluation import Metric, RowScore
from truing.metrics.normalise import NEUTRAL, Normaliser, normaliser

# Han with extensions, kana, Thai, Lao, Burmese, Khmer; one character with the marks upon it.
_SPACELESS = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
_MARKS = (
    "\u0300-\u036f\u3099\u309a\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece"
    "\u102b-\u103e\u1056-\u1059\u17b4-\u17d3"
)
CELLS_AT_MOST = 250_000
"""Longer texts (500 words against 500 that differ) are aligned by rapidfuzz alone."""
_HAS_SPACELESS = re.compile(f"[{_SPACELESS}]")
_PIECES = re.compile(f"[{_SPACELESS}][{_MARKS}]*|[^{_SPACELESS}]+")


def words(text: str) -> list[str]:
    """Cuts an already normalised text into words; see the module's first paragraph."""
    cut = text.split()
    if text.isascii() or not _HAS_SPACELESS.search(text):
        return cut
    return [piece for word in cut for piece in _PIECES.findall(word)]


@dataclass(frozen=True, slots=True)
class Step:
    """One place of an alignment: `kind` is `hit`, `substitution`, `deletion` or `insertion`."""

    kind: str
    truth: str | None
    """None for an insertion."""
    said: str | None
    """None for a deletion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """Truth and prediction side by side, word for word."""

    steps: tuple[Step, ...]
    hits: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def errors(self) -> int:
        """Substitutions, deletions and insertions together."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def length(self) -> int:
        """Words of the truth."""
        return self.hits + self.substitutions + self.deletions


def align(truth: str, prediction: str, by: Normaliser = NEUTRAL) -> Alignment:
    """Aligns two texts word by word with the fewest errors and, among those, the most hits.

    The error count is the Levenshtein distance. Many alignments share it; those with more hits
    name the words that were really confused: for `call me back` read as `tall back now`, `me`
    was left out and `now` put in, rather than `me` read as `back` and `back` as `now`.
    """
    left, right = words(by.apply(truth)), words(by.apply(prediction))
    head = 0
    while head < min(len(left), len(right)) and left[head] == right[head]:
        head += 1
    tail = 0
    while tail < min(len(left), len(right)) - head and left[-1 - tail] == right[-1 - tail]:
        tail += 1
    middle = left[head : len(left) - tail], right[head : len(right) - tail]
    small = len(middle[0]) * len(middle[1]) <= CELLS_AT_MOST
    between = _most_hits(*middle) if small else _any_shortest(*middle)
    ends = [Step("hit", one, one) for one in left]
    steps = [*ends[:head], *between, *ends[len(left) - tail :]]
    counts = Counter(step.kind for step in steps)
    return Alignment(
        steps=tuple(steps),
        hits=counts["hit"],
        substitutions=counts["substitution"],
        deletions=counts["deletion"],
        insertions=counts["insertion"],
    )


def _most_hits(left: Sequence[str], right: Sequence[str]) -> list[Step]:
    # One number orders by errors first and hits second: errors weigh more than all hits can.
    weight = min(len(left), len(right)) + 1
    rows = [[place * weight for place in range(len(right) + 1)]]
    for above, word in enumerate(left):
        before, row = rows[above], [(above + 1) * weight]
        for place, other in enumerate(right):
            through = before[place] + (-1 if word == other else weight)
            row.append(min(through, before[place + 1] + weight, row[place] + weight))
        rows.append(row)
    steps: list[Step] = []
    i, j = len(left), len(right)
    while i or j:
        here = rows[i][j]
        if i and j and here == rows[i - 1][j - 1] + (-1 if left[i - 1] == right[j - 1] else weight):
            i, j = i - 1, j - 1
            kind = "hit" if left[i] == right[j] else "substitution"
            steps.append(Step(kind, left[i], right[j]))
        elif j and here == rows[i][j - 1] + weight:
            j -= 1
            steps.append(Step("insertion", None, right[j]))
        else:
            i -= 1
            steps.append(Step("deletion", left[i], None))
    return steps[::-1]


def _any_shortest(left: Sequence[str], right: Sequence[str]) -> list[Step]:
    from rapidfuzz.distance import Levenshtein

    steps: list[Step] = []
    for code in Levenshtein.opcodes(left, right):
        here = left[code.src_start : code.src_end]
        there = right[code.dest_start : code.dest_end]
        if code.tag == "equal":
            steps += [Step("hit", one, one) for one in here]
        elif code.tag == "replace":
            steps += [Step("substitution", a, b) for a, b in zip(here, there, strict=True)]
        elif code.tag == "delete":
            steps += [Step("deletion", one, None) for one in here]
        else:
            steps += [Step("insertion", None, one) for one in there]
    return steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """How often one word was taken for another, left out (`said` None) or put in (`truth` None)."""

    truth: str | None
    said: str | None
    count: int


def confusions(
    pairs: Iterable[tuple[str, str]], by: Normaliser = NEUTRAL, *, limit: int = 20
) -> list[Confusion]:
    """The most frequent errors over (truth, prediction) pairs; ties in alphabetical order."""
    counts: Counter[tuple[str | None, str | None]] = Counter()
    for truth, prediction in pairs:
        steps = align(truth, prediction, by).steps
        counts.update((step.truth, step.said) for step in steps if step.kind != "hit")
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0][0] or "", item[0][1] or ""))
    return [
        Confusion(truth=truth, said=said, count=count) for (truth, said), count in ranked[:limit]
    ]


def word_error_rate(by: Normaliser = NEUTRAL) -> Metric:
    """Word errors over words of the truth; may exceed 1 when much is put in."""

    def score(truth: str, prediction: str) -> RowScore:
        from rapidfuzz.distance import Levenshtein

        left, right = words(by.apply(truth)), words(by.apply(prediction))
        return RowScore(Levenshtein.distance(left, right), len(left))

    return Metric(name="wer", version=by.label, higher_is_better=False, score=score)


def character_error_rate(by: Normaliser = NEUTRAL) -> Metric:
    """Character errors over code points of the normalised truth, spaces included."""

    def score(truth: str, prediction: str) -> RowScore:
        from rapidfuzz.distance import Levenshtein

        left, right = by.apply(truth), by.apply(prediction)
        return RowScore(Levenshtein.distance(left, right), len(left))

    return Metric(name="cer", version=by.label, higher_is_better=False, score=score)


def sentence_accuracy(by: Normaliser = NEUTRAL) -> Metric:
    """The share of rows without any error."""

    def score(truth: str, prediction: str) -> RowScore:
        return RowScore(float(words(by.apply(truth)) == words(by.apply(prediction))), 1.0)

    return Metric(name="sentence_accuracy", version=by.label, higher_is_better=True, score=score)


WER = word_error_rate()
CER = character_error_rate()
SENTENCE = sentence_accuracy()


def text_metrics(name: str = "neutral") -> tuple[Metric, Metric, Metric]:
    """WER, CER and sentence accuracy under the normaliser of that name.

    Raises:
        InvalidInputError: no such normaliser.
        MissingDependencyError: the normaliser's package is not installed.
    """
    by = normaliser(name)
    return word_error_rate(by), character_error_rate(by), sentence_accuracy(by)


def rate(scores: Iterable[RowScore]) -> float:
    """Σ numerator / Σ denominator of a set of rows.

    A set without any length (all truths empty) has the value Σ numerator, as in jiwer:
    `wer("", "a")` is 1 and `wer("", "")` is 0.
    """
    numerator = denominator = 0.0
    for score in scores:
        numerator += score.numerator
        denominator += score.denominator
    return numerator / denominator if denominator else numerator


def error_rate(metric: Metric, pairs: Iterable[tuple[str, str]]) -> float:
    """The metric's value over (truth, prediction) pairs."""
    return rate(metric.score(truth, prediction) for truth, prediction in pairs)
