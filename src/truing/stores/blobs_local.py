"""Blobs in a folder: bytes under their SHA-256, durable before `put` returns.

Layout: `blobs/sha256/ab/cdef…`. Order of writing: a temporary file in the same folder, sync,
rename, sync of the folder, and of its parent when the folder is new. A crash leaves a whole blob,
or a temporary file that `collect_orphans` removes by its age; never half a blob under its name.

Two processes may put, read and collect at once. A blob that is put again becomes young, and what
collecting has taken away is looked at once more before it goes, so that a blob just put again is
never lost.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from truing.domain.clock import MICROSECONDS, Clock, SystemClock
from truing.domain.digest import CHUNK, PREFIX, digest_bytes, digest_file
from truing.domain.errors import ConflictError, DamagedError, InvalidInputError, NotFoundError
from truing.platform.files import replace, storage_error, sync_file, sync_folder

_DIGEST = re.compile(r"sha256:([0-9a-f]{2})([0-9a-f]{62})")
_TEMPORARY = ".tmp-"
_DOOMED = ".old-"


class LocalBlobs:
    """See `truing.domain.ports.Blobs`.

    Args:
        folder: made when the first blob is put.
        clock: tells how old a blob is; file dates come from the machine's own.
    """

    def __init__(self, folder: Path, *, clock: Clock | None = None) -> None:
        self._root = str(Path(folder) / "sha256")
        self._clock = clock or SystemClock()

    def put(self, data: bytes) -> str:
        """See `Blobs.put`.

        Raises:
            UnavailableError: no space, or a folder that cannot be written; nothing is left behind.
        """
        digest = digest_bytes(data)
        folder, name = self._place(digest)
        if not _renewed(f"{folder}/{name}", len(data)):
            with _written(folder, name) as stream:
                stream.write(data)
        return digest

    def put_file(self, path: Path) -> str:
        """See `Blobs.put_file`: read once to know its name, copied only when it is new.

        Raises:
            NotFoundError: no such file.
            ConflictError: the file changed while it was read.
            UnavailableError: no space, or a folder that cannot be written; nothing is left behind.
        """
        if not path.is_file():
            raise NotFoundError(f"no file `{path}`", hint="check the path")
        digest = digest_file(path)
        folder, name = self._place(digest)
        if not _renewed(f"{folder}/{name}", path.stat().st_size):
            with path.open("rb") as source, _written(folder, name) as stream:
                if _copied(source, stream) != digest:
                    raise ConflictError(
                        f"`{path}` changed while it was read",
                        hint="wait until the program that writes it is done",
                    )
        return digest

    def open(self, digest: str) -> BinaryIO:
        """See `Blobs.open`."""
        try:
            return self._target(digest).open("rb")
        except FileNotFoundError as error:
            raise _missing(digest) from error
        except OSError as error:
            raise storage_error(error, self._target(digest)) from error

    def read(self, digest: str) -> bytes:
        """See `Blobs.read`."""
        with self.open(digest) as stream:
            data = stream.read()
        if digest_bytes(data) != digest:
            raise DamagedError(
                f"the blob `{digest}` is damaged: its bytes have another digest",
                hint="restore it from a backup; `truing verify` lists what is damaged",
            )
        return data

    def path(self, digest: str) -> Path:
        """See `Blobs.path`."""
        target = self._target(digest)
        if not target.is_file():
            raise _missing(digest)
        return target

    def exists(self, digest: str) -> bool:
        """See `Blobs.exists`."""
        return self._target(digest).is_file()

    def delete(self, digest: str) -> bool:
        """See `Blobs.delete`; durable when it returns.

        Raises:
            UnavailableError: the file cannot be removed.
        """
        return _removed(self._target(digest))

    def digests(self) -> Iterator[str]:
        """See `Blobs.digests`."""
        for file in self._files():
            if (digest := _digest_of(file)) is not None:
                yield digest

    def collect_orphans(self, referenced: Iterable[str], *, older_than: float) -> int:
        """See `Blobs.collect_orphans`.

        Raises:
            UnavailableError: a file cannot be removed.
        """
        needed = {bytes.fromhex(digest.removeprefix(PREFIX)) for digest in referenced}
        before = self._clock.now() / MICROSECONDS - older_than
        count = 0
        for file in self._files():
            digest = _digest_of(file)
            if digest is None:
                count += _is_left_over(file) and _older(file, before) and _removed(file)
            elif bytes.fromhex(digest.removeprefix(PREFIX)) not in needed:
                count += _collected(file, before)
        return count

    def verify(self, digest: str) -> bool:
        """See `Blobs.verify`; False as well when the blob is missing."""
        target = self._target(digest)
        return target.is_file() and digest_file(target) == digest

    def _place(self, digest: str) -> tuple[str, str]:
        # Texts, not paths: joining and parsing a `Path` costs as much as hashing the sound.
        parts = _DIGEST.fullmatch(digest)
        if parts is None:
            raise InvalidInputError(
                f"`{digest[:80]}` is no digest of a blob", hint="it reads sha256:<64 hex digits>"
            )
        return f"{self._root}/{parts[1]}", parts[2]

    def _target(self, digest: str) -> Path:
        return Path(*self._place(digest))

    def _files(self) -> Iterator[Path]:
        for folder in sorted(Path(self._root).glob("[0-9a-f][0-9a-f]")):
            yield from sorted(folder.iterdir())


def _digest_of(file: Path) -> str | None:
    digest = f"{PREFIX}{file.parent.name}{file.name}"
    return digest if _DIGEST.fullmatch(digest) else None


def _missing(digest: str) -> NotFoundError:
    return NotFoundError(
        f"no blob `{digest}`", hint="restore it from a backup; `truing verify` lists what is gone"
    )


def _renewed(target: str, size: int) -> bool:
    """Whether the blob is there, whole by its size; it counts as new from now on."""
    try:
        os.utime(target)
        return os.stat(target).st_size == size  # noqa: PTH116 - see `_place`
    except FileNotFoundError:
        return False
    except OSError as error:
        raise storage_error(error, Path(target)) from error


@contextmanager
def _written(folder: str, name: str) -> Iterator[BinaryIO]:
    """A stream to a file that stands durably under its name once the block has ended well."""
    draft = f"{folder}/{_TEMPORARY}{os.getpid()}-{secrets.token_hex(6)}"
    try:
        stream = _opened(draft)
        try:
            with stream:
                yield stream
                stream.flush()
                sync_file(stream.fileno())
            replace(draft, f"{folder}/{name}")
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        sync_folder(folder)
    except OSError as error:
        raise storage_error(error, Path(folder, name)) from error


def _opened(draft: str) -> BinaryIO:
    try:
        return open(draft, "xb")  # noqa: PTH123 - see `_place`; the caller closes it
    except FileNotFoundError:
        _make_folder(Path(draft).parent)
        return Path(draft).open("xb")


def _make_folder(folder: Path) -> None:
    """A folder whose every new parent is on the disk as well."""
    fresh = [folder, *folder.parents]
    fresh = fresh[: next(place for place, one in enumerate(fresh) if one.is_dir())]
    folder.mkdir(parents=True, exist_ok=True)
    for one in fresh:
        sync_folder(one.parent)


def _copied(source: BinaryIO, target: BinaryIO) -> str:
    state = hashlib.sha256()
    while piece := source.read(CHUNK):
        state.update(piece)
        target.write(piece)
    return PREFIX + state.hexdigest()


def _removed(file: Path) -> bool:
    try:
        file.unlink()
        sync_folder(file.parent)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise storage_error(error, file) from error
    return True


def _is_left_over(file: Path) -> bool:
    return file.name.startswith((_TEMPORARY, _DOOMED))


def _older(file: Path, before: float) -> bool:
    try:
        return file.stat().st_mtime < before
    except FileNotFoundError:
        return False


def _collected(file: Path, before: float) -> bool:
    if not _older(file, before):
        return False
    doomed = file.with_name(f"{_DOOMED}{file.name}")
    try:
        file.rename(doomed)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise storage_error(error, file) from error
    # Whoever put it again up to this moment has made it young: then it comes back.
    if _older(doomed, before):
        return _removed(doomed)
    replace(doomed, file)
    return False
