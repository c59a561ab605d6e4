"""`truing job`: train what `truing train --bundle` packed, on a machine without a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output
from truing.cli.arguments import add_json, number, subcommand, subcommands
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.workspace.bundle_runs import BundleOutcome

HELP = LINES["job"]
EXAMPLE = "truing job run voice.bundle\ntruing job run voice.bundle --device cuda:1"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    deeds = subcommands(parser)
    run = subcommand(deeds, "run", "train a bundle, or go on where that was interrupted")
    run.add_argument("bundle", metavar="FILE", help="made by truing train --bundle")
    run.add_argument(
        "--output", metavar="FILE", help="where the model goes; FILE.trained when left out"
    )
    run.add_argument("--device", metavar="NAME", help="cpu, cuda, cuda:1, mps; else as packed")
    run.add_argument(
        "--processes", type=number, metavar="N", help="share each batch, one process per GPU"
    )
    run.add_argument(
        "--keep",
        action="store_true",
        help="keep the scratch folder, recordings and checkpoints, when the model is written",
    )
    add_json(run, '{"state", "path", "scratch", "step", "total_steps", "figures", "notes"}')
    work = subcommand(deeds, "work", "take a queued run of the workspace; Truing calls this itself")
    work.add_argument("run", type=number, metavar="RUN", help="its number")


def run(args: argparse.Namespace) -> int:
    """Does the deed; the twins are `bundle_runs.carry_out` and `working.work`."""
    return {"run": _run, "work": _work}[args.deed](args)


def _run(args: argparse.Namespace) -> int:
    from pathlib import Path

    from truing.domain.run import RunState
    from truing.workspace.bundle_runs import carry_out

    with output.progress("reading", quiet=args.json) as bar:
        outcome = carry_out(
            Path(args.bundle),
            output=Path(args.output) if args.output else None,
            device=args.device,
            processes=args.processes,
            keep=args.keep,
            on_progress=lambda what, done, total: bar(done, total, title=what),
        )
    if args.json:
        output.show_json(outcome.as_dict())
    elif outcome.state is RunState.DONE:
        _tell(outcome)
    if outcome.state is not RunState.DONE:
        for note in outcome.notes[-1:]:
            output.hint(output.one_line(note))
        output.hint(
            f"interrupted at step {outcome.step} of {outcome.total_steps}; the same command goes on"
        )
        raise KeyboardInterrupt
    return 0


def _tell(outcome: BundleOutcome) -> None:
    output.facts(
        {
            "model": outcome.path,
            "steps": outcome.step,
            **{name: f"{value:.4g}" for name, value in outcome.figures.items()},
        }
    )
    for note in outcome.notes:
        output.show(f"note: {output.one_line(note)}")
    output.hint(f"bring it home: truing model import '{outcome.path}'")


def _work(args: argparse.Namespace) -> int:
    """Carries the run out, then sees to those that wait."""
    from truing.cli.opening import open_workspace
    from truing.domain.errors import RunFailedError
    from truing.domain.run import RunState
    from truing.workspace.working import work

    with open_workspace(args) as workspace:
        state = RunState(work(workspace, args.run))
        if state.ended:
            # A run that was told to pause, as by a machine that shuts down, starts nothing.
            workspace.jobs.tend()
    return RunFailedError.exit_code if state is RunState.FAILED else 0
