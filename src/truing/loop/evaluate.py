"""Evaluate: what one model says about the held-out rows of a dataset version, scored and stored.

Rows the model was trained on, by itself or through a model it descends from, are left out and
counted. A trivial baseline is scored on the same rows. A stored evaluation is used again when
the model, the dataset, the metric's version and the rows are all the same.

*Clusters.* Rows of one session or recording are alike, and figures must not pretend otherwise.
The cluster of a row is the coarsest thing of which the split still holds `CLUSTERS_AT_LEAST`:
the speaker (only when speakers are held out), the session, else the recording.

*Scope.* Stored figures name no person and quote no text; both are in the rows, which forgetting
removes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from truing.domain.clock import Clock
from truing.domain.comparison import Interval, PairedFigures
from truing.domain.dataset import DatasetRef, DatasetRow, Datasets, DatasetVersion, Split, SplitKind
from truing.domain.digest import digest_bytes
from truing.domain.errors import DamagedError, InvalidInputError, NothingToDoError
from truing.domain.evaluation import (
    EvaluatedRow,
    Evaluation,
    Evaluations,
    Measure,
    Metric,
    RowScore,
)
from truing.domain.ids import IdSource
from truing.domain.prediction import Recognition

CLUSTERS_AT_LEAST = 12
"""With fewer clusters a permutation test hardly reaches the levels the gate asks for (2⁻¹² is
2.4e-4), and a bootstrap sees too little of the spread."""

Recognise = Callable[[DatasetRow], Recognition]


class Statistics(Protocol):
    """The numeric work, given from outside so that verbs stay free of it."""

    def interval(self, rows: Sequence[EvaluatedRow], metric: Measure) -> Interval | None:
        """The interval of a measure over rows; None when there are too few clusters."""

    def compare(
        self, rows_a: Sequence[EvaluatedRow], rows_b: Sequence[EvaluatedRow], metric: Measure
    ) -> PairedFigures:
        """The difference b - a over the same rows in the same order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRequest:
    """What to evaluate on what."""

    modality: str
    model: str
    """A model reference, folder or hub id, as it is to be shown."""
    model_digest: str
    dataset: DatasetRef
    split: Split = Split.TEST
    exclude_uids: frozenset[str] = frozenset()
    """Samples the model was trained on, its ancestors' included."""
    fresh: bool = False
    """Evaluate again although a stored evaluation would do."""
    most: int | None = None
    """Judge by a sample of so many rows: a quick look, whose figures are not stored."""
    kept: bool = True
    """Whether the figures are stored; not those of a model that is run in an unusual way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """How the answers of a model are scored."""

    measures: Sequence[Measure]
    """The primary one first; a score of each is given to each row."""
    score: Callable[[DatasetRow, str], Mapping[str, RowScore]]
    """(row, answer) -> scores by name. An answer is a text, or the digest of a picture."""

    @property
    def primary(self) -> Measure:
        """What decides."""
        return self.measures[0]


def by_text(metrics: Sequence[Metric]) -> Yardstick:
    """Scores what a model said by the truth of the row."""

    def score(row: DatasetRow, text: str) -> dict[str, RowScore]:
        truth = row.content["truth"]
        return {metric.name: metric.score(truth, text) for metric in metrics}

    return Yardstick(measures=metrics, score=score)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A trivial model that a trained one must beat."""

    name: str
    predict: Callable[[Sequence[DatasetRow]], Sequence[str] | None]
    """Answers to the rows in their order; None when it does not apply to this data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatePorts:
    """What an evaluation needs from outside."""

    datasets: Datasets
    evaluations: Evaluations
    statistics: Statistics
    clock: Clock
    ids: IdSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The rows to evaluate, and how many stay out."""

    rows: tuple[DatasetRow, ...]
    excluded: int
    forgotten: int
    passed_over: int = 0
    """Left out for a quick look."""


def evaluate(
    request: EvaluationRequest,
    yardstick: Yardstick,
    recognise: Recognise,
    ports: EvaluatePorts,
    *,
    baseline: Baseline | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Scores a model on a split and stores the figures with every row.

    Args:
        request: which model, which rows.
        yardstick: scores the answers; see `by_text`.
        recognise: the model, called once per row in frozen order; see `remember`.
        ports: stores, statistics, clock and ids.
        baseline: scored on the same rows.
        on_progress: called with (rows done, rows in all).

    Raises:
        NotFoundError: no such dataset version.
        NothingToDoError: no row is left to evaluate; the message says where they went.
        DamagedError: not one medium could be decoded.
    """
    version = ports.datasets.get(request.dataset)
    held = held_rows(ports.datasets, request)
    if not request.fresh:
        stored = _stored(request, version, held, yardstick, baseline, ports)
        if stored is not None:
            return stored
    clusters, cluster_by = clusters_of(held.rows, version.split_kind)
    rows, readable = _recognised(held.rows, clusters, yardstick, recognise, on_progress)
    figures = _figures(rows, yardstick, ports.statistics)
    figures |= {
        "excluded": held.excluded,
        "forgotten": held.forgotten,
        "unreadable": len(held.rows) - len(rows),
        "passed_over": held.passed_over,
        "cluster_by": cluster_by,
        "baseline": _baseline(baseline, readable, rows, yardstick, ports.statistics),
    }
    evaluation = Evaluation(
        uid=ports.ids.new(),
        modality=request.modality,
        model=request.model,
        model_digest=request.model_digest,
        dataset=str(request.dataset),
        dataset_digest=version.digest,
        split=request.split.value,
        metric=yardstick.primary.name,
        metric_version=yardstick.primary.version,
        figures=figures,
        created_at=ports.clock.now(),
        rows=tuple(rows),
    )
    kept = request.kept and not held.passed_over
    return ports.evaluations.add(evaluation) if kept else evaluation


def held_rows(datasets: Datasets, request: EvaluationRequest) -> Held:
    """The rows of a split that a model may be judged by.

    Raises:
        NothingToDoError: there are none.
    """
    rows: list[DatasetRow] = []
    excluded = forgotten = 0
    for row in datasets.rows(request.dataset, request.split):
        if row.payload is None:
            forgotten += 1
        elif row.sample_uid in request.exclude_uids:
            excluded += 1
        else:
            rows.append(row)
    if not rows:
        raise NothingToDoError(
            f"`{request.dataset}` has no {request.split.value} row to judge "
            f"`{request.model}` by: {excluded} were used to train it, {forgotten} were forgotten",
            hint="review samples of the audit stream and freeze another version: "
            "truing review --queue audit",
        )
    sampled = _sampled(rows, request.most)
    return Held(
        rows=tuple(sampled),
        excluded=excluded,
        forgotten=forgotten,
        passed_over=len(rows) - len(sampled),
    )


def _sampled(rows: Sequence[DatasetRow], most: int | None) -> list[DatasetRow]:
    """At most so many rows, in their order: the same each time, a larger sample holds a smaller."""
    ranked = sorted(rows, key=lambda row: digest_bytes(row.digest.encode()))
    return sorted(ranked[:most], key=lambda row: row.position)


def _stored(
    request: EvaluationRequest,
    version: DatasetVersion,
    held: Held,
    yardstick: Yardstick,
    baseline: Baseline | None,
    ports: EvaluatePorts,
) -> Evaluation | None:
    primary = yardstick.primary
    found = ports.evaluations.find(
        request.model_digest, str(request.dataset), request.split.value, primary.version
    )
    if found is None or found.dataset_digest != version.digest:
        return None
    beside = found.figures.get("baseline")
    name = beside.get("name") if isinstance(beside, Mapping) else None
    # Forgetting takes rows away but not what they did to the figures.
    entire = found.figures.get("rows") == len(found.rows)
    same_rows = {row.sample_uid for row in found.rows} == {row.sample_uid for row in held.rows}
    scored = all(one.name in found.figures for one in yardstick.measures)
    wanted = baseline is None or baseline.name == name
    same_metric = scored and found.metric == primary.name
    return found if entire and same_rows and same_metric and wanted else None


def clusters_of(rows: Sequence[DatasetRow], kind: SplitKind) -> tuple[list[str], str]:
    """The cluster of each row and what the clusters are: `speaker`, `session` or `recording`.

    A row without a speaker or session is a cluster of its recording.

    Raises:
        InvalidInputError: a tombstone among the rows.
    """
    payloads = [row.content for row in rows]
    recordings = [f"recording:{_recording(payload)}" for payload in payloads]
    levels = ["session"] if kind is SplitKind.PERSONAL else ["subject", "session"]
    for level in levels:
        named = [
            f"{level}:{payload['source']}:{payload[level]}" if payload[level] else recording
            for payload, recording in zip(payloads, recordings, strict=True)
        ]
        some = any(payload[level] for payload in payloads)
        if some and len(set(named)) >= CLUSTERS_AT_LEAST:
            return named, "speaker" if level == "subject" else level
    return recordings, "recording"


def _recording(payload: Mapping[str, Any]) -> str:
    digests = sorted(medium["digest"] for medium in payload["media"].values())
    return "+".join(digests) or str(payload["uid"])


def _recognised(
    held: Sequence[DatasetRow],
    clusters: Sequence[str],
    yardstick: Yardstick,
    recognise: Recognise,
    on_progress: Callable[[int, int], None] | None,
) -> tuple[list[EvaluatedRow], list[DatasetRow]]:
    rows: list[EvaluatedRow] = []
    readable: list[DatasetRow] = []
    damage: DamagedError | None = None
    for place, (row, cluster) in enumerate(zip(held, clusters, strict=True)):
        try:
            rows.append(_scored(row, cluster, recognise(row), yardstick))
            readable.append(row)
        except DamagedError as error:
            # One bad medium is a count in the figures, not the end of an hour's evaluation.
            damage = error
        if on_progress is not None:
            on_progress(place + 1, len(held))
    if damage is not None and not rows:
        raise damage
    return rows, readable


def _scored(row: DatasetRow, cluster: str, said: Recognition, yardstick: Yardstick) -> EvaluatedRow:
    payload = row.content
    return EvaluatedRow(
        sample_uid=payload["uid"],
        prediction=said.text,
        scores=yardstick.score(row, said.text),
        cluster=cluster,
        subject=payload["subject"],
        confidence=said.confidence,
        seconds=said.seconds,
        duration=_duration(payload),
    )


def _duration(payload: Mapping[str, Any]) -> float | None:
    lengths = [medium["duration"] for medium in payload["media"].values() if medium.get("duration")]
    return max(lengths, default=None)


def value(rows: Iterable[EvaluatedRow], measure: Measure) -> float:
    """Σ numerator / Σ denominator; Σ numerator when the rows have no length at all."""
    numerator = denominator = 0.0
    for row in rows:
        numerator += row.scores[measure.name].numerator
        denominator += row.scores[measure.name].denominator
    return numerator / denominator if denominator else numerator


def _figures(
    rows: Sequence[EvaluatedRow], yardstick: Yardstick, statistics: Statistics
) -> dict[str, object]:
    interval = statistics.interval(rows, yardstick.primary)
    timed = [(row.seconds, row.duration) for row in rows if row.seconds and row.duration]
    heard = sum(duration or 0.0 for _, duration in timed)
    return {
        **{one.name: value(rows, one) for one in yardstick.measures},
        "ci": [interval.low, interval.high] if interval is not None else None,
        "level": interval.level if interval is not None else None,
        "rows": len(rows),
        "clusters": len({row.cluster for row in rows}),
        "real_time_factor": sum(took or 0.0 for took, _ in timed) / heard if heard else None,
    }


def _baseline(
    baseline: Baseline | None,
    held: Sequence[DatasetRow],
    rows: Sequence[EvaluatedRow],
    yardstick: Yardstick,
    statistics: Statistics,
) -> dict[str, object] | None:
    """The baseline's figures, and how the model differs from it on the same rows."""
    answers = baseline.predict(held) if baseline is not None else None
    if baseline is None or answers is None:
        return None
    if len(answers) != len(rows):
        raise InvalidInputError(
            f"the baseline `{baseline.name}` gave {len(answers)} answers for {len(rows)} rows",
            hint="it must give one per row, in their order",
        )
    trivial = [
        EvaluatedRow(
            sample_uid=row.sample_uid,
            prediction=answer,
            scores=yardstick.score(one, answer),
            cluster=row.cluster,
        )
        for one, row, answer in zip(held, rows, answers, strict=True)
    ]
    paired = statistics.compare(trivial, rows, yardstick.primary)
    return {
        "name": baseline.name,
        **{measure.name: value(trivial, measure) for measure in yardstick.measures},
        "difference": paired.difference,
        "ci": [paired.low, paired.high] if paired.low is not None else None,
        "p_better": paired.p_better,
        "standard_error": paired.standard_error,
        "differing": paired.differing,
    }
