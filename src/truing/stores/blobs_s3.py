"""Blobs in an object store: `s3://bucket/prefix`, by obstore, with a folder of copies to read from.

Layout: `<prefix>/sha256/ab/cdef…`. A blob is stored with "only if there is none" (`If-None-Match`),
which is durable and whole when the store answers; larger ones go up in parts and appear with the
last. Reading verifies. Credentials come from the environment (`AWS_ACCESS_KEY_ID` and its
companions), never from the URL, which is kept in the settings.

A blob that is put again and has lain there for an hour is stored anew, so that collecting orphans
finds it young; right before it removes one it looks once more.

*Known trade-offs*: an object store has no "remove only if unchanged": bytes that are put again in
the very moment between that look and the removal are lost. An orphan is a day old by then.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from truing.domain.clock import MICROSECONDS, Clock, SystemClock
from truing.domain.digest import CHUNK, PREFIX, digest_bytes, digest_file
from truing.domain.errors import (
    ConflictError,
    DamagedError,
    NotFoundError,
    UnavailableError,
)
from truing.stores.blob_cache import BlobCache
from truing.stores.blobs_local import parts_of
from truing.stores.object_store import connect, meaning, place_of

if TYPE_CHECKING:
    from truing.domain.ports import Blobs

IN_PARTS = 8 << 20
"""From this size on a blob goes up in parts of this size."""
RENEW = 3600.0
"""Seconds after which a blob that is put again is stored anew."""
CACHE = 4 << 30
"""Bytes of copies kept on this machine."""
MARK = "truing.txt"
_SAYS = b"Media of a Truing workspace, named by SHA-256. Nothing here is to be changed by hand.\n"
_KEY = re.compile(r"sha256/([0-9a-f]{2})/([0-9a-f]{62})")


class S3Blobs:
    """See `truing.domain.ports.Blobs`. Opening it reaches out to nothing.

    Args:
        url: `s3://bucket/prefix`, see `place_of`.
        cache: folder for copies that decoders read from.
        cache_bytes: how much of it is kept.
        left: where blobs were kept before; what is deleted here is deleted there as well.
        clock: tells how old a blob is.
        environ: credentials and endpoint; the process's own when left out.

    Raises:
        InvalidInputError: a URL that cannot be used.
        MissingDependencyError: obstore is not installed.
        UnavailableError: the environment holds no credentials.
    """

    def __init__(
        self,
        url: str,
        cache: Path,
        *,
        cache_bytes: int = CACHE,
        left: Blobs | None = None,
        clock: Clock | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        environ = os.environ if environ is None else environ
        self._place = place_of(url, environ)
        self._store = connect(self._place, environ)
        self._cache = BlobCache(cache, limit=cache_bytes, clock=self._clock)
        self._left = left
        self._bucket_seen = False

    def check(self) -> None:
        """Makes sure that the bucket is there and may be written.

        Raises:
            NotFoundError: no such bucket.
            UnavailableError: not reachable, not allowed, or it keeps what is removed.
        """
        import obstore

        with self._explained():
            answer = obstore.put(self._store, MARK, _SAYS)
        if answer["version"] not in (None, "null") and not self._place.versioned:
            raise UnavailableError(
                f"the bucket of `{self._place}` keeps old versions: forgetting would not remove "
                "anything",
                hint="turn versioning off, or add ?versioned=yes to the URL and let a rule of the "
                "bucket remove old versions",
            )

    def together(self) -> AbstractContextManager[None]:
        """See `Blobs.together`: each blob is durable at once anyway."""
        return nullcontext()

    def put(self, data: bytes) -> str:
        """See `Blobs.put`.

        Raises:
            UnavailableError: the store cannot be reached or refuses.
        """
        import obstore

        digest = digest_bytes(data)
        key = _key(digest)
        if len(data) >= IN_PARTS:
            if not self._stands(key, len(data)):
                with self._explained():
                    obstore.put(self._store, key, data, chunk_size=IN_PARTS)
        elif not self._created(key, data) and not self._stands(key, len(data)):
            with self._explained():
                obstore.put(self._store, key, data, use_multipart=False)
        return digest

    def put_file(self, path: Path) -> str:
        """See `Blobs.put_file`: in parts when it is large; then it is read twice.

        Raises:
            NotFoundError: no such file.
            ConflictError: the file changed while it was read.
            UnavailableError: the store cannot be reached or refuses.
        """
        import obstore

        if not path.is_file():
            raise NotFoundError(f"no file `{path}`", hint="check the path")
        size = path.stat().st_size
        if size < IN_PARTS:
            return self.put(path.read_bytes())
        digest = digest_file(path)
        if not self._stands(_key(digest), size):
            with self._explained():
                obstore.put(self._store, _key(digest), _verified(path, digest), chunk_size=IN_PARTS)
        return digest

    def mend(self, path: Path) -> str:
        """See `Blobs.mend`: the store replaces an object as a whole.

        Raises:
            NotFoundError: no such file.
            ConflictError: the file changed while it was read.
            UnavailableError: the store cannot be reached or refuses.
        """
        import obstore

        if not path.is_file():
            raise NotFoundError(f"no file `{path}`", hint="check the path")
        digest = digest_file(path)
        with self._explained():
            obstore.put(self._store, _key(digest), _verified(path, digest), chunk_size=IN_PARTS)
        return digest

    def open(self, digest: str) -> BinaryIO:
        """See `Blobs.open`; reads from a verified copy."""
        return self.path(digest).open("rb")

    def read(self, digest: str) -> bytes:
        """See `Blobs.read`.

        Raises:
            UnavailableError: the store cannot be reached or refuses.
        """
        copy = self._cache.path(digest)
        if copy is not None:
            data = copy.read_bytes()
            if digest_bytes(data) == digest:
                return data
            self._cache.drop(digest)
        import obstore

        with self._explained(digest):
            data = bytes(obstore.get(self._store, _key(digest)).bytes())
        if digest_bytes(data) != digest:
            raise DamagedError(
                f"the blob `{digest}` is damaged in `{self._place}`: its bytes have another digest",
                hint="restore it from a backup; `truing verify` lists what is damaged",
            )
        return data

    def path(self, digest: str) -> Path:
        """See `Blobs.path`: a copy on this machine, verified when it was fetched.

        Raises:
            DamagedError: the store gave other bytes.
            UnavailableError: the store cannot be reached or refuses, or no space for the copy.
        """
        import obstore

        copy = self._cache.path(digest)
        if copy is not None:
            return copy
        with self._explained(digest):
            answer = obstore.get(self._store, _key(digest))
            pieces = (bytes(piece) for piece in answer.stream(min_chunk_size=CHUNK))
            return self._cache.keep(digest, pieces)

    def exists(self, digest: str) -> bool:
        """See `Blobs.exists`.

        Raises:
            UnavailableError: the store cannot be reached or refuses.
        """
        return self._head(_key(digest)) is not None

    def delete(self, digest: str) -> bool:
        """See `Blobs.delete`; copies on this machine go as well.

        Raises:
            UnavailableError: the store cannot be reached or refuses.
        """
        import obstore

        key = _key(digest)
        self._cache.drop(digest)
        left = self._left is not None and self._left.delete(digest)
        if self._head(key) is None:
            return left
        with self._explained():
            obstore.delete(self._store, key)
        return True

    def discard(
        self, digests: Iterable[str], needed: Callable[[Sequence[str]], set[str]]
    ) -> list[str]:
        """See `Blobs.discard`; an object cannot be put aside, so each is asked about just before.

        Raises:
            UnavailableError: the store cannot be reached or refuses.
        """
        given = list(dict.fromkeys(digests))
        return [one for one in given if one not in needed([one]) and self.delete(one)]

    def digests(self) -> Iterator[str]:
        """See `Blobs.digests`."""
        for digest, _, _ in self._listed():
            yield digest

    def collect_orphans(self, referenced: Iterable[str], *, older_than: float) -> int:
        """See `Blobs.collect_orphans`; parts of uploads cut short are the bucket's to remove."""
        before = self._clock.now() / MICROSECONDS - older_than
        count = 0
        for digest, _ in self.orphans(referenced, older_than=older_than):
            found = self._head(_key(digest))
            if found is not None and found["last_modified"].timestamp() < before:
                count += self.delete(digest)
        return count

    def orphans(self, referenced: Iterable[str], *, older_than: float) -> Iterator[tuple[str, int]]:
        """See `Blobs.orphans`."""
        needed = {bytes.fromhex(digest.removeprefix(PREFIX)) for digest in referenced}
        before = self._clock.now() / MICROSECONDS - older_than
        for digest, size, modified in self._listed():
            if modified < before and bytes.fromhex(digest.removeprefix(PREFIX)) not in needed:
                yield digest, size

    def verify(self, digest: str) -> bool:
        """See `Blobs.verify`: reads from the store itself, not from the copy."""
        import hashlib

        import obstore

        state = hashlib.sha256()
        try:
            with self._explained(digest):
                for piece in obstore.get(self._store, _key(digest)).stream(min_chunk_size=CHUNK):
                    state.update(piece)
        except NotFoundError:
            # Raises when it is the bucket that is missing.
            self._head(_key(digest))
            return False
        return PREFIX + state.hexdigest() == digest

    def _created(self, key: str, data: bytes) -> bool:
        """Stores bytes unless something is there under that name."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with self._explained():
            try:
                obstore.put(self._store, key, data, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
        return True

    def _stands(self, key: str, size: int) -> bool:
        """Whether the blob is there, whole by its size, and young enough not to be collected."""
        found = self._head(key)
        if found is None or found["size"] != size:
            return False
        age = self._clock.now() / MICROSECONDS - found["last_modified"].timestamp()
        return bool(age < RENEW)

    def _head(self, key: str) -> Mapping[str, Any] | None:
        import obstore

        with self._explained():
            try:
                return obstore.head(self._store, key)
            except FileNotFoundError:
                # The answer to HEAD has no text: it reads the same when the bucket is missing.
                if not self._bucket_seen:
                    next(iter(obstore.list(self._store, chunk_size=1)), None)
                    self._bucket_seen = True
                return None

    def _listed(self) -> Iterator[tuple[str, int, float]]:
        """(digest, bytes, seconds since 1970 of its storing) of every blob."""
        import obstore

        with self._explained():
            for found in obstore.list(self._store, "sha256", chunk_size=1000):
                for one in found:
                    key = _KEY.fullmatch(one["path"])
                    if key is not None:
                        stored = one["last_modified"].timestamp()
                        yield f"{PREFIX}{key[1]}{key[2]}", one["size"], stored

    @contextmanager
    def _explained(self, digest: str | None = None) -> Iterator[None]:
        """Turns the errors of the store into ours, in this one place."""
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            raise meaning(error, self._place, digest) from error


def _key(digest: str) -> str:
    first, rest = parts_of(digest)
    return f"sha256/{first}/{rest}"


def _verified(path: Path, digest: str) -> Iterator[bytes]:
    """A file's pieces; the last only once all of them together have the digest."""
    import hashlib

    state = hashlib.sha256()
    with path.open("rb") as stream:
        held = stream.read(CHUNK)
        while piece := stream.read(CHUNK):
            state.update(held)
            yield held
            held = piece
    state.update(held)
    if PREFIX + state.hexdigest() != digest:
        raise ConflictError(
            f"`{path}` changed while it was read",
            hint="wait until the program that writes it is done",
        )
    yield held
