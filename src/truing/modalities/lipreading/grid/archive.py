"""Archives of the corpus: the videos and alignments in a ZIP file, put where they belong.

Scope: Zenodo's `s1.zip` to `s34.zip` and `alignments.zip`, and any other ZIP file with .mpg and
.align files in it. Only names of files count, so no member can land anywhere else.
"""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from truing.domain.errors import DamagedError, InvalidInputError
from truing.modalities.lipreading.grid.corpus import NAME, VIDEOS, Clip, Corpus, speaker_in
from truing.platform.files import make_folder, write_durably

MOST_BYTES = 64 << 20
"""Of one member: a video of the corpus has half a megabyte."""
NOT_WHOLE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError)
"""What reading a damaged archive raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """What came out of an archive."""

    made: int
    present: int


def unpack(
    archive: Path,
    corpus: Corpus,
    *,
    speakers: Collection[str] = (),
    otherwise: str | None = None,
    besides: Collection[Path] = (),
    on_progress: Callable[[int, int], None] | None = None,
) -> Unpacked:
    """Puts videos and alignments where they belong; what is there already is left alone.

    Args:
        archive: a ZIP file.
        corpus: where to.
        speakers: whose; everybody's when empty.
        otherwise: the speaker of files whose path in the archive names none.
        besides: files that come from elsewhere and are not touched.
        on_progress: told how many of how many files are looked at.

    Raises:
        DamagedError: no whole ZIP file; what was unpacked before stays.
        InvalidInputError: it is encrypted, or packed in a way that is not known here.
        UnavailableError: the disk refused.
    """
    made = present = 0
    try:
        with zipfile.ZipFile(archive) as opened:
            members = list(_members(opened, archive, otherwise))
            for place, (member, clip) in enumerate(members, 1):
                if not speakers or clip.speaker in speakers:
                    fresh = _put(opened, member, corpus, clip, besides)
                    made, present = made + fresh, present + (not fresh)
                if on_progress is not None:
                    on_progress(place, len(members))
    except NOT_WHOLE as error:
        size = archive.stat().st_size
        raise DamagedError(
            f"`{archive}` is not a whole ZIP archive ({size} bytes: {error})",
            hint="it was probably not downloaded to its end: remove it and fetch it again",
        ) from error
    return Unpacked(made=made, present=present)


def _members(
    opened: zipfile.ZipFile, archive: Path, otherwise: str | None
) -> Iterator[tuple[zipfile.ZipInfo, Clip]]:
    for member in opened.infolist():
        path = PurePosixPath(member.filename.replace("\\", "/"))
        ending = path.suffix.lower()
        known = ending in (*VIDEOS, ".align") and NAME.fullmatch(path.stem)
        if member.is_dir() or not known or "__MACOSX" in path.parts:
            continue
        if member.file_size > MOST_BYTES:
            raise zipfile.BadZipFile(f"{path.name} would have {member.file_size} bytes")
        speaker = speaker_in(path.parent.parts) or otherwise or speaker_in([archive.stem])
        if speaker is not None:
            yield member, Clip(speaker=speaker, name=path.stem, ending=ending)


def _put(
    opened: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    corpus: Corpus,
    clip: Clip,
    besides: Collection[Path],
) -> bool:
    target = corpus.alignment(clip) if clip.ending == ".align" else corpus.video(clip)
    if target in besides or _is_there(target, member):
        return False
    data = _content(opened, member)
    make_folder(target.parent)
    write_durably(target, data)
    return True


def _is_there(target: Path, member: zipfile.ZipInfo) -> bool:
    if not target.is_file() or target.stat().st_size != member.file_size:
        return False
    return zlib.crc32(target.read_bytes()) == member.CRC


def _content(opened: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    try:
        return opened.read(member)
    except RuntimeError as error:  # encrypted, or an unknown compression
        raise InvalidInputError(
            f"`{opened.filename}` cannot be unpacked: {error}",
            hint="unpack it yourself and name its folder: --local-path FOLDER",
        ) from error
    except OSError as error:  # how bz2 says that its data are damaged
        raise zipfile.BadZipFile(str(error)) from error
