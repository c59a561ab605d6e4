"""Forms of the S2S app's API; what it sends besides is passed over."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class ItemForm(BaseModel):
    """What the app's editor saves."""

    model_config = ConfigDict(extra="ignore")

    transcript: Annotated[str, Field(max_length=100_000)] | None = None
    is_reviewed: bool | None = None
    """Left out means no, as in the app."""
