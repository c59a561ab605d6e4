"""Moments at which a program is killed: any of those in which it is at work."""

from __future__ import annotations

import random
import subprocess
import time


class Moments:
    """Kills programs that say `end` when they are done, each at a moment of its own.

    How long the work takes is learned from those that were done before they were killed: a machine
    that stood still while it was measured does not make all later kills come too late.

    Args:
        takes: seconds of the work, or more.
    """

    def __init__(self, takes: float) -> None:
        self._takes = takes
        self._rng = random.Random(11)
        self.unfinished = 0
        """How many were killed half way."""

    def kill(self, process: subprocess.Popen[str]) -> None:
        """Kills a program that has just begun."""
        begin = time.monotonic()
        time.sleep(self._rng.uniform(0, self._takes))
        process.kill()
        took = time.monotonic() - begin
        if process.communicate()[0] == "end\n":
            self._takes = min(self._takes, took)
        else:
            self.unfinished += 1
