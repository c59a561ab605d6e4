"""NexVision's training data: a folder `training-data` with a folder per session, and a log.

    training-data/training-log.jsonl
    training-data/session-2026-11-20T09-49-36-051Z/original-2026-11-20T09-49-36-051Z.jpg
                                                   reimagined-2026-11-20T09-49-36-051Z.jpg
                                                   metadata-2026-11-20T09-49-36-051Z.json

Scope: both forms of the log's lines, the metadata's whole object and the three keys of the app's
own description; sessions that only the disk or only the log knows; sessions found twice.

Known trade-offs: the app knows neither state nor truth. What is written as the instruction is the
confirmed one, or else the one that was sent; read again it is what was sent. Rejected rows, and
rows without two pictures and an instruction, stay out. E-mails are never written.
"""

from __future__ import annotations

import filecmp
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from truing.domain.digest import canonical_json
from truing.domain.errors import InvalidInputError, NotFoundError
from truing.domain.format import ExportedRow, ExportMedia, FailedRow, ImportedRow
from truing.domain.review import State
from truing.formats.columns import CellError
from truing.formats.lines import json_lines
from truing.formats.nexvision_session import (
    FILES,
    PREFIX,
    SOURCE,
    SessionKeys,
    exported,
    imported,
    instruction_of,
    names_of,
    session_of,
)
from truing.formats.standardise import Standard, picture_bytes
from truing.formats.target import whole

FOLDER = "training-data"
LOG = "training-log.jsonl"


class NexVision:
    """The folder `training-data` of the image editor NexVision.

    Args:
        standard: how pictures are changed on their way out; None leaves every byte as it is.
    """

    name = SOURCE
    modality = "image_edit"
    summary = "folder training-data of the image editor NexVision (pictures, metadata and a log)"
    keys_are_unique = True
    """Sessions are named after their millisecond: a moved or copied folder holds the same rows."""

    def __init__(self, *, standard: Standard | None = None) -> None:
        self._standard = standard

    def read(self, path: Path) -> Iterator[ImportedRow | FailedRow]:
        """Rows in the log's order, then sessions the log does not know, by name; each once.

        Args:
            path: the folder `training-data`, the one it lies in, or the log in it.

        Raises:
            NotFoundError: nothing at `path`.
            InvalidInputError: neither sessions nor a log there.
        """
        return _rows(*_found(path))

    def write(self, rows: Iterable[ExportedRow], media: ExportMedia, target: Path) -> int:
        """Writes the folder; see the module for what is left out.

        Raises:
            ConflictError: the target exists and is not empty.
            DamagedError: a picture that must be changed and cannot be decoded.
            UnavailableError: the target cannot be written.
        """
        keys, count = SessionKeys(), 0
        with whole(target) as draft:
            folder = draft / target.name
            folder.mkdir()
            with (folder / LOG).open("wb") as log:
                for row in rows:
                    if not _fits(row):
                        continue
                    said = self._session(row, media, folder, keys.of(row))
                    log.write(_json(said, separators=(",", ":")) + b"\n")
                    count += 1
        return count

    def _session(
        self, row: ExportedRow, media: ExportMedia, folder: Path, key: str
    ) -> dict[str, object]:
        place = folder / key
        place.mkdir()
        sizes = {}
        for role, name in names_of(row, key).items():
            data = picture_bytes(media.read(row.media[role].digest), self._standard)
            (place / name).write_bytes(data)
            sizes[role] = len(data)
        said = exported(row, key, sizes)
        name = f"metadata-{key.removeprefix(PREFIX)}.json"
        (place / name).write_bytes(_json(said, indent=2))
        return said


def _json(
    value: dict[str, object],
    *,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
) -> bytes:
    text = json.dumps(
        value, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators
    )
    return text.encode()


def _fits(row: ExportedRow) -> bool:
    pictured = all(role in row.media for role in FILES)
    return pictured and row.state is not State.REJECTED and instruction_of(row) is not None


def _found(path: Path) -> tuple[list[Path], list[Path]]:
    """The folders of sessions and the logs, those nearest to the root first."""
    if not path.exists():
        raise NotFoundError(f"there is no folder `{path}`", hint="check the path")
    root = path.parent if path.is_file() and path.name == LOG else path
    root = root / FOLDER if (root / FOLDER).is_dir() else root
    sessions, logs = [], []
    for place, folders, files in os.walk(root):
        here = Path(place)
        sessions += [here / one for one in folders if one.startswith(PREFIX)]
        logs += [here / LOG] if LOG in files else []
        folders[:] = sorted(
            one for one in folders if not one.startswith((".", PREFIX, "node_modules"))
        )
    if not sessions and not logs:
        raise InvalidInputError(
            f"`{path}` holds neither folders `{PREFIX}…` nor `{LOG}`",
            hint=f"name the folder `{FOLDER}` that NexVision writes beside its program",
        )
    return sorted(sessions, key=lambda one: (len(one.parts), one)), logs


@dataclass(frozen=True, slots=True)
class _Logged:
    """A line of a log; kept as its bytes, which are a tenth of the objects in it."""

    place: str
    number: int
    text: bytes

    @property
    def cells(self) -> dict[str, object]:
        cells: dict[str, object] = json.loads(self.text)
        return cells

    def failed(self, why: str) -> FailedRow:
        return FailedRow(key=self.place, reason=f"line {self.number}: {why}")


def _rows(sessions: list[Path], logs: list[Path]) -> Iterator[ImportedRow | FailedRow]:
    lines, failed = _logged(logs)
    yield from failed
    by_name: dict[str, list[Path]] = {}
    for folder in sessions:
        by_name.setdefault(folder.name, []).append(folder)
    ordered = [name for name in lines if name in by_name]
    ordered += sorted(by_name.keys() - lines.keys())
    seen: dict[str, Path] = {}
    for name in ordered:
        for folder in by_name[name]:
            yield from _row(folder, lines.get(name, []), seen)
    for name, logged in lines.items():
        if name not in by_name and name not in seen:
            yield logged[0].failed(f"there is no folder `{name}`")


def _logged(logs: list[Path]) -> tuple[dict[str, list[_Logged]], list[FailedRow]]:
    """The lines by session, equal ones once, and those that are none."""
    lines: dict[str, list[_Logged]] = {}
    failed = []
    for log in logs:
        for line in json_lines(log):
            name = line.cells.get("sessionId")
            one = _Logged(f"{log.name}:{line.number}", line.number, canonical_json(line.cells))
            if line.problem is not None:
                failed.append(one.failed(line.problem))
            elif not isinstance(name, str) or not name:
                failed.append(one.failed("it has no `sessionId`"))
            elif all(one.text != other.text for other in lines.setdefault(name, [])):
                lines[name].append(one)
    return lines, failed


def _row(
    folder: Path, lines: list[_Logged], seen: dict[str, Path]
) -> Iterator[ImportedRow | FailedRow]:
    try:
        held = [session_of(folder, line.cells) for line in lines] or [session_of(folder, None)]
        # Of two requests in one millisecond the folder holds the last one alone.
        session = next((one for one in held if not one.differs), held[0])
        row = imported(session)
    except CellError as error:
        yield FailedRow(key=folder.name, reason=str(error))
        return
    first = seen.setdefault(session.key, folder)
    if first is not folder:
        if not _same(first, folder):
            reason = f"`{folder}` holds another session of this name than `{first}`"
            yield FailedRow(key=session.key, reason=reason)
        return
    yield row
    for line, one in zip(lines, held, strict=False):
        if one is not session:
            yield line.failed(f"the folder `{folder.name}` holds what another line says")


def _same(one: Path, other: Path) -> bool:
    names = sorted(file.name for file in one.iterdir())
    if names != sorted(file.name for file in other.iterdir()):
        return False
    return not any(filecmp.cmpfiles(one, other, names, shallow=False)[1:])
