"""Identifiers for machines: UUIDv7 (RFC 9562), sortable by the time they were made.

People use the small integer `id` that a workspace hands out; the `uid` survives export, import
and merging of workspaces.
"""

from __future__ import annotations

import random
import uuid
from typing import Protocol

from truing.domain.clock import Clock


class IdSource(Protocol):
    """Gives a fresh identifier on each call."""

    def new(self) -> str:
        """A UUIDv7 in its 36-character form."""
        ...


class Uuid7Source:
    """UUIDv7 from a clock and a source of random bits, both given so that tests can fix them."""

    __slots__ = ("_clock", "_random")

    def __init__(self, clock: Clock, rng: random.Random | None = None) -> None:
        self._clock = clock
        self._random = rng or random.SystemRandom()

    def new(self) -> str:
        """A fresh UUIDv7: 48 bits of milliseconds, then 74 random bits."""
        return uuid7(self._clock.now() // 1000, self._random.getrandbits(74))


def uuid7(milliseconds: int, random_bits: int) -> str:
    """Lays out RFC 9562 section 5.7 from a Unix time in milliseconds and 74 random bits."""
    high, low = random_bits >> 62, random_bits & ((1 << 62) - 1)
    value = (milliseconds & ((1 << 48) - 1)) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low
    return str(uuid.UUID(int=value))
