"""Room for a run: what it will need of disk and memory, beside what is free."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from truing.domain.errors import UnavailableError
from truing.domain.recipe import CanEstimate, Need
from truing.domain.run import RunRequest
from truing.platform.files import free_space
from truing.platform.memory import free_accelerator_memory, free_memory
from truing.workspace.models import model_named

if TYPE_CHECKING:
    from truing.domain.recipe import Recipe
    from truing.workspace import Workspace

MEMORY_DOUBT = 1.25
"""How far above what is free the estimate of memory must be to be clearly too much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a run needs and what there is, in bytes."""

    need: Need
    free_disk: int
    free_memory: int | None
    """Of the accelerator if it is to be used; None where it cannot be told."""

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
        if self.disk > self.free_disk:
            need, free = spoken_size(self.disk), spoken_size(self.free_disk)
            yield f"the run needs about {need} of disk and {free} are free", "free some disk space"
        if self.free_memory is not None and self.memory > MEMORY_DOUBT * self.free_memory:
            where = "of the accelerator's memory" if self.need.on_accelerator else "of memory"
            need, free = spoken_size(self.memory), spoken_size(self.free_memory)
            repairs = ", or ".join([*self.need.remedies, "a smaller base"])
            yield f"the run needs about {need} {where} and {free} are free", repairs

    def check(self) -> None:
        """Makes sure that there is room, as far as it can be told.

        Raises:
            UnavailableError: clearly too little; numbers and repairs are named.
        """
        found = list(self.lacks())
        if found:
            raise UnavailableError(
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


def room_for(workspace: Workspace, recipe: Recipe, request: RunRequest) -> Room | None:
    """The room of a planned run; None when its recipe cannot tell what it needs."""
    if not isinstance(recipe, CanEstimate):
        return None
    base = model_named(workspace, request.base, request.modality) if request.base else None
    need = recipe.estimate(
        base.location if base is not None else None, recipe.options(**request.options)
    )
    if need is None:
        return None
    return Room(
        need=need,
        free_disk=free_space(workspace.layout.root),
        free_memory=free_accelerator_memory() if need.on_accelerator else free_memory(),
    )


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
