"""What an external recogniser says: a program is run, or a server asked, and its words are read."""

from __future__ import annotations

import http.client
import json
import math
import os
import queue
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO
from urllib.parse import SplitResult

from truing.domain.errors import UnavailableError
from truing.domain.prediction import Recognition
from truing.modalities.lipreading.container import HEAD, sniff
from truing.platform import system
from truing.platform.processes import end_now, signal_name

MOST_BYTES = 1 << 20
"""Of an answer; of what a program writes before it."""
MOST_WRITTEN = 256 << 20
"""Bytes that a program may write in all."""
LOOK = 0.1
"""Seconds between two looks at how much that is."""
TAIL = 600
"""Characters of what a program complained of that an error repeats."""
HYPOTHESIS = "hyp:"
"""What the inference script of Auto-AVSR puts before its text."""


def run(words: Sequence[str], folder: Path, seconds: float) -> str:
    """What a program writes to its standard output.

    Args:
        words: program and arguments.
        folder: where it runs.
        seconds: after which it is ended, with its children.

    Raises:
        UnavailableError: it cannot be started, fails, takes too long, or writes too much.
    """
    # Files instead of pipes: a program that says much never waits for us to read.
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        try:
            process = _started(words, folder, said, complained)
        except OSError as error:
            raise UnavailableError(
                f"`{words[0]}` cannot be started: {error.strerror or error}",
                hint="correct the `command` in config.json",
            ) from error
        try:
            code = _waited(process, words[0], seconds, (said, complained))
        except subprocess.TimeoutExpired as error:
            raise _too_slow(words[0], seconds, _tail(complained)) from error
        finally:
            if process.poll() is None or not system.WINDOWS:
                end_now(process.pid)  # its children too, also those it left behind
            process.wait()
        if code != 0:
            raise _failed(words[0], code, _tail(complained))
        return _last(said, words[0])


def _waited(
    process: subprocess.Popen[bytes], who: str, seconds: float, written: Sequence[IO[bytes]]
) -> int:
    """The exit code of a program that ends in time and does not fill the disk until then."""
    until = time.monotonic() + seconds
    while True:
        left = until - time.monotonic()
        try:
            return process.wait(timeout=max(0.0, min(LOOK, left)))
        except subprocess.TimeoutExpired:
            if sum(os.fstat(file.fileno()).st_size for file in written) > MOST_WRITTEN:
                raise UnavailableError(
                    f"`{who}` wrote more than {MOST_WRITTEN >> 20} MB and was ended",
                    hint="run the same command by hand",
                ) from None
            if left <= LOOK:
                raise


def _last(said: IO[bytes], who: str) -> str:
    """The end of what a program wrote, where its answer is; from the beginning of a line."""
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - MOST_BYTES))
    data = said.read().rstrip()
    if size > MOST_BYTES:
        _, ended, data = data.partition(b"\n")
        if not ended:
            raise UnavailableError(
                f"the last line of `{who}` is longer than {MOST_BYTES >> 20} MB",
                hint="it should print the text, or one JSON object, on its last line",
            )
    return data.decode("utf-8", "replace")


def _started(
    words: Sequence[str], folder: Path, said: IO[bytes], complained: IO[bytes]
) -> subprocess.Popen[bytes]:
    group: dict[str, object] = {"start_new_session": True}
    if system.WINDOWS:
        group = {"creationflags": subprocess.__dict__["CREATE_NEW_PROCESS_GROUP"]}
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]  # noqa: S603 - named by the person
        list(words),
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=complained,
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        **group,
    )


def post(address: SplitResult, video: Path, seconds: float) -> str:
    """What a server answers to a video; neither proxies nor redirects are followed.

    Raises:
        UnavailableError: it cannot be reached, refuses, or takes too long.
    """
    answers: queue.SimpleQueue[str | Exception] = queue.SimpleQueue()
    # In a thread, because a time-out of the socket ends none that sends a byte now and then.
    threading.Thread(
        target=_exchange, args=(address, video.read_bytes(), seconds, answers), daemon=True
    ).start()
    url = address.geturl()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        answer = TimeoutError()
    if isinstance(answer, str):
        return answer
    if isinstance(answer, TimeoutError):
        raise _too_slow(url, seconds, "") from answer
    raise UnavailableError(
        f"the recogniser at {url} gave no text: {answer}",
        hint="check that it runs and takes a video by POST",
    ) from answer


def _exchange(
    address: SplitResult,
    video: bytes,
    seconds: float,
    answers: queue.SimpleQueue[str | Exception],
) -> None:
    secure = address.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=seconds)
    place = f"{address.path or '/'}{f'?{address.query}' if address.query else ''}"
    headers = {"Content-Type": sniff(video[:HEAD], "the clip").media_type}
    try:
        connection.request("POST", place, video, headers)
        response = connection.getresponse()
        body = response.read(MOST_BYTES + 1).decode("utf-8", "replace")
        if len(body) > MOST_BYTES:
            answers.put(ConnectionError(f"it answered with more than {MOST_BYTES >> 20} MB"))
        elif response.status != http.HTTPStatus.OK:
            said = f"status {response.status} {response.reason} {body.strip()[-TAIL:]}"
            answers.put(ConnectionError(said.strip()))
        else:
            answers.put(body)
    except (OSError, http.client.HTTPException) as error:
        answers.put(error)
    finally:
        connection.close()


def understood(answer: str, who: str) -> Recognition:
    """What a recogniser said, from JSON or from plain text.

    Args:
        answer: all it wrote.
        who: what errors call it.

    Raises:
        UnavailableError: JSON without a text, or values that cannot be.
    """
    # Only these end a line: a text may hold other characters that Python would split at.
    lines = [line.strip() for line in re.split(r"[\r\n]+", answer) if line.strip()]
    begins = answer.rfind("\n{") + 1  # an object over several lines, behind what was printed
    for text in (answer.strip(), lines[-1] if lines else "", answer[begins:].strip()):
        if text.startswith("{"):
            try:
                return _from_json(json.loads(text, parse_float=_finite, parse_constant=_finite))
            except json.JSONDecodeError:
                continue
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
                raise UnavailableError(
                    f"what `{who}` answered cannot be understood: {error}",
                    hint='it should print {"text": "…", "confidence": 0.9}, or the text alone',
                ) from error
    last = lines[-1] if lines else ""
    if last.lower().startswith(HYPOTHESIS):
        last = last[len(HYPOTHESIS) :].strip()
    return Recognition(text=last)


def _from_json(told: dict[str, object]) -> Recognition:
    if not isinstance(told.get("text"), str):
        raise TypeError("it has no `text`")
    others = told.get("alternatives") or []
    if isinstance(others, list):
        told = {**told, "alternatives": [_reading(other) for other in others]}
    json.dumps(told, ensure_ascii=False).encode()  # half a character cannot be kept
    said = Recognition.from_dict(told)
    confidences = [said.confidence, *(word.confidence for word in said.words)]
    confidences += [other.confidence for other in said.alternatives]
    for value in confidences:
        if value is not None and not 0 <= value <= 1:
            raise ValueError(f"a confidence of {value:g} is not between 0 and 1")
    return said


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"`{text}` is no number")
    return value


def _reading(other: object) -> object:
    return {"text": other} if isinstance(other, str) else other


def _tail(complained: IO[bytes]) -> str:
    size = complained.seek(0, os.SEEK_END)
    complained.seek(max(0, size - 4 * TAIL))
    return complained.read().decode("utf-8", "replace").strip()[-TAIL:]


def _too_slow(who: str, seconds: float, complaint: str) -> UnavailableError:
    return UnavailableError(
        f"`{who}` took more than {seconds:g} s and was ended{_quoted(complaint)}",
        hint="give it more time with `seconds` in its config.json",
    )


def _failed(program: str, code: int, complaint: str) -> UnavailableError:
    how = f"was ended by {signal_name(-code)}" if code < 0 else f"ended with exit code {code}"
    return UnavailableError(
        f"`{program}` {how}{_quoted(complaint)}", hint="run the same command by hand"
    )


def _quoted(complaint: str) -> str:
    return f"; the last it said: {complaint}" if complaint else ""
