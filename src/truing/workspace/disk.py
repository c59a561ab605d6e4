"""Disk: how many bytes a workspace takes, how many it may still take, and when it will be full.

    usage(workspace) -> Usage         what is taken, the quota, what is free: costs no walk
    forecast(workspace) -> Forecast   bytes per day of the last four weeks, and when it is full
    disk_use(layout) -> dict          bytes of each part, by a look at every file

A look at every file is remembered in `cache/disk.json`; what came since is read from the arrivals
that the database counts. Whoever keeps house looks again every few hours, and so does whoever is
about to refuse something.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.clock import MICROSECONDS, to_iso
from truing.platform.files import disk_space
from truing.workspace.room import spoken_size

if TYPE_CHECKING:
    from truing.workspace import Workspace
    from truing.workspace.folder import Layout

DAYS = 28
"""What a forecast looks back on."""
FEWEST_DAYS = 7
"""What came on one day is no daily rate: it counts as if it had taken so long."""
RESERVE = 256 << 20
"""Bytes of the disk kept free for the database."""
RESERVE_SHARE = 0.05
"""The same of a small disk, as a share of it."""
MEASURED_FOR = 6 * 3600 * MICROSECONDS
"""How long a look at every file is good for."""
_DAY = 86_400 * MICROSECONDS
_FARTHEST = 36_500
"""Days; a forecast beyond is none."""
_GIGA = 1e9
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a workspace takes and what is left, in bytes."""

    folder: Path
    """Of the workspace."""
    parts: Mapping[str, int]
    """When every file was looked at: see `disk_use`."""
    measured_at: int
    """When that was."""
    used: int
    """By the workspace now: in all, with what came since."""
    quota: int | None
    """None when there is none."""
    free: int
    """On the disk."""
    disk: int
    """What the disk holds in all."""
    warn_share: float

    @property
    def room(self) -> int:
        """What may still come: within the quota, and without the reserve of the disk."""
        reserve = min(RESERVE, int(RESERVE_SHARE * self.disk))
        left = self.free - reserve
        return max(0, left if self.quota is None else min(left, self.quota - self.used))

    @property
    def by_quota(self) -> bool:
        """Whether it is the quota that leaves the least, not the disk."""
        return self.quota is not None and self.quota - self.used < self.free

    @property
    def quota_share(self) -> float | None:
        """How much of the quota is taken; None without one."""
        return None if self.quota is None else self.used / self.quota

    @property
    def disk_share(self) -> float:
        """How much of the disk is taken, by whatever lies on it."""
        return 1 - self.free / self.disk if self.disk else 1.0

    @property
    def warnings(self) -> list[str]:
        """In sentences, what is nearly full; empty while nothing is."""
        found = []
        if self.quota is not None and self.used >= self.warn_share * self.quota:
            found.append(
                f"the workspace takes {spoken_size(self.used)} of the {spoken_size(self.quota)} "
                f"that storage.quota_gb allows ({self.used / self.quota:.0%})"
            )
        if self.disk_share >= self.warn_share:
            free = spoken_size(self.free)
            found.append(f"the disk is {self.disk_share:.0%} full: {free} are free")
        return found

    def as_dict(self) -> dict[str, object]:
        """The JSON form; bytes, shares from 0 to 1."""
        return {
            "used": self.used,
            "quota": self.quota,
            "quota_share": self.quota_share,
            "free": self.free,
            "disk": self.disk,
            "disk_share": self.disk_share,
            "room": self.room,
            "warnings": self.warnings,
            "parts": dict(self.parts),
            "measured_at": to_iso(self.measured_at),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """When a workspace will be full, if it goes on as in the last weeks."""

    per_day: float
    """Bytes; 0 when nothing came."""
    room: int
    """Bytes that may still come."""
    by_quota: bool
    """Whether the quota is reached before the disk is full."""
    days: float | None
    """Until it is full; None when nothing comes, or not within a hundred years."""
    full_at: int | None
    """The same as an instant, in microseconds since 1970."""
    weeks: tuple[tuple[str, int], ...]
    """The first day of each of the last four weeks and the bytes that came in it, oldest first;
    the last one ends today."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form; bytes."""
        return {
            "per_day": self.per_day,
            "room": self.room,
            "by_quota": self.by_quota,
            "days": self.days,
            "full_at": None if self.full_at is None else to_iso(self.full_at),
            "weeks": [{"week": week, "bytes": size} for week, size in self.weeks],
        }


def usage(workspace: Workspace, *, fresh: bool = False, if_limited: bool = False) -> Usage:
    """What a workspace takes and may still take.

    Args:
        workspace: whose disk.
        fresh: look at every file now; else only when nobody ever did.
        if_limited: without a quota only look at the disk, which costs nothing: what the workspace
            takes is 0 then, and so are its parts.
    """
    gigabytes = workspace.settings.number("storage.quota_gb")
    if if_limited and gigabytes <= 0:
        known, used = _Measured(at=workspace.clock.now(), parts={"total": 0}, arrived=0), 0
    else:
        known = (None if fresh else _remembered(workspace)) or _measured(workspace)
        used = known.parts["total"] + _since(workspace, known)
    space = disk_space(workspace.layout.root)
    return Usage(
        folder=workspace.layout.root,
        parts=known.parts,
        measured_at=known.at,
        used=used,
        quota=int(gigabytes * _GIGA) if gigabytes > 0 else None,
        free=space.free,
        disk=space.total,
        warn_share=workspace.settings.number("storage.warn_share"),
    )


def look_again(workspace: Workspace) -> Usage:
    """Looks at every file when the last look is old, and warns in the log of what is nearly full.

    Where it cannot be remembered, such as on a full disk, it is known all the same.
    """
    known = _remembered(workspace)
    age = None if known is None else workspace.clock.now() - known.at
    # A clock that was set back makes the last look young for ever.
    found = usage(workspace, fresh=age is None or not 0 <= age < MEASURED_FOR)
    if age is None or found.measured_at != (known.at if known else None):
        for warning in found.warnings:
            log.warning("%s", warning)
    return found


def forecast(workspace: Workspace, *, of: Usage | None = None) -> Forecast:
    """When a workspace will be full, from what came in the last four weeks.

    Args:
        workspace: whose disk.
        of: what `usage` said, where the caller has it.
    """
    count_arrivals(workspace)
    found = of or usage(workspace)
    now = workspace.clock.now()
    since = now - (DAYS - 1) * _DAY
    came = workspace.store.arrivals.days(_date(since))
    sizes = {day.date: 0 for day in came}
    for day in came:
        sizes[day.date] += day.size
    dates = [_date(since + number * _DAY) for number in range(DAYS)]
    first = next((place for place, date in enumerate(dates) if date in sizes), DAYS)
    per_day = sum(sizes.values()) / max(FEWEST_DAYS, DAYS - first)
    days = found.room / per_day if per_day > 0 else None
    if days is not None and days > _FARTHEST:
        days = None
    weeks = (dates[place : place + 7] for place in range(0, DAYS, 7))
    return Forecast(
        per_day=per_day,
        room=found.room,
        by_quota=found.by_quota,
        days=days,
        full_at=None if days is None else now + int(days * _DAY),
        weeks=tuple((week[0], sum(sizes.get(date, 0) for date in week)) for week in weeks),
    )


def count_arrivals(workspace: Workspace) -> int:
    """Counts everything that came since the last time; returns the bytes that ever came."""
    while workspace.store.arrivals.count():
        pass
    return workspace.store.arrivals.total()


def disk_use(layout: Layout) -> dict[str, int]:
    """Bytes of each part of a workspace; costs a look at every file.

    Returns:
        Media, models, runs, database and other, which are the total together; and of other
        archives, backups and exports.
    """
    parts = {"media": layout.blobs, "models": layout.models, "runs": layout.runs}
    found = {name: _bytes_below(folder) for name, folder in parts.items()}
    name = layout.database.name
    found["database"] = sum(_bytes_of(path) for path in layout.root.glob(f"{name}*"))
    whole = sum(found.values()) + _other_bytes(layout, set(parts.values()))
    others = {"archives": layout.archives, "backups": layout.backups, "exports": layout.exports}
    of_other = {name: _bytes_below(folder) for name, folder in others.items()}
    return {**found, "other": whole - sum(found.values()), "total": whole, **of_other}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """One look at every file."""

    at: int
    parts: Mapping[str, int]
    arrived: int
    """Bytes that had ever come then."""


def _measured(workspace: Workspace) -> _Measured:
    """Looks at every file, and remembers what it found."""
    arrived = count_arrivals(workspace)
    found = _Measured(at=workspace.clock.now(), parts=disk_use(workspace.layout), arrived=arrived)
    told = {"at": found.at, "parts": dict(found.parts), "arrived": found.arrived}
    place = _place(workspace)
    draft = place.with_name(f".disk.{os.getpid()}.tmp")
    # On a full disk nothing can be remembered; what was found is as true.
    with contextlib.suppress(OSError):
        place.parent.mkdir(exist_ok=True)
        draft.write_text(json.dumps(told), encoding="utf-8")
        draft.replace(place)
    return found


def _remembered(workspace: Workspace) -> _Measured | None:
    """The last look; None when there was none, or what is left of it cannot be read."""
    try:
        told = json.loads(_place(workspace).read_bytes())
        parts = {str(name): int(size) for name, size in told["parts"].items()}
        at, arrived = int(told["at"]), int(told["arrived"])
    except (OSError, ValueError, TypeError, LookupError, AttributeError):
        return None
    return _Measured(at=at, parts=parts, arrived=arrived) if "total" in parts else None


def _since(workspace: Workspace, known: _Measured) -> int:
    """Bytes that came into the folder after a look at it."""
    if workspace.settings.text("storage.blobs"):
        return 0  # media lie elsewhere
    return max(0, count_arrivals(workspace) - known.arrived)


def _place(workspace: Workspace) -> Path:
    return workspace.layout.root / "cache" / "disk.json"


def _date(instant: int) -> str:
    return to_iso(instant)[: len("2026-01-05")]


def _other_bytes(layout: Layout, known: set[Path]) -> int:
    """What lies in the workspace beside its known parts."""
    name = layout.database.name
    size = 0
    for one in layout.root.iterdir():
        if one.is_dir() and not one.is_symlink():
            size += 0 if one in known else _bytes_below(one)
        elif not one.name.startswith(name):
            size += _bytes_of(one)
    return size


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
