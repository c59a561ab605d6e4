"""The form with which the NexVision app hands in a success."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Annotated

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import FormData, UploadFile

from truing.domain.contact import LONGEST as LONGEST_CONTACT
from truing.domain.errors import InvalidInputError
from truing.web.body import whole_form
from truing.web.errors import TooLargeError
from truing.web.forms.review import Truth
from truing.workspace.nexvision_view import Pair

MISSING = "Missing required fields: originalImage, reimaginedImage, or instruction"
MOST_BYTES = 50_000_000
"""Of one picture, as the modality takes it."""
MOST_FILES, MOST_FIELDS, LARGEST_FIELD = 8, 32, 1 << 16


class PairForm(BaseModel):
    """What stands beside the pictures; other fields are passed over, as in the app."""

    model_config = ConfigDict(extra="ignore")

    instruction: Truth
    userEmail: Annotated[str, Field(max_length=LONGEST_CONTACT)] | None = None  # noqa: N815
    consent: bool = False


BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["originalImage", "reimaginedImage", "instruction"],
                    "properties": {
                        "originalImage": {"type": "string", "format": "binary"},
                        "reimaginedImage": {"type": "string", "format": "binary"},
                        "instruction": {"type": "string"},
                        "userEmail": {
                            "type": "string",
                            "description": "by which its person can ask for deletion",
                        },
                        "consent": {
                            "type": "boolean",
                            "description": "its person agreed; the settings may ask for it",
                        },
                    },
                }
            }
        },
    }
}


def form_of(request: Request) -> AbstractAsyncContextManager[FormData]:
    """The body as a form; files lie on the disk, not in memory.

    Raises:
        InvalidInputError: it is none, or breaks off.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise InvalidInputError(
            f"the body is no form: its type is `{kind[:100]}`" if kind else "there is no form",
            hint="send multipart/form-data with originalImage, reimaginedImage and instruction",
        )
    return whole_form(
        request, max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=LARGEST_FIELD
    )


def is_complete(form: FormData) -> bool:
    """Whether both files are there, and an instruction that says something."""
    instruction = _first(form, "instruction")
    pictures = (_first(form, name) for name in ("originalImage", "reimaginedImage"))
    return (
        isinstance(instruction, str)
        and bool(instruction.strip())
        and all(isinstance(one, UploadFile) for one in pictures)
    )


async def pair_of(form: FormData) -> Pair:
    """What a complete form holds.

    Raises:
        InvalidInputError: a field that does not fit.
        TooLargeError: a picture beyond the bounds.
    """
    names = ("instruction", "userEmail", "consent")
    fields = {name: value for name in names if isinstance(value := _first(form, name), str)}
    try:
        said = PairForm.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidInputError(
            f"`{place}`: {first['msg']}", hint="the form is in /api/docs"
        ) from error
    return Pair(
        original=await _bytes(form, "originalImage"),
        edited=await _bytes(form, "reimaginedImage"),
        instruction=said.instruction,
        contact=said.userEmail,
        consent=said.consent,
    )


def _first(form: FormData, name: str) -> UploadFile | str | None:
    """As a browser's `get`: of several of one name, the first."""
    return next(iter(form.getlist(name)), None)


async def _bytes(form: FormData, name: str) -> bytes:
    part = _first(form, name)
    if not isinstance(part, UploadFile):
        raise InvalidInputError(f"`{name}` is no file", hint="append it to the form as a file")
    if (part.size or 0) > MOST_BYTES:
        raise TooLargeError(
            f"`{name}` is larger than {MOST_BYTES / 1e6:g} MB: {part.size} bytes",
            hint="scale the picture down, or save it as JPEG",
        )
    return await part.read()
