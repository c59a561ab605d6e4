"""Pictures of runs: what a model made of a few validation rows while it was trained."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi.responses import FileResponse

from truing.web.access.gate import needs
from truing.web.access.rights import Right
from truing.web.answers import FOR_EVER, json_answer, shown
from truing.web.context import WebDep
from truing.web.examples_of_training import PICTURES
from truing.web.routes.runs import RunId

router = APIRouter(prefix="/api", tags=["runs"])

Sample = Annotated[str, Path(min_length=1, max_length=64, description="as the list names it")]
Name = Annotated[
    str, Path(pattern=r"^(original|target|\d{1,12})$", description="original, target or a step")
]
_PNG: dict[int | str, dict[str, Any]] = {
    200: {"description": "the picture", "content": {"image/png": {}}}
}


@router.get("/runs/{id}/pictures", dependencies=[needs(Right.READ)], responses=shown(PICTURES))
def pictures(id: RunId, web: WebDep) -> Response:
    """The rows that a run shows and the steps at which it did; none where nothing was shown."""
    found = web.workspace.jobs.pictures(id).rows()
    return json_answer({"items": [row.as_dict() for row in found]})


@router.get(
    "/runs/{id}/pictures/{sample}/{name}",
    dependencies=[needs(Right.READ)],
    response_class=FileResponse,
    responses=_PNG,
)
def picture(id: RunId, sample: Sample, name: Name, web: WebDep) -> FileResponse:
    """One of them: what was given (`original`), what was wanted (`target`), what a step made."""
    path = web.workspace.jobs.pictures(id).file(sample, name)
    return FileResponse(path, media_type="image/png", headers={"Cache-Control": FOR_EVER})
