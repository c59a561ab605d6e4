"""JSON as the tables hold it: text, in the order given, nothing that is not JSON."""

from __future__ import annotations

import json
from typing import Any

from truing.domain.errors import InvalidInputError

# Made once: `json.dumps` makes a new one for every call with options.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def to_json(value: object, what: str) -> str:
    """The text of a JSON value; `what` names it in the error.

    Raises:
        InvalidInputError: NaN, infinity, or a type JSON does not know.
    """
    try:
        return _encode(value)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"`{what}` cannot be kept as JSON: {error}",
            hint="use texts, finite numbers, true/false, lists and mappings",
        ) from error


def to_mapping(text: str | None) -> dict[str, Any]:
    """Reads an object back; empty for null."""
    value = json.loads(text) if text else {}
    return value if isinstance(value, dict) else {}


def to_list(text: str | None) -> list[Any]:
    """Reads a list back; empty for null."""
    value = json.loads(text) if text else []
    return value if isinstance(value, list) else []
