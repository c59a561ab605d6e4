"""Room: what a workspace takes of the disk, when it is full, and what rules let go."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from truing.domain.retention import KEY, read_rules
from truing.web.access.gate import VisitorDep, needs
from truing.web.access.rights import Right
from truing.web.answers import json_answer, shown
from truing.web.context import Web, WebDep
from truing.web.forms.storage import MOST_RULES, RetainForm, RuleText
from truing.web.routes.errands import Wait
from truing.web.routes.storage import sent, told_or_under_way

router = APIRouter(prefix="/api", tags=["storage"])

PATIENCE = 10.0
"""Seconds that an answer about rules waits unless told otherwise: most are there by then."""

DISK: dict[str, Any] = {
    "used": 8_100_000_000,
    "quota": 10_000_000_000,
    "quota_share": 0.81,
    "free": 61_000_000_000,
    "disk": 250_000_000_000,
    "disk_share": 0.756,
    "room": 1_900_000_000,
    "warnings": [
        "the workspace takes 8.1 GB of the 10 GB that storage.quota_gb allows (81%)",
    ],
    "parts": {
        "media": 6_000_000_000,
        "models": 800_000_000,
        "runs": 0,
        "database": 300_000_000,
        "other": 1_000_000_000,
        "total": 8_100_000_000,
        "archives": 600_000_000,
        "backups": 400_000_000,
        "exports": 0,
    },
    "measured_at": "2026-01-05T09:00:00Z",
    "forecast": {
        "per_day": 42_000_000.0,
        "room": 1_900_000_000,
        "by_quota": True,
        "days": 45.2,
        "full_at": "2026-02-19T13:48:00Z",
        "weeks": [{"week": "2025-12-09", "bytes": 294_000_000}],
    },
}
RULES: dict[str, Any] = {
    "items": [{"rule": "rejected older than 30 days", "deed": "delete"}],
    "trash_days": 7.0,
}
RETAINED: dict[str, Any] = {
    "applied": False,
    "samples": 120,
    "bytes": 44_000_000,
    "rules": [
        {
            "rule": "rejected older than 30 days",
            "deed": "delete",
            "samples": 120,
            "bytes": 44_000_000,
            "frozen": 0,
            "learned": 0,
            "spared": 4,
            "examples": [
                {
                    "id": 42,
                    "state": "rejected",
                    "source": "app",
                    "added_at": "2025-11-02T10:00:00Z",
                    "text": "hello world",
                }
            ],
        }
    ],
    "left": [],
}


@router.get("/disk", dependencies=[needs(Right.READ)], responses=shown(DISK))
def disk(web: WebDep) -> Response:
    """What the workspace takes of its quota and of the disk, in bytes, and when it will be full.

    No file is looked at: the parts are of `measured_at`, what came since is counted in `used`.
    Media, models, runs, database and other are the total; archives, backups and exports are of the
    other.
    """
    from truing.workspace.disk import forecast, usage

    found = usage(web.workspace)
    ahead = forecast(web.workspace, of=found)
    return json_answer({**found.as_dict(), "forecast": ahead.as_dict()})


@router.get("/retention", dependencies=[needs(Right.READ)], responses=shown(RULES))
def rules(web: WebDep) -> Response:
    """The rules by which samples go, and how long the trash keeps them."""
    settings = web.workspace.settings
    items = [
        {"rule": rule.text, "deed": rule.deed.value} for rule in read_rules(settings.text(KEY))
    ]
    return json_answer({"items": items, "trash_days": settings.number("trash.days")})


@router.get(
    "/retention/plan", dependencies=[needs(Right.READ)], responses=told_or_under_way(RETAINED)
)
def plan(
    web: WebDep,
    rule: Annotated[
        list[RuleText] | None,
        Query(max_length=MOST_RULES, description="instead of those in the settings, to try them"),
    ] = None,
    wait: Wait = PATIENCE,
) -> Response:
    """What the rules would take now; changes nothing."""
    return _retained(web, rule, wait, dry_run=True, actor=None)


@router.post(
    "/retention", dependencies=[needs(Right.OPERATE)], responses=told_or_under_way(RETAINED)
)
def apply(
    web: WebDep, visitor: VisitorDep, form: RetainForm | None = None, wait: Wait = PATIENCE
) -> Response:
    """Takes what the rules take, as is done once a day; interrupted, it can be asked again."""
    rules = form.rules if form is not None else None
    return _retained(web, rules, wait, dry_run=False, actor=visitor.name)


def _retained(
    web: Web, rules: list[str] | None, wait: float, *, dry_run: bool, actor: str | None
) -> Response:
    from truing.workspace.retaining import rules_of

    # What nobody understands is refused at once.
    texts = [one.text for one in rules_of(web.workspace, rules)]
    return sent(web, "retain", wait, rules=texts, dry_run=dry_run, actor=actor)
