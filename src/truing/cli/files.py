"""Files named on the command line: patterns and folders become the files in them."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from truing.domain.errors import NothingToDoError


def found_files(words: Sequence[str]) -> list[Path]:
    """The files meant, in the order given, each once.

    A folder stands for the sound files in it and below, by name. A pattern that the shell left
    as it is (Windows does) is filled in. A name that leads nowhere stays: reading it tells.

    Raises:
        NothingToDoError: a folder without sound files, or a pattern that fits none.
    """
    found = [path for word in words for path in _meant(word)]
    return list(dict.fromkeys(found))


def _meant(word: str) -> list[Path]:
    path = Path(word).expanduser()
    if path.is_dir():
        inside = sorted(_sounds(path))
        if not inside:
            raise NothingToDoError(
                f"there is no sound file in `{path}`", hint="name a folder with recordings"
            )
        return inside
    if path.exists() or not glob.has_magic(word):
        return [path]
    fitting = sorted(Path(one) for one in glob.glob(word, recursive=True))  # noqa: PTH207
    if not fitting:
        raise NothingToDoError(f"no file fits `{word}`", hint="check the pattern and the folder")
    return [one for one in fitting if one.is_file()]


def _sounds(folder: Path) -> Iterator[Path]:
    from truing.formats.audiofolder import SOUND

    for place, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if not one.startswith(".")]
        for name in names:
            path = Path(place, name)
            if path.suffix.lower() in SOUND and not name.startswith("."):
                yield path
