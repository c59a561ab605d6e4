"""Pipeline: the steps one after the other, each of which does only what is not done yet.

One process works on a folder at a time; drafts that a killed one left are swept away first.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from truing.domain.errors import ConflictError, NothingToDoError
from truing.modalities.lipreading.grid.align import align
from truing.modalities.lipreading.grid.bring import bring
from truing.modalities.lipreading.grid.corpus import Clip, Corpus, Outcome
from truing.modalities.lipreading.grid.download import SOURCE, download
from truing.modalities.lipreading.grid.prepare import prepare
from truing.modalities.lipreading.grid.rows import write_rows
from truing.modalities.lipreading.grid.split import UNSEEN
from truing.modalities.lipreading.grid.validate import Report, validate
from truing.platform.files import make_folder, storage_error
from truing.platform.locks import FileLock

STEPS = ("download", "align", "prepare", "format", "validate")

Progress = Callable[[str, int, int | None], None]
"""Told what is going on, how much is done, and of how much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person may choose; every step takes what concerns it."""

    speakers: tuple[str, ...] = ()
    """Whose clips; everybody's that is there when empty."""
    limit: int | None = None
    """Clips of each speaker."""
    local_path: Path | None = None
    """Videos and alignments on this machine, instead of Zenodo's."""
    source: str = SOURCE
    """Address of the record at Zenodo, or of a copy."""
    workers: int | None = None
    strict: bool = False
    """Leave out clips without an alignment, as LipAgent does."""
    keep_frames: bool = False
    keep_mouths: bool = False
    form: int = 2
    split: str = "prefix"
    test_speakers: tuple[str, ...] = UNSEEN
    absolute: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What the pipeline did."""

    outcomes: tuple[Outcome, ...]
    report: Report | None
    """None when it was not asked to validate."""

    @property
    def made(self) -> int:
        """Files and rows that are new; 0 when everything was there."""
        return sum(one.made for one in self.outcomes)


@contextmanager
def at_work(corpus: Corpus) -> Iterator[None]:
    """Keeps other processes off the folder for the block, and sweeps away what a dead one left.

    Raises:
        ConflictError: another process works there.
        UnavailableError: the folder cannot be made or written.
    """
    try:
        make_folder(corpus.root)
    except OSError as error:
        raise storage_error(error, corpus.root) from error
    lock = FileLock(corpus.root / ".lock")
    if not lock.acquire():
        raise ConflictError(
            f"another `truing grid` works in `{corpus.root}`", hint="wait until it is done"
        )
    try:
        _sweep(corpus.root)
        yield
    finally:
        lock.release()


def _sweep(root: Path) -> None:
    folders = ("raw/*", "alignments/*", "mosaics/*", "frames/*", "mouth_rois/*")
    for pattern in (".*.tmp", *(f"{folder}/.*.tmp" for folder in folders)):
        for draft in root.glob(pattern):
            if draft.is_dir():
                shutil.rmtree(draft)
            else:
                draft.unlink()


def run(
    corpus: Corpus,
    steps: Sequence[str] = STEPS,
    choices: Choices | None = None,
    *,
    on_progress: Progress | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> Run:
    """Does the steps, in their order.

    Args:
        corpus: the folder.
        steps: which of `STEPS`.
        choices: what a person may choose.
        on_progress: see `Progress`.
        on_outcome: told what a step did when it is done.

    Raises:
        NothingToDoError: there is no clip to work on.
        ConflictError: another process works there.
        TruingError: what a step raises; what was done before stays.
    """
    chosen = choices or Choices()
    outcomes = []
    report = None
    with at_work(corpus):
        for step in (one for one in STEPS if one in steps):
            tell = _teller(step, on_progress)
            if step == "validate":
                report = validate(corpus.root, on_progress=tell)
                continue
            outcome = _do(step, corpus, chosen, tell)
            outcomes.append(outcome)
            if on_outcome is not None:
                on_outcome(outcome)
    return Run(outcomes=tuple(outcomes), report=report)


def _teller(step: str, on_progress: Progress | None) -> Callable[[int, int], None] | None:
    if on_progress is None:
        return None
    on_progress(step, 0, None)
    return lambda done, total: on_progress(step, done, total)


def _do(
    step: str, corpus: Corpus, chosen: Choices, tell: Callable[[int, int], None] | None
) -> Outcome:
    if step == "download":
        return _get(corpus, chosen, tell)
    clips = clips_of(corpus, chosen)
    if step == "align":
        return align(corpus, clips, strict=chosen.strict, on_progress=tell)
    if step == "prepare":
        return prepare(
            corpus,
            clips,
            workers=chosen.workers,
            strict=chosen.strict,
            keep_frames=chosen.keep_frames,
            keep_mouths=chosen.keep_mouths,
            on_progress=tell,
        )
    return write_rows(
        corpus,
        clips,
        form=chosen.form,
        kind=chosen.split,
        test_speakers=chosen.test_speakers,
        strict=chosen.strict,
        absolute=chosen.absolute,
    )


def _get(corpus: Corpus, chosen: Choices, tell: Callable[[int, int], None] | None) -> Outcome:
    if chosen.local_path is not None:
        return bring(
            corpus,
            chosen.local_path,
            speakers=chosen.speakers,
            limit=chosen.limit,
            on_progress=tell,
        )
    in_megabytes = None if tell is None else lambda _, done, size: tell(done >> 20, size >> 20)
    return download(corpus, chosen.speakers, source=chosen.source, on_progress=in_megabytes)


def clips_of(corpus: Corpus, chosen: Choices) -> list[Clip]:
    """The clips to work on.

    Raises:
        NothingToDoError: there is none.
    """
    clips = corpus.clips(chosen.speakers, chosen.limit)
    if not clips:
        whose = f" of {', '.join(chosen.speakers)}" if chosen.speakers else ""
        raise NothingToDoError(
            f"there are no videos{whose} in `{corpus.root / 'raw'}`",
            hint="truing grid download, with --local-path FOLDER for videos that you have",
        )
    return clips
