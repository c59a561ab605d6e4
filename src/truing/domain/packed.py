"""Texts and ties of a million things in few bytes each: names, and groups that share a key.

A Python object for each would cost several times the memory. Names are kept as UTF-8 in one
buffer, keys as 96 bits, groups as one number for each member.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar, overload

Value = TypeVar("Value")

RUN = 50_000
"""Names sorted at once."""
KEYS_AT_ONCE = 100_000
"""About so many keys are compared at once."""
KEY_DIGITS = 24
"""Hex digits of a key."""


class PackedTexts(Sequence[str]):
    """Texts by number, in one buffer."""

    __slots__ = ("_bytes", "_ends")

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = array("Q", [0])

    def append(self, text: str) -> None:
        """Adds a text."""
        self._bytes += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._bytes))

    def raw(self, number: int) -> bytes:
        """The bytes of a text; they sort as the text does."""
        return bytes(self._bytes[self._ends[number] : self._ends[number + 1]])

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.raw(index).decode("utf-8", "surrogatepass")

    def order(self) -> array[int]:
        """The numbers of all texts, sorted by text."""
        count = len(self)
        runs = [
            array("I", sorted(range(start, min(start + RUN, count)), key=self.raw))
            for start in range(0, count, RUN)
        ]
        return array("I", heapq.merge(*runs, key=self.raw))


class Finder:
    """Finds texts by their bytes; quick when asked for in ascending order."""

    __slots__ = ("_next", "_order", "_texts")

    def __init__(self, texts: PackedTexts, order: Sequence[int]) -> None:
        self._texts, self._order = texts, order
        self._next = 0

    def find(self, text: str) -> int | None:
        """The number of a text, None when it is not there."""
        wanted = text.encode("utf-8", "surrogatepass")
        order, raw = self._order, self._texts.raw
        if self._next < len(order) and raw(order[self._next]) == wanted:
            place = self._next
        else:
            low, high = 0, len(order)
            while low < high:
                middle = (low + high) // 2
                if raw(order[middle]) < wanted:
                    low = middle + 1
                else:
                    high = middle
            place = low
        if place == len(order) or raw(order[place]) != wanted:
            return None
        self._next = place + 1
        return order[place]


class PackedMapping(Mapping[str, Value]):
    """What is said of each text by a code of one byte; in the order of the texts.

    Args:
        texts: the keys, each once.
        order: their numbers, sorted by text.
        codes: one for each text.
        meanings: by code; texts with another code are not in the mapping.
    """

    __slots__ = ("_codes", "_finder", "_meanings", "_order", "_size", "_texts")

    def __init__(
        self,
        texts: PackedTexts,
        order: Sequence[int],
        codes: Sequence[int],
        meanings: Mapping[int, Value],
    ) -> None:
        self._texts, self._order, self._codes, self._meanings = texts, order, codes, meanings
        self._finder = Finder(texts, order)
        self._size = sum(code in meanings for code in codes)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[str]:
        for number in self._order:
            if self._codes[number] in self._meanings:
                yield self._texts[number]

    def __getitem__(self, key: str) -> Value:
        number = self._finder.find(key)
        if number is None or self._codes[number] not in self._meanings:
            raise KeyError(key)
        return self._meanings[self._codes[number]]


class Ties:
    """Numbered things and their keys; things that share a key, directly or not, are one group."""

    __slots__ = ("_high", "_low", "_owners", "_parents")

    def __init__(self) -> None:
        self._high, self._low = array("Q"), array("I")
        self._owners, self._parents = array("I"), array("I")

    def __len__(self) -> int:
        return len(self._parents)

    def new(self) -> int:
        """The number of a new thing, from 0."""
        self._parents.append(len(self._parents))
        return len(self._parents) - 1

    def tie(self, number: int, key: str) -> None:
        """Gives a thing a key of 24 hex digits."""
        self._high.append(int(key[:16], 16))
        self._low.append(int(key[16:], 16))
        self._owners.append(number)

    def join(self) -> None:
        """Groups all things by their keys, a part of the keys at a time."""
        parts = len(self._high) // KEYS_AT_ONCE + 1
        for part in range(parts):
            first: dict[int, int] = {}
            for place, high in enumerate(self._high):
                if high % parts == part:
                    owner = self._owners[place]
                    other = first.setdefault(high << 32 | self._low[place], owner)
                    if other != owner:
                        self._parents[self.group(other)] = self.group(owner)

    def group(self, number: int) -> int:
        """The thing that stands for its group."""
        parents = self._parents
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number
