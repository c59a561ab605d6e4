"""A model in a process of its own: whoever asks it needs neither its libraries nor its memory.

The process is started with the model and ends when it is closed, when nobody has asked for the
idle time, or with this process. One that has ended is started again when the next utterance
comes; one that dies over an utterance gets that utterance a second time.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from truing.domain.errors import ConflictError, UnavailableError
from truing.domain.prediction import Recognition
from truing.domain.recipe import MediaFile
from truing.live.wire import error_from_dict, line_of, media_as_dict, message_of
from truing.platform.processes import end_now, signal_name, start_attached

FAREWELL = 10.0
"""Seconds a host gets to leave after its input was closed."""
BYTES_PER_SECOND = 8_000
"""Of compressed speech, roughly: long media get the time they take."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostProgram:
    """What a host process holds, and under which limits."""

    modality: str
    """`module:attribute` of the modality's class."""
    model: str
    """A folder or hub id."""
    log: Path
    """Gets what the process has to say; never a transcript."""
    options: Mapping[str, object] = field(default_factory=dict)
    """For `open_recognizer`; JSON."""
    python: str = ""
    """The interpreter, with truing installed; this process's own when empty."""
    idle: float = 600.0
    """Seconds without a question after which it ends; 0: never."""
    seconds: float = 120.0
    """To load, or to answer, and one more for each `BYTES_PER_SECOND` of what it is to hear; a
    process that takes longer is ended."""
    log_level: str = "info"


class HostedModel:
    """A loaded recognizer whose model lives in another process. Safe from several threads.

    Args:
        program: what to run; loaded and warm when the constructor returns.

    Raises:
        UnavailableError: the process cannot be started, or dies or takes too long loading.
        NotFoundError: no such model.
        MissingDependencyError: the extra that brings the runtime is not installed there.
        DamagedError: model files that cannot be read.
    """

    def __init__(self, program: HostProgram) -> None:
        self._program = program
        self._turn = threading.Lock()
        self._closed = False
        self._host: _Host | None = _Host(program)

    @property
    def pid(self) -> int | None:
        """The number of the process that holds the model now, None when it has ended."""
        host = self._host
        return host.process.pid if host is not None and host.process.poll() is None else None

    def recognize(self, media: Mapping[str, MediaFile]) -> Recognition:
        """The text of one sample.

        Raises:
            DamagedError: media that cannot be decoded.
            UnavailableError: the process died twice over it, or took too long.
            ConflictError: the model was closed.
        """
        question = {"media": media_as_dict(media)}
        length = _bytes_of(media) / BYTES_PER_SECOND
        with self._turn:
            if self._closed:
                raise ConflictError("the model is closed", hint="open another one")
            try:
                answer = self._running().ask(question, length)
            except _DiedError as error:
                log.warning("the host process %s; it is started again", error)
                answer = self._asked_again(question, length)
        return Recognition.from_dict(answer["recognition"])

    def close(self) -> None:
        """Ends the process, after the utterance it is at; a second call does nothing."""
        with self._turn:
            self._closed = True
            host, self._host = self._host, None
        if host is not None:
            host.close()

    def _running(self) -> _Host:
        host = self._host
        if host is not None and host.process.poll() is None:
            return host
        if host is not None:
            host.close()
        self._host = None
        self._host = _Host(self._program)
        return self._host

    def _asked_again(self, question: Mapping[str, object], length: float) -> dict[str, Any]:
        try:
            return self._running().ask(question, length)
        except _DiedError as error:
            raise UnavailableError(
                f"the process of the model {error}, twice in a row",
                hint=f"`{self._program.log}` tells more",
            ) from error


class _DiedError(Exception):
    """A host process ended without an answer; the message says how."""


class _Host:
    """One process with its model loaded, or an error."""

    def __init__(self, program: HostProgram) -> None:
        self._seconds = program.seconds
        self._too_slow = False
        self.process = start_attached(
            [program.python or sys.executable, "-m", "truing.live.host"],
            log=program.log,
            # `python -m` would look for modules in the current folder first.
            environ={**os.environ, "PYTHONSAFEPATH": "1", "PYTHONFAULTHANDLER": "1"},
        )
        try:
            self.ask(
                {
                    "modality": program.modality,
                    "model": program.model,
                    "options": dict(program.options),
                    "idle": program.idle,
                    "log_level": program.log_level,
                }
            )
        except _DiedError as error:
            self.close()
            raise UnavailableError(
                f"the process of the model {error} while it loaded `{program.model}`",
                hint=f"`{program.log}` tells more",
            ) from error
        except BaseException:
            self.close()
            raise

    def ask(self, question: Mapping[str, object], length: float = 0.0) -> dict[str, Any]:
        """The answer to a message; raises what the model raised.

        Args:
            question: the message.
            length: seconds that the answer may take beside those it always may.
        """
        patience = self._seconds + length
        timer = threading.Timer(patience, self._give_up)
        timer.daemon = True
        timer.start()
        try:
            line = self._exchanged(line_of(question))
        finally:
            timer.cancel()
        if self._too_slow:
            self.process.wait()
            raise UnavailableError(
                f"the model took more than {patience:.1f} s",
                hint="truing config set live.seconds gives it more time",
            )
        if not line.endswith(b"\n"):
            raise _DiedError(self._how_it_ended())
        answer = message_of(line)
        if "error" in answer:
            raise error_from_dict(answer["error"])
        return answer

    def close(self) -> None:
        """Lets the process leave, and ends it when it does not."""
        stdin, stdout = _pipes(self.process)
        with contextlib.suppress(BrokenPipeError):
            stdin.close()
        self._ended()
        stdout.close()

    def _ended(self) -> int:
        try:
            return self.process.wait(timeout=FAREWELL)
        except subprocess.TimeoutExpired:
            end_now(self.process.pid)
            return self.process.wait()

    def _exchanged(self, line: bytes) -> bytes:
        stdin, stdout = _pipes(self.process)
        try:
            stdin.write(line)
            stdin.flush()
        except OSError:
            return b""  # it has ended, and cannot have answered
        return stdout.readline()

    def _give_up(self) -> None:
        self._too_slow = True
        end_now(self.process.pid)

    def _how_it_ended(self) -> str:
        code = self._ended()
        return f"was ended by {signal_name(-code)}" if code < 0 else f"ended with exit code {code}"


def _bytes_of(media: Mapping[str, MediaFile]) -> int:
    # A file that is not there is the model's to complain of.
    return sum(one.path.stat().st_size for one in media.values() if one.path.is_file())


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("a host process has pipes")
    return process.stdin, process.stdout
