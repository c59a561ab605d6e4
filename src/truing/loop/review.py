"""Review: a person accepts, corrects, rejects or skips; every decision is a revision.

The text a model gave is never overwritten. Any revision can be undone, an undoing too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from truing.domain.clock import Clock
from truing.domain.errors import ConflictError, InvalidInputError
from truing.domain.finding import SUSPECT_LABEL, CheckReport
from truing.domain.ports import Reviews, Samples
from truing.domain.review import Revision, Standing, Verdict, standing
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
    sample = samples.get(sample_id)
    verdict, truth = _verdict_and_truth(decision, sample)
    revision = Revision(
        sample_id=sample_id,
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
    reviewed = _append(revision, reviews, expected)
    doubted = any(found.check == SUSPECT_LABEL for found in sample.findings)
    if doubted and verdict is not Verdict.SKIPPED:
        # Whoever decides again has answered the doubt.
        report = CheckReport(findings=sample.findings, quality=sample.quality)
        samples.set_report(sample_id, report.settled())
    return reviewed


def undo(revision_id: int, actor: str, reviews: Reviews, clock: Clock) -> Reviewed:
    """Takes a revision back; undoing an undoing brings it back again.

    Raises:
        NotFoundError: no such revision.
        ConflictError: it is undone already.
    """
    target = reviews.get(revision_id)
    history = reviews.of(target.sample_id)
    if _is_undone(revision_id, history):
        raise ConflictError(
            f"revision {revision_id} is undone already",
            hint=f"truing history {target.sample_id} shows what stands",
        )
    revision = Revision(
        sample_id=target.sample_id,
        verdict=Verdict.UNDONE,
        actor=actor,
        created_at=clock.now(),
        undoes=revision_id,
    )
    return _append(revision, reviews, None)


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


def _append(revision: Revision, reviews: Reviews, expected: int | None) -> Reviewed:
    attempts = ATTEMPTS if expected is None else 1
    while True:
        history = reviews.of(revision.sample_id)
        newest = history[-1].id if history else 0
        if expected is not None and newest != expected:
            raise _overtaken(revision.sample_id, history)
        # The number the store will give is not known yet, only that it is the largest.
        after = standing([*history, replace(revision, id=newest + 1)])
        try:
            kept = reviews.append(revision, after, expected=newest)
        except ConflictError:
            attempts -= 1
            if attempts <= 0:
                raise
        else:
            return Reviewed(revision=kept, standing=after)


def _overtaken(sample_id: int, history: list[Revision]) -> ConflictError:
    who = f"`{history[-1].actor}`" if history else "nobody"
    return ConflictError(
        f"sample {sample_id} was reviewed by {who} meanwhile",
        hint="look at it again, then decide",
    )
