"""Room for a run: what it will need of disk and memory, beside what is free."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from truing.domain.errors import FullError, UnavailableError
from truing.domain.recipe import Need

MEMORY_DOUBT = 1.25
"""How far above what is free the estimate of memory must be to be clearly too much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a run needs and what there is, in bytes."""

    need: Need
    free_disk: int
    """What the disk, its reserve and the quota leave."""
    free_memory: int | None
    """Of the accelerator if it is to be used; None where it cannot be told."""
    full: FullError | None = None
    """Why the disk or the quota has no room for it."""

    @property
    def disk(self) -> int:
        """Of disk in all."""
        return sum(self.need.disk.values())

    @property
    def memory(self) -> int:
        """Of memory in all."""
        return sum(self.need.memory.values())

    def lacks(self) -> Iterator[tuple[str, str]]:
        """What is clearly too little, and what repairs it."""
        if self.full is not None:
            yield self.full.message, str(self.full.hint)
        if self.free_memory is not None and self.memory > MEMORY_DOUBT * self.free_memory:
            where = "of the accelerator's memory" if self.need.on_accelerator else "of memory"
            need, free = spoken_size(self.memory), spoken_size(self.free_memory)
            repairs = ", or ".join([*self.need.remedies, "a smaller base"])
            yield f"the run needs about {need} {where} and {free} are free", repairs

    def check(self) -> None:
        """Makes sure that there is room, as far as it can be told.

        Raises:
            FullError: clearly too little disk or quota; numbers and repairs are named.
            UnavailableError: clearly too little memory alone.
        """
        found = list(self.lacks())
        if found:
            kind = UnavailableError if self.full is None else FullError
            raise kind(
                "; ".join(problem for problem, _ in found),
                hint=f"{'; '.join(repair for _, repair in found)}; or go on with --force",
            )

    def as_dict(self) -> dict[str, object]:
        """The JSON form; bytes."""
        return {
            "disk": {**self.need.disk, "all": self.disk, "free": self.free_disk},
            "memory": {**self.need.memory, "all": self.memory, "free": self.free_memory},
            "on_accelerator": self.need.on_accelerator,
        }

    def lines(self) -> Iterator[tuple[str, str]]:
        """What a person reads: disk and memory, each with what it is made of."""
        yield "disk", _told(self.need.disk, self.disk, self.free_disk)
        name = "accelerator memory" if self.need.on_accelerator else "memory"
        yield name, _told(self.need.memory, self.memory, self.free_memory)


def spoken_size(size: int) -> str:
    """`3 GB`, `1.4 GB`, `950 MB`: decimal units, as disks are sold."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9)):
        if size >= scale:
            return f"{size / scale:.{1 if size < 10 * scale else 0}f} {unit}"
    return f"{max(1, round(size / 1e6))} MB"


def _told(parts: Mapping[str, int], total: int, free: int | None) -> str:
    of = ", ".join(f"{name} {spoken_size(size)}" for name, size in parts.items())
    there = "" if free is None else f", {spoken_size(free)} free"
    return f"about {spoken_size(total)}{there} ({of})"
