"""The models in memory: which one answers, which one stands in, and how one replaces another.

Between two utterances the bench looks whether another model was promoted. The new one is loaded
by a thread while the old one goes on answering; then it takes over in one step, and the old one
is closed after the last utterance it was given.

A model that raises does not cost an utterance: the previous champion answers in its place, and
takes over for good after some errors in a row, or when the model cannot even be loaded.

*Known trade-off*: while a swap or a run of errors goes on, two models are in memory.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from truing.domain.errors import (
    ConflictError,
    DamagedError,
    InvalidInputError,
    MissingDependencyError,
    NotFoundError,
    UnavailableError,
)
from truing.domain.modality import LoadedRecognizer
from truing.domain.prediction import Recognition
from truing.domain.recipe import MediaFile

RETRY_AFTER = 60.0
"""Seconds until a champion is tried again that this machine could not load."""
_MACHINE = (MissingDependencyError, UnavailableError, MemoryError)
"""Errors of the machine, not of the model: no ground for demoting it."""
_MEDIA = (DamagedError, InvalidInputError)
"""Errors of what was said, not of the model."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Champions:
    """Which models there are to answer, as callables; all may be called from any thread."""

    open_model: Callable[[str], LoadedRecognizer]
    """Loads a model by its reference, ready for the first call."""
    champion: Callable[[], str | None]
    """The model in use now; asked before each utterance."""
    fallback: Callable[[str, str], str | None]
    """Puts the previous champion back: takes the broken model and the reason, returns the model
    now in use, or None when there was none before."""
    previous: Callable[[str], str | None] = lambda _: None
    """The champion before a given one, to answer in its place while it raises; None lets the
    first errors go to the app."""
    errors_before_fallback: int = 3


@dataclass(slots=True, eq=False, kw_only=True)
class _Seat:
    """A model in memory and those who use it now."""

    ref: str
    model: LoadedRecognizer
    turn: threading.Lock = field(default_factory=threading.Lock)
    """A model answers one utterance at a time."""
    users: int = 0
    errors: int = 0
    """In a row."""
    retired: bool = False

    def ask(self, media: Mapping[str, MediaFile]) -> Recognition:
        with self.turn:
            return self.model.recognize(media)


class Bench:
    """Answers with the model in use. Safe from several threads."""

    def __init__(self, champions: Champions) -> None:
        self._champions = champions
        self._changing = threading.RLock()  # one thread at a time loads models or falls back
        self._state = threading.Lock()  # guards what follows; never held while a model works
        self._current: _Seat | None = None
        self._stand_in: _Seat | None = None
        self._loading: threading.Thread | None = None
        self._try_again: tuple[str, float] | None = None
        self._closed = False

    @property
    def model(self) -> str | None:
        """The reference of the model that answers now, None before the first utterance."""
        with self._state:
            return self._current.ref if self._current is not None else None

    def has_champion(self) -> bool:
        """Whether there is a model to ask at all."""
        return self._champions.champion() is not None

    def answer(self, media: Mapping[str, MediaFile]) -> tuple[Recognition, str]:
        """What the model in use says, and its reference.

        Raises:
            DamagedError: media that cannot be decoded.
            NotFoundError: there is no champion yet.
            UnavailableError: neither it nor the champion before it could answer.
            ConflictError: the bench was closed.
        """
        seat = self._borrow()
        try:
            said = seat.ask(media)
        except _MEDIA:
            raise
        except Exception as error:  # noqa: BLE001 - a model may raise anything
            return self._answer_instead(seat, media, error)
        else:
            self._answered_well(seat)
            return said, seat.ref
        finally:
            self._give_back(seat)

    @contextlib.contextmanager
    def lent(self) -> Iterator[tuple[LoadedRecognizer, str]]:
        """The model in use and its reference, for an utterance that is still going on.

        Nobody else is answered by it meanwhile, and nothing answers in its place.

        Raises:
            NotFoundError: there is no champion yet.
            ConflictError: the bench was closed.
        """
        seat = self._borrow()
        try:
            with seat.turn:
                yield seat.model, seat.ref
        finally:
            self._give_back(seat)

    def refresh(self) -> str | None:
        """Looks for another champion and returns when it is in use; returns its reference."""
        with self._state:
            self._try_again = None
        self._give_back(self._borrow())
        thread = self._loading
        if thread is not None:
            thread.join()
        return self.model

    def close(self) -> None:
        """Frees all models, each after the utterance it is at; a second call does nothing."""
        with self._state:
            self._closed = True
            thread, seats = self._loading, (self._current, self._stand_in)
            self._current = self._stand_in = None
        for seat in seats:
            self._retire(seat)
        if thread is not None:
            thread.join()

    # --- answering in place of a model that raised ----------------------------------------------

    def _answer_instead(
        self, failed: _Seat, media: Mapping[str, MediaFile], error: Exception
    ) -> tuple[Recognition, str]:
        log.warning("model %s raised %s", failed.ref, without_words(error))
        try:
            with self._changing:
                other = self._other_than(failed, error)
        except Exception as second:
            raise _no_answer(failed.ref, error) from second
        if other is None:
            raise _no_answer(failed.ref, error) from error
        try:
            return other.ask(media), other.ref
        except _MEDIA:
            raise
        except Exception as second:
            raise _no_answer(other.ref, second) from second
        finally:
            self._give_back(other)

    def _other_than(self, failed: _Seat, error: Exception) -> _Seat | None:
        """A borrowed seat that may answer in place of `failed`; None when there is none."""
        with self._state:
            failed.errors += 1
            if self._current is not None and self._current is not failed:
                self._current.users += 1
                return self._current  # another thread has changed it meanwhile
        if failed.errors >= self._champions.errors_before_fallback:
            reason = f"{failed.errors} errors in a row: {type(error).__name__}"
            ref = self._champions.fallback(failed.ref, reason)
            if ref is not None and ref != failed.ref:
                log.warning("fell back from %s to %s: %s", failed.ref, ref, reason)
                self._seat(self._standing_in(ref))
                return self._borrow_current()
        ref = self._champions.previous(failed.ref)
        if ref is None or ref == failed.ref:
            return None
        seat = self._standing_in(ref)
        with self._state:
            seat.users += 1
        return seat

    def _standing_in(self, ref: str) -> _Seat:
        """The stand-in, loaded if it is not there yet; only while `_changing` is held."""
        if self._stand_in is not None and self._stand_in.ref == ref:
            return self._stand_in
        seat = self._opened(ref)
        with self._state:
            old, self._stand_in = self._stand_in, seat
        self._retire(old)
        return seat

    def _answered_well(self, seat: _Seat) -> None:
        seat.errors = 0
        if self._stand_in is None or not self._changing.acquire(blocking=False):
            return  # whoever is at it decides about the stand-in
        try:
            with self._state:
                spare = self._stand_in if seat is self._current else None
                self._stand_in = None if spare is not None else self._stand_in
            self._retire(spare)
        finally:
            self._changing.release()

    # --- which model -----------------------------------------------------------------------------

    def _borrow(self) -> _Seat:
        """The model in use, counted as used until given back; starts a swap when one is due."""
        with self._state:
            current = self._current
            self._refuse_closed()
        if current is None:
            with self._changing:
                if self._current is None:
                    self._seat(self._first())
        else:
            ref = self._wanted(current.ref)
            if ref != current.ref:
                self._load_aside(ref)
        return self._borrow_current()

    def _borrow_current(self) -> _Seat:
        with self._state:
            self._refuse_closed()
            seat = self._current
            if seat is None:
                raise RuntimeError("a bench that is open has a model in use by now")
            seat.users += 1
            return seat

    def _refuse_closed(self) -> None:
        if self._closed:
            raise ConflictError("the recognizer is closed", hint="open another one")

    def _wanted(self, present: str) -> str:
        try:
            return self._champions.champion() or present
        except Exception as error:  # noqa: BLE001 - a busy store must not cost an utterance
            log.warning("cannot tell the champion: %s", without_words(error))
            return present

    def _first(self) -> _Seat:
        """The champion, or the one before it when it cannot be loaded."""
        ref = self._champions.champion()
        if ref is None:
            raise NotFoundError(
                "there is no champion yet",
                hint="truing promote MODEL makes one; truing models shows those there are",
            )
        while True:
            try:
                return self._opened(ref)
            except _MACHINE:
                raise
            except Exception as error:
                other = self._give_up(ref, error)
                if other is None or other == ref:
                    raise
                ref = other

    def _load_aside(self, ref: str) -> None:
        """Lets a thread load a new champion, unless one is at it or has just failed to."""
        with self._state:
            again = self._try_again
            too_soon = again is not None and again[0] == ref and time.monotonic() < again[1]
            if self._closed or self._loading is not None or too_soon:
                return
            self._loading = threading.Thread(
                target=self._swap_in, args=(ref,), name="truing-swap", daemon=True
            )
            self._loading.start()

    def _swap_in(self, ref: str) -> None:
        try:
            with self._changing:
                self._seat(self._opened(ref))
        except _MACHINE as error:
            log.warning("model %s cannot be loaded here: %s", ref, without_words(error))
            self._later(ref)
        except Exception as error:  # noqa: BLE001 - whatever a broken model raises
            try:
                self._give_up(ref, error)
            except Exception as second:  # noqa: BLE001 - the old model goes on answering
                log.warning("cannot fall back from %s: %s", ref, without_words(second))
                self._later(ref)
        finally:
            with self._state:
                self._loading = None

    def _give_up(self, ref: str, error: Exception) -> str | None:
        log.warning("model %s cannot be loaded: %s", ref, without_words(error))
        return self._champions.fallback(ref, f"cannot be loaded: {type(error).__name__}")

    def _later(self, ref: str) -> None:
        with self._state:
            self._try_again = (ref, time.monotonic() + RETRY_AFTER)

    # --- seats -----------------------------------------------------------------------------------

    def _opened(self, ref: str) -> _Seat:
        return _Seat(ref=ref, model=self._champions.open_model(ref))

    def _seat(self, seat: _Seat) -> None:
        """Makes a model the one in use, in one step; the one before goes when it is idle."""
        with self._state:
            gone = [self._stand_in if self._stand_in is not seat else None, self._current]
            self._stand_in, self._current = None, seat
            if self._closed:
                gone, self._current = [*gone, seat], None
        for old in gone:
            self._retire(old)

    def _retire(self, seat: _Seat | None) -> None:
        if seat is None:
            return
        with self._state:
            seat.retired = True
            idle = seat.users == 0
        if idle:
            _close(seat)

    def _give_back(self, seat: _Seat) -> None:
        with self._state:
            seat.users -= 1
            idle = seat.retired and seat.users == 0
        if idle:
            # Whoever gave the last utterance waits for the answer, not for the farewell.
            threading.Thread(target=_close, args=(seat,), name="truing-farewell").start()


def _close(seat: _Seat) -> None:
    try:
        seat.model.close()
    except Exception as error:  # noqa: BLE001 - a model on its way out must not harm the next
        log.warning("model %s could not be closed: %s", seat.ref, without_words(error))


def _no_answer(ref: str, error: Exception) -> UnavailableError:
    said = " ".join(str(error).split())[:200]
    return UnavailableError(
        f"the model `{ref}` could not answer: {type(error).__name__}: {said}",
        hint="truing rollback puts the model before it back",
    )


def without_words(error: BaseException) -> str:
    """Kind and place of an error for the log, not its message: that might quote a transcript."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"{type(error).__name__} at\n{frames}"
