"""What a base's files tell before anything is loaded: where they lie, and the shapes in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

MOST_HEADER = 100_000_000
"""Bytes; the format allows no more."""


def cached_folder(hub_id: str, file: str) -> Path | None:
    """The folder of a base in the hub's cache, by a file in it; None when it was not fetched."""
    try:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError
    except ImportError:
        return None
    try:
        found = try_to_load_from_cache(hub_id, file)
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None


def shapes_in(files: Iterable[Path]) -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors in safetensors files by their names, from the headers.

    Raises:
        OSError: a file cannot be read.
        ValueError, KeyError, TypeError: one is no such file.
    """
    return {name: shape for file in files for name, shape in _header(file)}


def _header(file: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > MOST_HEADER:
            raise ValueError(length)
        header = json.loads(stream.read(length))
    for name, told in header.items():
        if name != "__metadata__":
            yield name, tuple(told["shape"])
