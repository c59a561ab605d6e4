"""Review: a person accepts, corrects, rejects or skips; every decision is a revision.

The text a model gave is never overwritten. Any revision can be undone, an undoing too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from truing.domain.clock import Clock
from truing.domain.errors import ConflictError, InvalidInputError, NotFoundError, TruingError
from truing.domain.finding import SUSPECT_LABEL, CheckReport
from truing.domain.ports import Reviews, Samples
from truing.domain.review import Appended, Revision, Standing, Verdict, standing
from truing.domain.sample import Sample

LONGEST_TRUTH = 20_000
ATTEMPTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person decided, before it is tied to a sample."""

    verdict: Verdict
    actor: str
    truth: str | None = None
    why: str | None = None
    shown_because: str = "direct"
    prediction_known: bool = True
    seconds: float | None = None
    keys: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """The stored revision and what the sample amounts to now."""

    revision: Revision
    standing: Standing
    sample: Sample | None = None
    """The sample as it is now; None after an undoing."""


def settle(text: str, sample: Sample) -> tuple[Verdict, str]:
    """Reads a truth typed by a person: equal to what was proposed means accepted.

    Raises:
        InvalidInputError: empty or far too long.
    """
    truth = text.strip()
    if not truth:
        raise InvalidInputError(
            f"the truth of sample {sample.id} is empty",
            hint=f"type what was said, or reject it: truing label {sample.id} --reject",
        )
    if len(truth) > LONGEST_TRUTH:
        raise InvalidInputError(
            f"the truth of sample {sample.id} has {len(truth)} characters",
            hint=f"at most {LONGEST_TRUTH} are kept; split the recording",
        )
    proposed = sample.proposal
    same = proposed is not None and proposed.strip() == truth
    return (Verdict.ACCEPTED if same else Verdict.CORRECTED), truth


def review(
    sample_id: int,
    decision: Decision,
    samples: Samples,
    reviews: Reviews,
    clock: Clock,
    *,
    expected: int | None = None,
) -> Reviewed:
    """Appends a decision.

    Args:
        sample_id: the sample.
        decision: `truth` is needed for `corrected`; `accepted` without one takes the proposal.
        samples: where the sample is read.
        reviews: where the revision goes.
        clock: tells when.
        expected: the newest revision the person saw; None decides on whatever stands now.

    Raises:
        NotFoundError: no such sample.
        InvalidInputError: a truth that is missing, empty or too long.
        ConflictError: somebody else decided since `expected`.
    """
    attempts = ATTEMPTS if expected is None else 1
    while True:
        sample = samples.get(sample_id)
        # The sample says itself that nobody has decided: then there is no history to be read.
        history = reviews.of(sample_id) if sample.revision else []
        if expected is not None and sample.revision != expected:
            raise _overtaken(sample_id, history)
        revision = _revision(decision, sample, clock)
        after = _after(revision, sample, history)
        try:
            kept = reviews.append(revision, after, expected=sample.revision)
        except ConflictError:
            attempts -= 1
            if attempts <= 0:
                raise
        else:
            return _kept(kept, after, sample, samples)


def review_many(
    decisions: Sequence[tuple[int, Decision]], samples: Samples, reviews: Reviews, clock: Clock
) -> list[Reviewed | TruingError]:
    """Appends a decision on each of many samples, in one transaction.

    Args:
        decisions: the number of a sample and what is decided on it; each sample once.
        samples: where the samples are read.
        reviews: where the revisions go.
        clock: tells when.

    Returns:
        What came of each, in the order given; what `review` would raise is in the place of those
        that were refused.
    """
    held = {sample.id: sample for sample in samples.by_ids([number for number, _ in decisions])}
    histories = reviews.of_many([one.id for one in held.values() if one.revision])
    outcome: list[Reviewed | TruingError] = []
    ready: list[tuple[int, Sample, Appended]] = []
    for place, (number, decision) in enumerate(decisions):
        try:
            if number not in held:
                raise NotFoundError(f"no sample `{number}`", hint="`truing samples` lists them")
            sample = held[number]
            revision = _revision(decision, sample, clock)
        except TruingError as error:
            outcome.append(error)
            continue
        after = _after(revision, sample, histories.get(number, []))
        ready.append((place, sample, Appended(revision, after, sample.revision)))
        outcome.append(Reviewed(revision=revision, standing=after))
    stored = reviews.append_each([one for _, _, one in ready])
    for (place, sample, one), kept in zip(ready, stored, strict=True):
        if isinstance(kept, TruingError):
            outcome[place] = kept
        else:
            outcome[place] = _kept(kept, one.standing, sample, samples)
    return outcome


def undo(revision_id: int, actor: str, reviews: Reviews, clock: Clock) -> Reviewed:
    """Takes a revision back; undoing an undoing brings it back again.

    Raises:
        NotFoundError: no such revision.
        ConflictError: it is undone already.
    """
    target = reviews.get(revision_id)
    history = reviews.of(target.sample_id)
    if _is_undone(revision_id, history):
        raise _undone_already(target)
    revision = _undoing(target, actor, clock)
    attempts = ATTEMPTS
    while True:
        newest = history[-1].id
        after = standing([*history, replace(revision, id=newest + 1)])
        try:
            kept = reviews.append(revision, after, expected=newest)
        except ConflictError:
            attempts -= 1
            if attempts <= 0:
                raise
            history = reviews.of(target.sample_id)
        else:
            return Reviewed(revision=kept, standing=after)


def undo_many(
    revision_ids: Sequence[int], actor: str, reviews: Reviews, clock: Clock
) -> dict[int, Reviewed | TruingError]:
    """Takes revisions of different samples back, in one transaction; what came of each.

    One that is undone already, or is not there any more, is refused; the others are not.
    """
    targets: dict[int, Revision] = {}
    outcome: dict[int, Reviewed | TruingError] = {}
    for number in revision_ids:
        try:
            targets[number] = reviews.get(number)
        except TruingError as error:
            outcome[number] = error
    histories = reviews.of_many([one.sample_id for one in targets.values()])
    ready: list[tuple[int, Appended]] = []
    for number, target in targets.items():
        history = histories[target.sample_id]
        if _is_undone(number, history):
            outcome[number] = _undone_already(target)
            continue
        revision = _undoing(target, actor, clock)
        newest = history[-1].id
        after = standing([*history, replace(revision, id=newest + 1)])
        ready.append((number, Appended(revision, after, newest)))
    stored = reviews.append_each([one for _, one in ready])
    for (number, one), kept in zip(ready, stored, strict=True):
        if isinstance(kept, TruingError):
            outcome[number] = kept
        else:
            outcome[number] = Reviewed(revision=kept, standing=one.standing)
    return outcome


def last_to_undo(actor: str, reviews: Reviews) -> Revision | None:
    """The newest decision of a person that still holds."""
    for revision in reviews.latest_by(actor):
        if revision.verdict is Verdict.UNDONE:
            continue
        if not _is_undone(revision.id, reviews.of(revision.sample_id)):
            return revision
    return None


def _is_undone(revision_id: int, history: list[Revision]) -> bool:
    cancelled: set[int] = set()
    for revision in reversed(history):
        if revision.undoes is not None and revision.id not in cancelled:
            cancelled.add(revision.undoes)
    return revision_id in cancelled


def _verdict_and_truth(decision: Decision, sample: Sample) -> tuple[Verdict, str | None]:
    if decision.verdict in (Verdict.REJECTED, Verdict.SKIPPED):
        return decision.verdict, None
    if decision.verdict is Verdict.UNDONE:
        raise InvalidInputError("`undone` is no decision", hint="call `undo` with the revision")
    text = decision.truth
    if text is None and decision.verdict is Verdict.ACCEPTED:
        text = sample.proposal
    if text is None:
        raise InvalidInputError(
            f"sample {sample.id} has no text to accept",
            hint=f'type what was said: truing label {sample.id} --text "…"',
        )
    verdict, truth = settle(text, sample)
    # Without a known proposal nothing can be compared: the person's own word for it stands.
    return (decision.verdict if sample.proposal is None else verdict), truth


def _revision(decision: Decision, sample: Sample, clock: Clock) -> Revision:
    verdict, truth = _verdict_and_truth(decision, sample)
    return Revision(
        sample_id=sample.id,
        verdict=verdict,
        actor=decision.actor,
        created_at=clock.now(),
        truth=truth,
        why=decision.why,
        shown_because=decision.shown_because,
        prediction_known=decision.prediction_known and sample.proposal is not None,
        seconds=decision.seconds,
        keys=decision.keys,
    )


def _undoing(target: Revision, actor: str, clock: Clock) -> Revision:
    return Revision(
        sample_id=target.sample_id,
        verdict=Verdict.UNDONE,
        actor=actor,
        created_at=clock.now(),
        undoes=target.id,
    )


def _after(revision: Revision, sample: Sample, history: Sequence[Revision]) -> Standing:
    # The number the store will give is not known yet, only that it is the largest.
    return standing([*history, replace(revision, id=sample.revision + 1)])


def _kept(kept: Revision, after: Standing, sample: Sample, samples: Samples) -> Reviewed:
    """Ends a decision: whoever decides again has answered the doubt about a label."""
    known = after.deciding.prediction_known if after.deciding is not None else True
    now = replace(
        sample,
        state=after.state,
        truth=after.truth,
        revision=kept.id,
        prediction_known=known,
    )
    doubted = any(found.check == SUSPECT_LABEL for found in sample.findings)
    if doubted and kept.verdict is not Verdict.SKIPPED:
        report = CheckReport(findings=sample.findings, quality=sample.quality).settled()
        samples.set_report(sample.id, report)
        now = replace(now, findings=report.findings, quality=report.quality)
    return Reviewed(revision=kept, standing=after, sample=now)


def _undone_already(target: Revision) -> ConflictError:
    return ConflictError(
        f"revision {target.id} is undone already",
        hint=f"truing history {target.sample_id} shows what stands",
    )


def _overtaken(sample_id: int, history: list[Revision]) -> ConflictError:
    who = f"`{history[-1].actor}`" if history else "nobody"
    return ConflictError(
        f"sample {sample_id} was reviewed by {who} meanwhile",
        hint="look at it again, then decide",
    )
