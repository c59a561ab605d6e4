"""`truing job work RUN`: the process in which a run is carried out. Truing calls it itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli.arguments import number, subcommand, subcommands

if TYPE_CHECKING:
    import argparse

HELP = "carry out a queued run in this process"
EXAMPLE = "truing job work 3"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    work = subcommand(subcommands(parser), "work", "take a run and carry it out")
    work.add_argument("run", type=number, metavar="RUN", help="its number")


def run(args: argparse.Namespace) -> int:
    """Carries the run out, then sees to those that wait; `training.work` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.domain.errors import RunFailedError
    from truing.domain.run import RunState
    from truing.workspace.training import work

    with open_workspace(args) as workspace:
        state = RunState(work(workspace, args.run))
        if state.ended:
            # A run that was told to pause, as by a machine that shuts down, starts nothing.
            workspace.jobs.tend()
    return RunFailedError.exit_code if state is RunState.FAILED else 0
