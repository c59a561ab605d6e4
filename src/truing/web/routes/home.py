"""What the server says of itself, and the figures of the home page."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

import truing
from truing.web.access.gate import VisitorDep, needs
from truing.web.access.rights import Right
from truing.web.answers import json_answer, shown
from truing.web.context import WebDep
from truing.web.examples import CHOICES, KIND, NEXT_STEP, STATS

router = APIRouter(prefix="/api", tags=["home"])


@router.get("/about")
def about(web: WebDep, visitor: VisitorDep) -> dict[str, object]:
    """The workspace, the version, and who asks with what they may do."""
    return {
        "version": truing.__version__,
        "workspace": web.workspace.layout.root.name,
        "visitor": visitor.name,
        "role": visitor.role.value,
        "rights": sorted(right.value for right in Right if visitor.may(right)),
    }


@router.get("/stats", dependencies=[needs(Right.READ)], responses=shown(STATS))
def stats(web: WebDep, modality: Annotated[str, Query(max_length=100)] = "speech") -> Response:
    """Counts, accuracy of the live model, disk use, how quickly people review, open findings.

    Figures that cost much in a large workspace may be some seconds old; `counts` never are.
    """
    return json_answer(web.figures.everything(modality))


@router.get("/counts", dependencies=[needs(Right.READ)], responses=shown(STATS["counts"]))
def counts(web: WebDep, modality: Annotated[str | None, Query(max_length=100)] = None) -> Response:
    """Samples in each state, of one modality or of all; as quick in a large workspace."""
    return json_answer(web.figures.counts(modality))


@router.get("/next", dependencies=[needs(Right.READ)], responses=shown({"items": [NEXT_STEP]}))
def next_steps(web: WebDep, modality: Annotated[str, Query(max_length=100)] = "speech") -> Response:
    """What to do next, most urgent first: the page where it is done, and the same as a command."""
    from truing.workspace import next_steps as steps

    found = steps.next_steps(web.workspace, modality)
    return json_answer({"items": [step.as_dict() for step in found]})


@router.get("/choices", dependencies=[needs(Right.READ)], responses=shown(CHOICES))
def choices(web: WebDep, modality: Annotated[str | None, Query(max_length=100)] = None) -> Response:
    """The names that lists of samples may be narrowed to, the most frequent first."""
    from truing.workspace.choices import choices as found

    return json_answer(found(web.workspace, modality).as_dict())


@router.get(
    "/modalities",
    dependencies=[needs(Right.CONTRIBUTE)],
    responses=shown({"items": [KIND]}),
)
def kinds(web: WebDep) -> Response:
    """The modalities there are, and which of them have samples or models here."""
    from truing.workspace import modalities
    from truing.workspace.choices import in_use

    used = in_use(web.workspace)
    items = [
        {
            "name": name,
            "summary": web.workspace.modality(name).summary,
            "in_use": name in used,
            "champion": web.hearing.champion(name),
        }
        for name in sorted(modalities.names())
    ]
    return json_answer({"items": items})
