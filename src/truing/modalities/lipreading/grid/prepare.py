"""Prepare: from each video to its picture of 12 mouths, in one pass, on several processors.

A worker keeps its face mesh from clip to clip: starting it takes longer than a clip does. Meshes
are made of the 12 sampled frames only. LipAgent's rule, that a clip with more than 20 % of frames
without a face is left out, needs a mesh of every frame; so all are looked at, but only when one of
the 12 shows no face, or when all mouths are kept on disk anyway. A clip that loses the face outside
of the speech alone is therefore kept.

What there is already is not made again, unless the video or its alignment is newer. A refused clip
has a file that says why, and is tried again when its video or alignment changes.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.errors import (
    DamagedError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from truing.modalities.lipreading.frames import read_frames
from truing.modalities.lipreading.grid.align import Utterance, utterances
from truing.modalities.lipreading.grid.corpus import Clip, Corpus, Outcome, Skip, note_skips
from truing.modalities.lipreading.mosaic import (
    COUNT,
    FEWEST,
    Mouths,
    RefinedLandmarks,
    encoded,
    mouth_in,
    mouths_in,
)
from truing.platform.files import (
    make_folder,
    replace,
    storage_error,
    sync_tree,
    write_durably,
)
from truing.platform.processes import leave_now, stop_signals

if TYPE_CHECKING:
    from truing.modalities.lipreading.mosaic import Landmarks

STEP = "prepare"
MOST_LOST = 0.2
"""Share of frames without a face beyond which a clip is left out."""
CLIPS_PER_WORKER = 16
"""A worker takes as long to start as this many clips take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A clip to prepare; travels to a worker."""

    key: str
    video: Path
    span: tuple[int, int] | None
    mosaic: Path
    refusal: Path
    frames: Path | None
    """Where to keep every frame, if wanted."""
    mouths: Path | None
    """Where to keep every mouth, if wanted."""


def prepare(
    corpus: Corpus,
    clips: Sequence[Clip],
    *,
    workers: int | None = None,
    strict: bool = False,
    keep_frames: bool = False,
    keep_mouths: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Makes the mosaic of every clip that has none yet.

    Args:
        corpus: where everything is kept.
        clips: which ones.
        workers: processes; by default one per processor, fewer for few clips; 1 is this one alone.
        strict: leave out clips without an alignment.
        keep_frames: keep all frames as PNG files, too (about 9 MB a clip).
        keep_mouths: keep the mouth of every frame as a PNG file, too; meshes every frame.
        on_progress: told how many of how many are done.

    Raises:
        MissingDependencyError: PyAV, OpenCV or MediaPipe is not installed.
        UnavailableError: the disk refused, or a worker process died.
    """
    found, _ = utterances(corpus, clips, strict=strict)
    tasks = [_task(corpus, one, keep_frames=keep_frames, keep_mouths=keep_mouths) for one in found]
    waiting = [task for task in tasks if not _is_done(corpus, task)]
    for task in waiting:
        make_folder(task.mosaic.parent)
    for place, _ in enumerate(_carried_out(waiting, workers), 1):
        if on_progress is not None:
            on_progress(place, len(waiting))
    skips = [skip for task in tasks if (skip := _refused(task)) is not None]
    note_skips(corpus, STEP, skips)
    refused = {skip.what for skip in skips}
    fresh = {task.key for task in waiting} - refused
    return Outcome(
        step=STEP,
        made=len(fresh),
        present=len(tasks) - len(fresh) - len(refused),
        skipped=tuple(skips),
        figures={"mosaics": sum(task.mosaic.is_file() for task in tasks)},
    )


def _task(corpus: Corpus, one: Utterance, *, keep_frames: bool, keep_mouths: bool) -> Task:
    clip = one.clip
    return Task(
        key=clip.key,
        video=corpus.video(clip),
        span=one.span,
        mosaic=corpus.mosaic(clip),
        refusal=corpus.refusal(clip),
        frames=corpus.frames(clip) if keep_frames else None,
        mouths=corpus.mouths(clip) if keep_mouths else None,
    )


def _is_done(corpus: Corpus, task: Task) -> bool:
    speaker, _, name = task.key.partition("/")
    alignment = corpus.alignment(Clip(speaker=speaker, name=name))
    newest = max(_written(task.video), _written(alignment))
    if task.refusal.is_file():
        return _written(task.refusal) >= newest
    kept = all(folder is None or folder.is_dir() for folder in (task.frames, task.mouths))
    return kept and task.mosaic.is_file() and _written(task.mosaic) >= newest


def _written(path: Path) -> int:
    """When a file was written, in nanoseconds; 0 when there is none."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _refused(task: Task) -> Skip | None:
    if not task.refusal.is_file():
        return None
    reason = json.loads(task.refusal.read_text(encoding="utf-8"))["reason"]
    return Skip(step=STEP, what=task.key, reason=reason)


# --- one clip ------------------------------------------------------------------------------------


def carry_out(task: Task, landmarks: Landmarks) -> None:
    """Prepares one clip: afterwards its mosaic is there, or the file that says why not.

    Raises:
        MissingDependencyError: PyAV, OpenCV or MediaPipe is not installed.
        UnavailableError: the disk refused.
    """
    try:
        lost = _keep_all(task, landmarks) if task.frames or task.mouths else None
        found = mouths_in(task.video, task.span, landmarks=landmarks)
        reason = _reason(task, found, lost, landmarks)
    except (InvalidInputError, DamagedError, NotFoundError) as error:
        found, reason = None, error.message
    picture = found.mosaic if found is not None else None
    if picture is None or reason is not None:
        task.mosaic.unlink(missing_ok=True)  # first: a refused clip must not keep an old one
        write_durably(task.refusal, f"{json.dumps({'reason': reason})}\n".encode())
        return
    write_durably(task.mosaic, encoded(picture.image))
    task.refusal.unlink(missing_ok=True)


def _reason(
    task: Task, found: Mouths, lost: tuple[int, int] | None, landmarks: Landmarks
) -> str | None:
    """Why the clip is left out, if it is."""
    mouths = sum(cell is not None for cell in found.cells)
    whole = found.mosaic is not None
    if whole and task.span is None and len(set(found.used)) < FEWEST:
        return f"the video has only {found.indices[-1] + 1} frames"  # its file was cut off
    if whole and not found.missed and lost is None:
        return None
    missed, frames = lost or _faces_lost(task.video, landmarks)
    if missed > MOST_LOST * frames:
        return f"no face in {missed} of {frames} frames (more than {MOST_LOST:.0%})"
    if whole:
        return None
    speech = "" if task.span is None else f", the speech goes from {task.span[0]} to {task.span[1]}"
    return (
        f"only {mouths} of {COUNT} sampled frames show a mouth (the video has frames "
        f"0 to {frames - 1}{speech})"
    )


def _faces_lost(video: Path, landmarks: Landmarks) -> tuple[int, int]:
    """Frames without a face, and all frames."""
    seen = [mouth_in(one.image, landmarks) is not None for one in read_frames(video, colour="bgr")]
    return seen.count(False), len(seen)


def _keep_all(task: Task, landmarks: Landmarks) -> tuple[int, int] | None:
    """Writes every frame and every mouth as PNG; tells frames without a face and all frames."""
    with ExitStack() as stack:
        frames = stack.enter_context(_whole(task.frames)) if task.frames else None
        mouths = stack.enter_context(_whole(task.mouths)) if task.mouths else None
        lost = count = 0
        for frame in read_frames(task.video, colour="bgr"):
            name = f"frame_{frame.index:03d}.png"
            count += 1
            if frames is not None:
                (frames / name).write_bytes(encoded(frame.image, "png"))
            if mouths is not None:
                mouth = mouth_in(frame.image, landmarks)
                lost += mouth is None
                if mouth is not None:
                    (mouths / name).write_bytes(encoded(mouth, "png"))
    return (lost, count) if task.mouths else None


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """A draft that becomes the folder when the block is done."""
    make_folder(folder.parent)
    draft = folder.with_name(f".{folder.name}.tmp")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        yield draft
        sync_tree(draft)
        shutil.rmtree(folder, ignore_errors=True)
        replace(draft, folder)
    except OSError as error:
        raise storage_error(error, folder) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


# --- workers -------------------------------------------------------------------------------------

_held: list[Any] = []
"""In a worker: its face mesh, and what keeps Ctrl-C away from it."""


def _carried_out(tasks: Sequence[Task], workers: int | None) -> Iterator[None]:
    """Carries the tasks out; one None for each that is done."""
    most = workers or min(os.cpu_count() or 1, -(-len(tasks) // CLIPS_PER_WORKER))
    count = min(most, len(tasks))
    if count <= 1:
        with RefinedLandmarks() as landmarks:
            for task in tasks:
                carry_out(task, landmarks)
                yield
        return
    # A fork of this process would copy locks of threads that do not exist in the child.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=spawn, initializer=_begin) as pool:
        try:
            yield from pool.map(_work, tasks)
        except BrokenProcessPool as error:
            raise UnavailableError(
                "a worker process ended unexpectedly, perhaps for want of memory",
                hint="run the same command again with --workers 1; it goes on where it was",
            ) from error


def _begin() -> None:
    import cv2

    cv2.setNumThreads(1)
    # The parent takes Ctrl-C and lets every worker finish its clip; when it is gone, so are they.
    quiet = stop_signals(lambda: None)
    quiet.__enter__()
    _held.extend([RefinedLandmarks(), quiet])
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        leave_now(1)


def _work(task: Task) -> None:
    carry_out(task, _held[0])
