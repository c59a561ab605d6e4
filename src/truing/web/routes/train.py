"""Train: learning from all reviewed samples with one call, and how that stands."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from truing.domain.errors import NothingToDoError, TruingError
from truing.domain.model import GENERAL
from truing.domain.review import State
from truing.domain.sample import SampleFilter
from truing.web.access.gate import needs
from truing.web.access.rights import Right
from truing.web.answers import json_answer, shown
from truing.web.context import Web, WebDep
from truing.web.customs import usual_of
from truing.web.errors import status_of
from truing.web.examples_of_training import RUN
from truing.web.following import run_as_dict
from truing.web.forms.filters import LARGEST
from truing.web.forms.runs import RetrainForm, as_texts
from truing.workspace.retraining import Usual, retrain, waiting, with_changes

router = APIRouter(prefix="/api/train", tags=["train"])

RUNS_LOOKED_AT = 200
BEGUN = {
    "success": True,
    "trained_count": 42,
    "message": "Training of 42 items has begun",
    "epochs_run": 0,
    "faster_whisper_version": None,
    "conversion_success": False,
    "queued": 42,
    "run": RUN,
}
"""The keys up to `conversion_success` are those of the S2S app, where the call lasts as long as the
training; here it answers at once, and `trained_count` says how many items are on their way.
"""
NOTHING = {"success": False, "trained_count": 0, "message": "No reviewed items to train"}


@router.post(
    "",
    dependencies=[needs(Right.OPERATE)],
    responses={**shown(BEGUN), 409: {"description": "a run learns from them already"}},
)
def train(web: WebDep, form: RetrainForm | None = None) -> Response:
    """Freezes what is reviewed and begins a run, as the settings say; the body may differ.

    The run's process puts the model before the gate when it is made, and publishes it if that lets
    it pass. With nothing to learn the answer is 200 with `success` false.
    """
    asked = form or RetrainForm.model_validate({})
    try:
        begun = retrain(web.workspace, _how(web, asked), asked.modality)
    except NothingToDoError as error:
        return json_answer({**NOTHING, "error": error.as_dict(), "queued": 0, "run": None})
    except TruingError as error:
        # The S2S pages look at `success` and `message`, whatever the status.
        told = {"success": False, "trained_count": 0, "message": error.message}
        return json_answer({**told, "error": error.as_dict()}, status=status_of(error))
    web.changes.announce("datasets", dataset=begun.run.request.dataset)
    web.changes.announce("runs", run=begun.run.id)
    said = {
        "trained_count": begun.queued,
        "message": f"Training of {begun.queued} items has begun",
        "queued": begun.queued,
        "run": run_as_dict(web.workspace, begun.run),
    }
    return json_answer({**BEGUN, **said})


@router.get(
    "/status",
    dependencies=[needs(Right.READ)],
    responses=shown(
        {
            "state": "running",
            "ready": 42,
            "reviewed": 156,
            "dataset": "mine",
            "run": RUN,
            "active": [RUN],
            "last": None,
            "champion": "speech/1",
        }
    ),
)
def status(
    web: WebDep, modality: Annotated[str, Query(min_length=1, max_length=200)] = "speech"
) -> Response:
    """What waits to be learned, what goes on (`idle`: nothing), what was trained last."""
    workspace = web.workspace
    runs = workspace.store.runs.all(limit=RUNS_LOOKED_AT)
    runs = [run for run in runs if run.request.modality == modality]
    active = [run for run in runs if not run.state.ended]
    told = [run_as_dict(workspace, run) for run in reversed(active)]
    last = next((run for run in runs if run.state.ended), None)
    decided = SampleFilter(modality=modality, states=(State.ACCEPTED, State.CORRECTED))
    return json_answer(
        {
            "state": told[0]["state"] if told else "idle",
            "ready": waiting(workspace, modality),
            "reviewed": workspace.store.samples.count(decided),
            "dataset": workspace.settings.text("train.dataset"),
            "run": told[0] if told else None,
            "active": told,
            "last": run_as_dict(workspace, last) if last is not None else None,
            "champion": workspace.store.models.champion(modality, GENERAL),
        }
    )


@router.get(
    "/logs",
    dependencies=[needs(Right.READ)],
    responses=shown({"run": 3, "lines": ["2026-11-21T10:20:30Z step 10 of 160"], "next": 38}),
)
def logs(
    web: WebDep,
    run: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
    after: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
) -> Response:
    """Lines of a run's log from `after` on; of the newest run when none is named."""
    newest = web.workspace.store.runs.all(limit=1)
    number = run if run is not None else (newest[0].id if newest else None)
    if number is None:
        return json_answer({"run": None, "lines": [], "next": 0})
    lines, place = web.workspace.jobs.log_after(number, after)
    return json_answer({"run": number, "lines": lines, "next": place})


def _how(web: Web, asked: RetrainForm) -> Usual:
    changes: dict[str, Any] = asked.model_dump(exclude={"modality"})
    if asked.options is not None:
        changes["options"] = as_texts(asked.options)
    return with_changes(usual_of(web), changes)
