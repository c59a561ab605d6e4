"""JSON lines: one object per row with everything Truing can hand out, the media beside it.

Writing gives `NAME.jsonl` and a folder `NAME.media` with each blob once, named by its digest; or
a folder that holds both.
Reading takes these back, and plain lines of other programs with the columns of `columns`, such as
`{"audio_filepath": "a.wav", "text": "…"}`.

    {"schema": 1, "id": 7, "uid": "…", "modality": "speech", "state": "corrected", "truth": "…",
     "raw": "…", "corrected": null, "prediction_known": true, "confidence": 0.93, "rating": 4,
     "trained": false, "captured_at": "2026-01-03T10:20:30.5Z", "subject": null, "session": "…",
     "source": "app", "source_key": null, "split": "train", "context": {},
     "media": {"audio": {"path": "NAME.media/….flac", "digest": "sha256:…", "size": 9,
               "media_type": "audio/flac", "start": null, "end": null, "facts": {}}},
     "consent": {"policy": "ask", "purposes": ["evaluation", "training"]}}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from truing.domain.clock import to_iso
from truing.domain.consent import Consent, read_consent
from truing.domain.digest import PREFIX, digest_file
from truing.domain.errors import DamagedError, InvalidInputError
from truing.domain.format import (
    ANY_MODALITY,
    ExportedRow,
    ExportMedia,
    FailedRow,
    ImportedRow,
)
from truing.domain.media import Media
from truing.formats.columns import CellError, Cells, Name, found_file, named_file, table_rows
from truing.formats.exported_audio import cut
from truing.formats.exported_video import ending_of
from truing.formats.lines import json_lines, must_be_file
from truing.formats.target import table_at, whole_table

TABLE = "rows.jsonl"
ENDINGS = (".jsonl", ".ndjson", ".json")
SCHEMA = 1


class JsonLines:
    """One JSON object per row.

    Args:
        role: of the file that a plain line of another program names.
    """

    name = "jsonl"
    modality = ANY_MODALITY
    summary = "JSON lines with all fields, media in a folder beside them"

    def __init__(self, *, role: str = "audio") -> None:
        self._role = role

    def read(self, path: Path) -> Iterator[ImportedRow | FailedRow]:
        """Rows from top to bottom. The key is the `uid` of our own lines, else the file name.

        The medium is the file's path, or the bytes of a FLAC file where the row holds a span.
        Source and source key of our own lines are not taken over: the key names the row.

        Raises:
            NotFoundError: no file at `path`.
            InvalidInputError: the file does not begin with a JSON object.
        """
        path = table_at(path, TABLE)
        must_be_file(path, "JSON lines")
        with path.open("rb") as stream:
            head = stream.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
        if head and not head.startswith(b"{"):
            raise InvalidInputError(
                f"`{path}` does not begin with a JSON object",
                hint="write one object per line, without `[` and `]` around them",
            )
        named = partial(_named, path.parent, self._role)
        return table_rows(json_lines(path), path.name, named, set())

    def write(self, rows: Iterable[ExportedRow], media: ExportMedia, target: Path) -> int:
        """Writes the lines and their folder of media, which is missing when there are none.

        A target that ends in `.jsonl`, `.ndjson` or `.json` is the file; any other is a folder
        for both.

        Raises:
            ConflictError: the file or a folder exists and is not empty.
            UnavailableError: the target cannot be written.
        """
        count = 0
        with (
            whole_table(target, TABLE, ENDINGS) as (path, blobs),
            path.open("wb") as stream,
        ):
            for row in rows:
                said = _object(row, media, blobs)
                line = json.dumps(said, ensure_ascii=False, allow_nan=False)
                stream.write(line.encode() + b"\n")
                count += 1
        return count


def _object(row: ExportedRow, media: ExportMedia, folder: Path) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "id": row.id,
        "uid": row.uid,
        "modality": row.modality,
        "state": row.state.value,
        "truth": row.truth,
        "raw": row.raw,
        "corrected": row.corrected,
        "prediction_known": row.prediction_known,
        "confidence": row.confidence,
        "rating": row.rating,
        "trained": row.trained,
        "captured_at": to_iso(row.captured_at),
        "subject": row.subject,
        "session": row.session,
        "source": row.source,
        "source_key": row.source_key,
        "split": None if row.split is None else row.split.value,
        "context": dict(row.context),
        "media": {role: _written(one, media, folder) for role, one in sorted(row.media.items())},
        "consent": None if row.consent is None else row.consent.as_dict(),
    }


def _written(medium: Media, media: ExportMedia, folder: Path) -> dict[str, object]:
    name = medium.digest.removeprefix(PREFIX) + ending_of(medium.media_type)
    folder.mkdir(exist_ok=True)
    if not (folder / name).exists():
        (folder / name).write_bytes(media.read(medium.digest))
    return {
        "path": f"{folder.name}/{name}",
        "digest": medium.digest,
        "size": medium.size,
        "media_type": medium.media_type,
        "start": medium.start,
        "end": medium.end,
        "facts": dict(medium.facts),
    }


def _named(folder: Path, role: str, cells: Cells) -> Name:
    if cells.fitting(_schema, "schema") is None:
        file = named_file(cells, folder)
        return Name(key=file.relative_to(folder).as_posix(), media={role: file})
    uid = cells.text("uid")
    if not uid:
        raise CellError("it has no `uid`")
    cells.drop("id", "source", "source_key", "split")
    media = cells.fitting(lambda cell: cell if isinstance(cell, dict) else None, "media") or {}
    return Name(
        key=uid,
        media={role: _medium(role, one, folder) for role, one in media.items()},
        modality=cells.text("modality"),
        consent=_consent(cells),
    )


def _consent(cells: Cells) -> Consent | None:
    told = cells.fitting(lambda cell: cell if isinstance(cell, dict) else None, "consent")
    if told is None:
        return None
    try:
        return read_consent(told)
    except ValueError as error:
        raise CellError("its `consent` cannot be read") from error


def _schema(cell: object) -> int | None:
    # A later version may say more; what it says besides goes into the context.
    return cell if isinstance(cell, int) and not isinstance(cell, bool) and cell >= 1 else None


def _medium(role: str, said: object, folder: Path) -> object:
    if not isinstance(said, dict) or not isinstance(said.get("path"), str):
        raise CellError(f"the medium `{role}` has no path")
    file = found_file(folder, said["path"])
    if said.get("digest") not in (None, digest_file(file)):
        raise CellError(f"the bytes of `{said['path']}` are not those that were exported")
    start, end = _seconds(said.get("start")), _seconds(said.get("end"))
    if start is None and end is None:
        return file
    try:
        return cut(file.read_bytes(), start, end)
    except DamagedError as error:
        raise CellError(f"`{said['path']}`: {error.message}") from error


def _seconds(value: object) -> float | None:
    if value is None or (isinstance(value, (int, float)) and 0 <= value < 1e9):
        return value
    raise CellError(f"`{value}` is no time in seconds")
