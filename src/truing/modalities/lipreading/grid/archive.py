"""Archives of the corpus: the videos and alignments in a ZIP file, put where they belong.

Scope: Zenodo's `s1.zip` to `s34.zip` and `alignments.zip`, and any other ZIP file with .mpg and
.align files in it. Only names of files count, so no member can land anywhere else.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from truing.domain.errors import DamagedError
from truing.modalities.lipreading.grid.corpus import NAME, VIDEOS, Clip, Corpus, speaker_in
from truing.platform.files import make_folder, write_durably

MOST_BYTES = 64 << 20
"""Of one member: a video of the corpus has half a megabyte."""


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
    on_progress: Callable[[int, int], None] | None = None,
) -> Unpacked:
    """Puts videos and alignments where they belong; what is there already is left alone.

    Args:
        archive: a ZIP file.
        corpus: where to.
        speakers: whose; everybody's when empty.
        otherwise: the speaker of files whose path in the archive names none.
        on_progress: told how many of how many files are looked at.

    Raises:
        DamagedError: no whole ZIP file; what was unpacked before stays.
        UnavailableError: the disk refused.
    """
    made = present = 0
    try:
        with zipfile.ZipFile(archive) as opened:
            members = list(_members(opened, archive, otherwise))
            for place, (member, clip) in enumerate(members, 1):
                if not speakers or clip.speaker in speakers:
                    fresh = _put(opened, member, corpus, clip)
                    made, present = made + fresh, present + (not fresh)
                if on_progress is not None:
                    on_progress(place, len(members))
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
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


def _put(opened: zipfile.ZipFile, member: zipfile.ZipInfo, corpus: Corpus, clip: Clip) -> bool:
    target = corpus.alignment(clip) if clip.ending == ".align" else corpus.video(clip)
    if target.is_file() and target.stat().st_size == member.file_size:
        return False
    data = opened.read(member)
    make_folder(target.parent)
    write_durably(target, data)
    return True
