"""Opening the workspace that a command was called for."""

from __future__ import annotations

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
