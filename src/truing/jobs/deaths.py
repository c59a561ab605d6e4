"""What becomes of a run whose worker died or hung: another attempt that knows why, or failure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from truing.domain.run import Run, RunState, Want
from truing.platform.memory import MemoryKills, memory_kills
from truing.platform.processes import signal_name

CLEAN = "clean_attempts"
"""In the result of an open run: how many attempts had ended by themselves until then. What is
beyond them when a worker is found dead are attempts that died."""

SHORTAGES = "memory_shortages"
"""In the result of an open run: how many attempts the system has ended for want of memory."""

TROUBLES = "troubles"
"""In the result of an open run: a sentence on each attempt that was lost, told at its end."""

MOST_SHORTAGES = 8
"""Halvings after which a shortage counts as any other death: a batch of 256 is one row by then."""
MOST_TROUBLES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The state a run is left in, and what its row keeps."""

    state: RunState
    error: str | None = None
    result: Mapping[str, object] = field(default_factory=dict)


def after_death(run: Run, how: str, *, max_attempts: int, short_of_memory: bool = False) -> Ending:
    """What to make of a run whose worker is gone or must go.

    It is free to be taken up again until `max_attempts` attempts have died. One that the system
    has ended for want of memory is not counted: the next attempt takes smaller bites.

    Args:
        run: as its row says.
        how: the worker's end in words, such as `ended by SIGKILL`.
        max_attempts: how many attempts may die.
        short_of_memory: whether the system ended it for want of memory.
    """
    if run.want is not Want.RUN:
        state = RunState.STOPPED if run.want is Want.STOP else RunState.PAUSED
        return Ending(state=state, result=run.result)
    shortages = counted(run, SHORTAGES)
    spared = short_of_memory and shortages < MOST_SHORTAGES
    shortages += spared
    told = run.result.get(TROUBLES, [])
    trouble = f"Attempt {run.attempts} ended at step {run.step}: {how}."
    result = {
        **run.result,
        SHORTAGES: shortages,
        TROUBLES: [*(told if isinstance(told, list) else []), trouble][-MOST_TROUBLES:],
    }
    deaths = run.attempts - counted(run, CLEAN) - shortages
    if spared or deaths < max_attempts:
        return Ending(state=RunState.PAUSED, result=result)
    times = "" if deaths == 1 else f" in each of {deaths} attempts"
    error = (
        f"the worker process died{times} ({how}), the last time at step {run.step} of "
        f"{run.total_steps}; `truing logs {run.id}` shows what it said"
    )
    return Ending(state=RunState.FAILED, error=error, result=result)


def counted(run: Run, key: str) -> int:
    """A count kept in the result of an open run, 0 when there is none."""
    count = run.result.get(key, 0)
    return count if isinstance(count, int) else 0


def exit_words(code: int | None) -> str:
    """How a process ended, by its exit code; None when nobody was there to see it."""
    if code is None:
        return "killed, out of memory or the machine went down"
    return f"exit code {code}" if code >= 0 else f"ended by {signal_name(-code)}"


def note_memory_kills(path: Path) -> None:
    """Writes down how many processes the system has ended for want of memory until now."""
    now = memory_kills()
    if now is None:
        path.unlink(missing_ok=True)
    else:
        path.write_text(json.dumps({"group": now.group, "count": now.count}), encoding="utf-8")


def killed_for_memory(path: Path, code: int | None) -> bool:
    """Whether the worker that wrote `path` was, as far as can be told, ended for want of memory:
    the system's count has risen since, and the worker did not end in another way.
    """
    now = memory_kills()
    if now is None or code not in (None, -9):
        return False
    try:
        before = MemoryKills(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return False
    return now.group == before.group and now.count > before.count
