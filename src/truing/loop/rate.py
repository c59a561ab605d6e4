"""Rate: a person says how good a sample is, from 1 to 5, and perhaps why."""

from __future__ import annotations

from truing.domain.clock import Clock
from truing.domain.errors import InvalidInputError
from truing.domain.rating import HIGHEST, LONGEST_REASON, LOWEST, Rating, Ratings


def rate(
    id: int, value: int, ratings: Ratings, clock: Clock, *, actor: str, reason: str | None = None
) -> Rating:
    """Appends a rating, which counts from now on; those before are kept.

    Args:
        id: number of the sample.
        value: 1 to 5.
        ratings: where it goes.
        clock: tells when.
        actor: whose it is.
        reason: why, in their words.

    Raises:
        InvalidInputError: another value, or a reason that is too long.
        NotFoundError: no such sample.
        ConflictError: the sample is in the trash.
    """
    value, reason = checked(value, reason)
    return ratings.add(
        Rating(sample_id=id, value=value, reason=reason, actor=actor, created_at=clock.now())
    )


def checked(value: int, reason: str | None) -> tuple[int, str | None]:
    """A rating that can be stored; an empty reason is none.

    Raises:
        InvalidInputError: another value, or a reason that is too long.
    """
    if isinstance(value, bool) or value not in range(LOWEST, HIGHEST + 1):
        raise InvalidInputError(
            f"`{value}` is no rating", hint=f"rate from {LOWEST} to {HIGHEST}, {HIGHEST} is best"
        )
    why = (reason or "").strip()
    if len(why) > LONGEST_REASON:
        raise InvalidInputError(
            f"a reason of {len(why)} characters is too long",
            hint=f"at most {LONGEST_REASON} characters",
        )
    return value, why or None
