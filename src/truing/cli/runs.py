"""A training run as JSON and as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from truing.domain.run import Run
    from truing.jobs.supervisor import Supervisor
    from truing.jobs.watch import Progress

KEYS = (
    '"run", "uid", "state", "want", "step", "total_steps", "attempts", "created_at", "started_at", '
    '"ended_at", "error", "model", "figures", "notes", "verdict", "published", "request": '
    '{"modality", "recipe", "dataset", "base", "options", "replay", "seed", "audience", "then", '
    '"publish_to"}'
)


def add_run(parser: argparse.ArgumentParser) -> None:
    """Adds the argument that names a run."""
    from truing.cli.arguments import number

    parser.add_argument("run", type=number, metavar="RUN", help="its number; see truing jobs")


def as_dict(run: Run) -> dict[str, object]:
    """What `jobs --json` prints of a run; its state may be `lost`."""
    return {**run.as_dict(), "state": state(run)}


def state(run: Run) -> str:
    """Its state; `lost` when it says it is running, but its process is gone."""
    from truing.domain.run import RunState
    from truing.platform import processes

    here = run.state is RunState.RUNNING and run.boot_id == processes.boot_id()
    if here and run.pid is not None and run.pid_start is not None:
        alive = processes.process_alive(run.pid, run.pid_start)
        return run.state.value if alive else "lost"
    return run.state.value


def trouble(run: Run) -> str | None:
    """Why a run ended or waits, as far as something went wrong."""
    from truing.domain.run import RunState

    notes = run.as_dict()["notes"]
    if run.error is None and run.state is RunState.PAUSED and isinstance(notes, list) and notes:
        return str(notes[-1])
    return run.error


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
