"""Forms of live inference: what was heard, how the live model is, and consent."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from truing.web.forms.filters import LARGEST


class HeardWord(BaseModel):
    """One word with its place in time, in seconds."""

    text: str
    start: float | None
    end: float | None
    confidence: float | None


class HeardAlternative(BaseModel):
    """Another reading of the whole."""

    text: str
    confidence: float | None


class HeardCorrection(BaseModel):
    """What the chat server made of the text, or why there is nothing from it."""

    text: str | None
    model: str
    problem: str | None
    seconds: float


class Heard(BaseModel):
    """The answer to one utterance."""

    text: str
    confidence: float | None
    words: list[HeardWord]
    alternatives: list[HeardAlternative]
    seconds: float | None
    """Time the model took."""
    duration: float | None
    """Length of the sound."""
    model: str
    correction: HeardCorrection | None
    sample: int | None
    """The number it was kept under; None when it was not kept."""
    new: bool
    """False when the same was kept before."""
    not_kept: str | None
    """Why it was not kept although that was tried."""


class CorrectionWanted(BaseModel):
    """A text for the corrector, or the sample whose text it is to correct."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: Annotated[str, Field(min_length=1, max_length=10_000)] | None = None
    sample: Annotated[int, Field(ge=1, le=LARGEST)] | None = None


class LiveStatus(BaseModel):
    """Whether there is a model to answer, and what happens to what is heard."""

    modality: str
    champion: str | None
    """The model that answers; None: import or train one first."""
    loaded: str | None
    """The model that has answered last; None before the first utterance."""
    corrector: str | None
    """The chat server texts are sent to; None when there is none."""
    accepts: list[str]
    """Content types beside those the media library knows."""


class Consent(BaseModel):
    """What is in force: whether what is heard is kept, and the wording to show."""

    asked: bool
    given: bool
    keeps: bool
    policy: str
    purposes: list[str]
    mode: str
    wording: str
    wording_number: int


class ConsentDecision(BaseModel):
    """Gives or withdraws consent."""

    model_config = ConfigDict(extra="forbid", strict=True)

    given: bool
