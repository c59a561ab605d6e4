"""Suspecting: labels held against what recognisers say, see `loop.suspect`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from truing.domain.errors import InvalidInputError
from truing.domain.modality import CanRecognize, CanWeighText
from truing.domain.prediction import Alternative, Recognition
from truing.domain.recipe import MediaFile
from truing.domain.sample import SampleFilter
from truing.loop.suspect import Distance, Doubted, Heard, Listener, suspect
from truing.workspace.models import lineage_uids, model_named

if TYPE_CHECKING:
    from truing.domain.modality import LoadedRecognizer, Modality
    from truing.domain.sample import Sample
    from truing.workspace import Workspace
    from truing.workspace.models import NamedModel

FINEST = "cer"
"""The metric by which texts are held against each other where the modality has it."""


def check_labels(
    workspace: Workspace,
    where: SampleFilter,
    *,
    models: Sequence[str] = (),
    modality: str = "speech",
    on_progress: Callable[[int, int], None] = lambda _done, _id: None,
) -> Doubted:
    """Ranks labels by how surely recognisers say something else; see `loop.suspect`.

    What a model says is remembered: an interrupted call goes on quickly where it stopped.

    Args:
        workspace: where they are.
        where: which samples; those without a label are passed over.
        models: `champion`, models of the workspace, folders or hub ids to ask, beside what models
            said after the labels were decided.
        modality: whose samples.
        on_progress: called with how many samples were seen and the number of the last one.

    Raises:
        NotFoundError: no such model.
        UnavailableError: a model that cannot be fetched or run here.
    """
    kind = workspace.modality(modality)
    chosen = workspace.store.samples.iterate(replace(where, modality=modality))
    with ExitStack() as open_models:
        listeners = [
            _listener(workspace, kind, model_named(workspace, name, modality), open_models)
            for name in dict.fromkeys(models)
        ]
        return suspect(
            chosen,
            workspace.store.samples,
            workspace.store.reviews,
            distance_of(kind),
            workspace.settings,
            listeners=listeners,
            on_progress=on_progress,
        )


def distance_of(modality: Modality) -> Distance:
    """How far two texts differ by the modality's finest metric, 0 to 1."""
    by_name = {metric.name: metric for metric in modality.metrics}
    metric = by_name.get(FINEST, modality.metrics[0])

    def distance(truth: str, said: str) -> float:
        one = metric.score(truth, said)
        if metric.higher_is_better:
            return 1 - one.numerator / one.denominator if one.denominator else 0.0
        longest = max(one.denominator, metric.score(said, truth).denominator)
        return min(1.0, one.numerator / longest) if longest else 0.0

    return distance


class _Speaker:
    """A model that is loaded when it is first asked: what is remembered costs nothing."""

    def __init__(self, modality: Modality, model: NamedModel) -> None:
        if not isinstance(modality, CanRecognize):
            raise InvalidInputError(
                f"`{modality.name}` cannot recognise anything",
                hint="install a package that brings a recognizer for it",
            )
        self._modality, self._model = modality, model
        self._loaded: LoadedRecognizer | None = None

    def said(self, media: Mapping[str, MediaFile], label: str, distance: Distance) -> Recognition:
        """Its text; beside it, as an alternative, the label with the confidence in that."""
        if self._loaded is None:
            options = {"text_only": True}
            self._loaded = self._modality.open_recognizer(self._model.location, options)
        heard = self._loaded.recognize(media)
        if distance(label, heard.text) == 0 or not isinstance(self._loaded, CanWeighText):
            return heard
        confidence = self._loaded.confidence_in(media, label)
        if confidence is None:
            return heard
        return replace(heard, alternatives=(Alternative(text=label, confidence=confidence),))

    def close(self) -> None:
        if self._loaded is not None:
            self._loaded.close()
            self._loaded = None


def _listener(
    workspace: Workspace, modality: Modality, model: NamedModel, open_models: ExitStack
) -> Listener:
    speaker = _Speaker(modality, model)
    open_models.callback(speaker.close)
    cache = workspace.store.recognitions
    distance = distance_of(modality)

    def hears(sample: Sample, label: str) -> Heard:
        key = _key(sample, label)
        said = cache.get(model.digest, key)
        if said is None:
            said = speaker.said(_files(workspace, sample), label, distance)
            cache.put(model.digest, key, said)
        same = (one.confidence for one in said.alternatives if one.text == label)
        return Heard(
            model=model.name,
            text=said.text,
            confidence=said.confidence,
            in_label=next(same, None),
        )

    return Listener(name=model.name, hears=hears, learnt=frozenset(lineage_uids(workspace, model)))


def _key(sample: Sample, label: str) -> str:
    """As for evaluations, with the label: what the model thinks of it is remembered along."""
    spans = [
        one.digest if one.end is None else f"{one.digest}@{one.start or 0.0}-{one.end}"
        for one in sorted(sample.media, key=lambda one: one.role)
    ]
    named = hashlib.sha256(f"{sample.salt}:{label}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"{'+'.join(spans)}#{named[:16]}"


def _files(workspace: Workspace, sample: Sample) -> dict[str, MediaFile]:
    return {
        one.role: MediaFile(path=workspace.blobs.path(one.digest), start=one.start, end=one.end)
        for one in sample.media
    }
