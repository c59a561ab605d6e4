"""The form that says whom to forget."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from truing.domain.contact import LONGEST
from truing.web.forms.filters import Name


class WhomForm(BaseModel):
    """A person, by the one or by the other."""

    model_config = ConfigDict(extra="forbid")

    contact: Annotated[str, Field(min_length=1, max_length=LONGEST)] | None = Field(
        None, description="everything handed in with this address, such as an e-mail"
    )
    speaker: Name | None = Field(None, description="everything of this speaker")
