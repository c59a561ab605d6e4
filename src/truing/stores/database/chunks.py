"""Long lists in pieces that fit into one statement of any SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")

SIZE = 500
"""Parameters in one list; SQLite before 3.32 takes 999 in a whole statement."""


def chunks(items: Iterable[Item], size: int = SIZE) -> Iterator[list[Item]]:
    """Lists of at most `size` items, in order."""
    source = iter(items)
    while piece := list(islice(source, size)):
        yield piece
