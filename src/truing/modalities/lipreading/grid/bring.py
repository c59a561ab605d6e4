"""Bring: videos and alignments that are on this machine already, put where they belong."""

from __future__ import annotations

import contextlib
import filecmp
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from truing.domain.errors import InvalidInputError, NotFoundError
from truing.modalities.lipreading.grid.archive import unpack
from truing.modalities.lipreading.grid.corpus import (
    NAME,
    UNKNOWN,
    VIDEOS,
    Clip,
    Corpus,
    Outcome,
    Skip,
    note_skips,
    speaker_in,
)
from truing.platform.files import make_folder, replace, storage_error, sync_folder, write_durably

STEP = "download"
ALIGNMENT = ".align"
_Found = dict[tuple[str, str], list[Path]]


def bring(
    corpus: Corpus,
    folder: Path,
    *,
    speakers: Sequence[str] = (),
    limit: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Brings videos and alignments, found by name anywhere below a folder, and ZIP files of them.

    Ready mouth clips (`mouth/bbaf2n.mp4`) count as videos; where a clip has an original too, it
    is taken, and a file before one of a ZIP file. The speaker is the folder in the path that is
    named so (`s1`, `grid_s1`); where there is none, the only one of `speakers`, or `unknown`.
    Videos are linked where the disk allows it.

    Args:
        corpus: where to.
        folder: what to search.
        speakers: whose; everybody's when empty.
        limit: how many clips of each speaker.
        on_progress: told how many of how many files are brought.

    Raises:
        NotFoundError: no such folder.
        InvalidInputError: there is nothing below it.
        DamagedError: a ZIP file that is not whole.
        UnavailableError: the disk refused.
    """
    if not folder.is_dir():
        raise NotFoundError(f"there is no folder `{folder}`", hint="check the path")
    otherwise = speakers[0] if len(speakers) == 1 else UNKNOWN
    made = present = 0
    files = [path for path in _walk(folder) if not path.is_relative_to(corpus.root.resolve())]
    videos, alignments, skips = _sorted_out(folder, files, otherwise, speakers)
    pairs = _pairs(corpus, videos, alignments, limit)
    loose = {target for _, target, _ in pairs}
    for archive in (path for path in files if path.suffix.lower() == ".zip"):
        out = unpack(archive, corpus, speakers=speakers, otherwise=_only(otherwise), besides=loose)
        made, present = made + out.made, present + out.present
    for place, (source, target, clip) in enumerate(pairs, 1):
        fresh = _brought(source, target, corpus, clip)
        made, present = made + fresh, present + (not fresh)
        if on_progress is not None:
            on_progress(place, len(pairs))
    if not made and not present:
        whose = f" of {', '.join(speakers)}" if speakers else ""
        raise InvalidInputError(
            f"there is no .mpg and no .align file{whose} below `{folder}`",
            hint="clips are named by their sentence, bbaf2n.mpg, in a folder named by their "
            "speaker, s1; name the speaker of a folder without one: --speakers s1",
        )
    note_skips(corpus, STEP, skips)
    return Outcome(
        step=STEP,
        made=made,
        present=present,
        skipped=tuple(skips),
        figures={"videos": len(corpus.clips(speakers))},
    )


def _only(otherwise: str) -> str | None:
    return None if otherwise == UNKNOWN else otherwise


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder.resolve()):
        folders[:] = sorted(one for one in folders if not one.startswith((".", "__MACOSX")))
        yield from (Path(place, name) for name in sorted(files) if not name.startswith("."))


def _sorted_out(
    folder: Path, files: Sequence[Path], otherwise: str, speakers: Sequence[str]
) -> tuple[_Found, _Found, list[Skip]]:
    """Videos and alignments by speaker and name; of several files of one kind the first counts."""
    videos: _Found = {}
    alignments: _Found = {}
    skips = []
    root = folder.resolve()
    for path in files:
        ending = path.suffix.lower()
        if ending not in (*VIDEOS, ALIGNMENT):
            continue
        inside = (root.name, *path.parent.relative_to(root).parts)
        speaker = speaker_in(inside) or otherwise
        if speakers and speaker not in speakers:
            continue
        reason = _why_not(path)
        if reason is not None:
            skips.append(Skip(step=STEP, what=str(path), reason=reason))
            continue
        table = alignments if ending == ALIGNMENT else videos
        table.setdefault((speaker, path.stem), []).append(path)
    for several in (*videos.values(), *alignments.values()):
        several.sort(key=_preference)
        skips += _second_ones(several)
    return videos, alignments, skips


def _why_not(path: Path) -> str | None:
    if not NAME.fullmatch(path.stem):
        return f"`{path.name}` cannot be the name of a clip"
    return None if path.is_file() else f"`{path.name}` is a link to a file that is not there"


def _preference(path: Path) -> int:
    ending = path.suffix.lower()
    return VIDEOS.index(ending) if ending in VIDEOS else 0


def _second_ones(several: Sequence[Path]) -> Iterator[Skip]:
    for path in several[1:]:
        same_kind = path.suffix.lower() == several[0].suffix.lower()
        if same_kind and path.read_bytes() != several[0].read_bytes():
            reason = f"another file of that clip is taken: {several[0]}"
            yield Skip(step=STEP, what=str(path), reason=reason)


def _pairs(
    corpus: Corpus, videos: _Found, alignments: _Found, limit: int | None
) -> list[tuple[Path, Path, Clip]]:
    """Sources and targets: all, or those of the first clips of each speaker."""
    kept: dict[str, list[str]] = {}
    for speaker, name in sorted(videos):
        kept.setdefault(speaker, []).append(name)
    few = {(speaker, name) for speaker, names in kept.items() for name in names[:limit]}
    pairs = []
    for table in (alignments, videos):
        for (speaker, name), paths in sorted(table.items()):
            if limit is None or (speaker, name) in few:
                clip = Clip(speaker=speaker, name=name, ending=paths[0].suffix.lower())
                aligned = clip.ending == ALIGNMENT
                target = corpus.alignment(clip) if aligned else corpus.video(clip)
                pairs.append((paths[0], target, clip))
    return pairs


def _brought(source: Path, target: Path, corpus: Corpus, clip: Clip) -> bool:
    """Links or copies a file; False when it is there already."""
    source = source.resolve()  # a link to a link would lead elsewhere from there
    make_folder(target.parent)
    if target.suffix == ALIGNMENT:  # copied, so that its time says when it came: see `prepare`
        data = source.read_bytes()
        fresh = not target.is_file() or target.read_bytes() != data
        if fresh:
            write_durably(target, data)
        return fresh
    there = target.is_file()
    if there and (target.samefile(source) or filecmp.cmp(source, target, shallow=False)):
        return False
    corpus.forget_picture(clip)  # a linked video may be older than what was made of another one
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with contextlib.suppress(OSError):  # another disk, or a file of somebody else
            os.link(source, draft)
        if not draft.exists():
            write_durably(target, source.read_bytes())
            return True
        replace(draft, target)
        sync_folder(target.parent)
    except OSError as error:
        raise storage_error(error, target) from error
    return True
