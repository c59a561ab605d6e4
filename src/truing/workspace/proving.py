"""Proving: evaluation, comparison, promotion and the champion in use."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from truing.domain.comparison import Comparison
from truing.domain.dataset import DatasetRef, DatasetRow, Split
from truing.domain.digest import digest_file
from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError
from truing.domain.evaluation import Evaluation, RowScore
from truing.domain.modality import CanBaseline, CanJudge, CanPublish, measures_of
from truing.domain.model import GENERAL
from truing.domain.prediction import Recognition
from truing.domain.recipe import Example, MediaFile
from truing.loop import compare as comparing
from truing.loop import evaluate as evaluating
from truing.loop.remember import Recognise, kept_pictures, remembered
from truing.loop.train import example_of
from truing.metrics.cluster_statistics import ClusterStatistics
from truing.workspace.datasets import examples, whole_media
from truing.workspace.editing import by_picture, editing, judging, unchanged
from truing.workspace.models import NamedModel, lineage_uids, model_named
from truing.workspace.speaking import speaking
from truing.workspace.training import folder_examples

if TYPE_CHECKING:
    from truing.domain.modality import Modality
    from truing.workspace import Workspace

Progress = Callable[[int, int], None]
log = logging.getLogger(__name__)


class NotMeasuredError(NotFoundError):
    """A model whose figures were asked for without measuring was never measured on those rows."""


def evaluate(
    workspace: Workspace,
    model: str,
    dataset: str,
    split: str = "test",
    *,
    fresh: bool = False,
    known: bool = False,
    most: int | None = None,
    options: Mapping[str, object] | None = None,
    on_progress: Progress | None = None,
) -> Evaluation:
    """Figures of a model on one part of a dataset version, with a trivial baseline beside it.

    Args:
        workspace: where everything is.
        model: `champion`, a model of the workspace, a folder or a hub id.
        dataset: `name@number`.
        split: `test`, `validation` or `train`.
        fresh: evaluate again although it was done before.
        known: only look up what was measured before; no model is loaded.
        most: judge by a sample of so many rows; the figures of such a quick look are not stored.
        options: of the recognizer or editor, such as `{"quantize_4bit": True}`; figures of a model
            that is run in such a way are not stored either.
        on_progress: called with (rows done, rows in all).

    Raises:
        NotFoundError: no such model or dataset; `NotMeasuredError` when it is only looked up.
        NothingToDoError: no row is left to judge the model by.
    """
    if split not in set(Split):
        raise InvalidInputError(
            f"there is no split `{split}`", hint=f"choose one of {', '.join(Split)}"
        )
    if most is not None and most < 1:
        raise InvalidInputError(f"`{most}` rows judge nothing", hint="give 1 or more")
    version = workspace.store.datasets.get(DatasetRef.parse(dataset))
    modality = workspace.modality(version.modality)
    found = model_named(workspace, model, version.modality)
    request = evaluating.EvaluationRequest(
        modality=version.modality,
        model=found.name,
        model_digest=found.digest,
        dataset=version.ref,
        split=Split(split),
        # Judging by the rows it learned from is only sound when that is what was asked for.
        exclude_uids=frozenset(lineage_uids(workspace, found)) if split == "test" else frozenset(),
        fresh=fresh or bool(options),
        most=most,
        kept=not options,
    )
    store = workspace.store
    ports = evaluating.EvaluatePorts(
        datasets=store.datasets,
        evaluations=store.evaluations,
        statistics=ClusterStatistics(),
        clock=workspace.clock,
        ids=workspace.ids,
    )

    def unmeasured(*_: object) -> NoReturn:
        raise NotMeasuredError(
            f"`{found.name}` was never measured on `{version.ref}`",
            hint=f"truing evaluate {found.name} --dataset {version.ref}",
        )

    with ExitStack() as loaded:
        return evaluating.evaluate(
            request,
            _yardstick(workspace, modality, loaded),
            unmeasured if known else _answers(workspace, modality, found, options or {}, loaded),
            ports,
            baseline=_baseline(workspace, modality, version.ref),
            on_progress=on_progress,
        )


def _yardstick(workspace: Workspace, modality: Modality, loaded: ExitStack) -> evaluating.Yardstick:
    """How the modality's models are scored; what a judge needs is loaded with the first picture."""
    if not isinstance(modality, CanJudge):
        return evaluating.by_text(modality.metrics)
    return by_picture(workspace, modality, loaded.enter_context(judging(workspace, modality)))


def _answers(
    workspace: Workspace,
    modality: Modality,
    model: NamedModel,
    options: Mapping[str, object],
    loaded: ExitStack,
) -> Recognise:
    """The model with its memory; it is loaded when something is asked that it was not before."""
    path, store, known = whole_media(workspace.blobs), workspace.store, _known_as(model, options)
    if isinstance(modality, CanJudge):
        editor = loaded.enter_context(editing(modality, model, options))
        return kept_pictures(
            lambda row: editor.edit(_logged(row, path)),
            modality.roles[0],
            known,
            store.pictures,
            workspace.blobs,
        )
    speaker = loaded.enter_context(speaking(modality, model, text_only=True, options=options))
    return remembered(
        lambda row: speaker.recognize(_logged(row, path).media), known, store.recognitions
    )


def _known_as(model: NamedModel, options: Mapping[str, object]) -> str:
    """By what its answers are remembered: run in another way, a model says other things."""
    told = "".join(f"+{name}={value}" for name, value in sorted(options.items()))
    return f"{model.digest}{told}"


def _logged(row: DatasetRow, path: Callable[[str], Path]) -> Example:
    """A row; one whose medium is damaged is left out of the figures, and named in the log."""
    try:
        return example_of(row, path)
    except DamagedError as error:
        log.warning("left out: %s", error.message)
        raise


def _baseline(
    workspace: Workspace, modality: Modality, ref: DatasetRef
) -> evaluating.Baseline | None:
    if isinstance(modality, CanJudge):
        return unchanged(modality, modality.roles[0])
    if not isinstance(modality, CanBaseline):
        return None

    def predict(rows: Sequence[DatasetRow]) -> list[str] | None:
        path = whole_media(workspace.blobs)
        test = [example_of(row, path) for row in rows]
        return modality.baseline(examples(workspace, ref, Split.TRAIN), test)

    return evaluating.Baseline(name=modality.baseline_name, predict=predict)


def compare(
    workspace: Workspace,
    first: str,
    second: str,
    dataset: str,
    *,
    split: str = "test",
    known: bool = False,
    on_progress: Progress | None = None,
) -> Comparison:
    """Two models on the same rows; both are evaluated first where they were not yet.

    With `known`, nothing is evaluated.

    Raises:
        NotFoundError: no such model or dataset; `NotMeasuredError`, see `evaluate`.
        InvalidInputError: they have no row in common.
    """
    one = evaluate(workspace, first, dataset, split, known=known, on_progress=on_progress)
    two = evaluate(workspace, second, dataset, split, known=known, on_progress=on_progress)
    return compared(workspace, one, two)


def compared(workspace: Workspace, one: Evaluation, two: Evaluation) -> Comparison:
    """Sets two evaluations side by side, with the truths of their rows."""
    metric = measures_of(workspace.modality(one.modality), workspace.settings)[0]
    return comparing.compare(
        one, two, metric, ClusterStatistics(), truths=truths_of(workspace, two)
    )


def truths_of(workspace: Workspace, evaluation: Evaluation) -> dict[str, str]:
    """The frozen truths of the rows an evaluation speaks of, by uid."""
    ref = DatasetRef.parse(evaluation.dataset)
    rows = workspace.store.datasets.rows(ref, Split(evaluation.split))
    return {
        str(row.sample_uid): str(row.payload["truth"]) for row in rows if row.payload is not None
    }


def general_examples(workspace: Workspace, general: str) -> Sequence[Example]:
    """The general set on which a candidate must not get worse: a folder, or all rows of a version.

    Raises:
        NotFoundError: no such folder or version.
    """
    if Path(general).is_dir():
        return folder_examples(Path(general))
    ref, path = DatasetRef.parse(general), whole_media(workspace.blobs)
    return [
        example_of(row, path) for row in workspace.store.datasets.rows(ref) if not row.forgotten
    ]


def general_figure(
    workspace: Workspace,
    modality: Modality,
    model: NamedModel,
    given: Sequence[Example],
    on_progress: Progress | None = None,
) -> float:
    """The primary measure of a model over examples outside a dataset version.

    Texts are remembered, pictures are not: they belong to a dataset version.
    """
    numerator = denominator = 0.0
    with ExitStack() as loaded:
        score = _scored_by(workspace, modality, model, loaded)
        for done, example in enumerate(given, 1):
            found = score(example)
            numerator += found.numerator
            denominator += found.denominator
            if on_progress is not None:
                on_progress(done, len(given))
    return numerator / denominator if denominator else numerator


def _scored_by(
    workspace: Workspace, modality: Modality, model: NamedModel, loaded: ExitStack
) -> Callable[[Example], RowScore]:
    if isinstance(modality, CanJudge):
        editor = loaded.enter_context(editing(modality, model))
        judge = loaded.enter_context(judging(workspace, modality))
        primary = modality.measures(workspace.settings)[0].name
        return lambda one: judge.score(one, editor.edit(one).picture)[primary]
    speaker = loaded.enter_context(speaking(modality, model, text_only=True))
    metric, cache = modality.metrics[0], workspace.store.recognitions

    def score(example: Example) -> RowScore:
        key = _media_key(example)
        said = cache.get(model.digest, key)
        if said is None:
            said = speaker.recognize(example.media)
            cache.put(model.digest, key, said)
        return metric.score(example.truth, said.text)

    return score


def _media_key(example: Example) -> str:
    return "+".join(
        digest_file(one.path) + (f"@{one.start or 0.0}-{one.end}" if one.end is not None else "")
        for _, one in sorted(example.media.items())
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What a model heard in one file."""

    file: str
    recognition: Recognition
    model: str

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {"file": self.file, "model": self.model, **self.recognition.as_dict()}


def transcribe(
    workspace: Workspace,
    files: Sequence[Path],
    model: str = "champion",
    modality: str = "speech",
    *,
    audience: str = GENERAL,
) -> Iterator[Transcript]:
    """Recognises files with a model; nothing is kept.

    Args:
        workspace: where the model is.
        files: what is to be recognised.
        model: `champion`, a model of the workspace, a folder or a hub id.
        modality: such as `speech`.
        audience: whose champion; where a speaker has none, or it fails, the general one answers.

    Raises:
        NotFoundError: no such model, or a file that is not there.
        DamagedError: a file that cannot be decoded.
    """
    import tempfile

    kind = workspace.modality(modality)
    found = model_named(workspace, model, modality, audience=audience)
    general = workspace.store.models.champion(modality, GENERAL) if model == "champion" else None
    spare = model_named(workspace, general, modality) if general not in (None, found.name) else None
    with (
        speaking(kind, found, spare=spare) as speaker,
        tempfile.TemporaryDirectory() as folder,
    ):
        for file in files:
            # The same way in as for captured media: what is heard live is what is trained on.
            ingested = kind.ingest(kind.roles[0], file)
            place = Path(folder) / "media"
            place.write_bytes(ingested.data)
            said = speaker.recognize({kind.roles[0]: MediaFile(path=place)})
            yield Transcript(file=str(file), recognition=said, model=speaker.name)


def publish(
    workspace: Workspace,
    model: str,
    target: Path,
    *,
    modality: str = "speech",
    options: Mapping[str, object] | None = None,
) -> Path:
    """Writes a model in the layout of an app that loads it from a folder.

    Raises:
        NotFoundError: no such model.
        MissingDependencyError: the extra that converts it is not installed.
        InvalidInputError: the modality has no such layout.
    """
    kind = workspace.modality(modality)
    if not isinstance(kind, CanPublish):
        raise InvalidInputError(
            f"`{modality}` models cannot be published", hint="export the model folder instead"
        )
    found = model_named(workspace, model, modality)
    return kind.publish(Path(found.location), target, options or {})
