"""One record of Chaplin's training data, as JSON and as a database row hold it, and our row of it.

What Chaplin writes cannot be taken at its word: `video_path` is absolute, of another machine or of
Windows; `was_correct` is always false in its window; a speaker is `default` and a context `none`
when nobody said; the correction may be missing, or that of the utterance before.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from truing.domain.clock import MICROSECONDS
from truing.domain.digest import canonical_json, digest_bytes
from truing.domain.format import ExportedRow, FailedRow, ImportedRow
from truing.formats.columns import CellError, share
from truing.formats.sittings import Sittings

VIDEOS = "videos"
NOBODY = "default"
"""Chaplin's name for whoever sits before the camera."""
NO_CONTEXT = "none"
SOURCE = "chaplin"
MISSING = "missing"
"""In a sample's context, under `llm_correction`: it was saved before the correction had come."""
LATEST = 253_370_764_800.0
"""Seconds since 1970 in the year 9999."""
_TEXTS = ("raw_output", "llm_correction", "ground_truth")
_OURS = ("speaker", "context", "session", "confidence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record with the names that Chaplin gives its fields."""

    id: str
    video_path: str
    raw_output: str | None
    llm_correction: str | None
    ground_truth: str | None
    timestamp: float | None
    was_correct: bool | None
    metadata: Mapping[str, object]

    @property
    def key(self) -> str:
        """Its id, with a digest behind it when the id is not one of a kind."""
        try:
            return str(uuid.UUID(self.id))
        except ValueError:
            state = [self.raw_output, self.ground_truth, self.timestamp, base_name(self.video_path)]
            return f"{self.id}:{digest_bytes(canonical_json(state))[7:19]}"

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "id": self.id,
            "video_path": self.video_path,
            "raw_output": self.raw_output,
            "llm_correction": self.llm_correction,
            "ground_truth": self.ground_truth,
            "timestamp": self.timestamp,
            "was_correct": self.was_correct,
            "metadata": dict(self.metadata),
        }


def record_of(cells: Mapping[str, object]) -> Record:
    """A record from the JSON object or the columns of a row.

    Raises:
        CellError: no id, no video, or a text that is none.
    """
    texts = {name: _text(name, cells.get(name)) for name in ("id", "video_path", *_TEXTS)}
    if not texts["id"] or not texts["video_path"]:
        raise CellError(f"it has no `{'video_path' if texts['id'] else 'id'}`")
    metadata = cells.get("metadata")
    was_correct = cells.get("was_correct")
    return Record(
        id=texts["id"],
        video_path=texts["video_path"],
        raw_output=texts["raw_output"],
        llm_correction=texts["llm_correction"],
        ground_truth=texts["ground_truth"],
        timestamp=_seconds(cells.get("timestamp")),
        was_correct=None if was_correct is None else bool(was_correct),
        metadata=metadata if isinstance(metadata, Mapping) else {},
    )


def imported(record: Record, folder: Path, sittings: Sittings) -> ImportedRow | FailedRow:
    """The row of a record whose videos lie in `folder`, or where the record says."""
    video = _found_video(record.video_path, folder)
    if video is None:
        stated = record.video_path[:200]
        name = base_name(stated)
        reason = f"its video `{name}` is neither in `{folder}` nor at `{stated}`"
        return FailedRow(key=record.key, reason=reason)
    said = record.metadata
    time = record.timestamp
    captured_at = None if time is None else round(time * MICROSECONDS)
    speaker, session, confidence = said.get("speaker"), said.get("session"), said.get("confidence")
    return ImportedRow(
        key=record.key,
        media={"video": video},
        captured_at=captured_at,
        raw=record.raw_output,
        corrected=record.llm_correction,
        truth=record.ground_truth,
        prediction_known=record.raw_output is not None or record.llm_correction is not None,
        confidence=share(confidence),
        subject=speaker if isinstance(speaker, str) and speaker != NOBODY else None,
        session=session if isinstance(session, str) else sittings.of(captured_at),
        context=_context(record),
    )


def exported(row: ExportedRow, video_path: str) -> Record:
    """The record of a row; whether it was correct is told from its texts."""
    proposed = row.raw if row.corrected is None else row.corrected
    right = row.truth is not None and proposed is not None and proposed.strip() == row.truth.strip()
    context = dict(row.context)
    context.pop("llm_correction", None)
    told = context.pop("context", NO_CONTEXT)
    metadata: dict[str, object] = {name: context[name] for name in context if name not in _OURS}
    metadata["speaker"] = row.subject or NOBODY
    metadata["context"] = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
    if row.session is not None:
        metadata["session"] = row.session
    if row.confidence is not None:
        metadata["confidence"] = row.confidence
    own = row.source == SOURCE and row.source_key is not None and ":" not in row.source_key
    return Record(
        id=row.source_key if own and row.source_key is not None else row.uid,
        video_path=video_path,
        raw_output=row.raw,
        llm_correction=row.corrected,
        ground_truth=row.truth,
        timestamp=row.captured_at / MICROSECONDS,
        was_correct=right,
        metadata=metadata,
    )


def base_name(path: str) -> str:
    """The last part of a path of any system."""
    return PureWindowsPath(path).name


class VideoNames:
    """Gives each video the name that Chaplin would have: `training_<ms>.avi`, none twice."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, row: ExportedRow, ending: str) -> str:
        """A free name for a row's video."""
        milliseconds = row.captured_at // 1000
        while (name := f"training_{milliseconds}{ending}") in self._taken:
            milliseconds += 1
        self._taken.add(name)
        return name


def _context(record: Record) -> dict[str, object]:
    context = {name: value for name, value in record.metadata.items() if name not in _OURS}
    told = record.metadata.get("context")
    if isinstance(told, str) and told != NO_CONTEXT:
        context["context"] = told
    if record.ground_truth is None and record.was_correct:
        # `y` before the correction had come: the text the person meant was never written down.
        context["was_correct"] = True
    if record.llm_correction is None and record.raw_output is not None:
        context["llm_correction"] = MISSING
    return context


def _found_video(stated: str, folder: Path) -> Path | None:
    name = base_name(stated)
    places = [folder / name] if name else []
    if "\0" not in stated:
        places += [Path(stated), folder.parent.parent / stated]
    return next((place for place in places if _is_file(place)), None)


def _is_file(place: Path) -> bool:
    try:
        return place.is_file()
    except OSError:  # a name too long for this system is no file here
        return False


def _text(name: str, value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is None or isinstance(value, str):
        return value
    raise CellError(f"`{name}` is no text: {value!r}"[:200])


def _seconds(value: object) -> float | None:
    usable = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not usable or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value) if 0 <= value < LATEST else None
