"""Rows of messages for fine-tuning: a picture, a question, and the sentence, in either form.

Two messages (user, assistant) are what LipAgent's document and validator know; three, with a system
message and another question, are what its newest script writes. The questions are part of the
format: an adapter trained with one must be asked with the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError
from truing.domain.grammar import GRID

FORMS = (2, 3)
QUESTIONS = {
    2: "These frames show a sequence of lip movements from left to right, top to bottom. "
    "Transcribe the spoken phrase.",
    3: "Read the lips in this mosaic of frames (left to right, top to bottom). "
    "Output only the 6 spoken words.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row as it was read."""

    number: int
    """Line, from 1."""
    image: Path
    """Resolved; the file may not exist."""
    written: str
    """The image as the row names it."""
    text: str
    form: int


def user_prompt(form: int = 2) -> str:
    """The question that stands beside the picture.

    Raises:
        InvalidInputError: a form other than 2 and 3.
    """
    if form not in FORMS:
        raise InvalidInputError(
            f"there is no form of {form} messages", hint="2 (user, assistant) or 3 (with system)"
        )
    return QUESTIONS[form]


def system_prompt() -> str:
    """What the system message of the form with three messages says."""
    titles = ("Commands", "Colors", "Prepositions", "Letters", "Digits", "Adverbs")
    slots = [
        f"{title}: {'a-z (except w)' if slot.name == 'letter' else ', '.join(slot.words)}"
        for title, slot in zip(titles, GRID.slots, strict=True)
    ]
    return (
        "You are a lip reading transcription system. Output ONLY the spoken words, nothing else. "
        "No explanations, no punctuation, no formatting. The sentence is always 6 words in the "
        "format: <command> <color> <preposition> <letter> <digit> <adverb>. "
        f"Vocabulary: {' | '.join(slots)}"
    )


def messages(image: str, text: str, form: int = 2) -> list[dict[str, Any]]:
    """The messages of a row.

    Args:
        image: path of the picture as the row shall name it.
        text: the sentence.
        form: 2 or 3 messages.

    Raises:
        InvalidInputError: a form other than 2 and 3.
    """
    question = [{"type": "image", "image": image}, {"type": "text", "text": user_prompt(form)}]
    rows: list[dict[str, Any]] = [
        {"role": "user", "content": question},
        {"role": "assistant", "content": text},
    ]
    if form == 3:
        rows.insert(0, {"role": "system", "content": [{"type": "text", "text": system_prompt()}]})
    return rows


def read_rows(path: Path) -> Iterator[Row]:
    """Reads rows of either form, with absolute images or relative ones.

    A relative image is looked for from the folder of the file, then from each folder above it
    (LipAgent's are relative to its project), and is taken as beside the file when it is nowhere.

    Raises:
        NotFoundError: no such file.
        DamagedError: a line that is no such row; the message names it.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise NotFoundError(f"there is no file `{path}`", hint="truing grid format") from None
    except UnicodeDecodeError as error:
        raise DamagedError(
            f"`{path}` is not text: byte {error.start} is not UTF-8", hint="truing grid format"
        ) from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield parse_row(path, number, line)


def parse_row(path: Path, number: int, line: str) -> Row:
    """One line of the file at `path`; see `read_rows`.

    Raises:
        DamagedError: it is no such row.
    """
    try:
        said = json.loads(line)["messages"]
        by_role = {one["role"]: one["content"] for one in said}
        image = next(part["image"] for part in by_role["user"] if part["type"] == "image")
        answer = by_role["assistant"]
        text = answer if isinstance(answer, str) else answer[0]["text"]
        return Row(
            number=number,
            image=_resolved(path.absolute().parent, image),
            written=image,
            text=_string(text),
            form=len(said),
        )
    except (ValueError, KeyError, TypeError, IndexError, StopIteration):
        raise DamagedError(
            f"line {number} of `{path.name}` is no row of messages with an image and an answer",
            hint="truing grid format writes the rows again",
        ) from None


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("the answer is a text")
    return value


def _resolved(folder: Path, image: str) -> Path:
    if Path(image).is_absolute():
        return Path(image)
    places = (above / image for above in (folder, *folder.parents))
    return next((place for place in places if place.is_file()), folder / image)
