"""Which system this is; the other modules here ask nowhere else."""

from __future__ import annotations

import sys

WINDOWS = sys.platform == "win32"
MACOS = sys.platform == "darwin"

POLL = 0.02
"""Seconds between two tries of a call that the system refuses for a moment."""
