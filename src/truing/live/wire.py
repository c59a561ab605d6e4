"""What passes between a host process and the one that asks it: one JSON object in each line.

Media pass as the names of files: both processes are on one machine and belong to one person.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from truing.domain.errors import TruingError
from truing.domain.recipe import MediaFile


def line_of(message: Mapping[str, object]) -> bytes:
    """A message as it is written; JSON keeps every line break of a text inside its quotes."""
    return json.dumps(message).encode("ascii") + b"\n"


def message_of(line: bytes) -> dict[str, Any]:
    """Reads what `line_of` has written.

    Raises:
        ValueError: it is no JSON object.
    """
    message = json.loads(line)
    if not isinstance(message, dict):
        raise TypeError("a message is a JSON object")
    return message


def media_as_dict(media: Mapping[str, MediaFile]) -> dict[str, object]:
    """The JSON form of what is to be recognised."""
    return {
        role: {"path": str(one.path.absolute()), "start": one.start, "end": one.end}
        for role, one in media.items()
    }


def media_from_dict(told: Mapping[str, Mapping[str, Any]]) -> dict[str, MediaFile]:
    """Reads the JSON form."""
    return {
        role: MediaFile(path=Path(one["path"]), start=one["start"], end=one["end"])
        for role, one in told.items()
    }


def error_as_dict(error: Exception) -> dict[str, object]:
    """The JSON form of whatever a model raised."""
    if isinstance(error, TruingError):
        known = next(kind for kind in type(error).__mro__ if kind in _KINDS.values())
        return {"code": known.__dict__["code"], "message": error.message, "hint": error.hint}
    return {"code": type(error).__name__, "message": str(error), "hint": None}


def error_from_dict(told: Mapping[str, Any]) -> Exception:
    """The error again: of its own kind when it is one of ours, a `RuntimeError` when it is not."""
    kind = _KINDS.get(told["code"])
    if kind is not None:
        return kind(told["message"], hint=told["hint"])
    if told["code"] == MemoryError.__name__:
        return MemoryError(told["message"])
    return RuntimeError(f"{told['code']}: {told['message']}")


def _tree(root: type[TruingError]) -> Iterator[type[TruingError]]:
    yield root
    for kind in root.__subclasses__():
        # Kinds that others have added may be unknown on the other side.
        if kind.__module__ == TruingError.__module__:
            yield from _tree(kind)


_KINDS = {kind.code: kind for kind in _tree(TruingError)}
