"""A backup: a database copied in one step, what belongs to it, and a seal over all of it.

The manifest is written last. A folder without one, or whose files do not match it, is no backup.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from truing.domain.digest import canonical_json, digest_bytes
from truing.domain.errors import DamagedError

FORMAT = 1
BY_HAND = "by-hand"
SCHEDULED = "scheduled"
BEFORE_TRAINING = "before-training"
BEFORE_MIGRATION = "before-migration"
BEFORE_RESTORE = "before-restore"
AUTOMATIC = (SCHEDULED, BEFORE_TRAINING, BEFORE_MIGRATION, BEFORE_RESTORE)
"""Reasons of backups that make room for newer ones; those made by hand stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFile:
    """One file of a backup's folder."""

    name: str
    """Relative to the folder, with `/` on every system."""
    size: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """One backup; its name is that of its folder."""

    folder: Path
    reason: str
    created_at: int
    version: str
    """Of Truing."""
    schema: int
    """How many migrations its database has seen."""
    files: tuple[SealedFile, ...]
    rows: Mapping[str, int]
    """Rows of each table."""
    blobs: int
    """How many blobs its database refers to."""
    models: Mapping[str, str] = field(default_factory=dict)
    """Digests of the model folders, by reference."""
    whole: bool = False
    """Whether media and models lie beside it; else they are the workspace's own."""

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.folder.name

    @property
    def size(self) -> int:
        """Bytes of its own files."""
        return sum(one.size for one in self.files)

    @property
    def automatic(self) -> bool:
        """Whether it makes room for newer ones."""
        return self.reason in AUTOMATIC

    def manifest(self) -> dict[str, object]:
        """The JSON form on disk, sealed by a digest over the rest of it."""
        held: dict[str, object] = {
            "format": FORMAT,
            "reason": self.reason,
            "created_at": self.created_at,
            "version": self.version,
            "schema": self.schema,
            "whole": self.whole,
            "files": [
                {"name": one.name, "size": one.size, "sha256": one.digest} for one in self.files
            ],
            "rows": dict(self.rows),
            "blobs": self.blobs,
            "models": dict(self.models),
        }
        return {**held, "seal": digest_bytes(canonical_json(held))}

    def as_dict(self) -> dict[str, object]:
        """The JSON form of `backup list`."""
        return {
            "name": self.name,
            "folder": str(self.folder),
            "reason": self.reason,
            "created_at": self.created_at,
            "bytes": self.size,
            "samples": self.rows.get("samples", 0),
            "blobs": self.blobs,
            "models": sorted(self.models),
            "whole": self.whole,
        }


def read_manifest(folder: Path, data: object) -> Backup:
    """A backup from its manifest.

    Raises:
        DamagedError: the seal does not match, or a newer version of Truing wrote it.
    """
    held = dict(data) if isinstance(data, dict) else {}
    seal = held.pop("seal", None)
    try:
        sound = bool(held) and seal == digest_bytes(canonical_json(held))
    except (TypeError, ValueError):
        sound = False
    if not sound:
        raise DamagedError(
            f"the manifest of the backup `{folder.name}` does not match its seal",
            hint="it was cut off or altered: use another one, see truing backup list",
        )
    if held["format"] != FORMAT:
        raise DamagedError(
            f"the backup `{folder.name}` has the format {held['format']}, "
            f"this version knows {FORMAT}",
            hint="upgrade Truing",
        )
    return Backup(
        folder=folder,
        reason=str(held["reason"]),
        created_at=cast("int", held["created_at"]),
        version=str(held["version"]),
        schema=cast("int", held["schema"]),
        files=tuple(
            SealedFile(name=one["name"], size=one["size"], digest=one["sha256"])
            for one in cast("list[dict[str, Any]]", held["files"])
        ),
        rows=cast("dict[str, int]", held["rows"]),
        blobs=cast("int", held["blobs"]),
        models=cast("dict[str, str]", held["models"]),
        whole=bool(held["whole"]),
    )
