"""A folder of files to and from an object store: `s3://bucket/prefix`, several files at a time.

Known trade-offs: the whole tree lies on this machine meanwhile. A bucket knows no folders that
appear at once: who reads while a tree is being sent sees part of it. The file named as the last
one is sent when all others are there, so that a list of them never names what is missing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from truing.domain.digest import CHUNK
from truing.domain.errors import ConflictError, InvalidInputError, NotFoundError
from truing.stores.object_store import Place, connect, meaning, place_of

if TYPE_CHECKING:
    from obstore.store import S3Store

AT_ONCE = 8
"""Files on their way at the same time."""
BATCH = 1000
Item = TypeVar("Item")


def fetch_tree(url: str, folder: Path, environ: Mapping[str, str] | None = None) -> int:
    """Brings everything below the prefix into a folder; returns how many files.

    Args:
        url: `s3://bucket/prefix`, see `place_of`.
        folder: an empty one.
        environ: credentials and endpoint; the process's own when left out.

    Raises:
        NotFoundError: no such bucket, or nothing below the prefix.
        InvalidInputError: a URL that cannot be used, or a name that leads out of the folder.
        MissingDependencyError: obstore is not installed.
        UnavailableError: no credentials, or a store that cannot be reached or refuses.
    """
    place, store = _opened(url, environ)

    def fetch(name: str) -> None:
        import obstore

        file = folder / _within(name, place)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as stream:
            for piece in obstore.get(store, name).stream(min_chunk_size=CHUNK):
                stream.write(piece)

    count = 0
    with _explained(place):
        for names in _listed(store):
            _each(fetch, names)
            count += len(names)
    if count == 0:
        raise NotFoundError(f"there is nothing at `{place}`", hint="check bucket and prefix")
    return count


def send_tree(
    folder: Path, url: str, *, last: str, environ: Mapping[str, str] | None = None
) -> int:
    """Sends every file of a folder; returns how many.

    Args:
        folder: what is sent, with the names it has in the folder.
        url: `s3://bucket/prefix`, see `place_of`; nothing may lie there yet.
        last: the name of a file that is sent when all others are there.
        environ: credentials and endpoint; the process's own when left out.

    Raises:
        ConflictError: something lies below the prefix.
        NotFoundError: no such bucket.
        InvalidInputError: a URL that cannot be used.
        MissingDependencyError: obstore is not installed.
        UnavailableError: no credentials, or a store that cannot be reached or refuses.
    """
    place, store = _opened(url, environ)

    def send(name: str) -> None:
        import obstore

        obstore.put(store, name, folder / name)

    names = sorted(
        file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()
    )
    with _explained(place):
        _refuse_taken(place, store)
        _each(send, [name for name in names if name != last])
        _each(send, [name for name in names if name == last])
    return len(names)


def check_empty(url: str, environ: Mapping[str, str] | None = None) -> None:
    """Looks before much work is done.

    Raises:
        ConflictError: something lies below the prefix; else as `send_tree`.
    """
    place, store = _opened(url, environ)
    with _explained(place):
        _refuse_taken(place, store)


def _refuse_taken(place: Place, store: S3Store) -> None:
    if next(_listed(store), None):
        raise ConflictError(
            f"there is something at `{place}` already", hint="choose another prefix"
        )


def _opened(url: str, environ: Mapping[str, str] | None) -> tuple[Place, S3Store]:
    environ = os.environ if environ is None else environ
    place = place_of(url, environ)
    return place, connect(place, environ)


def _listed(store: S3Store) -> Iterator[list[str]]:
    import obstore

    for found in obstore.list(store, chunk_size=BATCH):
        # Some programs keep empty objects as signs of folders.
        if names := [one["path"] for one in found if not one["path"].endswith("/")]:
            yield names


def _each(act: Callable[[Item], None], items: Iterable[Item]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(act, items):
            pass


def _within(name: str, place: Place) -> Path:
    path = PurePosixPath(name)
    if path.is_absolute() or "\\" in name or ".." in path.parts or not path.parts:
        raise InvalidInputError(
            f"`{place}` holds `{name}`, which is no name of a file in a folder",
            hint="give that object another name, or take it out of the prefix",
        )
    return Path(*path.parts)


@contextmanager
def _explained(place: Place) -> Iterator[None]:
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, FileNotFoundError) as error:
        raise meaning(error, place, None) from error
