"""Opening the workspace that a command was called for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from truing.workspace import Workspace


def open_workspace(args: argparse.Namespace) -> Workspace:
    """The workspace of `--workspace`, TRUING_WORKSPACE or the folders upwards; close it.

    Raises:
        NoWorkspaceError: there is none.
        SettingError: a setting that does not exist or fit.
        DamagedError: its database is newer than this version, or broken.
    """
    from truing.workspace import Workspace

    return Workspace.open(args.workspace, flags=args.settings)


@contextmanager
def writing_workspace(args: argparse.Namespace) -> Iterator[Workspace]:
    """The same for a command that changes something: afterwards the workspace sees to what it does
    once a day. When that does not work, the command has worked all the same, and it is said why.
    """
    from truing.cli import output
    from truing.domain.errors import TruingError
    from truing.workspace import housekeeping

    with open_workspace(args) as workspace:
        yield workspace
        try:
            done = housekeeping.due(workspace)
        except TruingError as error:
            output.hint(f"the daily backup was not made: {error.message}; {error.hint}")
            return
        if done.backup is not None:
            output.hint(f"backed up, as every day: {done.backup}")
        if done.retained:
            output.hint(f"taken by retention.rules, as every day: {done.retained} samples")
        if done.erased:
            output.hint(f"erased from the trash, its time was over: {done.erased} samples")
