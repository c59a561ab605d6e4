"""A training run as JSON and as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, wording

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from truing.domain.run import Run
    from truing.jobs.supervisor import Supervisor
    from truing.jobs.watch import Progress
    from truing.workspace import Workspace

PACED = 50
"""Last steps by which the remaining time is told."""

KEYS = (
    '"run", "uid", "state", "want", "step", "total_steps", "attempts", "created_at", "started_at", '
    '"ended_at", "error", "model", "figures", "notes", "request": {"modality", "recipe", '
    '"dataset", "base", "options", "replay", "seed", "audience"}'
)


def add_run(parser: argparse.ArgumentParser) -> None:
    """Adds the argument that names a run."""
    from truing.cli.arguments import number

    parser.add_argument("run", type=number, metavar="RUN", help="its number; see truing jobs")


def as_dict(run: Run) -> dict[str, object]:
    """What `jobs --json` prints of a run; instants are ISO 8601."""
    return {
        "run": run.id,
        "uid": run.uid,
        "state": state(run),
        "want": run.want.value,
        "step": run.step,
        "total_steps": run.total_steps,
        "attempts": run.attempts,
        "created_at": wording.iso(run.created_at),
        "started_at": wording.iso(run.started_at),
        "ended_at": wording.iso(run.ended_at),
        "error": run.error,
        "model": run.result.get("model"),
        "figures": run.result.get("figures", {}),
        "notes": run.result.get("notes") or run.result.get("troubles", []),
        "request": run.request.as_dict(),
    }


def state(run: Run) -> str:
    """Its state; `lost` when it says it is running, but its process is gone."""
    from truing.domain.run import RunState
    from truing.platform import processes

    here = run.state is RunState.RUNNING and run.boot_id == processes.boot_id()
    if here and run.pid is not None and run.pid_start is not None:
        alive = processes.process_alive(run.pid, run.pid_start)
        return run.state.value if alive else "lost"
    return run.state.value


def done(run: Run) -> str | None:
    """How far it is: `120/480`."""
    return f"{run.step}/{run.total_steps}" if run.total_steps else None


def title(now: Progress) -> str:
    """What a progress bar says beside the bar."""
    if now.waiting:
        return f"run {now.run.id} waits: another run has the device"
    figures = ", ".join(f"{point.name} {point.value:.3g}" for point in now.points[-2:])
    again = f" (attempt {now.run.attempts})" if now.run.attempts > 1 else ""
    return f"run {now.run.id}{again} {figures}".rstrip()


def wish(args: argparse.Namespace, hint: str | None, tell: Callable[[Supervisor], Run]) -> int:
    """Tells the supervisor what is wanted of a run, then says where the run stands.

    Args:
        args: with `run` and `json`.
        hint: what a person may do next, `{run}` being the run's number.
        tell: the wish.
    """
    from truing.cli.opening import open_workspace

    with open_workspace(args) as workspace:
        run = tell(workspace.jobs)
    if args.json:
        output.show_json(as_dict(run))
        return 0
    wanted = "" if run.want.value == "run" or run.state.ended else f", asked to {run.want.value}"
    output.show(f"run {run.id} is {state(run)}{wanted}")
    if hint is not None:
        output.hint(hint.format(run=run.id))
    return 0


def remaining(workspace: Workspace, run: Run) -> float | None:
    """Seconds a running run will still take, from the pace of its last steps; None when unknown."""
    from truing.domain.run import RunState
    from truing.jobs.pace import Pace

    if run.state is not RunState.RUNNING or not run.total_steps:
        return None
    pace, now = Pace(), workspace.clock.now()
    for point in workspace.store.runs.metrics(run.id, after_step=run.step - PACED):
        pace.see(point.at, point.step)
    return pace.remaining(now, run.total_steps)
