"""The form of an export."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from truing.web.forms.filters import LARGEST, FilterForm
from truing.workspace.handing_out import Kind, Wanted

MOST_NAMED = 2000
"""Numbers that fit into an address everywhere."""


class ExportForm(FilterForm):
    """Which samples, and as what."""

    format: Kind = Field(Kind.JSONL, description="of the file")
    id: list[Annotated[int, Field(ge=1, le=LARGEST)]] = Field(
        default_factory=list,
        max_length=MOST_NAMED,
        description="these samples, whatever the filter says; not for audiofolder-zip",
    )

    def wanted(self) -> Wanted:
        """What is handed out."""
        return tuple(dict.fromkeys(self.id)) or self.as_filter()
