"""Memory: how much is free for one process, and whether the system has ended one for want of it.

*Scope*: Linux with control groups of both versions, macOS, Windows; memory of NVIDIA accelerators
through `nvidia-smi`. What cannot be told is None, never a guess.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from truing.platform import system

_PROC = Path("/proc")
_GROUPS = Path("/sys/fs/cgroup")
_UNLIMITED = 1 << 60
"""Version 1 writes a number near 2^63 where there is no limit."""
_PATIENCE = 10.0
"""Seconds that a driver gets to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryKills:
    """How many processes the kernel has ended for want of memory since the machine started."""

    group: str
    """The control group that counts them, or `machine`."""
    count: int


def free_memory(*, proc: Path = _PROC, groups: Path = _GROUPS) -> int | None:
    """Bytes a process can take before the system runs short; None where that cannot be told.

    On Linux the least of what the machine has available and what each control group above this
    process leaves, caches that would give way not counted as used.
    """
    if system.WINDOWS:
        return _free_windows()
    if sys.platform != "linux":
        return _free_macos()
    machine = _fields(proc / "meminfo", ":").get("MemAvailable")
    found = [] if machine is None else [machine * 1024]
    for folder in _own_groups(proc, groups):
        left = _left_in(folder)
        if left is not None:
            found.append(left)
    return min(found, default=None)


def free_accelerator_memory() -> int | None:
    """Free bytes of the first NVIDIA accelerator, asked without loading torch."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program, fixed arguments
            [program, "--query-gpu=memory.free", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    first = done.stdout.strip().partition("\n")[0].strip()
    return int(first) * 2**20 if done.returncode == 0 and first.isdecimal() else None


def memory_kills(*, proc: Path = _PROC, groups: Path = _GROUPS) -> MemoryKills | None:
    """How many processes of our control group the kernel has ended for want of memory.

    Where there is no control group that counts them, those of the whole machine. None on other
    systems: macOS and Windows end no process for that without a word.
    """
    if sys.platform != "linux":
        return None
    for folder in _own_groups(proc, groups):
        for name in ("memory.events", "memory.oom_control"):
            count = _fields(folder / name).get("oom_kill")
            if count is not None:
                return MemoryKills(group=str(folder), count=count)
    count = _fields(proc / "vmstat").get("oom_kill")
    return None if count is None else MemoryKills(group="machine", count=count)


def _own_groups(proc: Path, groups: Path) -> Iterator[Path]:
    """Folders of the memory groups of this process, innermost first."""
    try:
        lines = (proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = groups / "memory" if controllers else groups
        inner = root / path.lstrip("/")
        # In a container the path may be the host's, of which only the root is to be seen here.
        start = inner if inner.is_dir() else root
        while start.is_relative_to(root):
            yield start
            start = start.parent


def _left_in(folder: Path) -> int | None:
    """Bytes a group leaves, None without a limit."""
    for limit_name, used_name, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        limit, used = _number(folder / limit_name), _number(folder / used_name)
        if limit is None or used is None or limit >= _UNLIMITED:
            continue
        return max(0, limit - used + _fields(folder / "memory.stat").get(cache, 0))
    return None


def _number(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None


def _fields(path: Path, mark: str = " ") -> dict[str, int]:
    """`name 12` or `name: 12 kB` on each line."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return {}
    found = {}
    for line in lines:
        name, _, rest = line.partition(mark)
        number = rest.split()[:1]
        if number and number[0].isdecimal():
            found[name] = int(number[0])
    return found


def _free_macos() -> int | None:
    """Free, inactive, speculative and purgeable pages, as the system's own monitor counts them."""
    done = subprocess.run(
        ["/usr/bin/vm_stat"], capture_output=True, text=True, check=False, env={"LC_ALL": "C"}
    )
    return _pages(done.stdout) if done.returncode == 0 else None


def _pages(said: str) -> int | None:
    head, _, rest = said.partition("\n")
    size = next((int(word) for word in head.split() if word.isdecimal()), None)
    if size is None:
        return None
    counts = {
        name.strip(): int(count.strip(" ."))
        for name, _, count in (line.partition(":") for line in rest.splitlines())
        if count.strip(" .").isdecimal()
    }
    kinds = ("Pages free", "Pages inactive", "Pages speculative", "Pages purgeable")
    return size * sum(counts.get(kind, 0) for kind in kinds)


def _free_windows() -> int | None:
    import ctypes

    class Status(ctypes.Structure):
        """MEMORYSTATUSEX."""

        _fields_ = (
            ("length", ctypes.c_uint32),
            ("load", ctypes.c_uint32),
            ("total", ctypes.c_uint64),
            ("available", ctypes.c_uint64),
            ("total_page", ctypes.c_uint64),
            ("available_page", ctypes.c_uint64),
            ("total_virtual", ctypes.c_uint64),
            ("available_virtual", ctypes.c_uint64),
            ("available_extended", ctypes.c_uint64),
        )

    status = Status(length=ctypes.sizeof(Status))
    kernel = ctypes.__dict__["windll"].kernel32
    return int(status.available) if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else None
