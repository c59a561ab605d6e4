"""Where an export lands: built beside its target, put in place at the end, or not at all.

Known trade-offs: only the last step is atomic. A crash may leave a hidden folder
`.NAME.….partial` beside the target, and the files of a folder are not synced one by one.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from truing.domain.errors import ConflictError, InvalidInputError
from truing.platform.files import replace, storage_error, sync_folder

_SAFE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,199}")


@contextmanager
def whole(target: Path, *beside: Path) -> Iterator[Path]:
    """A fresh folder in which to build; what lies in it under the names of `target` and
    `beside` takes its place when the block ends well, `target` last.

    Args:
        target: the file or folder to appear; an empty one is replaced.
        beside: companions in the same folder, such as the folder with the media of a table.

    Raises:
        ConflictError: one of them exists and is not empty; checked before and after building.
        UnavailableError: the disk is full or the folder not writable.
    """
    places = [place.parent.resolve() / place.name for place in (*beside, target)]
    for place in places:
        refuse_existing(place)
    parent = places[-1].parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{places[-1].name[:100]}."
        draft = Path(tempfile.mkdtemp(prefix=prefix, suffix=".partial", dir=parent))
        try:
            yield draft
            _put_in_place(draft, places)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        sync_folder(parent)
    except OSError as error:
        raise storage_error(error, target) from error


@contextmanager
def whole_table(target: Path, name: str, endings: Collection[str]) -> Iterator[tuple[Path, Path]]:
    """Where to build a table and the folder with its media; the latter is made when needed.

    Args:
        target: a file by one of the `endings`, with its media in a folder beside it; else a
            folder that holds both.
        name: the table's name in such a folder.
        endings: such as `.csv`.

    Raises:
        ConflictError: the target or the folder of media exists and is not empty.
        UnavailableError: as `whole`.
    """
    if target.suffix.lower() in endings:
        media = media_folder(target)
        with whole(target, media) as draft:
            yield draft / target.name, draft / media.name
    else:
        with whole(target) as draft:
            table = draft / target.name / name
            table.parent.mkdir()
            yield table, media_folder(table)


def media_folder(table: Path) -> Path:
    """The folder with the files of a written table: `rows.csv` -> `rows.media`."""
    return table.with_name(table.stem + ".media")


def table_at(path: Path, name: str) -> Path:
    """The table to read: the file itself, or the one of that name in a folder."""
    return path / name if (path / name).is_file() else path


def refuse_existing(target: Path) -> None:
    """Lets nothing be overwritten.

    Raises:
        ConflictError: there is a file with content, or a folder that is not empty.
    """
    if target.is_dir():
        taken = any(target.iterdir())
    else:
        taken = target.exists() and target.stat().st_size > 0
    if taken:
        raise ConflictError(
            f"`{target}` exists and is not empty",
            hint="choose another name, or move it away first",
        )


def file_stem(uid: str) -> str:
    """The uid as the stem of a file name.

    Raises:
        InvalidInputError: it has characters that file systems or shells treat in their own way.
    """
    if _SAFE.fullmatch(uid) is None:
        raise InvalidInputError(
            f"the uid `{uid}` cannot be a file name",
            hint="uids are letters, digits, `.`, `_` and `-`",
        )
    return uid


def write_new(path: Path, data: bytes, uid: str) -> None:
    """Writes a row's file.

    Raises:
        InvalidInputError: the file is there: the row's uid came twice.
    """
    try:
        with path.open("xb") as stream:
            stream.write(data)
    except FileExistsError as error:
        raise InvalidInputError(
            f"the uid `{uid}` comes twice in one export", hint="export each sample once"
        ) from error


def _put_in_place(draft: Path, places: list[Path]) -> None:
    placed: list[Path] = []
    try:
        for place in places:
            built = draft / place.name
            if not built.exists():
                continue
            refuse_existing(place)
            if place.is_dir():
                place.rmdir()
            elif built.is_dir() and place.exists():
                place.unlink()
            replace(built, place)
            placed.append(place)
    except BaseException:
        for place in placed:
            _remove(place)
        raise


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink()
