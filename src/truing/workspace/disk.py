"""Disk: how many bytes each part of a workspace takes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from truing.workspace.folder import Layout


def disk_use(layout: Layout) -> dict[str, int]:
    """Bytes of each part of a workspace; costs a look at every file."""
    parts = {"media": layout.blobs, "models": layout.models, "runs": layout.runs}
    found = {name: _bytes_below(folder) for name, folder in parts.items()}
    name = layout.database.name
    found["database"] = sum(_bytes_of(path) for path in layout.root.glob(f"{name}*"))
    whole = _bytes_below(layout.root)
    return {**found, "other": max(0, whole - sum(found.values())), "total": whole}


def _bytes_below(folder: Path) -> int:
    return sum(
        _bytes_of(Path(place, name)) for place, _, files in os.walk(folder) for name in files
    )


def _bytes_of(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        # Somebody removed it between two looks.
        return 0
