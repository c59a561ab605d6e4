"""Hearing: the live models of the server, each in a process of its own."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from truing.domain.errors import ConflictError, UnavailableError
from truing.domain.model import GENERAL
from truing.workspace.models import champion_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from truing.live.recognizer import Recognizer, Transcript
    from truing.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One utterance as a request brought it."""

    source: bytes
    """A file, as the modality takes it."""
    app: str
    speaker: str | None = None
    session: str | None = None
    context: Mapping[str, object] | None = None
    keep: bool = True
    consent: bool = False
    """Its person agreed to be kept."""
    correct: bool = True
    """Waits for the corrector, if there is one."""


class Hearing:
    """Answers utterances with the model in use. Nothing is started before the first one.

    Args:
        workspace: whose champions answer.
        at_once: utterances that may wait for an answer; more would keep all other requests out.
    """

    def __init__(self, workspace: Workspace, *, at_once: int = 16) -> None:
        self._workspace = workspace
        self._at_once = at_once
        self._room = threading.Semaphore(at_once)
        self._changing = threading.Lock()
        self._recognizers: dict[tuple[str, str], Recognizer] = {}
        self._closed = False

    def transcribe(self, spoken: Spoken, modality: str = "speech") -> Transcript:
        """The text of one utterance; kept as a sample when the settings say so.

        Raises:
            NotFoundError: there is no champion yet.
            DamagedError: bytes that cannot be decoded.
            InvalidInputError: something the modality cannot take.
            UnavailableError: no model could answer, or too many utterances wait already.
            ConflictError: the server is ending.
        """
        with self._place():
            return self._answer(spoken, modality)

    def warm_up(self, modality: str = "speech") -> str | None:
        """Loads the champion, so that the first utterance is as quick as the next; its name.

        Raises:
            NotFoundError: there is no champion yet.
            UnavailableError: it cannot be loaded here.
        """
        return self._recognizer(modality, GENERAL).refresh()

    def champion(self, modality: str = "speech") -> str | None:
        """The model that would answer now, None when there is none."""
        return champion_for(self._workspace.store.models, modality)

    def loaded(self, modality: str = "speech") -> str | None:
        """The model that has answered last, None before the first utterance."""
        with self._changing:
            found = self._recognizers.get((modality, GENERAL))
        return found.model if found is not None else None

    def close(self) -> None:
        """Ends all host processes; a second call does nothing."""
        with self._changing:
            self._closed = True
            ending, self._recognizers = list(self._recognizers.values()), {}
        for one in ending:
            one.close()

    def _answer(self, spoken: Spoken, modality: str) -> Transcript:
        return self._recognizer(modality, self._audience(modality, spoken.speaker)).transcribe(
            spoken.source,
            subject=spoken.speaker,
            session=spoken.session,
            app=spoken.app,
            context=spoken.context,
            keep=spoken.keep,
            consent=spoken.consent,
            correct=spoken.correct,
        )

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._room.acquire(blocking=False):
            raise UnavailableError(
                f"{self._at_once} utterances wait for the model already",
                hint="ask again in a moment",
            )
        try:
            yield
        finally:
            self._room.release()

    def _audience(self, modality: str, speaker: str | None) -> str:
        whose = f"subject:{speaker}" if speaker else GENERAL
        # Speakers without a model of their own share the process of the general one.
        own = self._workspace.store.models.champion(modality, whose)
        return whose if own is not None else GENERAL

    def _recognizer(self, modality: str, audience: str) -> Recognizer:
        with self._changing:
            if self._closed:
                raise ConflictError("the server is ending", hint="start it again")
            found = self._recognizers.get((modality, audience))
            if found is None:
                found = self._workspace.recognizer(modality, audience=audience, hosted=True)
                self._recognizers[modality, audience] = found
            return found
