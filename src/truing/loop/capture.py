"""Capture: what a model saw and said in real use becomes a sample, durable before it returns.

Order of writing: the media's bytes first (synced), then the row that points to them. A crash in
between leaves bytes that nothing refers to, never a row without its bytes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from truing.domain.clock import Clock
from truing.domain.consent import consent_under
from truing.domain.contact import contact_of
from truing.domain.errors import InvalidInputError
from truing.domain.finding import CheckReport
from truing.domain.ids import IdSource
from truing.domain.media import IngestedMedia, Media
from truing.domain.modality import CanTidy, CheckInput, Modality
from truing.domain.ports import Blobs, Samples
from truing.domain.prediction import Prediction, PredictionKind, Recognition
from truing.domain.sample import Added, NewSample, Sampling
from truing.domain.settings import Settings

CompareWithOthers = Callable[[Modality, CheckReport, CheckInput], tuple[CheckReport, Sequence[str]]]
"""Adds what only the other samples can tell, such as that one is a copy; also gives the keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One moment of use as an app hands it over."""

    media: Mapping[str, object]
    """By role: whatever the modality's `ingest` takes."""
    predictions: Sequence[Prediction] = ()
    truth: str | None = None
    """A correction made in the app itself, if the person made one at once."""
    subject: str | None = None
    session: str | None = None
    source: str = "app"
    source_key: str | None = None
    captured_at: int | None = None
    context: Mapping[str, object] = field(default_factory=dict)
    sampling: Sampling | None = None
    """None lets chance decide: the audit share of `capture.audit_share`."""
    consent: bool = False
    """Whether its person agreed to be kept, which `consent.policy` may ask for."""
    contact: str | None = None
    """By what address its person can ask for deletion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturePorts:
    """What capturing needs."""

    samples: Samples
    blobs: Blobs
    clock: Clock
    ids: IdSource
    rng: random.Random
    compare: CompareWithOthers


def keeps(utterance: Utterance, settings: Settings, rng: random.Random) -> Sampling | None:
    """Whether an utterance is kept under the settings, and how it came to be; None: not kept."""
    mode = settings.text("capture.mode")
    if utterance.sampling is not None:
        return utterance.sampling if mode != "off" else None
    drawn = rng.random() < settings.number("capture.audit_share")
    if mode == "off":
        return None
    if drawn:
        return Sampling.AUDIT
    said = utterance.predictions[-1].text if utterance.predictions else None
    was_corrected = utterance.truth is not None and utterance.truth != said
    return Sampling.CHOSEN if mode == "every" or was_corrected else None


def capture(
    modality: Modality, utterance: Utterance, ports: CapturePorts, settings: Settings
) -> Added | None:
    """Stores one utterance; None when the settings say not to keep it.

    Raises:
        InvalidInputError: media the modality cannot take, or a role it does not know.
        DamagedError: bytes that cannot be decoded at all.
        ConsentError: the consent policy does not let it be kept.
    """
    sampling = keeps(utterance, settings, ports.rng)
    if sampling is None:
        return None
    return ports.samples.add([prepare(modality, utterance, sampling, ports, settings)])[0]


def prepare(
    modality: Modality,
    utterance: Utterance,
    sampling: Sampling,
    ports: CapturePorts,
    settings: Settings,
) -> NewSample:
    """Makes the media durable and checks it; the row is left to the caller, so that imports can
    store many rows in one transaction.
    """
    consent = consent_under(
        settings.text("consent.policy"),
        reason=settings.text("consent.reason"),
        given=utterance.consent,
    )
    contact = contact_of(utterance.contact)
    if not utterance.media or modality.roles[0] not in utterance.media:
        raise InvalidInputError(
            f"a {modality.name} sample needs its `{modality.roles[0]}`",
            hint=f"give media={{'{modality.roles[0]}': …}}",
        )
    now = ports.clock.now()
    predictions = with_proposal(modality, utterance.predictions, now)
    ingested = [ingest(modality, role, source) for role, source in utterance.media.items()]
    media = tuple(stored(one, ports.blobs) for one in ingested)
    given = CheckInput(
        media=media,
        data={one.role: one.data for one in ingested},
        predictions=predictions,
        truth=utterance.truth,
        damage={one.role: one.damage for one in ingested if one.damage},
    )
    report, groups = ports.compare(modality, modality.check(given, settings), given)
    return NewSample(
        uid=ports.ids.new(),
        modality=modality.name,
        salt=f"{ports.rng.getrandbits(128):032x}",
        source=utterance.source,
        source_key=utterance.source_key,
        captured_at=now if utterance.captured_at is None else utterance.captured_at,
        added_at=now,
        consent=consent,
        sampling=sampling,
        subject=utterance.subject,
        session=utterance.session,
        context=utterance.context,
        media=media,
        predictions=predictions,
        findings=report.findings,
        quality=report.quality,
        groups=tuple(groups),
        contact=contact,
    )


def with_proposal(
    modality: Modality, said: Sequence[Prediction], now: int
) -> tuple[Prediction, ...]:
    """The predictions, and the modality's own tidier form of the raw text where it has one and
    nobody else has corrected it.
    """
    raw = next((one for one in said if one.kind is PredictionKind.RECOGNIZER), None)
    corrected = any(one.kind is PredictionKind.CORRECTOR for one in said)
    if raw is None or corrected or not isinstance(modality, CanTidy):
        return tuple(said)
    tidy = modality.tidy(raw.text)
    if not tidy or tidy == raw.text:
        return tuple(said)
    proposal = Prediction(
        kind=PredictionKind.CORRECTOR,
        recognition=Recognition(text=tidy),
        model=modality.tidied_by,
        created_at=now,
    )
    return (*said, proposal)


def ingest(modality: Modality, role: str, source: object) -> IngestedMedia:
    """Lets the modality read one medium.

    Raises:
        InvalidInputError: a role the modality does not know.
    """
    if role not in modality.roles:
        raise InvalidInputError(
            f"{modality.name} has no media role `{role}`",
            hint=f"its roles are {', '.join(modality.roles)}",
        )
    return modality.ingest(role, source)


def stored(one: IngestedMedia, blobs: Blobs) -> Media:
    """Writes the bytes and returns the reference to them."""
    return Media(
        role=one.role,
        digest=blobs.put(one.data),
        size=len(one.data),
        media_type=one.media_type,
        # Kept with the medium, so that a later check still knows of it.
        facts={**one.facts, "damage": one.damage} if one.damage else one.facts,
    )
