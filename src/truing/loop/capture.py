"""Capture: what a model saw and said in real use becomes a sample, durable before it returns.

Order of writing: the media's bytes first (synced), then the row that points to them. A crash in
between leaves bytes that nothing refers to, never a row without its bytes. Of several results of
one moment each is a sample of its own, with the same input and text; one transaction stores all of
them, those that were not taken rejected as they come.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from truing.domain.choice import CHOSEN, MOST_RESULTS, OF, MomentChoice, rejection
from truing.domain.clock import Clock
from truing.domain.consent import Consent, consent_under
from truing.domain.contact import contact_of
from truing.domain.errors import DamagedError, InvalidInputError
from truing.domain.finding import CheckReport
from truing.domain.ids import IdSource
from truing.domain.media import IngestedMedia, Media
from truing.domain.modality import CanChoose, CanTellWhole, CanTidy, CheckInput, Modality
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
    consent: bool | Consent = False
    """Whether its person agreed to be kept, which `consent.policy` may ask for; or on what basis it
    is kept, where that has been settled for many together."""
    contact: str | None = None
    """By what address its person can ask for deletion."""
    as_it_happens: bool = False
    """Whether the app is there to hand it in again: a medium that breaks off is refused then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturePorts:
    """What capturing needs."""

    samples: Samples
    blobs: Blobs
    clock: Clock
    ids: IdSource
    rng: random.Random
    compare: CompareWithOthers
    admit: Callable[[int], AbstractContextManager[None]] = lambda _: nullcontext()
    """A block in which so many bytes are written; raises `FullError` when they do not fit."""


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
        FullError: there is no room for it.
    """
    sampling = keeps(utterance, settings, ports.rng)
    if sampling is None:
        return None
    allowed(utterance, settings)
    read = {one.role: one for one in read_media(modality, utterance)}
    new = prepare(modality, replace(utterance, media=read), sampling, ports, settings)
    added = ports.samples.add([new])[0]
    _hold([read], [new], ports.blobs)
    return added


def capture_moment(
    modality: Modality,
    utterance: Utterance,
    ports: CapturePorts,
    settings: Settings,
    *,
    choice: MomentChoice,
) -> Added | None:
    """Stores one moment with its result, or with several; None when it is not to be kept.

    Args:
        modality: of it.
        utterance: with a list of media in the modality's `chosen_role` for several results.
        ports: what capturing needs.
        settings: the workspace's.
        choice: which of several results was taken.

    Returns:
        The chosen one, the first one while nobody has chosen, with the numbers of all.

    Raises:
        InvalidInputError: no results, too many, a place that is none, or media that the modality
            cannot take: then none is kept.
        DamagedError: bytes that cannot be decoded at all.
        ConsentError: the consent policy does not let them be kept.
    """
    role = modality.chosen_role if isinstance(modality, CanChoose) else ""
    results = utterance.media.get(role)
    if not isinstance(results, list):
        if choice.chosen is not None:
            raise InvalidInputError(
                "there is one result, and nothing to choose from",
                hint="give several results as a list, or leave out `chosen`",
            )
        return capture(modality, utterance, ports, settings)
    _must_fit(role, len(results), choice.chosen)
    if choice.chosen is None and (choice.rated or utterance.truth is not None):
        raise InvalidInputError(
            "a truth or a rating belongs to one of the results, and none is chosen",
            hint="say `chosen` as well, or rate it later",
        )
    sampling = keeps(utterance, settings, ports.rng)
    if sampling is None:
        return None
    allowed(utterance, settings)
    keys = _keys_of(utterance.source_key, len(results))
    there = _there(utterance.source, keys, ports.samples)
    if there is not None:
        return there
    alone = _read(modality, utterance, role, results, keys)
    with ports.blobs.together():
        new = [prepare(modality, one, sampling, ports, settings) for one in alone]
    added = ports.samples.add(_told_apart(new, choice))
    _hold([one.media for one in alone], new, ports.blobs)
    return replace(added[choice.chosen or 0], results=tuple(one.id for one in added))


def _hold(read: Sequence[Mapping[str, object]], new: Sequence[NewSample], blobs: Blobs) -> None:
    """Puts media again that went before their row came: those of a sample with the same bytes may
    have been archived or deleted at this moment; see `Blobs.discard`.
    """
    for given, sample in zip(read, new, strict=True):
        for medium in sample.media:
            one = given[medium.role]
            if isinstance(one, IngestedMedia) and not blobs.exists(medium.digest):
                blobs.put(one.data)


def _read(
    modality: Modality,
    utterance: Utterance,
    role: str,
    results: Sequence[object],
    keys: Sequence[str | None],
) -> list[Utterance]:
    """The moment once for each result, with media that are read: of what is refused nothing is
    stored.
    """
    others = {name: one for name, one in utterance.media.items() if name != role}
    shared = {one.role: one for one in read_media(modality, replace(utterance, media=others))}
    alone = [replace(utterance, media={role: one}) for one in results]
    read = [read_media(modality, one)[0] for one in alone]
    return [
        replace(utterance, media={**shared, role: one}, source_key=key)
        for one, key in zip(read, keys, strict=True)
    ]


def _must_fit(role: str, count: int, chosen: int | None) -> None:
    if not 0 < count <= MOST_RESULTS:
        raise InvalidInputError(
            f"`{role}` holds {count} results", hint=f"give one to {MOST_RESULTS} of them"
        )
    if chosen is not None and not 0 <= chosen < count:
        raise InvalidInputError(
            f"`chosen`: {chosen} is none of {count} results",
            hint=f"give its place in the list, 0 to {count - 1}",
        )


def _keys_of(key: str | None, count: int) -> list[str | None]:
    """The app's own name for each result: the same request again brings the same samples."""
    return [None if key is None else f"{key}#{number}" for number in range(1, count + 1)]


def _there(source: str, keys: Sequence[str | None], samples: Samples) -> Added | None:
    """What is there already when the same moment is handed in again."""
    known = samples.by_source(source, [key for key in keys if key is not None])
    if not known:
        return None
    numbers = tuple(known[key] for key in keys if key in known)
    found = samples.by_ids(numbers)
    if not found:
        # They lie in an archive, from where they come back as they left.
        return Added(id=numbers[0], uid="", new=False, results=numbers)
    taken = next((one for one in found if one.context.get(CHOSEN) is True), found[0])
    return Added(id=taken.id, uid=taken.uid, new=False, results=tuple(one.id for one in found))


def _told_apart(new: Sequence[NewSample], choice: MomentChoice) -> list[NewSample]:
    uids = [one.uid for one in new]
    if choice.chosen is None:
        return [replace(one, context={**one.context, OF: uids}) for one in new]
    made = []
    for place, one in enumerate(new):
        taken = place == choice.chosen
        known = bool(one.predictions)
        refusal = None if taken else rejection(0, choice.actor, one.added_at, known=known)
        context = {**one.context, OF: uids, CHOSEN: taken}
        made.append(replace(one, context=context, decided=refusal))
    return made


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
    consent = allowed(utterance, settings)
    contact = contact_of(utterance.contact)
    if not utterance.media or modality.roles[0] not in utterance.media:
        raise InvalidInputError(
            f"a {modality.name} sample needs its `{modality.roles[0]}`",
            hint=f"give media={{'{modality.roles[0]}': …}}",
        )
    now = ports.clock.now()
    predictions = with_proposal(modality, utterance.predictions, now)
    ingested = read_media(modality, utterance)
    # All of them before the first is written: half a sample is never left behind.
    with ports.admit(sum(len(one.data) for one in ingested)):
        media = tuple(stored(one, ports.blobs) for one in ingested)
    given = CheckInput(
        media=media,
        data={one.role: one.data for one in ingested},
        predictions=predictions,
        truth=utterance.truth,
        damage={one.role: one.damage for one in ingested if one.damage},
        seen={one.role: one.seen for one in ingested if one.seen is not None},
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


def allowed(utterance: Utterance, settings: Settings) -> Consent:
    """On what basis an utterance is kept.

    Raises:
        ConsentError: the consent policy does not let it be kept.
    """
    if isinstance(utterance.consent, Consent):
        return utterance.consent
    return consent_under(
        settings.text("consent.policy"),
        reason=settings.text("consent.reason"),
        given=utterance.consent,
    )


def read_media(modality: Modality, utterance: Utterance) -> list[IngestedMedia]:
    """Lets the modality read all media, of which nothing is stored yet.

    Raises:
        InvalidInputError: media the modality cannot take, or a role it does not know.
        DamagedError: nothing of one can be decoded; or it breaks off, as it happens, where the
            modality is certain of that.
    """
    found = [ingest(modality, role, source) for role, source in utterance.media.items()]
    if utterance.as_it_happens and isinstance(modality, CanTellWhole):
        for one in found:
            if one.damage:
                raise DamagedError(
                    f"the {modality.name} medium `{one.role}` is not whole: {one.damage}",
                    hint="send it again",
                )
    return found


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
    """Lets the modality read one medium, unless it has done so already.

    Raises:
        InvalidInputError: a role the modality does not know.
    """
    if role not in modality.roles:
        raise InvalidInputError(
            f"{modality.name} has no media role `{role}`",
            hint=f"its roles are {', '.join(modality.roles)}",
        )
    return source if isinstance(source, IngestedMedia) else modality.ingest(role, source)


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
