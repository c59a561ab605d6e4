"""Errands: what a server leaves to a process of its own, because it takes long or much memory.

`python -m truing.workspace.errands` reads one message from its input, carries it out and writes
messages to its output, one JSON object in each line: how far it is, then the result or the error.
It ends when its input does: nobody waits for the answer then.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from truing.domain.errors import TruingError, UnavailableError
from truing.live.wire import error_as_dict, error_from_dict, line_of, message_of
from truing.platform.processes import end_now, leave_now, start_attached
from truing.workspace import tidying

if TYPE_CHECKING:
    import subprocess

    from truing.workspace import Workspace

Progress = Callable[[int, int], None]
FAREWELL = 10.0
"""Seconds a process gets to leave after its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What is to be done: the name of a deed with its arguments."""

    deed: str
    """One of `_DEEDS`, such as `promote`."""
    arguments: Mapping[str, Any]
    """JSON."""


# --- in the process of the errand ----------------------------------------------------------------


def carry_out(
    workspace: Workspace, errand: Errand, on_progress: Progress | None = None
) -> dict[str, object]:
    """Does it here; the answer is what the API tells.

    Raises:
        TruingError: whatever the deed raises.
    """
    return _DEEDS[errand.deed](workspace, on_progress, **errand.arguments)


def _promote(
    workspace: Workspace,
    on_progress: Progress | None,
    *,
    model: str,
    dry_run: bool,
    force: str | None,
    actor: str | None,
    **judged: Any,  # noqa: ANN401 - see `promoting.judge`
) -> dict[str, object]:
    from truing.workspace import promoting

    if dry_run:
        verdict = promoting.judge(workspace, model, on_progress=on_progress, **judged)
        return {"promoted": False, "forced": False, **verdict.as_dict()}
    verdict = promoting.promote(
        workspace, model, force=force, actor=actor, on_progress=on_progress, **judged
    )
    promoted = verdict.passed or force is not None
    return {"promoted": promoted, "forced": promoted and not verdict.passed, **verdict.as_dict()}


def _compare(
    workspace: Workspace,
    on_progress: Progress | None,
    *,
    first: str,
    second: str,
    dataset: str,
    split: str,
) -> dict[str, object]:
    from truing.workspace.reports import of_comparison

    found = workspace.compare(first, second, dataset, split=split, on_progress=on_progress)
    return of_comparison(workspace, found)


def _care(workspace: Workspace, on_progress: Progress | None) -> dict[str, object]:
    from truing.workspace import housekeeping

    del on_progress
    kept = housekeeping.due(workspace)
    return {"erased": kept.erased, "backup": kept.backup, "retained": kept.retained}


_DEEDS: dict[str, Callable[..., dict[str, object]]] = {
    "promote": _promote,
    "compare": _compare,
    "care": _care,
    "retain": tidying.retain,
    "archive": tidying.archive,
    "bring-back": tidying.bring_back,
    "verify-archives": tidying.verify_archives,
    "remove-archive": tidying.remove_archive,
    "verify-media": tidying.verify_media,
    "clean": tidying.clean,
    "empty-trash": tidying.empty_trash,
    "look": tidying.look_at_files,
}


def main() -> int:
    """Carries out the errand that the input names; returns the exit code."""
    from truing.workspace import Workspace

    answers = _answers()
    with os.fdopen(os.dup(sys.stdin.fileno()), "rb") as stream:
        told = message_of(stream.readline())
        threading.Thread(target=_end_with, args=(stream,), daemon=True).start()
        try:
            with Workspace.open(told["workspace"]) as workspace:
                errand = Errand(deed=told["deed"], arguments=told["arguments"])
                result = carry_out(
                    workspace,
                    errand,
                    lambda done, total: _say(answers, {"done": done, "total": total}),
                )
            _say(answers, {"result": result})
        except TruingError as error:
            _say(answers, {"error": error_as_dict(error)})
            return 1
    return 0


def _answers() -> IO[bytes]:
    """Where answers go; what else is printed goes to the log from now on."""
    own = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return own


def _say(answers: IO[bytes], message: Mapping[str, object]) -> None:
    answers.write(line_of(message))
    answers.flush()


def _end_with(stream: IO[bytes]) -> None:
    with contextlib.suppress(OSError, ValueError):
        stream.read()
    leave_now(1)


# --- in the process that sends it ----------------------------------------------------------------


class Sent:
    """An errand under way in its process.

    Args:
        workspace: where it is carried out.
        errand: what is to be done.

    Raises:
        UnavailableError: the process cannot be started.
    """

    def __init__(self, workspace: Workspace, errand: Errand) -> None:
        self._log = workspace.layout.log
        self._process = start_attached(
            [sys.executable, "-m", "truing.workspace.errands"],
            log=self._log,
            # `python -m` would look for modules in the current folder first.
            environ={**os.environ, "PYTHONSAFEPATH": "1", "PYTHONFAULTHANDLER": "1"},
        )
        self._question = {
            "workspace": str(Path(workspace.layout.root).absolute()),
            "deed": errand.deed,
            "arguments": dict(errand.arguments),
        }

    def result(self, on_progress: Progress) -> dict[str, Any]:
        """Waits for the answer.

        Args:
            on_progress: called with (rows done, rows in all).

        Raises:
            TruingError: what the deed raised; `UnavailableError` when its process died.
        """
        stdin, stdout = _pipes(self._process)
        try:
            with contextlib.suppress(OSError):
                stdin.write(line_of(self._question))
                stdin.flush()
            for line in stdout:
                message = message_of(line)
                if "result" in message:
                    result: dict[str, Any] = message["result"]
                    return result
                if "error" in message:
                    raise error_from_dict(message["error"])
                on_progress(message["done"], message["total"])
        finally:
            self.close()
        raise UnavailableError(
            f"the process that was to {self._question['deed']} ended without an answer",
            hint=f"`{self._log}` tells more",
        )

    def close(self) -> None:
        """Ends the process; a second call does nothing."""
        stdin, stdout = _pipes(self._process)
        with contextlib.suppress(OSError):
            stdin.close()
        if self._process.poll() is None:
            end_now(self._process.pid)
        self._process.wait(FAREWELL)
        stdout.close()


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the process of an errand has pipes")
    return process.stdin, process.stdout


if __name__ == "__main__":
    # Not through the interpreter's own way out: a thread still waits for input there.
    leave_now(main())
