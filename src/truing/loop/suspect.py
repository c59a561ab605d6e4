"""Suspect: which labels are likely wrong, by how surely recognisers say something else.

The idea of confident learning (Northcutt, Jiang & Chuang 2021) for text instead of classes: a model
that is sure of another text, and usually agrees with the labels, is evidence against this one.

* What a model thinks of the label itself is the best evidence: its confidence in the label against
  that in its own text, both read with the sound (teacher forcing). It is known when the model is
  asked here, or when one of a prediction's alternatives is the label.
* Else the share of the label that differs counts, times the model's confidence.
* Each model's word weighs as much as it usually agrees with the labels.
* What a person saw when they decided is no evidence: they overruled it. Two decisions for one text
  settle the label, whatever models say.
* A model that learnt from a sample is not asked about it.

Scope: it ranks; a person decides. A model as weak as its data doubts at random, and says so by
agreeing seldom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from truing.domain.errors import DamagedError, NotFoundError
from truing.domain.finding import SUSPECT_LABEL, CheckReport, Finding, Severity
from truing.domain.ports import Reviews, Samples
from truing.domain.prediction import Prediction, PredictionKind
from truing.domain.review import Verdict, active_revisions
from truing.domain.sample import Sample
from truing.domain.settings import Settings

SETTING = "check.suspect_label"
FEWEST = 5
"""Labels from which on it can be said how often a model agrees."""
LEAST_WEIGHT = 0.05
DECISIONS_THAT_SETTLE = 2
LONGEST_SHOWN = 120

Distance = Callable[[str, str], float]
"""How far two texts differ: 0 the same as a reader sees it, 1 nothing in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one model says of one labelled sample."""

    model: str
    text: str
    confidence: float | None = None
    """In its own text."""
    in_label: float | None = None
    """In the label, on the same scale; None when nobody asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A model that is asked here and now."""

    name: str
    hears: Callable[[Sample, str], Heard]
    """Its text for a sample, given the label.

    Raises:
        DamagedError, NotFoundError: media that cannot be read.
    """
    learnt: frozenset[str] = frozenset()
    """Uids of samples it was trained on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """One label in doubt."""

    sample: int
    doubt: float
    """0 to 1."""
    label: str
    said: str
    """What the model says that differs most surely."""
    model: str

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "sample": self.sample,
            "doubt": self.doubt,
            "label": self.label,
            "said": self.said,
            "model": self.model,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubted:
    """What came of looking at labels."""

    labels: int
    """Labelled samples that were looked at."""
    judged: int
    """Those that a model had something to say about."""
    settled: int
    """Those that two decisions agree on."""
    suspects: tuple[Suspicion, ...]
    """In doubt beyond the threshold, the worst first."""
    agreement: Mapping[str, float] = field(default_factory=dict)
    """How far each model usually agrees with the labels, 0 to 1."""
    unreadable: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What is held of one model's word: for most labels only that it agrees."""

    model: str
    distance: float
    doubt: float
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What is held of a sample until all were heard."""

    sample: int
    label: str
    told: tuple[_Told, ...]
    doubted: bool
    """Whether an earlier call left a finding."""


def suspect(
    chosen: Iterable[Sample],
    samples: Samples,
    reviews: Reviews,
    distance: Distance,
    settings: Settings,
    *,
    listeners: Sequence[Listener] = (),
    on_progress: Callable[[int, int], None] = lambda _done, _id: None,
) -> Doubted:
    """Ranks labels by doubt and keeps a finding `suspect_label` with those beyond the threshold.

    A doubt that an earlier call left and that no longer holds is removed.

    Args:
        chosen: the samples; those without a label are passed over.
        samples: where findings go.
        reviews: tells when and how often a label was decided.
        distance: how far two texts differ.
        settings: the threshold.
        listeners: models to ask, beside what models said before.
        on_progress: called with how many samples were seen and the number of the last one.
    """
    cases: list[_Case] = []
    counts = {"labels": 0, "settled": 0, "unreadable": 0}
    for seen, sample in enumerate(chosen, 1):
        if sample.truth is not None:
            counts["labels"] += 1
            cases.append(_case(sample, sample.truth, reviews, listeners, distance, counts))
        on_progress(seen, sample.id)
    agreement = _agreement(cases)
    least = settings.number(SETTING)
    found = []
    for case in cases:
        suspicion = _suspicion(case, agreement)
        suspicion = suspicion if suspicion and suspicion.doubt >= least else None
        if suspicion is not None or case.doubted:
            _store(case, suspicion, least, samples)
        if suspicion is not None:
            found.append(suspicion)
    return Doubted(
        labels=counts["labels"],
        judged=sum(bool(case.told) for case in cases),
        settled=counts["settled"],
        unreadable=counts["unreadable"],
        suspects=tuple(sorted(found, key=lambda one: (-one.doubt, one.sample))),
        agreement={name: round(value, 3) for name, value in sorted(agreement.items())},
    )


def _case(
    sample: Sample,
    label: str,
    reviews: Reviews,
    listeners: Sequence[Listener],
    distance: Distance,
    counts: dict[str, int],
) -> _Case:
    decisions = [
        one
        for one in active_revisions(reviews.of(sample.id))
        if one.verdict in (Verdict.ACCEPTED, Verdict.CORRECTED)
    ]
    agreeing = sum(distance(label, one.truth or "") == 0 for one in decisions)
    told: tuple[_Told, ...] = ()
    if agreeing >= DECISIONS_THAT_SETTLE:
        counts["settled"] += 1
    else:
        decided_at = decisions[-1].created_at if decisions else 0
        heard = [*_said_since(sample, label, decided_at, distance)]
        heard += _asked(sample, label, listeners, counts)
        told = tuple(_told(one, label, distance) for one in heard)
    return _Case(
        sample=sample.id,
        label=_short(label) if any(one.doubt for one in told) else "",
        told=told,
        doubted=any(one.check == SUSPECT_LABEL for one in sample.findings),
    )


def _said_since(sample: Sample, label: str, decided_at: int, distance: Distance) -> Iterator[Heard]:
    """The newest word of each recogniser that the deciding person cannot have seen."""
    newest: dict[str, Prediction] = {}
    for one in sample.predictions:
        if one.kind is PredictionKind.RECOGNIZER and one.created_at > decided_at:
            newest[one.model or "a recogniser without a name"] = one
    for model, one in newest.items():
        said = one.recognition
        same = (other for other in said.alternatives if distance(label, other.text) == 0)
        match = next(same, None)
        yield Heard(
            model=model,
            text=said.text,
            confidence=said.confidence,
            in_label=None if match is None else match.confidence,
        )


def _asked(
    sample: Sample, label: str, listeners: Sequence[Listener], counts: dict[str, int]
) -> Iterator[Heard]:
    for listener in listeners:
        if sample.uid not in listener.learnt:
            try:
                yield listener.hears(sample, label)
            except (DamagedError, NotFoundError):
                counts["unreadable"] += 1


def _told(heard: Heard, label: str, distance: Distance) -> _Told:
    far = distance(label, heard.text)
    sure = 1.0 if heard.confidence is None else heard.confidence
    doubt = far * sure
    if far and heard.in_label is not None and sure > 0:
        doubt = max(0.0, 1 - heard.in_label / sure)
    return _Told(
        model=heard.model,
        distance=far,
        doubt=min(1.0, doubt),
        said=_short(heard.text) if far else "",
    )


def _agreement(cases: Sequence[_Case]) -> dict[str, float]:
    """1 less the median distance of each model from the labels."""
    distances: dict[str, list[float]] = {}
    for case in cases:
        for one in case.told:
            distances.setdefault(one.model, []).append(one.distance)
    return {
        name: 1 - sorted(held)[len(held) // 2]
        for name, held in distances.items()
        if len(held) >= FEWEST
    }


def _suspicion(case: _Case, agreement: Mapping[str, float]) -> Suspicion | None:
    weights = [max(LEAST_WEIGHT, agreement.get(one.model, 1.0)) for one in case.told]
    if not any(one.doubt for one in case.told):
        return None
    pairs = list(zip(weights, case.told, strict=True))
    worst = max(pairs, key=lambda pair: pair[0] * pair[1].doubt)[1]
    doubt = sum(weight * one.doubt for weight, one in pairs) / sum(weights)
    return Suspicion(
        sample=case.sample,
        doubt=round(doubt, 4),
        label=case.label,
        said=worst.said,
        model=worst.model,
    )


def _store(case: _Case, suspicion: Suspicion | None, least: float, samples: Samples) -> None:
    try:
        sample = samples.get(case.sample)
    except NotFoundError:  # erased meanwhile
        return
    before = CheckReport(findings=sample.findings, quality=sample.quality)
    after = before.settled()
    if suspicion is not None:
        finding = Finding(
            check=SUSPECT_LABEL,
            severity=Severity.WARNING,
            reason=f"{suspicion.model} hears another text: {suspicion.said or 'nothing'}",
            value=suspicion.doubt,
            threshold=least,
            setting=SETTING,
        )
        after = before.doubted(finding)
    if after.findings != before.findings:
        samples.set_report(case.sample, after)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_SHOWN else line[: LONGEST_SHOWN - 1] + "…"
