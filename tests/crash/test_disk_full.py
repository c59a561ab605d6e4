"""A full disk: a clear error that names the path, nothing half-written, and on it goes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("full_disk.py")
SCENARIOS = (
    "capture", "watch", "review", "freeze", "export", "checkpoint", "training", "log", "install",
    "backup", "settings", "opening",
)  # fmt: skip

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no small disks or limits there")


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def can_mount(tmp_path_factory: pytest.TempPathFactory) -> list[str] | None:
    """The words before a command that may mount, None where nobody may."""
    place = tmp_path_factory.mktemp("mount")
    for words in ([], ["unshare", "--user", "--map-root-user", "--mount"]):
        try:
            tried = run([*words, "sh", "-c", f"mount -t tmpfs none '{place}' && umount '{place}'"])
        except FileNotFoundError:
            continue
        if tried.returncode == 0:
            return words
    return None


def play(folder: Path, kind: str, words: list[str]) -> None:
    """All scenarios of `full_disk.py`, in one process."""
    names = " ".join(SCENARIOS)
    command = f"'{sys.executable}' '{SCRIPT}' '{folder}' {kind} {names}"
    if kind == "tmpfs":
        mount = f"mount -t tmpfs -o size=12m,mode=0700 none '{folder}'"
        command = f"{mount} && {{ {command}; code=$?; umount '{folder}'; exit $code; }}"
    done = run([*words, "sh", "-c", command])
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == [word for name in SCENARIOS for word in ("passed", name)]


def test_on_a_small_disk(tmp_path: Path, can_mount: list[str] | None) -> None:
    # Where nobody may mount, a limit on the size of files stands for the small disk.
    kind = "file-size" if can_mount is None else "tmpfs"
    play(tmp_path, kind, can_mount or [])


@pytest.mark.slow
def test_when_files_may_not_grow(tmp_path: Path) -> None:
    play(tmp_path, "file-size", [])
