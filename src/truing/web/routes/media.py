"""Media: the bytes of samples with ranges and other formats, what is drawn of them, and panels."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse

from truing.domain.errors import InvalidInputError, NotFoundError
from truing.domain.media import Media
from truing.domain.modality import CanConvert, CanPreview
from truing.domain.recipe import MediaFile
from truing.domain.sample import Sample
from truing.web.access.gate import needs
from truing.web.access.rights import Right
from truing.web.answers import (
    FOR_EVER,
    is_known,
    json_answer,
    not_changed,
    part_answer,
    shown,
)
from truing.web.context import Web, WebDep
from truing.web.examples import PREVIEW
from truing.web.forms.filters import SampleId

router = APIRouter(tags=["media"])

ENDINGS = {"audio/mpeg": "mp3", "audio/ogg": "ogg", "audio/basic": "au"}
PANEL_TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}
BUCKETS = 800
MOST_BUCKETS = 8000
_BYTES: dict[int | str, dict[str, Any]] = {
    200: {"description": "the medium", "content": {"audio/flac": {}}},
    206: {"description": "the part that was asked for", "content": {"audio/flac": {}}},
    304: {"description": "the asker has it already"},
    416: {"description": "no such part"},
}

Format = Annotated[str | None, Query(max_length=20, description="such as wav; left out: as kept")]
Download = Annotated[bool, Query(description="as a file to keep")]


@router.get(
    "/api/samples/{id}/media/{role}",
    dependencies=[needs(Right.READ, or_own=True)],
    response_class=Response,
    responses=_BYTES,
)
def medium(
    id: SampleId,
    role: str,
    request: Request,
    web: WebDep,
    format: Format = None,
    *,
    download: Download = False,
) -> Response:
    """One medium, whole or in parts, as it is kept or in another format.

    What is under this address never changes: it may be kept for ever.
    """
    sample = web.workspace.sample(id)
    return _sent(web, request, sample, _medium(sample, role), format, download=download)


@router.get(
    "/api/entries/{id}/audio",
    dependencies=[needs(Right.READ, or_own=True)],
    response_class=Response,
    responses=_BYTES,
    tags=["entries"],
)
def audio(
    id: SampleId,
    request: Request,
    web: WebDep,
    format: Format = None,
    *,
    download: Download = False,
) -> Response:
    """The sound of a sample: `format` is wav, mp3, flac or opus."""
    return medium(id, "audio", request, web, format, download=download)


@router.get(
    "/api/samples/{id}/preview",
    dependencies=[needs(Right.READ, or_own=True)],
    responses=shown(PREVIEW),
)
def preview(
    id: SampleId,
    request: Request,
    web: WebDep,
    buckets: Annotated[int, Query(ge=1, le=MOST_BUCKETS)] = BUCKETS,
) -> Response:
    """What the modality's panel draws of a sample; for speech its peaks."""
    sample = web.workspace.sample(id)
    modality = web.workspace.modality(sample.modality)
    if not isinstance(modality, CanPreview):
        raise NotFoundError(
            f"there is no preview of {sample.modality} samples", hint="fetch the media instead"
        )
    tag = _tag(sample.media, f"preview-{buckets}")
    if is_known(request, tag):
        return not_changed(tag)
    files = {one.role: _file(web, one) for one in sample.media}
    drawn = modality.preview(files, buckets)
    return json_answer(drawn, headers={"ETag": tag, "Cache-Control": FOR_EVER})


@router.get("/panels/{modality}.{ending}", include_in_schema=False)
def panel(modality: str, ending: str, web: WebDep) -> Response:
    """The panel that a modality brings, from the folder of its code."""
    kind = PANEL_TYPES.get(ending)
    module = sys.modules[type(web.workspace.modality(modality)).__module__]
    path = Path(str(module.__file__)).with_name(f"panel.{ending}")
    if kind is None or not path.is_file():
        raise NotFoundError(
            f"{modality} brings no panel.{ending}", hint="the panel's contract is in docs/"
        )
    return Response(path.read_bytes(), media_type=kind, headers={"Cache-Control": "no-cache"})


def _sent(
    web: Web,
    request: Request,
    sample: Sample,
    found: Media,
    format: str | None,
    *,
    download: bool,
) -> Response:
    tag = _tag([found], format or "")
    if is_known(request, tag):
        return not_changed(tag)
    headers = {"ETag": tag, "Cache-Control": FOR_EVER}
    is_span = found.start is not None or found.end is not None
    if format is None and not is_span:
        ending = ENDINGS.get(found.media_type, found.media_type.rpartition("/")[2])
        if download:
            headers["Content-Disposition"] = _named(sample, ending)
        path = web.workspace.blobs.path(found.digest)
        return FileResponse(path, media_type=found.media_type, headers=headers)
    modality = web.workspace.modality(sample.modality)
    if not isinstance(modality, CanConvert):
        raise InvalidInputError(
            f"{sample.modality} media come only as they are kept", hint="leave out `format`"
        )
    wanted = format or next(iter(modality.conversions))
    if wanted not in modality.conversions:
        raise InvalidInputError(
            f"`format`: {sample.modality} cannot be given as `{wanted}`",
            hint=f"ask for {', '.join(modality.conversions)}",
        )
    if download:
        headers["Content-Disposition"] = _named(sample, wanted)
    data = modality.convert(_file(web, found), wanted)
    return part_answer(request, data, modality.conversions[wanted], headers)


def _medium(sample: Sample, role: str) -> Media:
    found = sample.media_by_role(role)
    if found is None:
        has = ", ".join(f"`{one.role}`" for one in sample.media) or "none"
        raise NotFoundError(f"sample {sample.id} has no `{role}`", hint=f"its media: {has}")
    return found


def _file(web: Web, found: Media) -> MediaFile:
    path = web.workspace.blobs.path(found.digest)
    return MediaFile(path=path, start=found.start, end=found.end)


def _tag(media: list[Media] | tuple[Media, ...], more: str) -> str:
    parts = [f"{one.digest[7:31]}.{one.start or ''}.{one.end or ''}" for one in media]
    return f'"{"-".join([*parts, more])}"'


def _named(sample: Sample, ending: str) -> str:
    return f'attachment; filename="sample-{sample.id}.{ending}"'
