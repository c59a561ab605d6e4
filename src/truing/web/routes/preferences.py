"""Preferences: pairs of two models' results without their names, choices, and who is ahead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from truing.domain.errors import NotFoundError
from truing.domain.model import ModelRef
from truing.web.access.gate import VisitorDep, needs
from truing.web.access.rights import Right
from truing.web.answers import is_known, json_answer, shown
from truing.web.context import Web, WebDep
from truing.web.examples_of_preferences import (
    CONTEST,
    EVALUATION,
    PAIR,
    PROGRESS,
    RESULT,
    WIN_RATE,
)
from truing.web.forms.preferences import (
    ChoiceForm,
    ContestForm,
    First,
    PairsForm,
    Second,
    Shown,
    Uid,
)
from truing.workspace.preferring import Pair

router = APIRouter(prefix="/api/preferences", tags=["preferences"])

PAGE = "/review/ab"
BROWSERS_SHOW = ("jpeg", "png", "webp", "gif", "bmp", "avif")
"""Kinds of pictures that need no conversion."""
REVALIDATED = "private, no-cache"
"""What stands to the left is another for the next who signs in at the same browser."""
Name = Annotated[str, Query(min_length=1, max_length=1000)]


@router.get(
    "",
    dependencies=[needs(Right.READ)],
    responses=shown({**CONTEST, "progress": PROGRESS, "win_rate": WIN_RATE}),
)
def contest(
    web: WebDep,
    visitor: VisitorDep,
    first: Name,
    second: Name,
    dataset: Name,
    split: Annotated[str, Query(pattern="^(test|validation|train)$")] = "test",
) -> Response:
    """Two models on which people can choose, or have chosen: where, and how often each wins.

    Both were evaluated on these rows before. `win_rate` is of the second, null while nobody has
    chosen. Who may not operate names models of the workspace only, no folder.
    """
    if not visitor.may(Right.OPERATE):
        for name in (first, second):
            if name != "champion":
                ModelRef.parse(name)
    preferences = web.workspace.preferences
    found = preferences.start(first, second, dataset, split)
    rate = preferences.result(found)
    uids = {"first": found.a.uid, "second": found.b.uid}
    return json_answer(
        {
            **uids,
            "page": _address(PAGE, uids),
            "progress": preferences.progress(found, actor=visitor.name).as_dict(),
            "win_rate": rate.as_dict() if rate is not None else None,
        }
    )


@router.get(
    "/next",
    dependencies=[needs(Right.REVIEW)],
    responses=shown({"pairs": [PAIR], "progress": PROGRESS}),
)
def pairs(web: WebDep, visitor: VisitorDep, form: Annotated[PairsForm, Query()]) -> Response:
    """The next pairs for this visitor. Nothing in the answer tells which model made what."""
    preferences = web.workspace.preferences
    found = preferences.of(form.first, form.second)
    given = preferences.next(found, actor=visitor.name, skipped=form.without, limit=form.limit)
    uids = {"first": form.first, "second": form.second}
    return json_answer(
        {
            "pairs": [_as_dict(web, pair, uids) for pair in given],
            "progress": preferences.progress(found, actor=visitor.name).as_dict(),
        }
    )


@router.get(
    "/picture",
    dependencies=[needs(Right.REVIEW)],
    response_class=Response,
    responses={200: {"content": {"image/png": {}}, "description": "the picture"}},
)
def picture(
    request: Request,
    web: WebDep,
    visitor: VisitorDep,
    first: First,
    second: Second,
    sample: Annotated[Uid, Query()],
    side: Shown,
) -> Response:
    """The picture that stands on one side for this visitor."""
    preferences = web.workspace.preferences
    pair = preferences.pair(preferences.of(first, second), sample, actor=visitor.name)
    if not pair.is_pictures:
        raise NotFoundError("these results are texts", hint="`next` gives them")
    digest = (pair.left if side is Shown.LEFT else pair.right).prediction
    headers = {"ETag": f'"{digest[7:31]}"', "Cache-Control": REVALIDATED}
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    # Not as a file: its date would tell which model was evaluated first.
    return Response(web.workspace.blobs.read(digest), media_type="image/png", headers=headers)


@router.post(
    "",
    dependencies=[needs(Right.REVIEW)],
    responses=shown({"preference": EVALUATION, "progress": PROGRESS}),
)
def choose(form: ChoiceForm, web: WebDep, visitor: VisitorDep) -> Response:
    """Keeps what this visitor chose; the same once more is one. Another choice is refused (409)."""
    preferences = web.workspace.preferences
    found = preferences.of(form.first, form.second)
    kept = preferences.choose(
        found, form.sample, form.choice.value, actor=visitor.name, seconds=form.seconds
    )
    told = preferences.progress(found, actor=visitor.name).as_dict()
    return json_answer({"preference": kept.uid, "progress": told})


@router.post(
    "/undo",
    dependencies=[needs(Right.REVIEW)],
    responses=shown({"pair": PAIR, "progress": PROGRESS}),
)
def undo(form: ContestForm, web: WebDep, visitor: VisitorDep) -> Response:
    """Takes back what this visitor chose last here.

    `pair` is what it was about; null where the sample was deleted meanwhile.
    """
    preferences = web.workspace.preferences
    found = preferences.of(form.first, form.second)
    taken = preferences.undo(found, actor=visitor.name)
    try:
        pair = preferences.pair(found, taken.sample_uid, actor=visitor.name)
    except NotFoundError:
        pair = None
    uids = {"first": form.first, "second": form.second}
    told = preferences.progress(found, actor=visitor.name).as_dict()
    return json_answer({"pair": pair and _as_dict(web, pair, uids), "progress": told})


@router.get(
    "/result",
    dependencies=[needs(Right.REVIEW)],
    responses=shown(RESULT),
)
def result(web: WebDep, visitor: VisitorDep, first: First, second: Second) -> Response:
    """Which models they are, and how often the second wins; null while nobody has chosen."""
    preferences = web.workspace.preferences
    found = preferences.of(first, second)
    rate = preferences.result(found)
    return json_answer(
        {
            "first": {"model": found.a.model, "evaluation": found.a.uid},
            "second": {"model": found.b.model, "evaluation": found.b.uid},
            "modality": found.b.modality,
            "dataset": found.b.dataset,
            "split": found.b.split,
            "progress": preferences.progress(found, actor=visitor.name).as_dict(),
            "win_rate": rate.as_dict() if rate is not None else None,
        }
    )


def _as_dict(web: Web, pair: Pair, uids: dict[str, str]) -> dict[str, Any]:
    place = "/api/preferences/picture"
    sides: dict[str, str] = {}
    for side, row in (("left", pair.left), ("right", pair.right)):
        given = {**uids, "sample": pair.sample.uid, "side": side}
        sides[side] = _address(place, given) if pair.is_pictures else row.prediction
    return {
        "sample": pair.sample.uid,
        "number": pair.sample.id,
        "modality": pair.sample.modality,
        "kind": "pictures" if pair.is_pictures else "texts",
        "instruction": pair.instruction,
        "original": _original(web, pair),
        **sides,
    }


def _original(web: Web, pair: Pair) -> dict[str, Any] | None:
    """The required medium of the sample, in a form that browsers show."""
    role = web.workspace.modality(pair.sample.modality).roles[0]
    medium = pair.sample.media_by_role(role)
    if medium is None:
        return None
    facts = medium.facts
    odd = facts.get("animated") or facts.get("damage")
    kept = not pair.is_pictures or (facts.get("format") in BROWSERS_SHOW and not odd)
    # With the digest, no cache takes another workspace's picture for this one.
    params = {"of": medium.digest[7:23], **({} if kept else {"format": "png"})}
    return {
        "role": role,
        "url": _address(f"/api/samples/{pair.sample.id}/media/{role}", params),
        "media_type": medium.media_type,
        "width": facts.get("width"),
        "height": facts.get("height"),
    }


def _address(path: str, params: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(params)}" if params else path
