"""Recognize: a table in memory that reads one message at a time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from truing.domain.prediction import Recognition
from truing.domain.recipe import MediaFile
from truing_morse.media import ROLE
from truing_morse.table import Table, load, read


class MorseRecognizer:
    """A model in memory; opening it costs one small file."""

    def __init__(self, folder: Path) -> None:
        self._table: Table = load(folder)

    def recognize(self, media: Mapping[str, MediaFile]) -> Recognition:
        """Reads one message."""
        start = time.perf_counter()
        signal = media[ROLE].path.read_text(encoding="ascii")
        return replace(read(self._table, signal), seconds=time.perf_counter() - start)

    def close(self) -> None:
        """Forgets the table."""
        self._table = {}
