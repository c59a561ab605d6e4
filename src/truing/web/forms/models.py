"""Forms of models: what a page sends to promote one, or to take a promotion back."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=200)]


class PromoteForm(BaseModel):
    """How a model is put before the gate."""

    model_config = ConfigDict(extra="forbid")

    dataset: Name | None = Field(None, description="left out: the version it was trained on")
    audience: Name | None = Field(None, description="left out: the one it was trained for")
    dry_run: bool = Field(default=False, description="only ask the gate")
    force: Annotated[str, Field(max_length=500)] | None = Field(
        None, description="the reason to promote although the gate does not let it pass"
    )


class RollbackForm(BaseModel):
    """Whose champion goes one step back."""

    model_config = ConfigDict(extra="forbid")

    modality: Name = "speech"
    audience: Name = "general"
