"""Read-only folders and files that may not be read: a clear error that names the path."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("refused.py")
NAMES = {
    "database": "UnavailableError",
    "new_blob": "UnavailableError",
    "unreadable_blob": "UnavailableError",
    "verify_unreadable": "TruingError",
    "closed_folder": "UnavailableError",
    "settings": "UnavailableError",
    "unreadable_settings": "NotFoundError",
    "creating": "UnavailableError",
    "export": "UnavailableError",
    "export_below": "UnavailableError",
    "cleaning": "UnavailableError",
    "draft": "UnavailableError",
}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="other permissions there")


@pytest.fixture
def nobodys() -> Iterator[Path]:
    """A folder that anybody can reach, unlike those that pytest makes."""
    folder = Path(tempfile.mkdtemp())
    try:
        for part in ("warm", "nobody"):
            (folder / part).mkdir()
            (folder / part).chmod(0o777)
        folder.chmod(0o777)
        if os.geteuid() == 0:
            os.chown(folder / "nobody", 65534, 65534)
        yield folder
    finally:
        shutil.rmtree(folder)


def test_whatever_the_system_refuses_is_explained(nobodys: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(nobodys), *NAMES],
        capture_output=True,
        text=True,
        check=False,
        # Python writes no compiled files as nobody, and finds its home.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    told: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert {one["name"]: one["kind"] for one in told} == NAMES, done.stderr
    for one in told:
        assert str(nobodys) in one["message"], one
        assert one["hint"], one
