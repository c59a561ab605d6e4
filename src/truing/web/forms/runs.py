"""Forms of runs: what a page sends to plan, start and repeat a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from truing.domain.errors import InvalidInputError

Name = Annotated[str, Field(min_length=1, max_length=200)]
Place = Annotated[str, Field(min_length=1, max_length=1000)]
Value = bool | int | float | Annotated[str, Field(max_length=1000)] | None
Options = Annotated[dict[Name, Value], Field(max_length=200)]
Seed = Annotated[int, Field(ge=0, lt=1 << 32)]
Share = Annotated[float, Field(ge=0, le=0.95)]


class FreezeFirst(BaseModel):
    """The version that is made of everything reviewed, before the run begins."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    modality: Name = "speech"
    test_share: Share | None = None
    validation_share: Share | None = None


class PlanForm(BaseModel):
    """What to train, and on what: a version there is, or one that is frozen first."""

    model_config = ConfigDict(extra="forbid")

    dataset: Name | None = Field(None, description="`name@number`")
    freeze: FreezeFirst | None = None
    recipe: Name | None = Field(None, description="left out: the modality's first")
    base: Place | None = Field(None, description="champion, a model, a folder or a hub id")
    options: Options = Field(default_factory=dict)
    replay: Place | None = Field(None, description="an audiofolder or `name@number`")
    seed: Seed = 0
    audience: Name = "general"
    then: Literal["promote"] | None = Field(
        None, description="promote the model if it passes the gate, and publish it as set"
    )

    def checked(self) -> PlanForm:
        """Itself.

        Raises:
            InvalidInputError: it names no data, or two kinds of it.
        """
        if (self.dataset is None) == (self.freeze is None):
            raise InvalidInputError(
                "a run needs `dataset` or `freeze`, and not both",
                hint="name a version such as mine@1, or what to freeze first",
            )
        return self


class StartForm(PlanForm):
    """A plan that is to be carried out."""

    force: bool = Field(default=False, description="go on with clearly too little disk or memory")


class RetrainForm(BaseModel):
    """What shall be other than the settings say when all reviewed samples are learned."""

    model_config = ConfigDict(extra="ignore")

    modality: Name = "speech"
    dataset: Name | None = Field(None, description="its name without a number")
    recipe: Name | None = None
    base: Place | None = None
    options: Options | None = None
    replay: Place | None = None
    seed: Seed | None = None
    audience: Name | None = None


class StopForm(BaseModel):
    """How to stop."""

    model_config = ConfigDict(extra="forbid")

    force: bool = Field(default=False, description="end its process now, without a checkpoint")


def as_texts(options: Mapping[str, Value]) -> dict[str, str]:
    """Option values as a person types them: numbers, yes and no become words."""
    words = {True: "true", False: "false", None: "none"}
    return {
        name: words[value] if value is None or isinstance(value, bool) else str(value)
        for name, value in options.items()
    }
