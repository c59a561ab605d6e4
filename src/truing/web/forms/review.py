"""The form of a decision on one sample."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from truing.domain.review import Verdict
from truing.loop.review import LONGEST_TRUTH
from truing.web.forms.filters import LARGEST, FilterForm

MOST_AHEAD = 20
"""Samples of the queue that are given at once."""
MOST_EXCLUDED = 200

Truth = Annotated[str, Field(max_length=LONGEST_TRUTH)]


class Decided(StrEnum):
    """What a person may decide; an undoing has a route of its own."""

    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    REJECTED = "rejected"
    SKIPPED = "skipped"


class ReviewForm(BaseModel):
    """A decision."""

    model_config = ConfigDict(extra="forbid")

    verdict: Decided = Field(Decided.ACCEPTED, description="what is decided")
    truth: Truth | None = Field(
        None, description="what was said; needed for `corrected`, else the proposal is taken"
    )
    expected: int | None = Field(
        None, ge=0, le=LARGEST, description="`revision` of the sample that was shown"
    )
    why: Annotated[str, Field(max_length=1000)] | None = None
    shown_because: Annotated[str, Field(max_length=100)] = "direct"
    seconds: float | None = Field(None, ge=0, le=1e6, description="time it took")
    keys: int | None = Field(None, ge=0, le=100_000, description="keys pressed for it")

    def details(self) -> dict[str, Any]:
        """What `Workspace.review` takes besides verdict and truth."""
        return {
            "why": self.why,
            "shown_because": self.shown_because,
            "seconds": self.seconds,
            "keys": self.keys,
        }

    def as_verdict(self) -> Verdict:
        """The same as the loop names it."""
        return Verdict(self.verdict.value)


class QueueForm(FilterForm):
    """What to review next."""

    order: Annotated[str, Field(max_length=40)] = Field("mixed", description="of the queue")
    limit: int = Field(4, ge=1, le=MOST_AHEAD, description="samples to give")
    exclude: list[Annotated[int, Field(ge=1, le=LARGEST)]] = Field(
        default_factory=list, max_length=MOST_EXCLUDED, description="those that are at hand"
    )
