"""A sample: one moment of real use, with its media, what the models said and what is true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from truing.domain.consent import Consent
from truing.domain.finding import Finding
from truing.domain.media import Media
from truing.domain.prediction import Prediction, PredictionKind
from truing.domain.review import Revision, State

MARK = "~"
"""A group key that begins so only helps to find near copies: it ties nothing in a split."""


class Sampling(StrEnum):
    """How a sample came to be looked at; decides whether it may enter a test set.

    A test set made of the samples a model was unsure of, or got wrong, would make any noise look
    like progress: only samples taken without regard to the model's output may enter one.
    """

    AUDIT = "audit"
    """Drawn by chance when it was captured."""
    WHOLESALE = "wholesale"
    """Part of an import of everything a source holds."""
    CHOSEN = "chosen"
    """Kept or shown because of what a model or person said of it."""

    @property
    def may_test(self) -> bool:
        """Whether such samples may enter a test set."""
        return self is not Sampling.CHOSEN


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSample:
    """A sample about to be stored; the blobs of its media are durable already."""

    uid: str
    modality: str
    salt: str
    """32 hex digits, erased on forgetting; see `digest`."""
    source: str
    """The app or format it came from, such as `app`, `s2s`, `audiofolder`."""
    source_key: str | None = None
    """Its name there: a second sample with the same source and key is the same sample."""
    captured_at: int
    added_at: int
    consent: Consent
    sampling: Sampling
    subject: str | None = None
    """Who is recorded."""
    session: str | None = None
    """The sitting it belongs to; samples of one sitting never straddle a split."""
    context: Mapping[str, object] = field(default_factory=dict)
    """What the app knew: the document, the meeting, the device."""
    media: tuple[Media, ...] = ()
    predictions: tuple[Prediction, ...] = ()
    findings: tuple[Finding, ...] = ()
    quality: float = 1.0
    groups: tuple[str, ...] = ()
    """Keys that tie it to others for splitting: content digests, its own and those of what it is
    a near copy of; and keys beginning with `MARK`, by which near copies are found."""
    contact: str | None = None
    """See `contact.contact_of`; kept apart from the sample, which does not carry it."""
    decided: Revision | None = None
    """What was decided as it came, stored with it in one transaction; its `sample_id` is not known
    yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A stored sample with everything that belongs to it, as read at one moment."""

    id: int
    uid: str
    modality: str
    salt: str
    source: str
    source_key: str | None
    captured_at: int
    added_at: int
    consent: Consent
    sampling: Sampling
    subject: str | None
    session: str | None
    context: Mapping[str, object]
    media: tuple[Media, ...]
    predictions: tuple[Prediction, ...]
    """In the order recorded."""
    findings: tuple[Finding, ...]
    quality: float
    groups: tuple[str, ...]
    state: State
    truth: str | None
    revision: int
    """Id of the newest revision, 0 when there is none; guards against lost updates."""
    prediction_known: bool
    """False when review happened elsewhere and the model's own text is lost."""
    trained: bool
    """Whether a finished run used it, in any split."""
    tags: tuple[str, ...] = ()
    """A person's own marks, in order of the alphabet."""
    rating: int | None = None
    """The newest rating, 1 to 5; None while nobody rated it."""

    def media_by_role(self, role: str) -> Media | None:
        """The medium of that role, if the sample has one."""
        return next((medium for medium in self.media if medium.role == role), None)

    def latest(self, kind: PredictionKind) -> Prediction | None:
        """The newest prediction of a kind."""
        return next((p for p in reversed(self.predictions) if p.kind is kind), None)

    @property
    def raw(self) -> Prediction | None:
        """The first thing the recognizer said when the sample was captured."""
        return next((p for p in self.predictions if p.kind is PredictionKind.RECOGNIZER), None)

    @property
    def corrected(self) -> Prediction | None:
        """The language model's correction at capture, if there was one."""
        return next((p for p in self.predictions if p.kind is PredictionKind.CORRECTOR), None)

    @property
    def proposal(self) -> str | None:
        """The text a reviewer is asked to confirm: the correction if there is one, else raw."""
        said = self.corrected or self.raw
        return said.text if said is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a person may say of a sample besides its truth."""

    subject: str | None = None
    session: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Redescribed:
    """What a sample was called before and after."""

    before: Description
    after: Description


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleFilter:
    """Which samples; every field left None lets everything through."""

    modality: str | None = None
    states: tuple[State, ...] | None = None
    """None: all but those in the trash."""
    subject: str | None = None
    session: str | None = None
    source: str | None = None
    sampling: Sampling | None = None
    finding: str | None = None
    """Name of a check; `*` for any finding."""
    captured_from: int | None = None
    captured_until: int | None = None
    """Exclusive."""
    confidence_below: float | None = None
    text: str | None = None
    """Words to find in predictions and truth; see the store's full-text search."""
    trained: bool | None = None
    tag: str | None = None
    rating_from: int | None = None
    """Rated so or better; what nobody rated is left out."""
    quality_from: float | None = None
    """Of this quality or better, from 0 to 1."""


class SampleOrder(StrEnum):
    """Orders that page by key."""

    NEWEST = "newest"
    OLDEST = "oldest"
    LEAST_CONFIDENT = "least-confident"
    """Samples without a confidence come last."""
    LOWEST_QUALITY = "lowest-quality"


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of one `NewSample`: its number, and whether it was new."""

    id: int
    uid: str
    new: bool
    results: tuple[int, ...] = ()
    """Where several results of one moment were handed in: the numbers of all of them, in the order
    given. `id` is the chosen one's, the first one's while nobody has chosen."""


Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """One page of a list. `next` is the cursor of the following page, None on the last."""

    items: tuple[Item, ...]
    next: str | None
