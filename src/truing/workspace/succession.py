"""Succession: what becomes of the model of a finished run that was told to promote it.

It happens in the run's own worker process, so that it happens although whoever asked is gone. The
run has made its model by then: what goes wrong here is told in its notes and takes nothing away.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.errors import TruingError
from truing.workspace.promoting import promote
from truing.workspace.proving import publish

if TYPE_CHECKING:
    from truing.domain.recipe import RunContext
    from truing.domain.run import RunRequest
    from truing.workspace import Workspace


def succeed(
    workspace: Workspace, request: RunRequest, model: str, context: RunContext
) -> dict[str, object]:
    """Puts a model before the gate, promotes it if it passes, and publishes it then.

    Args:
        workspace: where the model is.
        request: what the run was asked for.
        model: the model it made, such as `speech/3`.
        context: its log; and each row that is judged shows that the worker lives.

    Returns:
        `verdict` and `published`, to be added to the result of the run.
    """
    context.log(f"{model} goes before the gate")
    try:
        verdict = promote(workspace, model, on_progress=lambda _, __: _alive(context))
    except TruingError as error:
        context.log(f"{model} was not judged: {error.message}")
        told = {"passed": False, "reason": "not-judged", "sentence": error.message}
        return {"verdict": {**told, "hint": error.hint}, "published": None}
    context.log(verdict.sentence)
    published = None
    if verdict.passed and request.publish_to:
        published = _published(workspace, request, model, context)
    return {"verdict": verdict.as_dict(), "published": published}


def _alive(context: RunContext) -> None:
    # The answer does not matter any more: the model is there, and judging it takes no checkpoint.
    context.should_stop()


def _published(
    workspace: Workspace, request: RunRequest, model: str, context: RunContext
) -> str | None:
    try:
        place = publish(workspace, model, Path(str(request.publish_to)), modality=request.modality)
    except TruingError as error:
        context.log(f"{model} was not published: {error.message}")
        return None
    context.log(f"{model} is published as {place.name}")
    return str(place)
