"""Collecting: capture from an app, import, checking again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import dropwhile
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.choice import MomentChoice
from truing.domain.clock import MICROSECONDS
from truing.domain.consent import Consent
from truing.domain.digest import digest_bytes
from truing.domain.errors import InvalidInputError
from truing.domain.event import Event
from truing.domain.format import (
    ANY_MODALITY,
    ImportedRow,
    Reader,
)
from truing.domain.prediction import (
    Alternative,
    Prediction,
    PredictionKind,
    Recognition,
    Word,
)
from truing.domain.sample import Added, NewSample, SampleFilter, SampleOrder, Sampling
from truing.loop import capture as capturing
from truing.loop.check import Checked, Neighbours
from truing.loop.check import check as check_samples
from truing.loop.import_rows import Imported, ImportPorts, fresh_rows, import_rows, summary
from truing.loop.rate import checked
from truing.workspace.consenting import nobody_agreed, stated_consent
from truing.workspace.quota import check_import

if TYPE_CHECKING:
    from truing.domain.finding import CheckReport
    from truing.domain.modality import CheckInput, Modality
    from truing.workspace import Workspace


def capture_ports(
    workspace: Workspace, neighbours: Neighbours | None = None
) -> capturing.CapturePorts:
    """What the capture verb needs of a workspace."""
    samples = workspace.store.samples

    def compare(
        modality: Modality, report: CheckReport, given: CheckInput
    ) -> tuple[CheckReport, Sequence[str]]:
        others = neighbours or Neighbours(modality, samples, workspace.blobs, workspace.settings)
        return others.compare(report, given)

    return capturing.CapturePorts(
        samples=samples,
        blobs=workspace.blobs,
        clock=workspace.clock,
        ids=workspace.ids,
        rng=workspace.rng,
        compare=compare,
        admit=workspace.admission.admit,
    )


def capture(
    workspace: Workspace,
    modality: str,
    *,
    raw: str | Recognition | None = None,
    corrected: str | None = None,
    truth: str | None = None,
    confidence: float | None = None,
    words: Sequence[Word] = (),
    alternatives: Sequence[Alternative] = (),
    model: str | None = None,
    subject: str | None = None,
    session: str | None = None,
    source: str = "app",
    source_key: str | None = None,
    captured_at: int | None = None,
    context: Mapping[str, object] | None = None,
    sampling: Sampling | str | None = None,
    actor: str | None = None,
    consent: bool | Consent = False,
    contact: str | None = None,
    rating: int | None = None,
    rating_reason: str | None = None,
    chosen: int | None = None,
    **media: object,
) -> Added | None:
    """Keeps one moment of use; durable when it returns.

    Args:
        workspace: where it goes.
        modality: such as `speech`.
        raw: what the recognizer said, as text or with words and alternatives.
        corrected: what a language model made of it.
        truth: a correction the person made in the app at once; becomes a review.
        confidence: of `raw`, 0 to 1, when it is given as text.
        words: of `raw`, with times in seconds.
        alternatives: other readings of `raw`.
        model: which recognizer spoke.
        subject: who is recorded.
        session: the sitting; samples of one sitting never straddle a split.
        source: the app.
        source_key: the app's own name for it; the same name again is the same sample.
        captured_at: microseconds since 1970, UTC; now when left out.
        context: what the app knew.
        sampling: leave it out for live capture: chance then decides on the audit stream.
        actor: whose correction and rating it is; the workspace's own when left out.
        consent: whether its person agreed to be kept, which the setting `consent.policy` may ask
            for; or what `consenting.stated_consent` made of a basis stated for many together.
        contact: the address by which its person can ask for deletion; kept apart, never exported.
        rating: what the person in the app thought of it, 1 to 5.
        rating_reason: why.
        chosen: of several results the place of the one that the person took, from 0; the others
            are rejected. Left out while nobody has chosen: `Workspace.choose` says so later.
        **media: by role, such as `audio=` an array with its rate, bytes or a path. A list of them
            where one moment may have several results, such as `edited=[…]` of image edits: each
            becomes a sample.

    Returns:
        Its number, or None when the settings say not to keep it. Of several results the chosen
        one's, or the first one's; `results` has all of them.

    Raises:
        InvalidInputError: media, a truth, a confidence, a contact, a choice or a rating that
            cannot be used.
        DamagedError: media that cannot be decoded at all, or a picture that breaks off.
        ConsentError: the consent policy does not let it be kept.
        FullError: it does not fit on the disk or within `storage.quota_gb`.
    """
    if rating is not None:
        checked(rating, rating_reason)
    if confidence is not None and not 0 <= confidence <= 1:
        raise InvalidInputError(
            f"the confidence `{confidence:g}` is not between 0 and 1",
            hint="give a probability, such as exp of the mean log-probability, or leave it out",
        )
    now = workspace.clock.now() if captured_at is None else captured_at
    recognition = (
        raw
        if isinstance(raw, Recognition) or raw is None
        else Recognition(
            text=raw, confidence=confidence, words=tuple(words), alternatives=tuple(alternatives)
        )
    )
    predictions = []
    if recognition is not None:
        predictions.append(
            Prediction(
                kind=PredictionKind.RECOGNIZER, recognition=recognition, model=model, created_at=now
            )
        )
    if corrected is not None:
        said = Recognition(text=corrected)
        predictions.append(
            Prediction(kind=PredictionKind.CORRECTOR, recognition=said, created_at=now)
        )
    choice = MomentChoice(chosen=chosen, actor=actor or workspace.actor, rated=rating is not None)
    utterance = capturing.Utterance(
        media=media,
        predictions=predictions,
        truth=truth,
        subject=subject,
        session=session,
        source=source,
        source_key=source_key,
        captured_at=captured_at,
        context=context or {},
        sampling=Sampling(sampling) if sampling is not None else None,
        consent=consent,
        contact=contact,
        as_it_happens=True,
    )
    added = capturing.capture_moment(
        workspace.modality(modality),
        utterance,
        capture_ports(workspace),
        workspace.settings,
        choice=choice,
    )
    if added is not None and added.new and truth is not None:
        by = actor or workspace.actor
        workspace.review(added.id, "corrected", truth, shown_because="app", actor=by)
    if added is not None and added.new and rating is not None:
        workspace.rate(added.id, rating, rating_reason, actor=actor)
    return added


def current_session(workspace: Workspace, source: str, subject: str | None) -> str:
    """The sitting a live capture belongs to: the last one, or a new one after a long pause."""
    from truing.domain.clock import to_iso

    now = workspace.clock.now()
    where = SampleFilter(source=source, subject=subject)
    page = workspace.store.samples.page(where, SampleOrder.NEWEST, limit=1)
    gap = workspace.settings.number("capture.session_gap_minutes") * 60 * MICROSECONDS
    if page.items:
        last = page.items[0]
        if last.session is not None and 0 <= now - last.captured_at <= gap:
            return last.session
    return f"{source}-{to_iso(now)}"


def reader_of(name: str, *, role: str | None = None) -> Reader:
    """A format that can be imported.

    Args:
        name: see `truing formats`.
        role: of the files that rows name, in a format whose rows may be of any modality.

    Raises:
        NotFoundError: no such format.
        InvalidInputError: it can only be exported.
    """
    from truing.workspace import formats

    kind = formats.load(name)
    is_any = role is not None and kind.modality == ANY_MODALITY
    found = kind(role=role) if is_any else kind()
    if not isinstance(found, Reader):
        raise InvalidInputError(f"`{name}` can only be exported", hint="truing import --help")
    return found


def source_name(reader: Reader, path: Path) -> str:
    """Tells two sources of one format apart, unless the format's keys are unique by themselves."""
    if getattr(reader, "keys_are_unique", False):
        return reader.name
    place = digest_bytes(str(path.resolve()).encode("utf-8", "surrogateescape"))
    return f"{reader.name}:{path.name}-{place[7:13]}"


def import_from(
    workspace: Workspace,
    format: str,
    path: Path,
    *,
    subject: str | None = None,
    modality: str | None = None,
    consent: str | None = None,
    reason: str | None = None,
    command: str | None = None,
    on_progress: Callable[[Imported], None] = lambda _: None,
) -> Imported:
    """Brings in everything a source holds; a second time, only what is new.

    Args:
        workspace: where it goes.
        format: its name, see `truing formats`.
        path: the file or folder.
        subject: who is recorded, for rows that do not say.
        modality: of rows that do not say, in a format that holds any; the usual one when left out.
        consent: on what basis the rows are kept that do not say it themselves: `person`, everybody
            in them agreed; `operator`, for a reason. Left out, `consent.policy` says it.
        reason: of the operator; the setting `consent.reason` when left out.
        command: what a refusal tells to type; `truing import …` when left out.
        on_progress: called after each batch.

    Raises:
        NotFoundError: no such format, or nothing at `path`.
        InvalidInputError: what lies there is not of this format, the format is of another
            modality, or there is no such basis.
        ConsentError: there are new rows that nobody may keep; nothing was written.
        FullError: what is new of it does not fit; nothing was written, unless it can only be
            told while it is stored: then whole batches of rows were.
    """
    reader, usual = _reader_for(workspace, format, modality)
    source = source_name(reader, path)
    store = workspace.store
    again = command or f"truing import {format} '{path}'"
    stated = stated_consent(workspace, consent, reason, command=again)
    if stated is None and any(
        row.consent is None for row in fresh_rows(reader.read(path), source, store.samples)
    ):
        raise nobody_agreed(again)
    check_import(workspace, path, lambda: reader.read(path), source)
    arriving = _Arriving(workspace, usual, source, subject, stated)

    def stored(outcome: Imported) -> None:
        arriving.stored()
        on_progress(outcome)

    ports = ImportPorts(
        samples=store.samples,
        reviews=store.reviews,
        ratings=store.ratings,
        prepare=arriving.prepare,
        now=workspace.clock.now,
        together=workspace.blobs.together,
        has=workspace.blobs.exists,
    )
    outcome = import_rows(reader.read(path), source, ports, consent=stated, on_progress=stored)
    data = {"format": format, **summary(outcome), "consent": stated.policy if stated else None}
    event = Event(kind="imported", at=workspace.clock.now(), actor=workspace.actor, data=data)
    store.events.add(event)
    return outcome


def _reader_for(workspace: Workspace, format: str, modality: str | None) -> tuple[Reader, str]:
    """What reads a format, and of what modality rows are that do not say so."""
    usual = workspace.modality(modality or workspace.usual_modality)
    reader = reader_of(format, role=usual.roles[0])
    if reader.modality == ANY_MODALITY:
        return reader, usual.name
    if modality not in (None, reader.modality):
        raise InvalidInputError(
            f"`{format}` holds {reader.modality} samples, not {modality}",
            hint="truing formats shows what each holds",
        )
    return reader, workspace.modality(reader.modality).name


class _Arriving:
    """Makes samples of the rows of one import, whichever modality each is of."""

    def __init__(
        self,
        workspace: Workspace,
        usual: str,
        source: str,
        subject: str | None,
        consent: Consent | None,
    ) -> None:
        self._workspace, self._usual = workspace, usual
        self._source, self._subject, self._consent = source, subject, consent
        self._neighbours: dict[str, Neighbours] = {}

    def stored(self) -> None:
        """A batch is stored: its samples are found in the store from now on."""
        for one in self._neighbours.values():
            one.stored()

    def prepare(self, row: ImportedRow, predictions: tuple[Prediction, ...]) -> NewSample:
        workspace = self._workspace
        modality = workspace.modality(row.modality or self._usual)
        if modality.name not in self._neighbours:
            self._neighbours[modality.name] = Neighbours(
                modality,
                workspace.store.samples,
                workspace.blobs,
                workspace.settings,
                remembers=True,
            )
        utterance = capturing.Utterance(
            media=row.media,
            predictions=predictions,
            truth=row.truth,
            subject=row.subject or self._subject,
            session=row.session,
            source=self._source,
            source_key=row.key,
            captured_at=row.captured_at,
            context=row.context,
            contact=row.contact,
            consent=row.consent or self._consent or False,
        )
        ports = capture_ports(workspace, self._neighbours[modality.name])
        return capturing.prepare(modality, utterance, Sampling.WHOLESALE, ports, workspace.settings)


def check(
    workspace: Workspace,
    where: SampleFilter,
    *,
    after: int = 0,
    on_progress: Callable[[int, int], None] = lambda _done, _id: None,
) -> Checked:
    """Looks at stored samples again with the thresholds as they are now.

    Args:
        workspace: where they are.
        where: which of them.
        after: go on behind the sample of this number, where an earlier call was interrupted.
        on_progress: called with how many are done and the number of the last one.
    """
    found = workspace.store.samples.iterate(where)
    return check_samples(
        dropwhile(lambda sample: sample.id <= after, found),
        workspace.modality,
        workspace.store.samples,
        workspace.blobs,
        workspace.settings,
        on_progress=on_progress,
    )
