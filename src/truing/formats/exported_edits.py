"""Image edits on their way to a trainer: pairs a person confirmed, as files for its loader.

Only rows with a truth and both pictures go out; nobody's e-mail does, nor what the app knew
besides. Coordinates are taken out of the pictures, and nothing else of them changes unless a
`Standard` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from truing.domain.dataset import Split
from truing.domain.errors import DamagedError, InvalidInputError
from truing.domain.format import ExportedRow, ExportMedia
from truing.domain.review import State
from truing.formats.picture import picture_file
from truing.formats.standardise import Standard, picture_bytes
from truing.formats.target import file_stem

MODALITY = "image_edit"
ROLES = ("original", "edited")
COLUMNS = {"original": "original_image", "edited": "edited_image"}
"""Role -> what trainers call the column."""
PROMPT = "edit_prompt"
SHARD = 500_000_000
"""Bytes of pictures from which the next shard is begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One row with its pictures as files."""

    stem: str
    """How its files are called: the uid."""
    split: Split
    prompt: str
    files: dict[str, tuple[bytes, str]]
    """Role -> bytes and ending."""
    row: ExportedRow

    @property
    def size(self) -> int:
        """Bytes of both pictures."""
        return sum(len(data) for data, _ in self.files.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class EditOptions:
    """How pictures go out."""

    standard: Standard | None = None
    keep_place: bool = False
    """Whether the coordinates of where a picture was taken stay in it."""


class Part(Protocol):
    """The files of one split while they are written."""

    def add(self, pair: Pair, /) -> None:
        """Writes one more pair, into the next file where this one is full."""
        ...

    def close(self) -> None:
        """Ends the file that is open."""
        ...


_Part = TypeVar("_Part", bound=Part)


def write_parts(
    pairs: Iterable[Pair], begun: Callable[[Split], _Part]
) -> tuple[int, Sequence[_Part]]:
    """Writes each pair into the part of its split; all parts are closed in the end.

    Returns:
        How many pairs there were, and the parts.
    """
    count = 0
    parts: dict[Split, _Part] = {}
    try:
        for pair in pairs:
            if pair.split not in parts:
                parts[pair.split] = begun(pair.split)
            parts[pair.split].add(pair)
            count += 1
    finally:
        for part in parts.values():
            part.close()
    return count, list(parts.values())


def confirmed_pairs(
    rows: Iterable[ExportedRow], media: ExportMedia, options: EditOptions
) -> Iterator[Pair]:
    """The pairs of the rows that have all there must be; rows without a split are for training.

    Raises:
        InvalidInputError: a uid that comes twice or cannot be a file name, or a picture that
            must be changed and cannot be read.
        DamagedError: a picture that must be changed and cannot be decoded.
    """
    seen: set[str] = set()
    for row in rows:
        truth = row.truth
        if truth is None or not truth.strip() or row.state is State.REJECTED:
            continue
        if any(role not in row.media for role in ROLES):
            continue
        if row.uid in seen:
            raise InvalidInputError(
                f"the uid `{row.uid}` comes twice in one export", hint="export each sample once"
            )
        seen.add(row.uid)
        yield Pair(
            stem=file_stem(row.uid),
            split=row.split or Split.TRAIN,
            prompt=truth,
            files={role: _file(row, role, media, options) for role in ROLES},
            row=row,
        )


def _file(
    row: ExportedRow, role: str, media: ExportMedia, options: EditOptions
) -> tuple[bytes, str]:
    data = media.read(row.media[role].digest)
    try:
        return picture_file(picture_bytes(data, options.standard), keep_place=options.keep_place)
    except DamagedError as error:
        raise DamagedError(f"sample {row.uid}, {role}: {error.message}", hint=error.hint) from error
    except InvalidInputError as error:
        raise InvalidInputError(
            f"sample {row.uid}, {role}: {error.message}", hint=error.hint
        ) from error
