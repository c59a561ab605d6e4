"""Filters: the parameters that choose samples, the same ones in every list, batch and export."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from starlette.datastructures import QueryParams

from truing.domain.clock import from_iso
from truing.domain.errors import InvalidInputError
from truing.domain.rating import HIGHEST, LOWEST
from truing.domain.review import State
from truing.domain.sample import SampleFilter, SampleOrder, Sampling

MOST_ON_A_PAGE = 200
LARGEST = 2**63 - 1
"""Of numbers that any database takes."""

Name = Annotated[str, Field(max_length=300)]
SampleId = Annotated[int, Path(ge=1, le=LARGEST, description="number of the sample")]


class FilterForm(BaseModel):
    """Which samples; what is left out lets everything through."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    modality: Name | None = Field(None, description="such as speech")
    state: list[State] | None = Field(
        None, description="in one of these; left out: all but those in the trash"
    )
    speaker: Name | None = Field(None, description="recorded from this speaker")
    session: Name | None = Field(None, description="of this sitting")
    source: Name | None = Field(None, description="from this app or import")
    sampling: Sampling | None = Field(None, description="how they came to be looked at")
    finding: Name | None = Field(None, description="with this finding; `any` for any finding")
    since: Annotated[str, Field(max_length=40)] | None = Field(
        None, alias="from", description="captured since this date or instant (ISO 8601)"
    )
    until: Annotated[str, Field(max_length=40)] | None = Field(
        None, description="captured before this date or instant"
    )
    confidence_below: float | None = Field(
        None, ge=0, le=1, description="the model was less sure than this"
    )
    text: Annotated[str, Field(max_length=1000)] | None = Field(
        None, description="with these words in what was said; the last one may be a beginning"
    )
    trained: bool | None = Field(None, description="used, or not, by a finished training run")
    tag: Name | None = Field(None, description="with this tag")
    rating_from: int | None = Field(
        None, ge=LOWEST, le=HIGHEST, description="rated so or better by a person"
    )
    quality_from: float | None = Field(None, ge=0, le=1, description="of this quality or better")

    @field_validator("state", mode="before")
    @classmethod
    def _several(cls, given: Any) -> Any:  # noqa: ANN401 - as pydantic hands it over
        return [given] if isinstance(given, str) else given

    def as_filter(self) -> SampleFilter:
        """The filter.

        Raises:
            InvalidInputError: a date that is none.
        """
        return SampleFilter(
            modality=self.modality,
            states=tuple(dict.fromkeys(self.state)) if self.state else None,
            subject=self.speaker,
            session=self.session,
            source=self.source,
            sampling=self.sampling,
            finding=_finding(self.finding),
            captured_from=_instant("from", self.since),
            captured_until=_instant("until", self.until),
            confidence_below=self.confidence_below,
            text=self.text,
            trained=self.trained,
            tag=self.tag,
            rating_from=self.rating_from,
            quality_from=self.quality_from,
        )


class ListForm(FilterForm):
    """A page of a list of samples."""

    order: SampleOrder = Field(SampleOrder.NEWEST, description="which come first")
    limit: int = Field(50, ge=1, le=MOST_ON_A_PAGE, description="samples on the page")
    after: Annotated[str, Field(max_length=300)] | None = Field(
        None, description="`next` of the page before"
    )


def filter_of(parameters: QueryParams) -> SampleFilter:
    """The filter in a request's parameters; others among them are passed over.

    Raises:
        InvalidInputError: a value that does not fit.
    """
    fields = FilterForm.model_fields.items()
    known = {field.alias or name for name, field in fields}
    given: dict[str, Any] = {
        name: parameters.getlist(name) if name == "state" else parameters[name]
        for name in known & set(parameters)
    }
    try:
        return FilterForm.model_validate(given).as_filter()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidInputError(
            f"`{place}`: {first['msg']}", hint=f"samples are chosen by {_listed(known)}"
        ) from error


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _finding(name: str | None) -> str | None:
    if name in ("any", "*"):
        return "*"
    return name.replace("-", "_") if name else None


def _instant(name: str, text: str | None) -> int | None:
    if not text:
        return None
    try:
        return from_iso(text)
    except (ValueError, OverflowError) as error:
        raise InvalidInputError(
            f"`{name}`: `{text}` is no date",
            hint="write it like 2026-11-21 or 2026-11-21T10:20:00Z",
        ) from error
