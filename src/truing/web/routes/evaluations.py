"""Evaluations: what a model made of a row, where it made a picture."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse

from truing.domain.digest import PREFIX
from truing.domain.errors import InvalidInputError, NotFoundError
from truing.domain.modality import CanConvert
from truing.domain.recipe import MediaFile
from truing.web.access.gate import needs
from truing.web.access.rights import Right
from truing.web.answers import FOR_EVER, is_known, not_changed, part_answer
from truing.web.context import Web, WebDep

router = APIRouter(prefix="/api/evaluations", tags=["models"])

Uid = Annotated[str, Path(min_length=1, max_length=200)]
_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"description": "the picture", "content": {"image/png": {}}},
    304: {"description": "the asker has it already"},
}


@router.get(
    "/{uid}/rows/{sample_uid}/picture",
    dependencies=[needs(Right.READ)],
    response_class=Response,
    responses=_PICTURE,
)
def picture(
    uid: Uid,
    sample_uid: Uid,
    request: Request,
    web: WebDep,
    format: Annotated[
        str | None, Query(max_length=20, description="such as small.jpg; left out: PNG as made")
    ] = None,
) -> Response:
    """The picture that the model of an evaluation made of a sample.

    What is under this address never changes; it goes when the sample is forgotten.
    """
    found = web.workspace.store.evaluations.get(uid)
    digest = next((row.prediction for row in found.rows if row.sample_uid == sample_uid), "")
    if not digest.startswith(PREFIX):
        raise NotFoundError(
            f"evaluation `{uid}` has no picture of `{sample_uid}`",
            hint="the sample was forgotten, or the model makes no pictures",
        )
    tag = f'"{digest[7:31]}-{format or ""}"'
    if is_known(request, tag):
        return not_changed(tag)
    headers = {"ETag": tag, "Cache-Control": FOR_EVER}
    path = web.workspace.blobs.path(digest)
    if format is None:
        return FileResponse(path, media_type="image/png", headers=headers)
    kind, data = _converted(web, found.modality, MediaFile(path=path), format)
    return part_answer(request, data, kind, headers)


def _converted(web: Web, name: str, medium: MediaFile, format: str) -> tuple[str, bytes]:
    modality = web.workspace.modality(name)
    known = modality.conversions if isinstance(modality, CanConvert) else {}
    if not isinstance(modality, CanConvert) or format not in known:
        raise InvalidInputError(
            f"`format`: a picture of {name} cannot be given as `{format}`",
            hint=f"ask for {', '.join(known)}" if known else "leave it out",
        )
    return known[format], modality.convert(medium, format)
