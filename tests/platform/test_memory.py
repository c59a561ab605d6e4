"""Free memory and memory kills, from the files of real kernels laid out in a folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from truing.platform import memory, system
from truing.platform.memory import MemoryKills, free_memory, memory_kills

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads the files of Linux")
MIB = 2**20


def lay(root: Path, **files: str) -> tuple[Path, Path]:
    """Writes files by path (`__` for `/`, `_dot_` for `.`) and gives (proc, groups)."""
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root / "proc", root / "groups"


MEMINFO = "MemTotal:       16000000 kB\nMemFree:  1000 kB\nMemAvailable:    8192000 kB\n"


@linux
def test_a_machine_without_groups_has_what_is_available(tmp_path: Path) -> None:
    proc, groups = lay(tmp_path, proc__meminfo=MEMINFO)
    assert free_memory(proc=proc, groups=groups) == 8000 * MIB


@linux
def test_the_tightest_group_of_version_two_counts_and_its_cache_does_not(tmp_path: Path) -> None:
    proc, groups = lay(
        tmp_path,
        proc__meminfo=MEMINFO,
        proc__self__cgroup="0::/outer/inner\n",
        groups__outer__memory_dot_max=f"{900 * MIB}\n",
        groups__outer__memory_dot_current=f"{800 * MIB}\n",
        groups__outer__memory_dot_stat=f"anon 5\ninactive_file {200 * MIB}\n",
        groups__outer__inner__memory_dot_max="max\n",
        groups__outer__inner__memory_dot_current="5\n",
        groups__outer__inner__memory_dot_events="oom 4\noom_kill 3\noom_group_kill 0\n",
    )
    assert free_memory(proc=proc, groups=groups) == 300 * MIB
    inner = str(groups / "outer" / "inner")
    assert memory_kills(proc=proc, groups=groups) == MemoryKills(group=inner, count=3)


@linux
def test_version_one_and_a_path_that_is_the_hosts(tmp_path: Path) -> None:
    proc, groups = lay(
        tmp_path,
        proc__meminfo=MEMINFO,
        proc__self__cgroup="9:name=systemd:/\n4:memory:/docker/abc\n0::/\n",
        groups__memory__memory_dot_limit_in_bytes=f"{500 * MIB}\n",
        groups__memory__memory_dot_usage_in_bytes=f"{600 * MIB}\n",
        groups__memory__memory_dot_stat="cache 1\ntotal_inactive_file 0\n",
        groups__memory__memory_dot_oom_control="oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    )
    assert free_memory(proc=proc, groups=groups) == 0
    assert memory_kills(proc=proc, groups=groups) == MemoryKills(
        group=str(groups / "memory"), count=2
    )


@linux
def test_no_limit_of_version_one_is_a_large_number(tmp_path: Path) -> None:
    proc, groups = lay(
        tmp_path,
        proc__meminfo=MEMINFO,
        proc__vmstat="nr_free_pages 7\noom_kill 6\n",
        proc__self__cgroup="4:memory:/\n",
        groups__memory__memory_dot_limit_in_bytes="9223372036854771712\n",
        groups__memory__memory_dot_usage_in_bytes="1\n",
    )
    assert free_memory(proc=proc, groups=groups) == 8000 * MIB
    assert memory_kills(proc=proc, groups=groups) == MemoryKills(group="machine", count=6)


@linux
def test_what_cannot_be_told_is_none(tmp_path: Path) -> None:
    proc, groups = lay(tmp_path, proc__self__cgroup="")
    assert free_memory(proc=proc, groups=groups) is None
    assert memory_kills(proc=proc, groups=groups) is None


@linux
def test_this_machine_has_memory() -> None:
    found = free_memory()
    assert found is not None
    assert MIB < found < 2**50
    kills = memory_kills()
    assert kills is not None
    assert kills.count >= 0


VM_STAT = """Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               10.
Pages active:                            500.
Pages inactive:                           20.
Pages speculative:                         3.
Pages purgeable:                           4.
"Translation faults":                 123456.
"""


@pytest.mark.parametrize(
    ("said", "free"), [(VM_STAT, 37 * 16384), ("", None), ("no such thing\nPages free: 1.", None)]
)
def test_macos_counts_pages_that_can_be_had(said: str, free: int | None) -> None:
    assert memory._pages(said) == free


def test_macos_asks_its_own_program(monkeypatch: pytest.MonkeyPatch) -> None:
    def ran(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0, VM_STAT, "")

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", ran)
    assert free_memory() == 37 * 16384
    assert memory_kills() is None


def test_windows_asks_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    import ctypes
    from types import SimpleNamespace

    def status(found: object) -> int:
        inner = found._obj  # type: ignore[attr-defined]
        assert inner.length == ctypes.sizeof(inner) == 64
        inner.available = 5 * MIB
        return 1

    kernel = SimpleNamespace(GlobalMemoryStatusEx=status)
    monkeypatch.setattr(system, "WINDOWS", True)
    monkeypatch.setitem(ctypes.__dict__, "windll", SimpleNamespace(kernel32=kernel))
    assert free_memory() == 5 * MIB


@pytest.mark.skipif(sys.platform == "win32", reason="the program in the test is a script")
@pytest.mark.parametrize(
    ("script", "free"),
    [
        ("echo 40000; echo 80000", 40000 * MIB),
        ("echo '[N/A]'", None),
        ("echo 1; exit 9", None),
        (None, None),
    ],
)
def test_an_accelerator_is_asked_through_its_own_program(
    script: str | None, free: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if script is not None:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin" if script else str(tmp_path))
    assert memory.free_accelerator_memory() == free
