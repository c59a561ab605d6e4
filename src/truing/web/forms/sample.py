"""The forms of a sample that an app hands in, and of what a person changes about one."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from truing.domain.choice import MOST_RESULTS
from truing.domain.clock import from_iso
from truing.domain.contact import LONGEST as LONGEST_CONTACT
from truing.domain.errors import InvalidInputError
from truing.domain.prediction import Alternative, Recognition, Word
from truing.domain.rating import HIGHEST, LONGEST_REASON, LOWEST
from truing.domain.sample import Sampling
from truing.web.forms.filters import LARGEST, Name
from truing.web.forms.review import Truth

MOST_WORDS = 20_000
MOST_TAGS = 50
MOST_CONTEXT = 100_000
"""Characters of the context as JSON."""
Share = Annotated[float, Field(ge=0, le=1)]
Tag = Annotated[str, Field(min_length=1, max_length=100)]
Given: TypeAlias = bytes | list[bytes]
"""One medium, or several results."""


class WordForm(BaseModel):
    """One word of what a recognizer said."""

    text: Annotated[str, Field(max_length=1000)]
    start: float | None = Field(None, ge=0, le=1e6)
    end: float | None = Field(None, ge=0, le=1e6)
    confidence: Share | None = None

    def as_word(self) -> Word:
        """The noun."""
        return Word(text=self.text, start=self.start, end=self.end, confidence=self.confidence)


class AlternativeForm(BaseModel):
    """Another reading."""

    text: Truth
    confidence: Share | None = None


class CaptureForm(BaseModel):
    """One moment of use. `media` holds base64 by role; in a multipart body, files by role, of
    several results each under the same name.
    """

    model_config = ConfigDict(extra="forbid")

    modality: Name = "speech"
    media: dict[Name, str | Annotated[list[str], Field(max_length=MOST_RESULTS)]] = Field(
        default_factory=dict,
        description="base64 by role; a list where one moment may have several results",
    )
    chosen: Annotated[int, Field(ge=0, lt=MOST_RESULTS)] | None = Field(
        None, description="place of the result that the person took, from 0; the rest is rejected"
    )
    raw: Truth | None = Field(None, description="what the recognizer said")
    corrected: Truth | None = Field(None, description="what a language model made of it")
    truth: Truth | None = Field(None, description="a correction the person made at once")
    confidence: Share | None = None
    words: list[WordForm] = Field(default_factory=list, max_length=MOST_WORDS)
    alternatives: list[AlternativeForm] = Field(default_factory=list, max_length=100)
    model: Name | None = None
    speaker: Name | None = None
    session: Name | None = None
    source: Annotated[str, Field(min_length=1, max_length=300)] = "app"
    source_key: Name | None = Field(
        None, description="the app's own name; `Idempotency-Key` is taken when left out"
    )
    captured_at: Annotated[str, Field(max_length=40)] | None = Field(
        None, description="ISO 8601; now when left out"
    )
    context: dict[str, Any] = Field(default_factory=dict)
    sampling: Sampling | None = Field(
        None, description="leave it out for live capture: chance then decides"
    )
    consent: bool = Field(
        default=False,
        description="its person agreed to be kept; the server's settings may ask for it",
    )
    contact: Annotated[str, Field(max_length=LONGEST_CONTACT)] | None = Field(
        None,
        description="address by which its person can ask for deletion; kept apart, told to nobody",
    )
    rating: Annotated[int, Field(ge=LOWEST, le=HIGHEST)] | None = Field(
        None, description="what the person in the app thought of it, 5 is best"
    )
    rating_reason: Annotated[str, Field(max_length=LONGEST_REASON)] | None = None

    @field_validator("words", "alternatives", "context", mode="before")
    @classmethod
    def _parsed(cls, given: Any) -> Any:  # noqa: ANN401 - as pydantic hands it over
        """A field of a multipart body holds JSON."""
        return json.loads(given) if isinstance(given, str) else given

    @field_validator("context")
    @classmethod
    def _bounded(cls, given: dict[str, Any]) -> dict[str, Any]:
        if len(json.dumps(given)) > MOST_CONTEXT:
            raise ValueError(f"the context is longer than {MOST_CONTEXT} characters")
        return given

    def details(self) -> dict[str, Any]:
        """What `Workspace.capture` takes, but for media and key.

        Raises:
            InvalidInputError: a date that is none.
        """
        return {
            "raw": self.recognition(),
            "corrected": self.corrected,
            "truth": self.truth,
            "model": self.model,
            "subject": self.speaker or None,
            "session": self.session or None,
            "source": self.source,
            "captured_at": self._instant(),
            "context": self.context,
            "sampling": self.sampling,
            "consent": self.consent,
            "contact": self.contact,
            "rating": self.rating,
            "rating_reason": self.rating_reason,
            "chosen": self.chosen,
        }

    def recognition(self) -> Recognition | None:
        """What the recognizer said, with words and other readings."""
        if self.raw is None:
            return None
        return Recognition(
            text=self.raw,
            confidence=self.confidence,
            words=tuple(word.as_word() for word in self.words),
            alternatives=tuple(
                Alternative(text=one.text, confidence=one.confidence) for one in self.alternatives
            ),
        )

    def _instant(self) -> int | None:
        if self.captured_at is None:
            return None
        try:
            return from_iso(self.captured_at)
        except (ValueError, OverflowError) as error:
            raise InvalidInputError(
                f"`captured_at`: `{self.captured_at}` is no instant",
                hint="write it like 2026-11-21T10:20:30Z",
            ) from error

    def decoded_media(self) -> dict[str, Given]:
        """The bytes of each role, of several results a list.

        Raises:
            InvalidInputError: not base64.
        """
        try:
            return {role: _decoded(given) for role, given in self.media.items()}
        except (binascii.Error, ValueError) as error:
            raise InvalidInputError(
                f"`media` is not base64: {error}", hint="or send the file as multipart/form-data"
            ) from error


def _decoded(given: str | list[str]) -> Given:
    if isinstance(given, list):
        return [base64.b64decode(text, validate=True) for text in given]
    return base64.b64decode(given, validate=True)


class RatingForm(BaseModel):
    """How good a person finds a sample."""

    model_config = ConfigDict(extra="forbid")

    rating: int = Field(ge=LOWEST, le=HIGHEST, description="5 is best")
    reason: Annotated[str, Field(max_length=LONGEST_REASON)] | None = None


class SampleChanges(BaseModel):
    """What is changed about a sample; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    speaker: Name | None = Field(None, description="who is recorded; null: unknown")
    session: Name | None = Field(None, description="the sitting")
    tags: list[Tag] | None = Field(None, max_length=MOST_TAGS, description="all of them")


class EntryChanges(BaseModel):
    """What a client of entries writes back."""

    model_config = ConfigDict(extra="ignore")

    truth: Truth | None = None
    transcript: Truth | None = Field(None, description="the same as `truth`")
    is_reviewed: bool | None = Field(
        None, description="true accepts what stands; false takes the decision back"
    )
    expected: int | None = Field(None, ge=0, le=LARGEST)


def whole_schema(form: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a form, without references to other parts of a document."""
    schema = form.model_json_schema()
    parts = schema.pop("$defs", {})

    def inlined(value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, list):
            return [inlined(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return inlined(parts[value["$ref"].rpartition("/")[2]])
        return {name: inlined(one) for name, one in value.items()}

    whole: dict[str, Any] = inlined(schema)
    return whole


async def read_parts(form: FormData) -> tuple[CaptureForm, dict[str, Given]]:
    """A multipart body: files are media by role, several of one name results of one moment; all
    else are fields.

    Raises:
        InvalidInputError: a field that does not fit.
    """
    files: dict[str, list[bytes]] = {}
    for name, part in form.multi_items():
        if isinstance(part, UploadFile):
            files.setdefault(name, []).append(await part.read())
    media: dict[str, Given] = {
        name: found if len(found) > 1 else found[0] for name, found in files.items()
    }
    fields = {name: part for name, part in form.items() if not isinstance(part, UploadFile)}
    return checked(fields), media


def size_of(form: FormData) -> int:
    """The bytes of a form's files."""
    parts = (part for _, part in form.multi_items())
    return sum(part.size or 0 for part in parts if isinstance(part, UploadFile))


async def read_json(request: Request) -> CaptureForm:
    """A JSON body.

    Raises:
        InvalidInputError: it is no JSON object, or a field does not fit.
    """
    try:
        given = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(
            "the body is no JSON", hint="send application/json or multipart/form-data"
        ) from error
    if not isinstance(given, dict):
        raise InvalidInputError("the body is no JSON object", hint="the form is in /api/docs")
    return checked(given)


def checked(fields: Mapping[str, Any]) -> CaptureForm:
    """The form of these fields.

    Raises:
        InvalidInputError: one that does not fit.
    """
    try:
        return CaptureForm.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidInputError(
            f"`{place}`: {first['msg']}", hint="the form is in /api/docs"
        ) from error
