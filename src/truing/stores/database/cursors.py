"""Cursors: where a page ended, as text that may stand in a URL."""

from __future__ import annotations

import base64
import binascii
import json
import math
from dataclasses import dataclass

from truing.domain.errors import InvalidInputError
from truing.domain.sample import SampleOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The last sample of a page: the value it is ordered by, and its number."""

    value: float
    id: int


def write_cursor(order: SampleOrder, position: Position) -> str:
    """A position as text that may stand in a URL."""
    text = json.dumps([order.value, position.value, position.id], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode("ascii")).decode("ascii").rstrip("=")


def read_cursor(order: SampleOrder, text: str) -> Position:
    """The position behind a cursor.

    Raises:
        InvalidInputError: it is none, or one of another order.
    """
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        written, value, number = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        sound = written == order.value and _is_number(value) and _is_whole(number)
    except (ValueError, TypeError, RecursionError, binascii.Error):
        sound, value, number = False, 0, 0
    if not sound:
        raise InvalidInputError(
            f"`{text[:60]}` is no page of the order `{order.value}`",
            hint="start again from the first page",
        )
    return Position(value=value, id=number)


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return _is_whole(value)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63
