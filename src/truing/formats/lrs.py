"""A folder of the corpora LRS2 and LRS3: clips in folders, each with a text file beside it.

`<folder>/00001.mp4` is told by `<folder>/00001.txt`: a line `Text:` with the sentence and, in the
parts for pre-training, a table of words with their times in seconds:

    Text:  AND THAT IS WHY
    WORD START END ASDSCORE
    AND 0.40 0.71 9.4

The folder is the recording the clip was cut from; clips of one never straddle a split. Source:
T. Afouras, J. S. Chung, A. Senior, O. Vinyals, A. Zisserman, "Deep audio-visual speech
recognition", 2018; the data are given by their makers to those who ask.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from truing.domain.errors import InvalidInputError, NotFoundError
from truing.domain.format import FailedRow, ImportedRow

VIDEO = ".mp4"
TEXT = ".txt"
SENTENCE = "Text:"
TABLE = ("WORD", "START", "END")
"""The first cells of the line above the table of words."""


class Lrs:
    """Clips of LRS2 or LRS3 with their texts and, where given, the times of the words."""

    name = "lrs"
    modality = "lipreading"
    summary = "folder of LRS2 or LRS3: clips with a text file (Text: …) beside each"

    def read(self, path: Path) -> Iterator[ImportedRow | FailedRow]:
        """Rows in order of their paths; the key is the path without its ending.

        Raises:
            NotFoundError: nothing at `path`.
            InvalidInputError: no folder, or no video with a text file beside it.
        """
        if not path.exists():
            raise NotFoundError(f"there is no folder `{path}`", hint="check the path")
        if not path.is_dir():
            raise InvalidInputError(
                f"`{path}` is not a folder", hint="name the folder that holds the clips"
            )
        clips = _clips(path)
        if not any(clip.with_suffix(TEXT).is_file() for clip in clips):
            raise InvalidInputError(
                f"`{path}` holds no .mp4 file with a .txt file of the same name beside it",
                hint="name a folder of LRS2 or LRS3, such as `mvlrs_v1/main` or `trainval`",
            )
        return (_row(path, clip) for clip in clips)


def _clips(root: Path) -> list[Path]:
    found = []
    for place, folders, files in os.walk(root):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        names = (name for name in sorted(files) if not name.startswith("."))
        found += [Path(place, name) for name in names if name.lower().endswith(VIDEO)]
    return found


def _row(root: Path, clip: Path) -> ImportedRow | FailedRow:
    key = clip.relative_to(root).with_suffix("").as_posix()
    file = clip.with_suffix(TEXT)
    if not file.is_file():
        return FailedRow(key=key, reason=f"there is no `{file.name}` beside it")
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    texts = [line.removeprefix(SENTENCE) for line in lines if line.startswith(SENTENCE)]
    truth = " ".join(texts[0].split()) if texts else ""
    if not truth:
        return FailedRow(key=key, reason=f"`{file.name}` has no line `{SENTENCE}` with a sentence")
    try:
        words = _words(lines)
    except ValueError:
        return FailedRow(key=key, reason=f"`{file.name}` has a word without `start end` in seconds")
    media: dict[str, object] = {"video": clip}
    if words:
        media["alignment"] = words
    folder = clip.parent.relative_to(root).as_posix()
    return ImportedRow(
        key=key,
        media=media,
        truth=truth,
        prediction_known=False,
        session=root.resolve().name if folder == "." else folder,
    )


def _words(lines: list[str]) -> list[tuple[str, float, float]]:
    """The table of words, seconds from the clip's start; empty where there is none."""
    heads = [n for n, line in enumerate(lines) if tuple(line.split()[:3]) == TABLE]
    if not heads:
        return []
    rows = []
    for line in lines[heads[0] + 1 :]:
        if not line.strip():
            break
        word, start, end = line.split()[:3]
        rows.append((word, float(start), float(end)))
    return rows
