"""The log file of a run: lines with a time in front, written by its worker, followed by people."""

from __future__ import annotations

import faulthandler
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from truing.domain.clock import MICROSECONDS, Clock, to_iso
from truing.platform.files import is_full

POLL = 0.1
"""Seconds between two looks at a log that is being followed."""
PIECE = 1 << 16
"""Bytes of a log read at once."""


class RunLog:
    """Appends lines; safe from several threads and beside the process's own output, because each
    line is one write at the end of the file.
    """

    __slots__ = ("_clock", "_stream")

    def __init__(self, path: Path, clock: Clock) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = path.open("ab", buffering=0)
        self._clock = clock

    def line(self, message: str) -> None:
        """One message with the time in front; further lines of it are indented."""
        now = self._clock.now()
        stamp = to_iso(now - now % MICROSECONDS)
        text = "\n    ".join(message.rstrip("\n").splitlines() or [""])
        try:
            self._stream.write(f"{stamp} {text}\n".encode("utf-8", "backslashreplace"))
        except OSError as error:
            # A full disk costs the run this line, not its end.
            if not is_full(error):
                raise

    def stacks(self) -> None:
        """Where every thread of this process stands now."""
        faulthandler.dump_traceback(self._stream, all_threads=True)

    def stacks_later(self, seconds: float) -> None:
        """The same after this many seconds, and then the process ends; each call begins anew."""
        faulthandler.dump_traceback_later(seconds, exit=True, file=self._stream)

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        self._stream.close()


def read_lines(path: Path, *, more: Callable[[], bool]) -> Iterator[str]:
    """Lines of a log without their ends, from the first, waiting for others while `more()`.

    A line that is still being written is held back until it is whole or nothing more will come.
    """
    rest, offset = b"", 0
    while True:
        going_on = more()  # asked before reading: what was written until then is read below
        piece = _read_from(path, offset)
        offset += len(piece)
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
        if not piece:
            if not going_on:
                break
            time.sleep(POLL)
    if rest:
        yield rest.decode("utf-8", "replace")


def lines_after(path: Path, offset: int) -> tuple[list[str], int]:
    """Whole lines of a log from a place on, at most `PIECE` bytes of them, and the place after.

    Args:
        path: the log; one that is not there yet has no lines.
        offset: a place that an earlier call gave; 0 is the start.
    """
    piece = _read_from(path, offset)
    whole = piece[: piece.rfind(b"\n") + 1]
    if not whole and len(piece) == PIECE:
        whole = piece  # a line that long is told in pieces
    lines = whole.decode("utf-8", "replace").removesuffix("\n").split("\n") if whole else []
    return lines, offset + len(whole)


def _read_from(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            return stream.read(PIECE)
    except FileNotFoundError:
        return b""
