"""Settings: what can be set, what counts and why, and what leaves this machine."""

from __future__ import annotations

import re
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Path

from truing.domain.settings import Chosen, Settings, Value, without_password
from truing.web.access.gate import needs
from truing.web.access.rights import Right
from truing.web.answers import shown
from truing.web.context import Web, WebDep
from truing.web.errors import NotAllowedError
from truing.web.forms.access import SettingForm
from truing.workspace import configuring

router = APIRouter(prefix="/api/settings", tags=["settings"])

SETTING = {
    "key": "gate.alpha",
    "value": 0.05,
    "origin": "default",
    "default": 0.05,
    "kind": "number",
    "help": "chance of promoting a model that is no better",
    "choices": None,
    "minimum": 0.000001,
    "maximum": 0.5,
    "variable": "TRUING_GATE_ALPHA",
    "held_by": None,
    "at_start": False,
}
HUB_ID = re.compile(r"[\w.-]+/[\w.-]*[A-Za-z][\w.-]*")
"""Of a model on a hub; one of this workspace ends in a number."""
KINDS = {bool: "switch", int: "whole", float: "number", str: "text"}


@router.get(
    "", dependencies=[needs(Right.READ)], responses=shown({"items": [SETTING], "leaves": []})
)
def settings(web: WebDep) -> dict[str, object]:
    """All settings, and what of this workspace goes to other machines."""
    found = web.workspace.settings
    return {"items": [_as_dict(one) for one in found], "next": None, "leaves": leaving(found)}


@router.put("/{key}", dependencies=[needs(Right.OPERATE)], responses=shown(SETTING))
def change(
    key: Annotated[str, Path(max_length=100)], form: SettingForm, web: WebDep
) -> dict[str, object]:
    """Writes a setting to the workspace's file; it counts at once unless it says `at_start`."""
    return _changed(web, key, form.value)


@router.delete("/{key}", dependencies=[needs(Right.OPERATE)], responses=shown(SETTING))
def reset(key: Annotated[str, Path(max_length=100)], web: WebDep) -> dict[str, object]:
    """Takes a setting out of the file, so that its default counts."""
    return _changed(web, key, None)


def _changed(web: Web, key: str, value: Value | None) -> dict[str, object]:
    web.workspace.settings.chosen(key)
    if key in configuring.TERMINAL_ONLY:
        raise NotAllowedError(
            f"`{key}` is changed at the machine itself, not from a browser",
            hint=f"truing config set {key} VALUE",
        )
    chosen = configuring.change(web.workspace, key, value)
    web.changes.announce("settings", key=key)
    return _as_dict(chosen)


def leaving(found: Settings) -> list[dict[str, str]]:
    """What goes to other machines, where to, and which setting says so; nothing by default."""
    told = {
        "corrector.url": "the text of each utterance, to be corrected",
        "storage.database": "everything said, kept in a database",
        "storage.blobs": "recordings, kept in an object store",
        "train.index_url": "the names of packages, when torch is installed",
    }
    leaves = [
        {"key": key, "what": what, "where": without_password(found.text(key))}
        for key, what in told.items()
        if found.text(key)
    ]
    base = found.text("train.base")
    if HUB_ID.fullmatch(base) and not FilePath(base).is_dir():
        what = "the name of the model that trainings start from, when it is fetched"
        leaves.append({"key": "train.base", "what": what, "where": "the Hugging Face hub"})
    return leaves


def _as_dict(one: Chosen) -> dict[str, object]:
    setting = one.setting
    value = without_password(one.value) if isinstance(one.value, str) else one.value
    return {
        "key": setting.key,
        "value": value,
        "origin": one.origin,
        "default": setting.default,
        "kind": KINDS[type(setting.default)],
        "help": setting.help,
        "choices": setting.choices,
        "minimum": setting.minimum,
        "maximum": setting.maximum,
        "variable": setting.variable,
        "held_by": _held_by(one),
        "at_start": setting.key in configuring.AT_START,
    }


def _held_by(one: Chosen) -> str | None:
    """Why a browser cannot change it: the environment, a flag, or only at the machine."""
    if one.origin == "flag":
        return "a flag of truing serve"
    if one.origin == one.setting.variable:
        return one.origin
    return "the machine itself" if one.setting.key in configuring.TERMINAL_ONLY else None
