"""Forms of preferences: which contest is meant, and what somebody chose."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

_UID = r"^[0-9A-Za-z-]+$"
MOST_AHEAD = 8
"""Pairs that are given at once."""
MOST_PASSED = 200

Uid = Annotated[str, Field(min_length=1, max_length=64, pattern=_UID)]
First = Annotated[
    str, Query(max_length=64, pattern=_UID, description="uid of one model's evaluation")
]
Second = Annotated[
    str, Query(max_length=64, pattern=_UID, description="uid of the other model's evaluation")
]


class Side(StrEnum):
    """Where what was chosen stood."""

    LEFT = "left"
    RIGHT = "right"
    TIE = "tie"


class Shown(StrEnum):
    """A side on which a picture stands."""

    LEFT = "left"
    RIGHT = "right"


class PairsForm(BaseModel):
    """What to choose on next."""

    first: Uid = Field(description="uid of one model's evaluation")
    second: Uid = Field(description="uid of the other model's evaluation")
    limit: int = Field(2, ge=1, le=MOST_AHEAD, description="pairs to give")
    without: list[Uid] = Field(
        default_factory=list, max_length=MOST_PASSED, description="uids of samples to pass over"
    )


class ContestForm(BaseModel):
    """Two evaluations."""

    model_config = ConfigDict(extra="forbid")

    first: Uid = Field(description="uid of one model's evaluation")
    second: Uid = Field(description="uid of the other model's evaluation")


class ChoiceForm(ContestForm):
    """What somebody chose."""

    sample: Uid = Field(description="uid of the sample")
    choice: Side = Field(description="as this visitor saw the pair")
    seconds: float | None = Field(None, ge=0, le=1e6, description="time it took")
