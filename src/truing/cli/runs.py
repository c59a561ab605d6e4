"""A training run as JSON and as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, wording

if TYPE_CHECKING:
    import argparse

    from truing.domain.run import Run
    from truing.jobs.supervisor import Progress

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
        "notes": run.result.get("notes", []),
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
    return f"run {now.run.id} {figures}".rstrip()


def tell(run: Run) -> None:
    """One line on where a run stands after a person wanted something of it."""
    wanted = "" if run.want.value == "run" or run.state.ended else f", asked to {run.want.value}"
    output.show(f"run {run.id} is {state(run)}{wanted}")
