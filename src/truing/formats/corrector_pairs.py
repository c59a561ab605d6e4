"""Lines for training a language model that corrects: `{"input", "output", "context"}`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from truing.domain.format import ANY_MODALITY, ExportedRow, ExportMedia
from truing.formats.target import whole

TABLE = "pairs.jsonl"


class CorrectorPairs:
    """JSON lines of what a recognizer said and what is true, of any modality."""

    name = "corrector"
    modality = ANY_MODALITY
    summary = "JSON lines {input, output, context}: what was recognised and what is true"
    holds_media = False
    """Read by whoever asks beforehand how much room an export takes."""

    def write(self, rows: Iterable[ExportedRow], media: ExportMedia, target: Path) -> int:
        """Writes the rows whose recognised text and truth are both known.

        Args:
            rows: the samples.
            media: not asked for.
            target: a file that ends in `.jsonl`, or a folder for it.

        Raises:
            ConflictError: the target exists and is not empty.
            UnavailableError: the target cannot be written.
        """
        del media
        count = 0
        is_file = target.suffix.lower() == ".jsonl"
        with whole(target) as draft:
            place = draft / target.name
            if not is_file:
                place.mkdir()
                place /= TABLE
            with place.open("wb") as stream:
                for row in rows:
                    if row.raw is None or row.truth is None:
                        continue
                    stream.write(_line(row, row.raw, row.truth))
                    count += 1
        return count


def _line(row: ExportedRow, raw: str, truth: str) -> bytes:
    context = row.context.get("context", "")
    line: dict[str, object] = {
        "input": raw,
        "output": truth,
        "context": context if isinstance(context, str) else json.dumps(context),
    }
    if row.split is not None:
        line["split"] = row.split.value
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"
