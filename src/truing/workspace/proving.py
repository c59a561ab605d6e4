"""Proving: evaluation, comparison, promotion and the champion in use."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from truing.domain.comparison import Comparison
from truing.domain.dataset import DatasetRef, DatasetRow, Split
from truing.domain.digest import digest_file
from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError
from truing.domain.evaluation import Evaluation
from truing.domain.modality import CanBaseline, CanPublish, CanRecognize, LoadedRecognizer
from truing.domain.model import GENERAL
from truing.domain.prediction import Recognition
from truing.domain.recipe import Example, MediaFile
from truing.loop import compare as comparing
from truing.loop import evaluate as evaluating
from truing.loop.train import example_of
from truing.metrics.cluster_statistics import ClusterStatistics
from truing.workspace.datasets import examples, whole_media
from truing.workspace.models import NamedModel, lineage_uids, model_named
from truing.workspace.training import folder_examples

if TYPE_CHECKING:
    from truing.domain.modality import Modality
    from truing.workspace import Workspace

Progress = Callable[[int, int], None]
log = logging.getLogger(__name__)


class NotMeasuredError(NotFoundError):
    """A model whose figures were asked for without measuring was never measured on those rows."""


class _Speaker:
    """A model that is loaded when it is first asked, so that remembered answers cost nothing."""

    def __init__(
        self,
        modality: Modality,
        model: NamedModel,
        *,
        text_only: bool,
        spare: NamedModel | None,
        options: Mapping[str, object],
    ) -> None:
        if not isinstance(modality, CanRecognize):
            raise InvalidInputError(
                f"`{modality.name}` cannot recognise anything",
                hint="install a package that brings a recognizer for it",
            )
        self._modality = modality
        self._model = model
        self._spare = spare
        self._options = {**options, **({"text_only": True} if text_only else {})}
        self._loaded: LoadedRecognizer | None = None

    @property
    def name(self) -> str:
        """The model that answers."""
        return self._model.name

    def recognize(self, media: Mapping[str, MediaFile]) -> Recognition:
        if self._loaded is None:
            try:
                self._loaded = self._modality.open_recognizer(self._model.location, self._options)
            except Exception as error:  # noqa: BLE001 - whatever a broken model raises
                return self._instead(error).recognize(media)
        try:
            return self._loaded.recognize(media)
        except (DamagedError, InvalidInputError):
            raise  # errors of what was said, not of the model
        except Exception as error:  # noqa: BLE001 - a model may raise anything
            return self._instead(error).recognize(media)

    def _instead(self, error: Exception) -> _Speaker:
        """Itself with the spare model; raises the error when there is none."""
        if self._spare is None:
            raise error
        log.warning("model %s could not answer: %s", self.name, type(error).__name__)
        self.close()
        self._model, self._spare = self._spare, None
        return self

    def close(self) -> None:
        if self._loaded is not None:
            self._loaded.close()
            self._loaded = None


@contextmanager
def speaking(
    modality: Modality,
    model: NamedModel,
    *,
    text_only: bool = False,
    spare: NamedModel | None = None,
    options: Mapping[str, object] | None = None,
) -> Iterator[_Speaker]:
    """A model for as long as it is needed.

    Args:
        modality: whose model.
        model: the model.
        text_only: spend no time on more than the text.
        spare: answers from when the model cannot be loaded, or fails on sound that is sound.
        options: of the recognizer, such as `quantize_4bit`.
    """
    speaker = _Speaker(modality, model, text_only=text_only, spare=spare, options=options or {})
    try:
        yield speaker
    finally:
        speaker.close()


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
        options: of the recognizer, such as `{"quantize_4bit": True}`; figures of a model that is
            run in such a way are not stored either.
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
    path = whole_media(workspace.blobs)

    def unheard(*_: object) -> NoReturn:
        raise NotMeasuredError(
            f"`{found.name}` was never measured on `{version.ref}`",
            hint=f"truing evaluate {found.name} --dataset {version.ref}",
        )

    baseline = _baseline(workspace, modality, version.ref)
    if known:
        return evaluating.evaluate(request, modality.metrics, unheard, ports, baseline=baseline)
    with speaking(modality, found, text_only=True, options=options) as speaker:
        said = evaluating.remembered(
            lambda row: speaker.recognize(_logged(row, path).media),
            _known_as(found, options),
            store.recognitions,
        )
        return evaluating.evaluate(
            request,
            modality.metrics,
            said,
            ports,
            baseline=baseline,
            on_progress=on_progress,
        )


def _known_as(model: NamedModel, options: Mapping[str, object] | None) -> str:
    """By what its answers are remembered: run in another way, a model says other things."""
    told = "".join(f"+{name}={value}" for name, value in sorted((options or {}).items()))
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
    metric = workspace.modality(one.modality).metrics[0]
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
    """The primary metric of a model over examples outside a dataset version."""
    metric = modality.metrics[0]
    numerator = denominator = 0.0
    cache = workspace.store.recognitions
    with speaking(modality, model, text_only=True) as speaker:
        for done, example in enumerate(given, 1):
            key = _media_key(example)
            said = cache.get(model.digest, key)
            if said is None:
                said = speaker.recognize(example.media)
                cache.put(model.digest, key, said)
            score = metric.score(example.truth, said.text)
            numerator += score.numerator
            denominator += score.denominator
            if on_progress is not None:
                on_progress(done, len(given))
    return numerator / denominator if denominator else numerator


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
