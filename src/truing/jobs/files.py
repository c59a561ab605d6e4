"""The files of a run within its workspace, and the one lock per device that trainers share."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from truing.domain.run import Run
from truing.platform.locks import locked
from truing.platform.system import WINDOWS

HELD = "TRUING_DEVICE_LOCK"
"""Environment variable by which a worker learns of the lock it holds: `descriptor:path`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFiles:
    """`runs/<id>/` of a workspace."""

    folder: Path

    @staticmethod
    def of(workspace: Path, run_id: int) -> RunFiles:
        """The files of a run; nothing is made."""
        return RunFiles(folder=workspace / "runs" / str(run_id))

    @property
    def log(self) -> Path:
        """What the worker says, its own lines and whatever its process prints."""
        return self.folder / "run.log"

    @property
    def checkpoints(self) -> Path:
        """See `CheckpointFolder`."""
        return self.folder / "checkpoints"

    @property
    def memory_kills(self) -> Path:
        """How often the system had ended a process for want of memory when the worker began."""
        return self.folder / "memory-kills.json"

    @property
    def pictures(self) -> Path:
        """See `PictureFolder`."""
        return self.folder / "pictures"

    @property
    def tensorboard(self) -> Path:
        """Event files that TensorBoard reads; there when the package that writes them is."""
        return self.folder / "tensorboard"


def device_of(run: Run) -> str:
    """The device a run will compute on, as far as its options tell without loading torch.

    `auto` and names without a number mean the first accelerator, or the CPU where there is none.
    """
    device = str(run.request.options.get("device", "auto"))
    return "first" if device in ("auto", "cuda", "cuda:0", "mps") else device


def device_lock(folder: Path, device: str) -> Path:
    """The file whose lock the trainer on a device holds until its process is dead."""
    return folder / f"device-{re.sub(r'[^a-z0-9]+', '-', device.lower())}.lock"


@contextlib.contextmanager
def inherited_lock() -> Iterator[dict[str, str]]:
    """Keeps the device lock this process was started with for the block, then lets it go, so
    that the process can start the next run before it ends. Without such a lock it does nothing.

    Gives the variable by which a program started in place of this one learns of the lock.

    Raises:
        UnavailableError: the lock does not pass to children here, and somebody else has it.
    """
    held = os.environ.pop(HELD, "")
    number, _, path = held.partition(":")
    if WINDOWS and path:
        with locked(Path(path)):
            yield {HELD: held}
        return
    try:
        yield {HELD: held} if held else {}
    finally:
        # The variable may have come down from a process further up: close only what it names.
        if path and _is_open_on(int(number), path):
            os.close(int(number))


def _is_open_on(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))  # noqa: PTH116 - pairs fstat
    except OSError:
        return False
