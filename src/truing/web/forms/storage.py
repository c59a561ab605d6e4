"""Forms of the page Storage: rules to carry out, samples to archive, media to look at."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from truing.web.forms.filters import LARGEST, FilterForm

RuleText = Annotated[str, Field(min_length=1, max_length=500)]
MOST_RULES = 50


class RetainForm(BaseModel):
    """Which rules are carried out."""

    model_config = ConfigDict(extra="forbid")

    rules: list[RuleText] | None = Field(
        None,
        min_length=1,
        max_length=MOST_RULES,
        description="those that somebody was shown; left out: those of the settings",
    )


class ArchiveForm(BaseModel):
    """Which samples leave for an archive."""

    model_config = ConfigDict(extra="forbid")

    where: FilterForm = Field(description="as in the parameters of a list; it must narrow")
    dry_run: bool = Field(default=False, description="only tell what would leave")


class RemoveForm(BaseModel):
    """The confirmation with which an archive is removed."""

    model_config = ConfigDict(extra="forbid")

    samples: int = Field(
        ge=0, le=LARGEST, description="how many lie in it alone, as `archived` in the list says"
    )


class VerifyForm(BaseModel):
    """How media are looked at."""

    model_config = ConfigDict(extra="forbid")

    repair: bool = Field(
        default=False, description="bring back what is found elsewhere, remove what nobody needs"
    )
    quick: bool = Field(default=False, description="only look whether they are there")


class CleanForm(BaseModel):
    """Whether leftovers are removed or only counted."""

    model_config = ConfigDict(extra="forbid")

    dry_run: bool = Field(default=False, description="only tell what would be removed")


class EmptyForm(BaseModel):
    """The confirmation with which the trash is emptied."""

    model_config = ConfigDict(extra="forbid")

    samples: int = Field(ge=0, le=LARGEST, description="how many it held when somebody was asked")
