"""Copies elsewhere: backups with all media and models, enough to begin again from.

Backups in one folder share their media and models: `<folder>/blobs/`, `<folder>/models/<digest>/`
and one folder for each backup. A copy that was interrupted goes on where it was; its manifest is
written last, so that half a copy never counts as a backup.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.backup import BY_HAND, Backup
from truing.domain.errors import DamagedError, InvalidInputError
from truing.platform.files import sync_folder, sync_tree
from truing.platform.locks import locked
from truing.workspace.backups import (
    PATIENCE,
    create,
    database_file,
    draft_in,
    listed_blobs,
    put_right,
)

if TYPE_CHECKING:
    from truing.domain.ports import Blobs
    from truing.workspace import Workspace

Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, how much of it is done, and how much there is."""


def no_progress(what: str, done: int, total: int | None) -> None:
    """Tells nobody."""
    del what, done, total


def copy_to(workspace: Workspace, target: Path, *, on_progress: Progress = no_progress) -> Backup:
    """Makes a backup elsewhere, with all media and models.

    Args:
        workspace: what is copied.
        target: a folder outside the workspace; made when it is missing.
        on_progress: see `Progress`.

    Raises:
        InvalidInputError: the folder lies inside the workspace.
        NotFoundError: a medium is missing here.
        DamagedError: a medium or a model is damaged here.
        UnavailableError: no space.
    """
    database = database_file(workspace)
    target = target.expanduser().resolve()
    if target.is_relative_to(workspace.layout.root):
        raise InvalidInputError(
            f"`{target}` lies inside the workspace", hint="name a folder on another disk"
        )
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    bring = partial(_bring, workspace, target, on_progress)
    with locked(target / ".lock", timeout=PATIENCE):
        put_right(target)
        layout, clock = workspace.layout, workspace.clock
        return create(layout, clock, BY_HAND, database, where=target, bring=bring)


def _bring(
    workspace: Workspace,
    target: Path,
    on_progress: Progress,
    draft: Path,
    models: Mapping[str, str],
    blobs: int,
) -> None:
    from truing.stores.blobs_local import LocalBlobs

    there = LocalBlobs(target / "blobs")
    for done, digest in enumerate(listed_blobs(draft), 1):
        bring_blob(workspace.blobs, there, digest)
        on_progress("media", done, blobs)
    for done, (ref, digest) in enumerate(sorted(models.items()), 1):
        bring_model(workspace.layout.models / ref, model_place(target / "models", digest), digest)
        on_progress("models", done, len(models))


def bring_blob(source: Blobs, target: Blobs, digest: str) -> None:
    """Copies a blob unless it is there already.

    Raises:
        NotFoundError: the source does not have it.
        DamagedError: its bytes have another digest.
    """
    if not target.exists(digest) and target.put_file(source.path(digest)) != digest:
        raise DamagedError(
            f"the blob `{digest}` is damaged: its bytes have another digest",
            hint="`truing verify` lists what is damaged",
        )


def model_place(models: Path, digest: str) -> Path:
    """Where a copy elsewhere keeps a model: by its digest, for its number may come to mean
    another one.
    """
    return models / digest.removeprefix("sha256:")


def bring_model(source: Path, place: Path, digest: str) -> None:
    """Copies a model folder, in one step, unless it is there already.

    Raises:
        DamagedError: its files are missing or do not match the digest.
    """
    from truing.domain.errors import TruingError
    from truing.stores.model_files import folder_digest

    if place.exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with draft_in(place.parent) as draft:
        try:
            intact = folder_digest(source) == digest
        except TruingError:
            intact = False
        if not intact:
            raise DamagedError(
                f"the model in `{source}` is missing or does not match its digest",
                hint="`truing verify` lists what is damaged",
            )
        shutil.copytree(source, draft, dirs_exist_ok=True)
        sync_tree(draft)
        draft.rename(place)
        sync_folder(place.parent)
