"""Choose: of several results of one moment a person took one, and says so later.

One transaction: at no moment are some of the results rejected and others not yet. What was chosen
when they were handed in is stored with them, see `capture`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from truing.domain.choice import CHOSEN, NOT_CHOSEN, OF, Choice, rejection
from truing.domain.clock import Clock
from truing.domain.errors import ConflictError, InvalidInputError
from truing.domain.ports import Reviews, Samples
from truing.domain.review import Appended, Revision, State, Verdict, standing
from truing.domain.sample import Sample

ATTEMPTS = 8


def choose(
    sample_id: int, samples: Samples, reviews: Reviews, clock: Clock, *, actor: str
) -> Choice:
    """Takes one of several results; chosen again, another one takes its place.

    The others are rejected with the reason `not chosen`, unless a person has decided on them
    otherwise: that is never overruled.

    Raises:
        NotFoundError: no such sample.
        InvalidInputError: it came alone.
        ConflictError: it is in the trash, or people go on deciding on the results meanwhile.
    """
    attempts = ATTEMPTS
    while True:
        chosen = samples.get(sample_id)
        if chosen.state is State.TRASHED:
            raise ConflictError(
                f"sample `{sample_id}` is in the trash",
                hint=f"truing trash restore {sample_id}, then choose",
            )
        results = results_of(chosen, samples)
        given = [_decision(one, sample_id, reviews, actor, clock.now()) for one in results]
        ready = [one for one in given if one is not None]
        contexts = {one.id: {**one.context, CHOSEN: one.id == sample_id} for one in results}
        try:
            kept = reviews.append_all(ready, contexts)
        except ConflictError:
            attempts -= 1
            if attempts <= 0:
                raise
        else:
            return Choice(
                chosen=sample_id,
                rejected=_numbers(kept, Verdict.REJECTED),
                restored=_numbers(kept, Verdict.UNDONE),
            )


def results_of(sample: Sample, samples: Samples) -> list[Sample]:
    """All results of the moment that a sample is one of, in the order given; without those that
    are in the trash or gone.

    Raises:
        InvalidInputError: it came alone.
    """
    uids = sample.context.get(OF)
    if not isinstance(uids, list) or sample.uid not in uids:
        raise InvalidInputError(
            f"sample {sample.id} is the only result of its moment",
            hint="hand several results in together, as a list",
        )
    found = samples.by_uids([one for one in uids if isinstance(one, str)])
    # An app writes what it likes into a context: only those count that name each other.
    return [
        found[uid]
        for uid in dict.fromkeys(uids)
        if uid in found
        and found[uid].context.get(OF) == uids
        and found[uid].source == sample.source
        and found[uid].state is not State.TRASHED
    ]


def _decision(
    sample: Sample, chosen: int, reviews: Reviews, actor: str, now: int
) -> Appended | None:
    """What is decided on one of the results; None where it stays as it is."""
    history = reviews.of(sample.id) if sample.revision else []
    deciding = standing(history).deciding
    if sample.id != chosen:
        if sample.state not in (State.PENDING, State.SKIPPED):
            return None
        revision = rejection(sample.id, actor, now, known=sample.proposal is not None)
    elif deciding is not None and (deciding.verdict, deciding.why) == (
        Verdict.REJECTED,
        NOT_CHOSEN,
    ):
        revision = Revision(
            sample_id=sample.id,
            verdict=Verdict.UNDONE,
            actor=actor,
            created_at=now,
            undoes=deciding.id,
        )
    else:
        return None
    after = standing([*history, replace(revision, id=sample.revision + 1)])
    return Appended(revision, after, sample.revision)


def _numbers(kept: Sequence[Revision], verdict: Verdict) -> tuple[int, ...]:
    return tuple(one.sample_id for one in kept if one.verdict is verdict)
