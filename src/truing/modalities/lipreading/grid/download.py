"""Download: the corpus from Zenodo, one archive per speaker, resumed and checked.

An archive arrives as `downloads/s1.zip.part`, goes on where it was when interrupted, gets its name
when size and MD5 are those that the record states, and goes when everything in it is unpacked. One
that turns out damaged is removed and fetched again, once.

Source: M. Cooke, J. Barker, S. Cunningham, X. Shao, "An audio-visual corpus for speech perception
and automatic speech recognition", JASA 120(5), 2006; record 3625687, CC BY 4.0.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from truing.domain.errors import (
    DamagedError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from truing.modalities.lipreading.grid.archive import unpack
from truing.modalities.lipreading.grid.corpus import (
    WITHOUT_VIDEO,
    Corpus,
    Outcome,
    Skip,
    note_skips,
)
from truing.platform.files import (
    free_space,
    make_folder,
    replace,
    storage_error,
    sync_file,
    sync_folder,
)

STEP = "download"
SOURCE = "https://zenodo.org/api/records/3625687"
DEFAULT_SPEAKERS = ("s1", "s2", "s3", "s4", "s5")
"""LipAgent's."""
ALIGNMENTS = "alignments.zip"
TRIES = 4
"""In a row without a single byte."""
WAIT = 60.0
"""Seconds without a byte after which a connection counts as lost."""
OUT_OF_RANGE = http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE.value
PIECE = 1 << 20
LONGEST_LISTING = 8 << 20

Progress = Callable[[str, int, int], None]
"""Told a file's name, the bytes that are there, and all its bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A file of the record."""

    name: str
    size: int
    """Bytes."""
    md5: str | None
    url: str

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {"name": self.name, "size": self.size, "md5": self.md5, "url": self.url}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a download would fetch."""

    files: tuple[Remote, ...]
    skipped: tuple[Skip, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(one.size for one in self.files)


def plan(
    corpus: Corpus, speakers: Sequence[str] = (), *, source: str = SOURCE, patience: float = 2.0
) -> Plan:
    """Asks the record for what is not there yet.

    Args:
        corpus: where to.
        speakers: whose; s1 to s5 when empty.
        source: address of the record's JSON.
        patience: seconds before the second try; doubled each time.

    Raises:
        NotFoundError: the record has no archive of a speaker.
        UnavailableError: it cannot be reached.
        DamagedError: what it says is no record.
    """
    wanted, skips = [], []
    for speaker in speakers or DEFAULT_SPEAKERS:
        if speaker in WITHOUT_VIDEO:
            reason = "its videos were never published"
            skips.append(Skip(step=STEP, what=speaker, reason=reason))
        elif not corpus.clips([speaker]) or (corpus.downloads / f"{speaker}.zip").exists():
            wanted.append(f"{speaker}.zip")
    lacking = [one for one in speakers or DEFAULT_SPEAKERS if not _is_aligned(corpus, one)]
    if lacking or (corpus.downloads / ALIGNMENTS).exists():
        wanted.insert(0, ALIGNMENTS)
    files = _listing(source, patience) if wanted else {}
    unknown = [name for name in wanted if name not in files]
    if unknown:
        raise NotFoundError(
            f"the record {source} has no `{unknown[0]}`", hint=f"it has {', '.join(sorted(files))}"
        )
    return Plan(files=tuple(files[name] for name in wanted), skipped=tuple(skips))


def _is_aligned(corpus: Corpus, speaker: str) -> bool:
    folder = corpus.root / "alignments" / speaker
    return speaker in WITHOUT_VIDEO or (folder.is_dir() and any(folder.glob("*.align")))


def download(
    corpus: Corpus,
    speakers: Sequence[str] = (),
    *,
    source: str = SOURCE,
    patience: float = 2.0,
    on_progress: Progress | None = None,
) -> Outcome:
    """Fetches and unpacks what is not there yet.

    Args:
        corpus: where to.
        speakers: whose; s1 to s5 when empty.
        source: address of the record's JSON.
        patience: seconds before the second try; doubled each time.
        on_progress: see `Progress`.

    Raises:
        NotFoundError: the record has no archive of a speaker.
        UnavailableError: it cannot be reached, or the disk is full.
        DamagedError: what arrives is damaged each time.
    """
    planned = plan(corpus, speakers, source=source, patience=patience)
    _check_room(corpus, planned)
    made = present = 0
    notes: list[str] = []
    for remote in planned.files:
        out = _fetched_and_unpacked(corpus, remote, patience, on_progress, notes)
        made, present = made + out[0], present + out[1]
    note_skips(corpus, STEP, planned.skipped)
    whose = [one for one in speakers or DEFAULT_SPEAKERS if one not in WITHOUT_VIDEO]
    videos = len(corpus.clips(whose)) if whose else 0
    return Outcome(
        step=STEP,
        made=made,
        present=present if planned.files else videos,
        skipped=planned.skipped,
        notes=(*notes, *(f"{one.what}: {one.reason}" for one in planned.skipped)),
        figures={"videos": videos},
    )


def _check_room(corpus: Corpus, planned: Plan) -> None:
    """An archive and what is in it are there at once; archives go one by one."""
    largest = max((one.size for one in planned.files), default=0)
    needed, free = planned.size + largest, free_space(corpus.root)
    if needed > free:
        raise UnavailableError(
            f"{needed >> 20} MB are needed, and `{corpus.root}` has {free >> 20} MB left",
            hint="fetch fewer speakers, or name another folder with --output",
        )


def _fetched_and_unpacked(
    corpus: Corpus,
    remote: Remote,
    patience: float,
    on_progress: Progress | None,
    notes: list[str],
) -> tuple[int, int]:
    def fetched() -> Path:
        return fetch(
            remote, corpus.downloads, patience=patience, on_progress=on_progress, notes=notes
        )

    archive = fetched()
    try:
        out = unpack(archive, corpus)
    except DamagedError:
        archive.unlink()
        notes.append(f"{remote.name} was no whole ZIP archive and was fetched again")
        out = unpack(fetched(), corpus)
    archive.unlink()
    return out.made, out.present


def fetch(
    remote: Remote,
    folder: Path,
    *,
    patience: float = 2.0,
    on_progress: Progress | None = None,
    notes: list[str] | None = None,
) -> Path:
    """Fetches a file whole, going on where an earlier call was interrupted.

    Args:
        remote: what.
        folder: where to; the file has its name there when size and MD5 are right.
        patience: seconds before the second try; doubled each time.
        on_progress: see `Progress`.
        notes: told what was found damaged.

    Raises:
        UnavailableError: it cannot be reached, or the disk refused.
        DamagedError: size or MD5 are wrong a second time.
    """
    target, part = folder / remote.name, folder / f"{remote.name}.part"
    notes = [] if notes is None else notes
    make_folder(folder)
    if target.is_file():
        if _why_damaged(target, remote) is None:
            return target
        notes.append(f"{remote.name} was damaged and is fetched again")
        target.unlink()
    why = _tried(remote, part, patience, on_progress)
    if why is not None:
        notes.append(f"{remote.name} arrived damaged ({why}) and was fetched again")
        why = _tried(remote, part, patience, on_progress)
    if why is not None:
        raise DamagedError(f"`{remote.url}` arrived damaged twice: {why}", hint="try later")
    replace(part, target)
    sync_folder(folder)
    return target


def _tried(remote: Remote, part: Path, patience: float, on_progress: Progress | None) -> str | None:
    """Fills the part; tells what is wrong with it, and then it is gone."""
    _fill(remote, part, patience, on_progress)
    why = _why_damaged(part, remote)
    if why is not None:
        part.unlink()
    return why


def _why_damaged(path: Path, remote: Remote) -> str | None:
    size = path.stat().st_size
    if size != remote.size:
        return f"{size} bytes instead of {remote.size}"
    if remote.md5 is None:
        return None
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return None if found == remote.md5 else f"MD5 {found} instead of {remote.md5}"


def _fill(remote: Remote, part: Path, patience: float, on_progress: Progress | None) -> None:
    """Appends to the part until it is whole, through lost connections."""
    tries = 0
    while True:
        have = part.stat().st_size if part.is_file() else 0
        if have == remote.size:
            return
        if have > remote.size:
            part.unlink()
            continue
        try:
            _append(remote, part, have, on_progress)
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code == OUT_OF_RANGE:
                part.unlink(missing_ok=True)
            grown = part.is_file() and part.stat().st_size > have
            tries = 1 if grown else tries + 1
            _refuse_or_wait(remote.url, error, tries, patience)


def _append(remote: Remote, part: Path, have: int, on_progress: Progress | None) -> None:
    asked = _request(remote.url)
    if have:
        asked.add_header("Range", f"bytes={have}-")
    with urllib.request.urlopen(asked, timeout=WAIT) as answer:  # noqa: S310 - see `_request`
        # A server that knows no ranges, or another one than asked for, begins at the beginning.
        begins = (answer.headers.get("Content-Range") or "").startswith(f"bytes {have}-")
        have = have if answer.status == http.HTTPStatus.PARTIAL_CONTENT and begins else 0
        with part.open("ab" if have else "wb", buffering=0) as stream:
            while have < remote.size and (piece := answer.read(PIECE)):
                _write(stream, piece, part)
                have += len(piece)
                if on_progress is not None:
                    on_progress(remote.name, have, remote.size)
            sync_file(stream.fileno())
    if have < remote.size:
        raise ConnectionResetError(f"the connection ended after {have} of {remote.size} bytes")


def _write(stream: IO[bytes], piece: bytes, part: Path) -> None:
    try:
        stream.write(piece)
    except OSError as error:  # the disk's, not the network's
        raise storage_error(error, part) from error


def _request(url: str) -> urllib.request.Request:
    if not url.startswith(("https://", "http://")):
        raise InvalidInputError(f"`{url}` is no web address", hint="it begins with https://")
    return urllib.request.Request(url, headers={"User-Agent": "truing"})  # noqa: S310 - see above


def _refuse_or_wait(url: str, error: Exception, tries: int, patience: float) -> None:
    status = None
    if isinstance(error, urllib.error.HTTPError):
        status = error.code
        error.close()  # an answer as well, with a connection of its own
    said = f"status {status}" if status else str(getattr(error, "reason", None) or error)
    final = status is not None and status < 500 and status not in (408, OUT_OF_RANGE, 429)
    if final or tries >= TRIES:
        raise UnavailableError(
            f"`{url}` cannot be fetched: {said}",
            hint="the same command goes on where it was; or fetch the archives by hand and name "
            "their folder: --local-path FOLDER",
        ) from error
    time.sleep(patience * 2 ** (tries - 1))


def _listing(source: str, patience: float) -> Mapping[str, Remote]:
    """The record's files by name."""
    data = _answered(source, patience)
    try:
        return {file["key"]: _remote(file) for file in json.loads(data)["files"]}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(
            f"`{source}` does not answer with a record of files", hint=f"the corpus is at {SOURCE}"
        ) from error


def _answered(url: str, patience: float) -> bytes:
    tries = 0
    while True:
        try:
            with urllib.request.urlopen(_request(url), timeout=WAIT) as answer:  # noqa: S310
                data: bytes = answer.read(LONGEST_LISTING)
                return data
        except (OSError, http.client.HTTPException) as error:
            tries += 1
            _refuse_or_wait(url, error, tries, patience)


def _remote(file: Mapping[str, Any]) -> Remote:
    kind, _, digest = str(file.get("checksum") or "").partition(":")
    return Remote(
        name=str(file["key"]),
        size=int(file["size"]),
        md5=digest if kind == "md5" else None,
        url=str(file["links"]["self"]),
    )
