"""A folder of clips of the GRID corpus, each named by its sentence: `bbaf2n.mpg`.

Videos and alignments (`bbaf2n.align`) are found by name anywhere below the folder, in whatever
layout: original videos or ready mouth clips. The speaker is the part of the path that ends in
`s1` to `s34`; a clip without one is told by `--speaker`. The truth is the sentence that the name
spells. A clip whose alignment says something else is a failed row, and so is a second file of the
same clip: of several the first counts, in order of their paths.

A session is a speaker and the first four letters of the name (`s1/bbaf`): the corpus has most
sentences in groups of four that share four of their six words, and a split must not tear them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from truing.domain.digest import digest_bytes
from truing.domain.errors import InvalidInputError, NotFoundError
from truing.domain.format import FailedRow, ImportedRow
from truing.domain.grammar import prefix_of, sentence_of

VIDEO = frozenset({".mpg", ".mpeg", ".mp4", ".m4v", ".avi", ".mov", ".mkv", ".webm"})
ALIGNMENT = ".align"
SILENCES = frozenset({"sil", "sp"})
_SPEAKER = re.compile(r"(?:.*[^a-z0-9])?(s(?:[1-9]|[12]\d|3[0-4]))(?:[^a-z0-9].*)?")
"""`s1`, `grid_s1`, `s1.mpg_vcd`; the corpus has 34 speakers."""


class Grid:
    """Clips of the GRID corpus, or ready mouth clips of it, with their word alignments."""

    name = "grid"
    modality = "lipreading"
    summary = "folder of clips of the GRID corpus, named by their sentences (bbaf2n.mpg, .align)"
    keys_are_unique = True

    def read(self, path: Path) -> Iterator[ImportedRow | FailedRow]:
        """Rows by speaker and name; the key is `s1/bbaf2n`.

        The alignment is given along, where there is one. A clip of an unknown speaker has the
        folder in its key, so that others of the same name are told from it.

        Raises:
            NotFoundError: nothing at `path`.
            InvalidInputError: no folder, or no video named by a sentence below it.
        """
        if not path.exists():
            raise NotFoundError(f"there is no folder `{path}`", hint="check the path")
        if not path.is_dir():
            raise InvalidInputError(
                f"`{path}` is not a folder", hint="name the folder that holds the clips"
            )
        found = _scan(path)
        if not found.clips:
            raise InvalidInputError(
                f"`{path}` holds no video named by a sentence of the GRID corpus",
                hint="a clip's name spells its sentence: `bbaf2n.mpg` is `bin blue at f two now`",
            )
        return _rows(path, found)


@dataclass(frozen=True, slots=True)
class _Found:
    clips: dict[tuple[str, str], list[Path]]
    """Speaker (empty when unknown) and name -> its files, in order."""
    alignments: dict[tuple[str, str], Path]
    strangers: list[Path]
    """Videos of other names."""


def _scan(root: Path) -> _Found:
    found = _Found({}, {}, [])
    for place, folders, files in os.walk(root):
        folders[:] = sorted(one for one in folders if not one.startswith((".", "__MACOSX")))
        speaker = _speaker(root, Path(place))
        for name in sorted(files):
            file = Path(place, name)
            ending, stem = file.suffix.lower(), file.stem.lower()
            if name.startswith(".") or ending not in {ALIGNMENT, *VIDEO}:
                continue
            if ending == ALIGNMENT:
                found.alignments.setdefault((speaker, stem), file)
            elif _is_sentence(stem):
                found.clips.setdefault((speaker, stem), []).append(file)
            else:
                found.strangers.append(file)
    return found


def _speaker(root: Path, place: Path) -> str:
    """Of the deepest folder that names one, the given folder itself included."""
    parts = (root.resolve().name, *place.relative_to(root).parts)
    for part in reversed(parts):
        told = _SPEAKER.fullmatch(part.lower())
        if told:
            return told[1]
    return ""


def _is_sentence(stem: str) -> bool:
    try:
        sentence_of(stem)
    except InvalidInputError:
        return False
    return True


def _rows(root: Path, found: _Found) -> Iterator[ImportedRow | FailedRow]:
    place = digest_bytes(os.fsencode(root.resolve()))[7:13]
    for (speaker, stem), files in sorted(found.clips.items()):
        owner = speaker or f"{root.resolve().name}-{place}"
        yield _row(owner, speaker or None, stem, files[0], found.alignments)
        for other in files[1:]:
            first = files[0].relative_to(root).as_posix()
            yield FailedRow(
                key=other.relative_to(root).as_posix(), reason=f"the same clip as `{first}`"
            )
    for file in found.strangers:
        name = file.relative_to(root).as_posix()
        yield FailedRow(key=name, reason=f"`{file.stem}` does not spell a GRID sentence")


def _row(
    owner: str,
    speaker: str | None,
    stem: str,
    video: Path,
    alignments: Mapping[tuple[str, str], Path],
) -> ImportedRow | FailedRow:
    truth = sentence_of(stem)
    media: dict[str, object] = {"video": video}
    # Alignments are often kept in a folder of their own that names no speaker.
    alignment = alignments.get((speaker or "", stem)) or alignments.get(("", stem))
    if alignment is not None:
        told = _transcript(alignment)
        if told != truth:
            reason = f"its name spells `{truth}`, but `{alignment.name}` says `{told[:80]}`"
            return FailedRow(key=f"{owner}/{stem}", reason=reason)
        media["alignment"] = alignment
    return ImportedRow(
        key=f"{owner}/{stem}",
        media=media,
        truth=truth,
        prediction_known=False,
        subject=speaker,
        session=f"{owner}/{prefix_of(stem)}",
    )


def _transcript(alignment: Path) -> str:
    """The words of an alignment; its times are read, and judged, where it is taken in."""
    lines = alignment.read_text(encoding="utf-8", errors="replace").splitlines()
    words = (line.split()[-1].lower() for line in lines if line.strip())
    return " ".join(word for word in words if word not in SILENCES)
