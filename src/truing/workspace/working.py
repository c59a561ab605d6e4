"""Working: the process of a run, from taking it to what becomes of the model it made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from truing.domain.errors import RunFailedError
from truing.domain.run import PROMOTE, RunState
from truing.platform.processes import leave_now, start_over
from truing.workspace.quota import take_note
from truing.workspace.succession import succeed
from truing.workspace.training import execute

if TYPE_CHECKING:
    from truing.domain.recipe import RunContext
    from truing.domain.run import Run
    from truing.workspace import Workspace


def work(workspace: Workspace, run_id: int) -> str:
    """The worker process of a run: takes it, carries it out, ends it; returns its state."""
    from truing.jobs.tensorboard import available
    from truing.jobs.worker import Rhythm
    from truing.jobs.worker import work as work_on

    settings = workspace.settings
    minutes = settings.number("jobs.stall_minutes")
    hang = minutes * 60 if minutes else math.inf
    state = work_on(
        workspace.store.runs,
        run_id,
        folder=workspace.layout.root,
        clock=workspace.clock,
        execute=partial(carry_out, workspace),
        rhythm=Rhythm(
            stall=min(Rhythm().stall, hang / 2),
            hang=hang,
            attempts=settings.whole("jobs.attempts"),
        ),
        leave=partial(_leave, workspace, run_id),
        tensorboard=settings.flag("jobs.tensorboard") and available(),
    )
    if state is RunState.DONE:
        take_note(workspace)
    return state.value


def _leave(workspace: Workspace, run_id: int, environ: Mapping[str, str] | None) -> None:
    """Ends a worker that hangs: the same work begins anew in its place, or nothing does."""
    if environ is None:
        leave_now(RunFailedError.exit_code)
    start_over(workspace.jobs.command(run_id), {**workspace.jobs.environ(), **environ})


def carry_out(workspace: Workspace, run: Run, context: RunContext) -> dict[str, object] | None:
    """Trains, then does with the model what the run was told to; None when it stopped before."""
    result = execute(workspace, run, context)
    if result is not None and run.request.then == PROMOTE:
        result |= succeed(workspace, run.request, str(result["model"]), context)
    return result
