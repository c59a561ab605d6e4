"""Forms of datasets: what a page sends to freeze a version."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from truing.web.forms.filters import FilterForm

Name = Annotated[str, Field(min_length=1, max_length=200)]
Share = Annotated[float, Field(ge=0, le=0.95)]


Side = Annotated[int, Field(ge=1, le=16_384)]


class StandardForm(BaseModel):
    """One size and kind of file for all pictures: upright, without metadata."""

    model_config = ConfigDict(extra="forbid")

    width: Side | None = Field(None, description="pixels; with `height`, or neither")
    height: Side | None = None
    fit: Literal["cover", "inside", "stretch"] = "cover"
    srgb: bool = Field(default=True, description="otherwise their colour profile is kept")
    kind: Literal["keep", "jpeg", "png"] = "keep"
    quality: Annotated[int, Field(ge=1, le=100)] = Field(95, description="of JPEG")


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
    standard: StandardForm | None = Field(
        None, description="what becomes of pictures when the version is exported"
    )
