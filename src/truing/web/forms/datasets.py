"""Forms of datasets: what a page sends to freeze a version."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from truing.web.forms.filters import FilterForm

Name = Annotated[str, Field(min_length=1, max_length=200)]
Share = Annotated[float, Field(ge=0, le=0.95)]


class FreezeForm(BaseModel):
    """What the next version of a dataset is made of."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    modality: Name = "speech"
    split: Literal["personal", "unseen-speaker"] = "personal"
    test_speakers: Annotated[list[Name], Field(max_length=1000)] = Field(default_factory=list)
    test_share: Share | None = Field(None, description="left out: the setting")
    validation_share: Share | None = Field(None, description="left out: the setting")
    seed: Annotated[int, Field(ge=0, lt=1 << 32)] = 0
    where: FilterForm | None = Field(None, description="which of the reviewed samples")
