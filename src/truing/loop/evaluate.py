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
from truing.domain.evaluation import EvaluatedRow, Evaluation, Evaluations, Metric, RowScore
from truing.domain.ids import IdSource
from truing.domain.ports import Recognitions
from truing.domain.prediction import Recognition

CLUSTERS_AT_LEAST = 12
"""With fewer clusters a permutation test hardly reaches the levels the gate asks for (2⁻¹² is
2.4e-4), and a bootstrap sees too little of the spread."""

Recognise = Callable[[DatasetRow], Recognition]


class Statistics(Protocol):
    """The numeric work, given from outside so that verbs stay free of it."""

    def interval(self, rows: Sequence[EvaluatedRow], metric: Metric) -> Interval | None:
        """The interval of a metric over rows; None when there are too few clusters."""

    def compare(
        self, rows_a: Sequence[EvaluatedRow], rows_b: Sequence[EvaluatedRow], metric: Metric
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
class Baseline:
    """A trivial model that a trained one must beat."""

    name: str
    predict: Callable[[Sequence[DatasetRow]], Sequence[str] | None]
    """Texts for the rows in their order; None when it does not apply to this data."""


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
    metrics: Sequence[Metric],
    recognise: Recognise,
    ports: EvaluatePorts,
    *,
    baseline: Baseline | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Scores a model on a split and stores the figures with every row.

    Args:
        request: which model, which rows.
        metrics: the primary one first, of one version; each row is scored with all of them.
        recognise: the model, called once per row in frozen order; see `remembered`.
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
        stored = _stored(request, version, held, metrics, baseline, ports)
        if stored is not None:
            return stored
    clusters, cluster_by = clusters_of(held.rows, version.split_kind)
    rows, readable = _recognised(held.rows, clusters, metrics, recognise, on_progress)
    figures = _figures(rows, metrics, ports.statistics)
    figures |= {
        "excluded": held.excluded,
        "forgotten": held.forgotten,
        "unreadable": len(held.rows) - len(rows),
        "passed_over": held.passed_over,
        "cluster_by": cluster_by,
        "baseline": _baseline(baseline, readable, rows, metrics[0], ports.statistics),
    }
    evaluation = Evaluation(
        uid=ports.ids.new(),
        modality=request.modality,
        model=request.model,
        model_digest=request.model_digest,
        dataset=str(request.dataset),
        dataset_digest=version.digest,
        split=request.split.value,
        metric=metrics[0].name,
        metric_version=metrics[0].version,
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
    metrics: Sequence[Metric],
    baseline: Baseline | None,
    ports: EvaluatePorts,
) -> Evaluation | None:
    found = ports.evaluations.find(
        request.model_digest, str(request.dataset), request.split.value, metrics[0].version
    )
    if found is None or found.dataset_digest != version.digest:
        return None
    beside = found.figures.get("baseline")
    name = beside.get("name") if isinstance(beside, Mapping) else None
    # Forgetting takes rows away but not what they did to the figures.
    entire = found.figures.get("rows") == len(found.rows)
    same_rows = {row.sample_uid for row in found.rows} == {row.sample_uid for row in held.rows}
    scored = all(one.name in found.figures for one in metrics)
    wanted = baseline is None or baseline.name == name
    same_metric = scored and found.metric == metrics[0].name
    return found if entire and same_rows and same_metric and wanted else None


def _payload(row: DatasetRow) -> Mapping[str, Any]:
    if row.payload is None:
        raise InvalidInputError(f"row {row.position} was forgotten", hint="leave tombstones out")
    return row.payload


def clusters_of(rows: Sequence[DatasetRow], kind: SplitKind) -> tuple[list[str], str]:
    """The cluster of each row and what the clusters are: `speaker`, `session` or `recording`.

    A row without a speaker or session is a cluster of its recording.

    Raises:
        InvalidInputError: a tombstone among the rows.
    """
    payloads = [_payload(row) for row in rows]
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
    metrics: Sequence[Metric],
    recognise: Recognise,
    on_progress: Callable[[int, int], None] | None,
) -> tuple[list[EvaluatedRow], list[DatasetRow]]:
    rows: list[EvaluatedRow] = []
    readable: list[DatasetRow] = []
    damage: DamagedError | None = None
    for place, (row, cluster) in enumerate(zip(held, clusters, strict=True)):
        try:
            rows.append(_scored(row, cluster, recognise(row), metrics))
            readable.append(row)
        except DamagedError as error:
            # One bad medium is a count in the figures, not the end of an hour's evaluation.
            damage = error
        if on_progress is not None:
            on_progress(place + 1, len(held))
    if damage is not None and not rows:
        raise damage
    return rows, readable


def _scored(
    row: DatasetRow, cluster: str, said: Recognition, metrics: Sequence[Metric]
) -> EvaluatedRow:
    payload = _payload(row)
    return EvaluatedRow(
        sample_uid=payload["uid"],
        prediction=said.text,
        scores=_scores(payload["truth"], said.text, metrics),
        cluster=cluster,
        subject=payload["subject"],
        confidence=said.confidence,
        seconds=said.seconds,
        duration=_duration(payload),
    )


def _scores(truth: str, text: str, metrics: Sequence[Metric]) -> dict[str, RowScore]:
    return {metric.name: metric.score(truth, text) for metric in metrics}


def _duration(payload: Mapping[str, Any]) -> float | None:
    lengths = [medium["duration"] for medium in payload["media"].values() if medium.get("duration")]
    return max(lengths, default=None)


def value(rows: Iterable[EvaluatedRow], metric: Metric) -> float:
    """Σ numerator / Σ denominator; Σ numerator when the rows have no length at all."""
    numerator = denominator = 0.0
    for row in rows:
        numerator += row.scores[metric.name].numerator
        denominator += row.scores[metric.name].denominator
    return numerator / denominator if denominator else numerator


def _figures(
    rows: Sequence[EvaluatedRow], metrics: Sequence[Metric], statistics: Statistics
) -> dict[str, object]:
    interval = statistics.interval(rows, metrics[0])
    timed = [(row.seconds, row.duration) for row in rows if row.seconds and row.duration]
    heard = sum(duration or 0.0 for _, duration in timed)
    return {
        **{metric.name: value(rows, metric) for metric in metrics},
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
    metric: Metric,
    statistics: Statistics,
) -> dict[str, object] | None:
    """The baseline's figure, and how the model differs from it on the same rows."""
    texts = baseline.predict(held) if baseline is not None else None
    if baseline is None or texts is None:
        return None
    if len(texts) != len(rows):
        raise InvalidInputError(
            f"the baseline `{baseline.name}` gave {len(texts)} texts for {len(rows)} rows",
            hint="it must give one text per row, in their order",
        )
    trivial = [
        EvaluatedRow(
            sample_uid=row.sample_uid,
            prediction=text,
            scores=_scores(_payload(one)["truth"], text, [metric]),
            cluster=row.cluster,
        )
        for one, row, text in zip(held, rows, texts, strict=True)
    ]
    paired = statistics.compare(trivial, rows, metric)
    return {
        "name": baseline.name,
        metric.name: value(trivial, metric),
        "difference": paired.difference,
        "ci": [paired.low, paired.high] if paired.low is not None else None,
        "p_better": paired.p_better,
        "standard_error": paired.standard_error,
        "differing": paired.differing,
    }


def media_key(row: DatasetRow) -> str:
    """The key of a row's media in the cache of recognitions.

    A whole blob is its digest, a span `digest@start-end`; several roles are joined by `+`, in
    the order of their names. The digests stay readable, so that erasing a blob can find what
    was said of it.

    Raises:
        InvalidInputError: the row is a tombstone.
    """
    media = _payload(row)["media"]
    return "+".join(_span_key(media[role]) for role in sorted(media))


def _span_key(medium: Mapping[str, Any]) -> str:
    start, end = medium.get("start"), medium.get("end")
    whole = start is None and end is None
    return str(medium["digest"]) if whole else f"{medium['digest']}@{start or 0.0}-{end}"


def remembered(recognise: Recognise, model_digest: str, recognitions: Recognitions) -> Recognise:
    """The model with a memory: what it said of the same media before is not asked again.

    An evaluation that was interrupted goes on where it stopped.
    """

    def once(row: DatasetRow) -> Recognition:
        key = media_key(row)
        said = recognitions.get(model_digest, key)
        if said is None:
            said = recognise(row)
            recognitions.put(model_digest, key, said)
        return said

    return once
