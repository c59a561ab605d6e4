"""A host process: holds one model and answers for it, until its parent ends or asks no more.

`python -m truing.live.host` reads messages from its input and writes answers to its output; see
`truing.live.wire`. The first message says what to load, each further one what to recognise.
Anything a library prints goes to standard error, which the parent has turned to the log.
"""

from __future__ import annotations

import importlib
import logging
import os
import queue
import sys
import threading
from collections.abc import Mapping
from typing import IO, Any

from truing.domain.errors import DamagedError, InvalidInputError, TruingError
from truing.domain.modality import CanRecognize, LoadedRecognizer
from truing.live.bench import without_words
from truing.live.wire import error_as_dict, line_of, media_from_dict, message_of
from truing.platform.processes import leave_now

FAREWELL = 5.0
"""Seconds for the utterance it is at, after the parent has closed the input."""
FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
log = logging.getLogger("truing.live.host")

Questions = queue.SimpleQueue[dict[str, Any] | None]


def main() -> int:
    """Serves until the input ends or nobody has asked for the idle time; returns the exit code."""
    answers = _answers()
    questions: Questions = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(questions,), daemon=True).start()
    first = questions.get()
    if first is None:
        return 0
    _log_to_stderr(first["log_level"])
    try:
        model = _opened(first)
    except Exception as error:  # noqa: BLE001 - whatever a broken model raises
        _answer(answers, _refused(error))
        return 1
    try:
        _answer(answers, {"ready": True})
        _serve(model, questions, answers, first["idle"] or None)
    except BrokenPipeError:
        log.info("whoever asked is gone")
    finally:
        model.close()
    return 0


def _serve(
    model: LoadedRecognizer, questions: Questions, answers: IO[bytes], idle: float | None
) -> None:
    while True:
        try:
            question = questions.get(timeout=idle)
        except queue.Empty:
            log.info("the model leaves the memory: nobody has asked for %.0f s", idle)
            return
        if question is None:
            return
        try:
            said = model.recognize(media_from_dict(question["media"]))
            answer: dict[str, object] = {"recognition": said.as_dict()}
        except Exception as error:  # noqa: BLE001 - a model may raise anything
            answer = _refused(error)
        _answer(answers, answer)


def _opened(told: Mapping[str, Any]) -> LoadedRecognizer:
    module, _, attribute = str(told["modality"]).partition(":")
    try:
        modality = getattr(importlib.import_module(module), attribute)()
    except (ImportError, AttributeError) as error:
        raise DamagedError(
            f"`{told['modality']}` cannot be loaded by `{sys.executable}`: {error}",
            hint="install the package that provides it there, or empty the setting live.python",
        ) from error
    if not isinstance(modality, CanRecognize):
        raise InvalidInputError(
            f"`{told['modality']}` cannot recognise anything",
            hint="truing plugins shows what can",
        )
    return modality.open_recognizer(told["model"], told["options"])


def _listen(questions: Questions) -> None:
    """Passes on what the parent writes. It ends the process when the parent is gone, also while
    the model is busy or hangs.
    """
    with os.fdopen(os.dup(sys.stdin.fileno()), "rb") as stream:
        for line in stream:
            questions.put(message_of(line))
    questions.put(None)
    threading.Event().wait(FAREWELL)
    leave_now(1)


def _answers() -> IO[bytes]:
    """Where answers go; what else is printed goes to the log from now on."""
    own = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return own


def _answer(answers: IO[bytes], message: Mapping[str, object]) -> None:
    answers.write(line_of(message))
    answers.flush()


def _refused(error: Exception) -> dict[str, object]:
    if not isinstance(error, TruingError):
        log.warning("the model raised %s", without_words(error))
    return {"error": error_as_dict(error)}


def _log_to_stderr(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(FORMAT))
    logging.getLogger("truing").addHandler(handler)
    logging.getLogger("truing").setLevel(level.upper())


if __name__ == "__main__":
    # Not through the interpreter's own way out: a thread still waits for input there.
    leave_now(main())
