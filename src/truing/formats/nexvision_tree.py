"""NexVision's folder written session by session beside a running app, so that its loaders go on.

A session is built in a hidden folder `.session-….partial`, appears whole by one rename, and gets
its line in the log after that. The hidden folder is also the claim to the name: of several
processes only one can make it, and it goes when the line is written. A crash leaves it behind.

Known trade-offs: between the rename and the line a reader of the log does not know the session yet.
A program that writes the log without taking `.training-log.lock` may write between two lines, but
not at the moment a session is removed from it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from truing.domain.clock import MICROSECONDS, Clock, SystemClock
from truing.domain.digest import digest_file
from truing.domain.errors import ConflictError
from truing.formats.nexvision_session import PREFIX
from truing.platform.files import (
    replace,
    storage_error,
    sync_file,
    sync_folder,
    write_durably,
)
from truing.platform.locks import locked

LOG = "training-log.jsonl"
LOCK = ".training-log.lock"
DRAFT = ".partial"
STALE_SECONDS = 600.0
"""Age from which nobody builds in a hidden folder any more."""
PATIENCE_SECONDS = 30.0


class SessionTree:
    """One folder `training-data`. Safe from several threads and processes.

    Args:
        root: made when the first session comes; the folder it lies in must be there.
        clock: tells how old a claim is; file dates come from the machine's own.
    """

    def __init__(self, root: Path, *, clock: Clock | None = None) -> None:
        self.root = root
        self._clock = clock or SystemClock()

    def claim(self, key: str) -> bool:
        """Takes the name of a session; False when it is taken already.

        Raises:
            UnavailableError: the folder cannot be written.
        """
        try:
            self.root.mkdir(exist_ok=True)
            self._draft(key).mkdir()
            taken = (self.root / key).exists()
        except FileExistsError:
            return False
        except OSError as error:
            raise storage_error(error, self.root) from error
        if taken:
            self.release(key)
        return not taken

    def release(self, key: str) -> None:
        """Gives a claim back, with whatever was built under it."""
        shutil.rmtree(self._draft(key), ignore_errors=True)

    def put(self, key: str, files: Mapping[str, bytes], said: Mapping[str, object]) -> None:
        """Makes a claimed session appear; durable when it returns.

        Args:
            key: such as `session-2026-11-20T09-49-36-051Z`.
            files: pictures by file name.
            said: its metadata, which are its line in the log as well.

        Raises:
            ConflictError: another program has made a session of this name.
            UnavailableError: the folder cannot be written; the claim is given back.
        """
        with self._ending(key):
            self._build(key, files, said)
            self._log(said)

    def finish(self, key: str, files: Mapping[str, bytes], said: Mapping[str, object]) -> None:
        """The same for a session that somebody began and left, however far they had come.

        Raises:
            UnavailableError: as `put`.
        """
        with self._ending(key):
            self.root.mkdir(exist_ok=True)
            shutil.rmtree(self._draft(key), ignore_errors=True)
            self._draft(key).mkdir()
            if not (self.root / key).exists():
                self._build(key, files, said)
            if not self._is_logged(key):
                self._log(said)

    def unfinished(self, *, older_than: float = STALE_SECONDS) -> list[str]:
        """Sessions that somebody claimed and left, by name.

        Args:
            older_than: seconds since anything happened to the claim.

        Raises:
            UnavailableError: the folder cannot be read.
        """
        before = self._clock.now() / MICROSECONDS - older_than
        found: list[str] = []
        try:
            for place in sorted(self.root.glob(f".{PREFIX}*{DRAFT}")):
                with suppress(FileNotFoundError):
                    found += [place.name[1 : -len(DRAFT)]] * (place.stat().st_mtime <= before)
        except OSError as error:
            raise storage_error(error, self.root, doing="read") from error
        return found

    def holds(self, key: str, digests: Collection[str] | None) -> bool:
        """Whether a session of this name lies here, with these pictures if any are named."""
        place = self.root / key
        if not place.is_dir():
            return False
        if digests is None:
            return True
        pictures = [one for one in place.iterdir() if one.is_file() and one.suffix != ".json"]
        return all(digest_file(one) in digests for one in pictures)

    def taken(self, key: str, digests: Collection[str]) -> bool:
        """Whether another session of this name lies here than the one with these pictures."""
        return (self.root / key).exists() and not self.holds(key, digests)

    def remove(self, sessions: Mapping[str, Collection[str] | None]) -> list[str]:
        """Erases sessions, first their pictures, then their lines in the log.

        Args:
            sessions: by name, the digests of their pictures: another session of the name stays;
                None erases whatever bears the name.

        Returns:
            The names of those that are gone.

        Raises:
            UnavailableError: the folder cannot be written, or the log is held for long.
        """
        gone = []
        for key, digests in sessions.items():
            self.release(key)
            if self.holds(key, digests):
                try:
                    shutil.rmtree(self.root / key)
                except OSError as error:
                    raise storage_error(error, self.root / key) from error
                gone.append(key)
        unlogged = sessions.keys() - {key for key in sessions if (self.root / key).exists()}
        if unlogged and (self.root / LOG).exists():
            self._unlog(unlogged)
        return gone

    def _draft(self, key: str) -> Path:
        return self.root / f".{key}{DRAFT}"

    @contextmanager
    def _ending(self, key: str) -> Iterator[None]:
        """The claim goes at the end, whatever became of the session."""
        try:
            yield
        except OSError as error:
            raise storage_error(error, self.root) from error
        finally:
            self.release(key)

    def _build(self, key: str, files: Mapping[str, bytes], said: Mapping[str, object]) -> None:
        built = self._draft(key) / key
        built.mkdir()
        text = json.dumps(dict(said), ensure_ascii=False, allow_nan=False, indent=2)
        metadata = {f"metadata-{key.removeprefix(PREFIX)}.json": text.encode()}
        for name, data in {**files, **metadata}.items():
            _write(built / name, data)
        sync_folder(built)
        _appear(built, self.root / key)
        sync_folder(self.root)

    def _log(self, said: Mapping[str, object]) -> None:
        text = json.dumps(dict(said), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        line = text.encode() + b"\n"
        log = self.root / LOG
        with locked(self.root / LOCK, timeout=PATIENCE_SECONDS):
            fresh = not log.exists()
            with log.open("ab+", buffering=0) as stream:
                size = stream.seek(0, os.SEEK_END)
                if size and _last_byte(stream) != b"\n":
                    # What a crash cut off must not swallow this line.
                    line = b"\n" + line
                try:
                    stream.write(line)
                    sync_file(stream.fileno())
                except OSError:
                    stream.truncate(size)
                    raise
            if fresh:
                sync_folder(self.root)

    def _is_logged(self, key: str) -> bool:
        log = self.root / LOG
        if not log.exists():
            return False
        with log.open("rb") as lines:
            return any(_session_in(line) == key for line in lines)

    def _unlog(self, keys: Collection[str]) -> None:
        log = self.root / LOG
        with locked(self.root / LOCK, timeout=PATIENCE_SECONDS):
            lines = log.read_bytes().splitlines(keepends=True)
            kept = [line for line in lines if _session_in(line) not in keys]
            if len(kept) < len(lines):
                write_durably(log, b"".join(kept))


def _appear(built: Path, target: Path) -> None:
    try:
        replace(built, target)
    except OSError as error:
        if target.exists():
            raise ConflictError(
                f"`{target}` was made by another program meanwhile",
                hint="let only one program write this folder",
            ) from error
        raise


def _last_byte(stream: FileIO) -> bytes:
    stream.seek(-1, os.SEEK_END)
    return stream.read(1)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as stream:
        stream.write(data)
        stream.flush()
        sync_file(stream.fileno())


def _session_in(line: bytes) -> str | None:
    try:
        held = json.loads(line)
    except ValueError:
        return None
    said = held.get("sessionId") if isinstance(held, dict) else None
    return said if isinstance(said, str) else None
