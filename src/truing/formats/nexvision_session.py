"""One session of NexVision's training data: its folder, metadata and line in the log, as our row.

What the app writes cannot be taken at its word: names end in `.jpg` whatever the bytes are, two
requests in one millisecond share a folder, and the log of its own description has three keys. The
metadata beside the pictures wins over the log; where they differ, the context says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from truing.domain.clock import MICROSECONDS, from_iso, to_iso
from truing.domain.format import ExportedRow, ImportedRow
from truing.formats.columns import CellError
from truing.formats.lines import json_value

SOURCE = "nexvision"
PREFIX = "session-"
NOBODY = "anonymous"
"""NexVision's e-mail of whoever gave none."""
DIFFERS = "differs"
"""In the context: by field, what the log or the disk says other than the metadata."""
MOST_METADATA = 1 << 20
"""Bytes; a larger file is no metadata of one session."""
FILES = {"original": "originalFilename", "edited": "reimaginedFilename"}
"""Role -> the key that names its file."""
SIZES = {"original": "originalSize", "edited": "reimaginedSize"}
WORDS = {"original": "original", "edited": "reimagined"}
"""Role -> how the names of its files begin."""
_KNOWN = {
    *("timestamp", "instruction", "userEmail", "sessionId"),
    *FILES.values(),
    *SIZES.values(),
}
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)-(\d{3})Z")
SAFE_KEY = re.compile(r"session-[0-9A-Za-z][0-9A-Za-z._-]{0,150}")
_SAFE_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z ._-]{0,150}\.[A-Za-z]{3,5}")

Said = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A folder of the tree with what is known of it."""

    folder: Path
    said: Said
    """Its metadata; where there are none, its line in the log."""
    differs: Said

    @property
    def key(self) -> str:
        """The session's id, by its metadata or by the folder's name."""
        stated = self.said.get("sessionId")
        return stated if isinstance(stated, str) and stated.strip() else self.folder.name


def session_of(folder: Path, logged: Said | None) -> Session:
    """Reads a session's metadata and holds the log against it.

    Args:
        folder: with the pictures.
        logged: the session's line in the log, where there is one.

    Raises:
        CellError: neither metadata nor a line in the log say what was asked for, or the folder is
            a link.
    """
    if folder.is_symlink():
        # Whoever made the tree may point at pictures of the one who imports it.
        raise CellError(f"`{folder.name}` is a link to another folder")
    problem, said = None, None
    try:
        said = _metadata(folder)
    except CellError as error:
        problem = str(error)
    found = said if said is not None else logged
    if found is None or "instruction" not in found:
        name = f"metadata-{folder.name.removeprefix(PREFIX)}.json"
        raise CellError(problem or f"`{folder.name}/{name}` is missing or has no instruction")
    differs: dict[str, object] = {} if problem is None else {"metadata": problem}
    if said is not None and logged is not None:
        differs.update(_differences(said, logged))
    return Session(folder=folder, said=found, differs=differs)


def imported(session: Session) -> ImportedRow:
    """The row of a session.

    Raises:
        CellError: a picture is missing or empty, or the instruction is no text.
    """
    said = session.said
    instruction = said["instruction"]
    if not isinstance(instruction, str):
        raise CellError(f"its instruction is no text: {instruction!r}"[:200])
    files = {role: _picture(session, role) for role in FILES}
    differs = dict(session.differs)
    for role, key in SIZES.items():
        size = files[role].stat().st_size
        if key in said and said[key] != size:
            differs[key] = {"metadata": said[key], "file": size}
    return ImportedRow(
        key=session.key,
        media=dict(files),
        captured_at=_instant(said.get("timestamp")) or stamped_at(session.folder.name),
        raw=instruction,
        context=_context(said, files, differs),
        contact=_contact(said),
    )


def exported(row: ExportedRow, key: str, sizes: Mapping[str, int]) -> dict[str, object]:
    """The metadata of a row, with the keys in NexVision's order and nobody's e-mail.

    Args:
        row: the sample.
        key: the session's id in the export.
        sizes: bytes of each role's file.
    """
    names = names_of(row, key)
    own = row.context if row.source == SOURCE else {}
    return {
        "timestamp": javascript_time(row.captured_at),
        "instruction": instruction_of(row),
        "userEmail": NOBODY,
        **{FILES[role]: names[role] for role in FILES},
        **{SIZES[role]: sizes[role] for role in SIZES},
        "sessionId": key,
        **{name: own[name] for name in own if name not in (*_KNOWN, DIFFERS, "chosen", "of")},
    }


def instruction_of(row: ExportedRow) -> str | None:
    """The confirmed instruction, or else the one that was sent."""
    return row.raw if row.truth is None else row.truth


def names_of(row: ExportedRow, key: str) -> dict[str, str]:
    """By role, how a row's files are called: as they were, or else as NexVision calls them."""
    stamp = key.removeprefix(PREFIX)
    usual = {role: f"{word}-{stamp}.jpg" for role, word in WORDS.items()}
    stated = {role: str(row.context.get(name, "")) for role, name in FILES.items()}
    kept = row.source == SOURCE and row.source_key == key
    usable = all(_SAFE_NAME.fullmatch(one) for one in stated.values())
    apart = len({one.lower() for one in stated.values()}) == len(stated)
    return stated if kept and usable and apart else usual


class SessionKeys:
    """Gives each row the id of its folder: its own, or one made of its time, none twice."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, row: ExportedRow) -> str:
        """A free id such as `session-2026-11-20T09-49-36-051Z`."""
        own = row.source_key if row.source == SOURCE else None
        instant = row.captured_at
        key = own if own is not None and SAFE_KEY.fullmatch(own) else key_at(instant)
        while key.lower() in self._taken:
            instant += 1000
            key = key_at(instant)
        self._taken.add(key.lower())
        return key


def stamped_at(name: str) -> int | None:
    """Microseconds since 1970 of the stamp in a folder's name; None when there is none."""
    found = _STAMP.search(name)
    if found is None:
        return None
    day, hour, minute, second, thousandth = found.groups()
    return _instant(f"{day}T{hour}:{minute}:{second}.{thousandth}Z")


def key_at(instant: int) -> str:
    """The id of a session of that time, in microseconds since 1970."""
    return PREFIX + re.sub(r"[:.]", "-", javascript_time(instant))


def javascript_time(instant: int) -> str:
    """Microseconds since 1970 as `Date.toISOString` writes them: always three digits."""
    whole = to_iso(instant // MICROSECONDS * MICROSECONDS).removesuffix("Z")
    return f"{whole}.{instant % MICROSECONDS // 1000:03d}Z"


def _metadata(folder: Path) -> Said | None:
    stamp = folder.name.removeprefix(PREFIX)
    usual = folder / f"metadata-{stamp}.json"
    file = usual if usual.is_file() else next(iter(sorted(folder.glob("metadata-*.json"))), None)
    if file is None or file.is_symlink():
        return None
    shown = f"`{folder.name}/{file.name}`"
    if file.stat().st_size > MOST_METADATA:
        raise CellError(f"{shown} is larger than {MOST_METADATA} bytes")
    try:
        value = json_value(file.read_bytes().decode("utf-8-sig"))
    except ValueError as error:
        raise CellError(f"{shown} is not JSON: {error}"[:300]) from error
    if not isinstance(value, dict):
        raise CellError(f"{shown} is not an object")
    return value


def _differences(said: Said, logged: Said) -> dict[str, object]:
    shared = [name for name in logged if name in said and said[name] != logged[name]]
    # Whose e-mail stands where is nobody's business in a context.
    return {name: True if name == "userEmail" else {"log": logged[name]} for name in shared}


def _picture(session: Session, role: str) -> Path:
    folder, stated = session.folder, session.said.get(FILES[role])
    usual = f"{WORDS[role]}-{folder.name.removeprefix(PREFIX)}.jpg"
    # The base name alone: metadata cannot point out of their folder.
    names = [PureWindowsPath(stated).name] if isinstance(stated, str) and "\0" not in stated else []
    for name in (*names, usual):
        file = folder / name
        if name and file.is_file() and not file.is_symlink():
            if file.stat().st_size == 0:
                raise CellError(f"`{folder.name}/{name}` is empty")
            return file
    raise CellError(f"`{folder.name}/{(*names, usual)[0]}` is missing")


def _context(said: Said, files: Mapping[str, Path], differs: Said) -> dict[str, object]:
    context: dict[str, object] = {FILES[role]: file.name for role, file in files.items()}
    context.update((name, said[name]) for name in said if name not in _KNOWN)
    if differs:
        context[DIFFERS] = dict(differs)
    return context


def _contact(said: Said) -> str | None:
    stated = said.get("userEmail")
    if not isinstance(stated, str) or stated.strip().casefold() in ("", NOBODY):
        return None
    return stated.strip()


def _instant(value: object) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        return from_iso(value)
    except (ValueError, OverflowError):
        return None
