"""The champion in this process: hears an utterance, answers, and keeps what the settings allow."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from truing.domain.clock import Clock
from truing.domain.closing import Closing
from truing.domain.errors import (
    MissingDependencyError,
    NotFoundError,
    TruingError,
    UnavailableError,
)
from truing.domain.media import IngestedMedia
from truing.domain.modality import CanStream, Modality, Stream
from truing.domain.prediction import Prediction, PredictionKind, Recognition
from truing.domain.recipe import MediaFile
from truing.domain.sample import Added
from truing.live.bench import Bench, Champions
from truing.live.corrector import Correction, Corrector
from truing.loop.capture import Utterance

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript(Recognition):
    """An answer, which model gave it, and the sample it was kept as."""

    model: str
    sample: Added | None = None
    """None when it was not kept."""
    not_kept: str | None = None
    """Why it could not be kept although it was tried; the answer stands all the same."""
    correction: Correction | None = None
    """What the corrector made of the text, or why nothing; None when there is no corrector."""
    duration: float | None = None
    """Seconds of what was heard, as decoding showed."""
    took: Mapping[str, float] = field(default_factory=dict, compare=False)
    """Seconds from the call to the answer, part by part: `ingest`, what the model says of itself
    (`stages`, or `model` as a whole), `corrector`."""


class Following:
    """One utterance while it goes on: pieces in, the text so far out; see `CanStream`."""

    def __init__(self, stream: Stream, model: str) -> None:
        self._stream = stream
        self._model = model

    def push(self, piece: object, time: float) -> Recognition | None:
        """Takes the next piece (of lips: an RGB image); the text so far when it has changed.

        Args:
            piece: as the modality's model takes it.
            time: seconds since the first one.
        """
        return self._stream.push(piece, time)

    def finish(self) -> Transcript:
        """The text of the whole; not kept."""
        began = time.perf_counter()
        said = self._stream.finish()
        spent = time.perf_counter() - began
        seconds = said.seconds if said.seconds is not None else spent
        return _transcript(said, self._model, seconds=seconds)


class Recognizer(Closing):
    """Answers utterances with the model in use, which may be swapped meanwhile; see `Bench`.

    Safe from several threads. Nothing is loaded before the first utterance.

    Args:
        modality: reads what the app gives; its first role is what is recognised.
        champions: which models there are to answer.
        clock: for the date of a prediction.
        capture: keeps an utterance, or decides not to; None keeps nothing.
        corrector: corrects the text of each answer; None when it stays as the model gave it.
        folder: for the file a model reads, removed after each utterance; the system's folder for
            temporary files when left out.
    """

    def __init__(
        self,
        modality: Modality,
        champions: Champions,
        *,
        clock: Clock,
        capture: Callable[[Utterance], Added | None] | None = None,
        corrector: Corrector | None = None,
        folder: Path | None = None,
    ) -> None:
        self._modality = modality
        self._bench = Bench(champions)
        self._clock = clock
        self._capture = capture
        self._corrector = corrector
        self._folder = folder

    @property
    def model(self) -> str | None:
        """The reference of the model that answers now, None before the first utterance."""
        return self._bench.model

    def transcribe(
        self,
        source: object,
        *,
        subject: str | None = None,
        session: str | None = None,
        app: str = "app",
        context: Mapping[str, object] | None = None,
        keep: bool = True,
        consent: bool = False,
        correct: bool = True,
    ) -> Transcript:
        """The text of one utterance; kept as a sample, durably, when the settings say so.

        Args:
            source: whatever the modality takes: a path, bytes of a file, (samples, rate).
            subject: who is heard or seen.
            session: the sitting it belongs to.
            app: the app that asks.
            context: what the app knows of the moment.
            keep: False: this one is not kept, whatever the settings say.
            consent: its person agreed to be kept, which the settings may ask for.
            correct: False: the corrector is not asked, and the answer does not wait for it.

        Raises:
            InvalidInputError: a source the modality cannot take.
            DamagedError: bytes that cannot be decoded.
            NotFoundError: there is no champion yet, or its files are gone.
            UnavailableError: neither the champion nor the one before it could answer.
            MissingDependencyError: it needs a package that is not installed.
                In all these cases but that of no champion, the utterance is kept without a
                prediction when the settings say so.
            ConflictError: the recognizer was closed.
        """
        role = self._modality.roles[0]
        began = time.perf_counter()
        media = self._modality.ingest(role, source)
        took = {"ingest": time.perf_counter() - began}
        utterance = Utterance(
            # A source that is not whole is read again when it is kept: its damage is noted then.
            media={role: media.data if media.damage is None else source},
            subject=subject,
            session=session,
            source=app,
            context=context or {},
            consent=consent,
        )
        try:
            with self._as_file(media) as file:
                said, model = self._bench.answer({role: file})
        except (UnavailableError, MissingDependencyError, NotFoundError) as error:
            if not self._bench.has_champion():
                raise
            sample, problem = self._keep(utterance) if keep else (None, None)
            kept = f"it was kept as sample {sample.id}" if sample is not None else problem
            error.add_note(kept or "it was not kept")
            raise
        corrector = self._corrector if correct and said.text else None
        correction = corrector.correct(said.text) if corrector is not None else None
        full = self._with_predictions(utterance, said, model, correction)
        sample, problem = self._keep(full) if keep else (None, None)
        duration = media.facts.get("duration")
        took |= said.stages or {"model": said.seconds or 0.0}
        took |= {"corrector": correction.seconds} if correction is not None else {}
        return _transcript(
            said,
            model,
            took=took,
            sample=sample,
            not_kept=problem,
            correction=correction,
            duration=float(duration) if isinstance(duration, (int, float)) else None,
        )

    @contextlib.contextmanager
    def following(self) -> Iterator[Following | None]:
        """Follows an utterance that is still going on with the model in use; None when that model
        needs the whole of it. The model answers nobody else meanwhile.

        Raises:
            NotFoundError: there is no champion yet.
            ConflictError: the recognizer was closed.
        """
        with self._bench.lent() as (model, ref):
            yield Following(model.stream(), ref) if isinstance(model, CanStream) else None

    def refresh(self) -> str | None:
        """Looks for another champion now and returns when it is in use; returns its reference.

        Raises:
            NotFoundError: there is no champion yet.
            ConflictError: the recognizer was closed.
        """
        return self._bench.refresh()

    def close(self) -> None:
        """Frees all models, each after the utterance it is at; a second call does nothing."""
        self._bench.close()

    @contextlib.contextmanager
    def _as_file(self, media: IngestedMedia) -> Iterator[MediaFile]:
        suffix = "." + media.media_type.rpartition("/")[2]
        descriptor, name = tempfile.mkstemp(prefix="truing-", suffix=suffix, dir=self._folder)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(media.data)
            yield MediaFile(path=Path(name))
        finally:
            Path(name).unlink(missing_ok=True)

    def _with_predictions(
        self, utterance: Utterance, said: Recognition, model: str, correction: Correction | None
    ) -> Utterance:
        now = self._clock.now()
        heard = Prediction(
            kind=PredictionKind.RECOGNIZER, recognition=said, model=model, created_at=now
        )
        if correction is None or correction.text is None:
            return dataclasses.replace(utterance, predictions=(heard,))
        repaired = Prediction(
            kind=PredictionKind.CORRECTOR,
            recognition=Recognition(text=correction.text, seconds=correction.seconds),
            model=correction.model,
            created_at=now,
        )
        return dataclasses.replace(utterance, predictions=(heard, repaired))

    def _keep(self, utterance: Utterance) -> tuple[Added | None, str | None]:
        """The sample, or why it could not be kept: an answer is not withheld for that."""
        if self._capture is None:
            return None, None
        try:
            return self._capture(utterance), None
        except (TruingError, OSError) as error:
            log.warning("an utterance was not kept: %s", type(error).__name__)
            return None, str(error)


def _transcript(said: Recognition, model: str, **more: Any) -> Transcript:  # noqa: ANN401
    parts = {each.name: getattr(said, each.name) for each in dataclasses.fields(Recognition)}
    return Transcript(**{**parts, "model": model, **more})
