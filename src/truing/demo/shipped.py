"""What ships for the demo: real recordings of spoken digits, and base models that lack one voice.

There is one base model per speaker of the recordings, trained on the three others. So the demo
can always start from a model that never heard the person, whoever of them it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from truing.domain.errors import InvalidInputError
from truing.domain.format import FailedRow, ImportedRow
from truing.modalities.speech.media import ingest
from truing.workspace.collecting import reader_of

DIGITS = Path(__file__).parent / "digits"
RECORDINGS = DIGITS / "recordings"
NEW_SPEAKER = "jackson"
REPLAYED = range(10, 30)
"""Recordings of each digit that the bases were trained on and that are replayed."""
HELD_OUT = range(5)
"""Recordings of each digit that no base was trained on: they show what a model has forgotten."""


def speakers() -> list[str]:
    """The speakers that a base model was trained without."""
    return sorted(path.name.removeprefix("without-") for path in (DIGITS / "base").iterdir())


def base_without(speaker: str) -> Path:
    """The base model that never heard a speaker."""
    return DIGITS / "base" / f"without-{speaker}"


def never_heard(speaker: str, rows: Iterable[ImportedRow]) -> str:
    """The shipped speaker whose recordings a base must not know, given somebody's recordings.

    Names prove nothing, so the sound itself is compared with the shipped recordings. Somebody
    whom no base has heard is served by any of them.

    Raises:
        InvalidInputError: the recordings are of several shipped speakers.
    """
    heard = {_content(path): name for name, path in _shipped()}
    found = {heard[content] for row in rows if (content := _content(row.media["audio"])) in heard}
    if speaker in speakers():
        found.add(speaker)
    if len(found) > 1:
        raise InvalidInputError(
            f"the recordings of `{speaker}` hold the voices of {', '.join(sorted(found))}",
            hint="give each speaker their own name in metadata.jsonl",
        )
    return next(iter(found), NEW_SPEAKER)


def _content(source: object) -> object:
    return ingest("audio", source).facts["content"]


def _shipped() -> Iterator[tuple[str, Path]]:
    for entry in _metadata():
        yield str(entry["speaker"]), RECORDINGS / str(entry["file_name"])


def _metadata() -> Iterator[dict[str, object]]:
    with (RECORDINGS / "metadata.jsonl").open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def rows_of_others(unaware: str, chosen: range) -> list[ImportedRow]:
    """Recordings of the other speakers, by the number of the take."""
    takes = {str(entry["file_name"]): entry["recording"] for entry in _metadata()}
    rows = reader_of("audiofolder").read(RECORDINGS)
    return [
        row
        for row in rows
        if not isinstance(row, FailedRow) and row.subject != unaware and takes[row.key] in chosen
    ]
