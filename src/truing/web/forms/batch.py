"""The form of one thing to do to many samples."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from truing.web.forms.filters import LARGEST, FilterForm, Name
from truing.web.forms.review import Truth
from truing.workspace.batches import MOST, Action, Batch, Replacement


class BatchForm(BaseModel):
    """What to do, and to which samples: `ids` or `where`."""

    model_config = ConfigDict(extra="forbid")

    action: Action
    ids: list[Annotated[int, Field(ge=1, le=LARGEST)]] | None = Field(None, max_length=MOST)
    where: FilterForm | None = Field(None, description="as in the parameters of a list")
    speaker: Name | None = Field(None, description="for set-speaker; null: unknown")
    tag: Annotated[str, Field(max_length=100)] = Field("", description="for tag and untag")
    find: Annotated[str, Field(max_length=1000)] = Field("", description="for replace")
    replace: Truth = Field("", description="what takes its place")
    match_case: bool = False
    whole_words: bool = True
    dry_run: bool = Field(
        default=False, description="changes nothing; a replacement answers what it would do"
    )

    def as_batch(self, actor: str) -> Batch:
        """The batch of that person."""
        return Batch(
            action=self.action,
            actor=actor,
            speaker=self.speaker,
            tag=self.tag,
            replacement=self.as_replacement(),
        )

    def as_replacement(self) -> Replacement:
        """What is found and what takes its place."""
        return Replacement(
            find=self.find,
            by=self.replace,
            match_case=self.match_case,
            whole_words=self.whole_words,
        )
