"""The S2S app's view of the samples: a flat table with a transcript and two flags.

What does not fit into it is settled here. Rejected samples are not in it, as the app has no such
state. A transcript saved without the tick "reviewed" is a draft: the sample is skipped and the
draft kept with that, while what the model said stays as it was. Undoing a review takes back every
decision. Deleting is the trash.
"""

from __future__ import annotations

import base64
import io
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.clock import MICROSECONDS, to_iso
from truing.domain.errors import ConflictError, DamagedError, NotFoundError, NothingToDoError
from truing.domain.review import State, Verdict, active_revisions
from truing.domain.sample import Sample, SampleFilter
from truing.formats.exported_audio import int16_mono
from truing.formats.s2s_blob import RATE
from truing.loop.review import Decision, review, undo
from truing.workspace import trash

if TYPE_CHECKING:
    from truing.workspace import Workspace

MODALITY, ROLE = "speech", "audio"
DRAFT = "s2s-draft"
"""`shown_because` of a skip whose `why` is a transcript that nobody has confirmed."""
UNDECIDED = (State.PENDING, State.SKIPPED)
DECIDED = (State.ACCEPTED, State.CORRECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One row of the app's table."""

    id: int
    transcript: str
    """Empty where nobody knows it: the app takes its length."""
    is_reviewed: bool
    is_trained: bool
    timestamp: str
    """UTC, `YYYY-MM-DD HH:MM:SS`."""

    def as_dict(self) -> dict[str, object]:
        """The app's JSON form, but for the sound."""
        return {
            "id": self.id,
            "transcript": self.transcript,
            "is_reviewed": self.is_reviewed,
            "is_trained": self.is_trained,
            "timestamp": self.timestamp,
        }


def item_of(workspace: Workspace, sample: Sample) -> Item:
    """A sample as a row."""
    return Item(
        id=sample.id,
        transcript=_transcript(workspace, sample),
        is_reviewed=sample.state in DECIDED,
        is_trained=sample.trained,
        timestamp=to_iso(sample.captured_at)[:19].replace("T", " "),
    )


def items(
    workspace: Workspace, *, reviewed: bool | None = None, trained: bool | None = None
) -> list[Item]:
    """The rows, highest number first."""
    states = {None: (*UNDECIDED, *DECIDED), True: DECIDED, False: UNDECIDED}[reviewed]
    where = SampleFilter(modality=MODALITY, states=states, trained=trained)
    found = [item_of(workspace, one) for one in workspace.store.samples.iterate(where)]
    return found[::-1]


def item(workspace: Workspace, id: int) -> tuple[Item, Sample]:
    """One row with its sample.

    Raises:
        NotFoundError: no such row.
    """
    sample = workspace.sample(id)
    shown = sample.state in (*UNDECIDED, *DECIDED) and sample.modality == MODALITY
    if not shown:
        raise NotFoundError(f"sample {id} is not in the app's table", hint="truing show tells why")
    return item_of(workspace, sample), sample


def sound_of(workspace: Workspace, sample: Sample) -> str | None:
    """The sound as a WAV file of 16-bit samples at 16 kHz in base64; None without any.

    Sound that came as such is told bit by bit.
    """
    medium = sample.media_by_role(ROLE)
    if medium is None:
        return None
    try:
        samples = int16_mono(medium, workspace.blobs, RATE)
    except (DamagedError, NotFoundError):
        return None  # as the app does: the row is shown without its sound
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(RATE)
        written.writeframes(samples.astype("<i2").tobytes())
    return base64.b64encode(file.getvalue()).decode("ascii")


def stats(workspace: Workspace) -> dict[str, int]:
    """The app's figures; `pending_training` can be below 0 there and here."""

    def count(states: tuple[State, ...], *, trained: bool | None = None) -> int:
        where = SampleFilter(modality=MODALITY, states=states, trained=trained)
        return workspace.store.samples.count(where)

    every = (*UNDECIDED, *DECIDED)
    reviewed, trained = count(DECIDED), count(every, trained=True)
    return {
        "total": count(every),
        "reviewed": reviewed,
        "trained": trained,
        "pending_training": reviewed - trained,
    }


def update(
    workspace: Workspace, id: int, transcript: str | None, *, reviewed: bool, actor: str
) -> None:
    """Takes over what the app has saved.

    Args:
        workspace: where the sample is.
        id: its number; an unknown one is passed over, as in the app.
        transcript: the text; None and an empty one leave the model's.
        reviewed: whether the tick is set: without it every decision is taken back.
        actor: who has saved it.

    Raises:
        InvalidInputError: a reviewed row without a text, or one far too long.
        ConflictError: somebody else decided in the same moment.
    """
    try:
        row, sample = item(workspace, id)
    except NotFoundError:
        return
    text = (transcript or "").strip()
    if reviewed:
        if not (row.is_reviewed and text == sample.truth):
            _decide(workspace, id, Decision(verdict=Verdict.CORRECTED, actor=actor, truth=text))
        return
    if row.is_reviewed:
        _take_back(workspace, id, actor)
        row, _ = item(workspace, id)
    if text and text != row.transcript:
        draft = Decision(verdict=Verdict.SKIPPED, actor=actor, why=text, shown_because=DRAFT)
        _decide(workspace, id, draft)


def delete(workspace: Workspace, id: int) -> bool:
    """Moves a row into the trash; False when there is no such row."""
    try:
        item(workspace, id)
        trash.delete(workspace, ids=[id])
    except (NotFoundError, NothingToDoError):
        return False
    return True


def reset(workspace: Workspace) -> int:
    """Moves every row into the trash, from where they can be taken back; returns how many.

    Raises:
        ConflictError: the trash keeps nothing (`trash.days` is 0): that would be for good.
    """
    if workspace.settings.number("trash.days") <= 0:
        raise ConflictError(
            "the trash keeps nothing: resetting would erase every sample for good",
            hint="truing config set trash.days 7, or truing forget",
        )
    where = SampleFilter(modality=MODALITY, states=(*UNDECIDED, *DECIDED))
    try:
        return len(trash.delete(workspace, where=where))
    except NothingToDoError:
        return 0


def versions(target: str | None) -> list[dict[str, object]]:
    """The app's models: the numbered folders below the one in which it looks, newest first."""
    place = Path(target).expanduser() if target else None
    if place is None or not place.is_dir():
        return []
    found = [one for one in place.iterdir() if one.name.isascii() and one.name.isdigit()]
    return [
        {"version": int(one.name), "path": str(one), "created": _created(one)}
        for one in sorted(found, key=lambda one: int(one.name), reverse=True)
        if one.is_dir()
    ]


def _created(folder: Path) -> str:
    return to_iso(round(folder.stat().st_ctime * MICROSECONDS)).removesuffix("Z")


def _transcript(workspace: Workspace, sample: Sample) -> str:
    if sample.truth is not None:
        return sample.truth
    draft = _draft(workspace, sample.id) if sample.state is State.SKIPPED else None
    return draft or sample.proposal or ""


def _draft(workspace: Workspace, id: int) -> str | None:
    held = active_revisions(workspace.store.reviews.of(id))
    return next((one.why for one in reversed(held) if one.shown_because == DRAFT), None)


def _take_back(workspace: Workspace, id: int, actor: str) -> None:
    reviews = workspace.store.reviews
    for revision in active_revisions(reviews.of(id)):
        if revision.verdict is not Verdict.SKIPPED:
            undo(revision.id, actor, reviews, workspace.clock)


def _decide(workspace: Workspace, id: int, decision: Decision) -> None:
    store = workspace.store
    review(id, decision, store.samples, store.reviews, workspace.clock)
