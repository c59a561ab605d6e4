"""Lines for training a visual speech recogniser: `{"video", "text", "duration", "fps"}`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from truing.domain.format import ExportedRow, ExportMedia
from truing.formats.exported_video import ROLE, video_file
from truing.formats.target import file_stem, whole_table, write_new

TABLE = "vsr.jsonl"
ENDINGS = (".jsonl",)


class VsrRows:
    """JSON lines of videos and what is said in them; `truing import jsonl` reads them back."""

    name = "vsr"
    modality = "lipreading"
    summary = "JSON lines {video, text, duration, fps} with the videos, for VSR training"

    def write(self, rows: Iterable[ExportedRow], media: ExportMedia, target: Path) -> int:
        """Writes the rows that have a video and a truth; `duration` in seconds, `fps` as measured.

        Raises:
            ConflictError: the target exists and is not empty.
            InvalidInputError: a row that is a span of its video.
            UnavailableError: the target cannot be written.
        """
        count = 0
        with whole_table(target, TABLE, ENDINGS) as (path, videos), path.open("wb") as stream:
            for row in rows:
                if ROLE not in row.media or row.truth is None:
                    continue
                data, ending = video_file(row, media)
                videos.mkdir(exist_ok=True)
                name = file_stem(row.uid) + ending
                write_new(videos / name, data, row.uid)
                line = json.dumps(_line(row, f"{videos.name}/{name}"), ensure_ascii=False)
                stream.write(line.encode() + b"\n")
                count += 1
        return count


def _line(row: ExportedRow, video: str) -> dict[str, object]:
    medium = row.media[ROLE]
    rate = medium.facts.get("measured_rate") or medium.facts.get("rate")
    line: dict[str, object] = {
        "video": video,
        "text": row.truth,
        "duration": medium.duration,
        "fps": rate,
    }
    if row.subject is not None:
        line["speaker"] = row.subject
    if row.split is not None:
        line["split"] = row.split.value
    return line
