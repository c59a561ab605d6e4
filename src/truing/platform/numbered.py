"""Numbered folders: `1`, `2`, … under one folder, of which a running program loads the highest.

A new one is written beside under a name that begins with a dot, which such programs pass over; it
is synced and renamed in one step.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from truing.domain.errors import ConflictError
from truing.platform.files import storage_error, sync_folder, sync_tree

ATTEMPTS = 20


def highest(target: Path) -> int:
    """The highest all-digit sub-folder, 0 when there is none."""
    numbered = (p for p in target.iterdir() if p.name.isascii() and p.name.isdigit())
    return max((int(p.name) for p in numbered if p.is_dir()), default=0)


def add_numbered(target: Path, write: Callable[[Path], None]) -> Path:
    """Makes the next numbered folder, whole or not at all.

    Args:
        target: made when it is not there.
        write: makes and fills the folder it is given.

    Returns:
        The new `<target>/<N>`.

    Raises:
        UnavailableError: the target cannot be written.
        ConflictError: other programs keep taking the next number.
    """
    try:
        target.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".publishing-", dir=target))
        try:
            write(draft / "model")
            return _install(draft / "model", target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise storage_error(error, target) from error


def _install(draft: Path, target: Path) -> Path:
    """Syncs the finished folder and gives it the next number in one step."""
    sync_tree(draft)
    first = highest(target) + 1
    for number in range(first, first + ATTEMPTS):
        final = target / str(number)
        if final.exists():
            continue
        try:
            draft.rename(final)
        except OSError:
            # Did somebody else publish the same number meanwhile? Then take the next one.
            if not final.exists():
                raise
            continue
        sync_folder(target)
        return final
    raise ConflictError(
        f"other programs keep publishing into `{target}`", hint="publish again in a moment"
    )
