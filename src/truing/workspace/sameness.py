"""Sameness: whether a backup already holds what a new one would."""

from __future__ import annotations

from pathlib import Path

from truing.domain.backup import Backup
from truing.domain.digest import digest_file


def holds(backup: Backup, folder: Path, *, derived: str) -> bool:
    """Whether a backup has the files of a folder, byte for byte, and its own are as they were
    sealed.

    Args:
        backup: one that is whole.
        folder: what would become the next one, before it is sealed.
        derived: the file that is made of the others.
    """
    sealed = {one.name: one.digest for one in backup.files}
    wanted = {name: digest for name, digest in sealed.items() if name != derived}
    if wanted != {one.name: digest_file(one) for one in folder.iterdir()}:
        return False
    there = {one.name for one in backup.folder.iterdir() if one.is_file()}
    return sealed.keys() <= there and all(
        digest_file(backup.folder / name) == digest for name, digest in sealed.items()
    )
