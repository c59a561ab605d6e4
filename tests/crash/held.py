"""Trainers that wait for us before their last steps: however long this process stands still, they
are not done before they were killed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_HOLD = """
import os, re, time
real = os.replace

def replace(source, target, **more):
    real(source, target, **more)
    sealed = re.search(r"-step-(\\d+)[.]json$", str(target))
    while sealed and int(sealed[1]) >= {step} and not os.path.exists({go_on!r}):
        time.sleep(0.01)

os.replace = replace
"""


class Held:
    """Holds every trainer that is started from now on once it has saved checkpoint `step`.

    Args:
        folder: for what the trainers are told; it is made.
        step: the first one after which they wait.
        monkeypatch: takes the hold from processes that are started after the test.
    """

    def __init__(self, folder: Path, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self._go_on = folder / "go-on"
        folder.mkdir()
        told = _HOLD.format(step=step, go_on=str(self._go_on))
        (folder / "sitecustomize.py").write_text(told, encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", os.fspath(folder))

    def let_go(self) -> None:
        """Lets them go on to their end."""
        self._go_on.touch()
