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
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from truing.domain.clock import MICROSECONDS, Clock, SystemClock
from truing.domain.digest import CHUNK, PREFIX, digest_bytes, digest_file
from truing.domain.errors import ConflictError, DamagedError, InvalidInputError, NotFoundError
from truing.platform.files import (
    make_folder,
    remove,
    replace,
    storage_error,
    sync_file,
    sync_folder,
)
from truing.stores.blob_batch import BlobBatch

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
        self._own = threading.local()

    @contextmanager
    def together(self) -> Iterator[None]:
        """See `Blobs.together`.

        Raises:
            UnavailableError: no space, or a folder that cannot be written; what was put within
                the block is not kept.
        """
        if getattr(self._own, "batch", None) is not None:
            yield  # within another batch: that one ends it
            return
        batch = self._own.batch = BlobBatch()
        try:
            yield
        except BaseException:
            batch.discard()
            raise
        else:
            batch.settle()
        finally:
            self._own.batch = None

    def _written(self, folder: str, name: str) -> AbstractContextManager[BinaryIO]:
        batch: BlobBatch | None = getattr(self._own, "batch", None)
        return written(folder, name) if batch is None else batch.written(folder, name, _drafted)

    def _renewed(self, folder: str, name: str, size: int) -> bool:
        batch: BlobBatch | None = getattr(self._own, "batch", None)
        if batch is not None and batch.holds(folder, name):
            return True
        return _renewed(folder, name, size, sync_folder if batch is None else batch.folders.add)

    def put(self, data: bytes) -> str:
        """See `Blobs.put`.

        Raises:
            UnavailableError: no space, or a folder that cannot be written; nothing is left behind.
        """
        digest = digest_bytes(data)
        folder, name = self._place(digest)
        if not self._renewed(folder, name, len(data)):
            with self._written(folder, name) as stream:
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
        if not self._renewed(folder, name, path.stat().st_size):
            with path.open("rb") as source, self._written(folder, name) as stream:
                if _copied(source, stream) != digest:
                    raise ConflictError(
                        f"`{path}` changed while it was read",
                        hint="wait until the program that writes it is done",
                    )
        return digest

    def mend(self, path: Path) -> str:
        """See `Blobs.mend`: at any moment the old bytes or the new ones are there.

        Raises:
            NotFoundError: no such file.
            ConflictError: the file changed while it was read.
            UnavailableError: no space, or a folder that cannot be written.
        """
        if not path.is_file():
            raise NotFoundError(f"no file `{path}`", hint="check the path")
        digest = digest_file(path)
        with path.open("rb") as source, written(*self._place(digest)) as stream:
            if _copied(source, stream) != digest:
                raise ConflictError(
                    f"`{path}` changed while it was read",
                    hint="wait until the program that writes it is done",
                )
        return digest

    def open(self, digest: str) -> BinaryIO:
        """See `Blobs.open`."""
        try:
            return self.target(digest).open("rb")
        except FileNotFoundError as error:
            raise missing(digest) from error
        except OSError as error:
            raise storage_error(error, self.target(digest), doing="read") from error

    def read(self, digest: str) -> bytes:
        """See `Blobs.read`."""
        try:
            with self.open(digest) as stream:
                data = stream.read()
        except OSError as error:
            raise storage_error(error, self.target(digest), doing="read") from error
        if digest_bytes(data) != digest:
            raise DamagedError(
                f"the blob `{digest}` is damaged: its bytes have another digest",
                hint="restore it from a backup; `truing verify` lists what is damaged",
            )
        return data

    def path(self, digest: str) -> Path:
        """See `Blobs.path`."""
        target = self.target(digest)
        if not _is_there(target):
            raise missing(digest)
        return target

    def exists(self, digest: str) -> bool:
        """See `Blobs.exists`.

        Raises:
            UnavailableError: the system does not let us look.
        """
        return _is_there(self.target(digest))

    def delete(self, digest: str) -> bool:
        """See `Blobs.delete`; durable when it returns.

        Raises:
            UnavailableError: the file cannot be removed.
        """
        return remove(self.target(digest))

    def discard(
        self, digests: Iterable[str], needed: Callable[[Sequence[str]], set[str]]
    ) -> list[str]:
        """See `Blobs.discard`; durable when it returns.

        Raises:
            UnavailableError: a file cannot be removed.
        """
        given = list(dict.fromkeys(digests))
        wanted = needed(given)
        doomed = {one: _doomed(self.target(one)) for one in given if one not in wanted}
        put_aside = {digest: file for digest, file in doomed.items() if file is not None}
        wanted = needed(list(put_aside))
        for digest, file in put_aside.items():
            if digest in wanted:
                _put_back(file, self.target(digest))
            else:
                remove(file)
        return [digest for digest in put_aside if digest not in wanted]

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
        before = self._clock.now() / MICROSECONDS - older_than
        count = 0
        for file in self._orphans(referenced, before):
            count += remove(file) if _digest_of(file) is None else _collected(file, before)
        return count

    def orphans(self, referenced: Iterable[str], *, older_than: float) -> Iterator[tuple[str, int]]:
        """See `Blobs.orphans`."""
        before = self._clock.now() / MICROSECONDS - older_than
        for file in self._orphans(referenced, before):
            with suppress(FileNotFoundError):
                yield _digest_of(file) or file.name, file.stat().st_size

    def _orphans(self, referenced: Iterable[str], before: float) -> Iterator[Path]:
        needed = {bytes.fromhex(digest.removeprefix(PREFIX)) for digest in referenced}
        for file in self._files():
            digest = _digest_of(file)
            unwanted = (
                _is_left_over(file)
                if digest is None
                else bytes.fromhex(digest.removeprefix(PREFIX)) not in needed
            )
            if unwanted and _older(file, before):
                yield file

    def verify(self, digest: str) -> bool:
        """See `Blobs.verify`; False as well when the blob is missing.

        Raises:
            UnavailableError: the blob cannot be read.
        """
        target = self.target(digest)
        try:
            return digest_file(target) == digest
        except FileNotFoundError:
            return False
        except OSError as error:
            raise storage_error(error, target, doing="read") from error

    def _place(self, digest: str) -> tuple[str, str]:
        # Texts, not paths: joining and parsing a `Path` costs as much as hashing the sound.
        first, rest = parts_of(digest)
        return f"{self._root}/{first}", rest

    def target(self, digest: str) -> Path:
        """Where a blob lies, or would lie.

        Raises:
            InvalidInputError: no digest.
        """
        return Path(*self._place(digest))

    def _files(self) -> Iterator[Path]:
        for folder in sorted(Path(self._root).glob("[0-9a-f][0-9a-f]")):
            yield from sorted(folder.iterdir())


def parts_of(digest: str) -> tuple[str, str]:
    """The name of a blob's folder and of its file.

    Raises:
        InvalidInputError: no digest.
    """
    parts = _DIGEST.fullmatch(digest)
    if parts is None:
        raise InvalidInputError(
            f"`{digest[:80]}` is no digest of a blob", hint="it reads sha256:<64 hex digits>"
        )
    return parts[1], parts[2]


def missing(digest: str) -> NotFoundError:
    """The error for a blob that is not there."""
    return NotFoundError(
        f"no blob `{digest}`", hint="restore it from a backup; `truing verify` lists what is gone"
    )


def _digest_of(file: Path) -> str | None:
    digest = f"{PREFIX}{file.parent.name}{file.name}"
    return digest if _DIGEST.fullmatch(digest) else None


def _is_there(target: Path) -> bool:
    try:
        return stat.S_ISREG(target.stat().st_mode)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise storage_error(error, target, doing="read") from error


def _renewed(folder: str, name: str, size: int, sync: Callable[[str], None]) -> bool:
    """Whether the blob is there, whole by its size; it counts as new from now on."""
    target = f"{folder}/{name}"
    try:
        os.utime(target)
        whole = os.stat(target).st_size == size  # noqa: PTH116 - see `_place`
        if whole:
            # Whoever renamed it may not have come to sync the folder.
            sync(folder)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise storage_error(error, Path(target)) from error
    return whole


@contextmanager
def written(folder: str, name: str) -> Iterator[BinaryIO]:
    """A stream to a file that stands durably under its name once the block has ended well.

    Raises:
        UnavailableError: the file system refused; nothing is left behind.
    """
    try:
        draft, stream = _drafted(folder)
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


def _drafted(folder: str) -> tuple[str, BinaryIO]:
    draft = f"{folder}/{_TEMPORARY}{os.getpid()}-{secrets.token_hex(6)}"
    try:
        return draft, open(draft, "xb")  # noqa: PTH123 - the caller closes it
    except FileNotFoundError:
        make_folder(Path(draft).parent)
        return draft, Path(draft).open("xb")


def _copied(source: BinaryIO, target: BinaryIO) -> str:
    state = hashlib.sha256()
    while piece := source.read(CHUNK):
        state.update(piece)
        target.write(piece)
    return PREFIX + state.hexdigest()


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
    doomed = _doomed(file)
    if doomed is None:
        return False
    # Whoever put it again up to this moment has made it young: then it comes back.
    if _older(doomed, before):
        return remove(doomed)
    _put_back(doomed, file)
    return False


def _doomed(file: Path) -> Path | None:
    """A blob under a name by which nobody finds it; None when it is not there.

    One that a crash has left so is there.
    """
    doomed = file.with_name(f"{_DOOMED}{file.name}")
    try:
        replace(file, doomed)
    except FileNotFoundError:
        return doomed if doomed.exists() else None
    except OSError as error:
        raise storage_error(error, file) from error
    return doomed


def _put_back(doomed: Path, file: Path) -> None:
    try:
        replace(doomed, file)
        sync_folder(str(file.parent))
    except OSError as error:
        raise storage_error(error, file) from error
