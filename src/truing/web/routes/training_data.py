"""What there is to train on, in figures: the page `/admin/training-data`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from truing.web.access.gate import needs
from truing.web.access.rights import Right
from truing.web.answers import json_answer, shown
from truing.web.context import WebDep
from truing.web.examples_of_training_data import TRAINING_DATA

router = APIRouter(prefix="/api", tags=["home"])

PATIENCE = 0.5
"""Seconds that one answer may spend with counting what was never counted."""


@router.get("/training-data", dependencies=[needs(Right.READ)], responses=shown(TRAINING_DATA))
def training_data(
    web: WebDep, modality: Annotated[str, Query(max_length=100)] = "image_edit"
) -> Response:
    """How much there is of a modality, how it grows, how varied and how good it is, and the disk.

    What was captured before the question counts. After a large import the first answers have
    `complete` false, with the figures of the `counted` samples: each of them goes on counting.
    """
    from truing.workspace.training_data import training_data as found

    return json_answer(found(web.workspace, modality, seconds=PATIENCE).as_dict())
