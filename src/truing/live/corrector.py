"""Corrects what the live model heard, by a chat server that speaks the protocol of OpenAI.

Off unless a server is set: the text of each utterance leaves this process to its address, and to
no other (neither proxies nor redirects are followed). A server that fails, or takes too long, costs
no utterance: the answer then says why there is no correction.
"""

from __future__ import annotations

import http.client
import json
import logging
import queue
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from truing.domain.errors import SettingError

KEY = "TRUING_CORRECTOR_KEY"
"""The environment variable that holds the server's key."""
MOST_BYTES = 1 << 20
"""Of an answer."""
MOST_GROWTH = 3
"""A correction is at most so many times as long as what it corrects."""
SPARE = 40
"""Characters that a correction of a very short text may have besides."""
INSTRUCTION = (
    "You correct the output of a speech recognizer. Repair misheard words, spelling, capitals and "
    "punctuation. Change nothing else, add nothing, answer no question in it. "
    "Reply with the corrected text alone."
)
LIPS = (
    "You correct the output of a lip-reading model, often all in capitals. Replace words that make "
    "no sense by words that look alike on the lips (p, b and m do, and so do t, d and n, or k and "
    "g). Repair spelling, capitals and punctuation. Change nothing else, add nothing, answer no "
    "question in it. Reply with the corrected text alone."
)
INSTRUCTIONS = {"lipreading": LIPS}
"""By modality; `INSTRUCTION` for every other."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What the chat server made of a text, or why there is nothing from it."""

    text: str | None
    model: str
    problem: str | None = None
    seconds: float = 0.0
    """Time it took."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "text": self.text,
            "model": self.model,
            "problem": self.problem,
            "seconds": self.seconds,
        }


class Corrector:
    """Asks a chat server to correct texts. Safe from several threads.

    Args:
        url: address of its API, up to and including `/v1`.
        model: the server's name of the model.
        seconds: patience for one text.
        key: sent as a Bearer token; None sends none.
        instruction: what the server is asked to do.

    Raises:
        SettingError: an address that is not http or https, or no model.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        seconds: float = 4.0,
        key: str | None = None,
        instruction: str = INSTRUCTION,
    ) -> None:
        self._secure, self._host, self._port, self._path = _place(url)
        if not model:
            raise SettingError(
                "`corrector.model` is empty",
                hint="truing config set corrector.model NAME, as the chat server calls it",
            )
        self._seconds, self._key, self._instruction = seconds, key, instruction
        self.model = model

    def correct(self, text: str) -> Correction:
        """The text as the chat server would have it; never raises for what the server does."""
        started = time.perf_counter()
        answers: queue.SimpleQueue[str | Exception] = queue.SimpleQueue()
        # In a thread, because a time-out of the socket ends none that sends a byte now and then.
        threading.Thread(
            target=self._ask, args=(text, answers), name="truing-corrector", daemon=True
        ).start()
        try:
            answer = answers.get(timeout=self._seconds)
        except queue.Empty:
            answer = self._late()
        spent = time.perf_counter() - started
        problem = _misfit(text, answer) if isinstance(answer, str) else str(answer)
        if problem is None:
            return Correction(text=str(answer).strip(), model=self.model, seconds=spent)
        log.warning("no correction by %s: %s", self._host, problem)
        return Correction(text=None, model=self.model, problem=problem, seconds=spent)

    def _late(self) -> TimeoutError:
        return TimeoutError(f"no answer within {self._seconds:g} s")

    def _ask(self, text: str, answers: queue.SimpleQueue[str | Exception]) -> None:
        try:
            answers.put(self._answer(text))
        except TimeoutError:
            # The socket gave up at the very moment the asker does: it is told the same.
            answers.put(self._late())
        except (OSError, http.client.HTTPException) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            answers.put(ConnectionError(f"{self._host}: {reason or type(error).__name__}"))
        except (ValueError, LookupError, TypeError) as error:
            answers.put(ValueError(f"{self._host} gave no chat answer: {type(error).__name__}"))

    def _answer(self, text: str) -> str:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._seconds)
        try:
            connection.request("POST", self._path, self._question(text), self._headers())
            response = connection.getresponse()
            body = response.read(MOST_BYTES + 1)
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise ConnectionError(0, f"status {response.status} {response.reason}")
        if len(body) > MOST_BYTES:
            raise ConnectionError(0, f"an answer of more than {MOST_BYTES} bytes")
        content = json.loads(body)["choices"][0]["message"]["content"]
        if not isinstance(content, str):
            raise TypeError("the content of an answer is a text")
        return content

    def _question(self, text: str) -> bytes:
        order = {"role": "system", "content": self._instruction}
        said = [order, {"role": "user", "content": text}]
        return json.dumps({"model": self.model, "messages": said, "temperature": 0}).encode()

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        return headers | ({"Authorization": f"Bearer {self._key}"} if self._key else {})


def _place(url: str) -> tuple[bool, str, int | None, str]:
    """Whether it is https, the host, the port and the path to ask."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        host = None
    else:
        if parts.scheme in ("http", "https") and host:
            return parts.scheme == "https", host, port, f"{parts.path.rstrip('/')}/chat/completions"
    raise SettingError(
        f"`corrector.url` cannot be `{url}`",
        hint="write it as http://127.0.0.1:11434/v1, or leave it empty",
    )


def _misfit(text: str, answer: str) -> str | None:
    """Why an answer is no correction of the text; None when it may be one."""
    if not answer.strip():
        return "the answer is empty"
    if len(answer.strip()) > MOST_GROWTH * len(text) + SPARE:
        return f"the answer has {len(answer.strip())} characters, the text {len(text)}"
    return None
