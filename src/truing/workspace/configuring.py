"""Configuring: a setting of an open workspace is changed, and counts from then on.

What could run a program, reach another machine's data or open the door wider is changed at the
terminal alone: whoever finds their way into the web app gains none of that by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.domain.errors import ConflictError
from truing.domain.settings import Chosen, Settings, Value
from truing.workspace import known_settings, modality_settings
from truing.workspace.folder import CHANGING, open_log, set_value, settings_of, unset_value

if TYPE_CHECKING:
    from truing.workspace import Workspace

TERMINAL_ONLY = frozenset(
    {
        "live.python",
        "publish.target",
        "serve.auth",
        "serve.hosts",
        "serve.origins",
        "storage.blobs",
        "storage.database",
        "train.index_url",
        "train.s2s_config",
    }
)
"""Settings that a browser cannot change."""
AT_START = frozenset(
    {"jobs.attempts", "serve.auth", "storage.blobs", "storage.cache_gb", "storage.database"}
)
"""Settings that are looked at when a program starts."""


def change(workspace: Workspace, key: str, value: Value | None) -> Chosen:
    """Writes one setting to the file; None takes it out of the file again.

    Args:
        workspace: an open workspace; it counts for it at once.
        key: such as `gate.alpha`.
        value: a value or its text.

    Returns:
        What counts now.

    Raises:
        SettingError: no such key, or a value that does not fit.
        ConflictError: a flag or the environment holds it, so that the file would not count.
    """
    held = workspace.settings.chosen(key)
    if held.origin == "flag" or held.origin == held.setting.variable:
        where = "a flag" if held.origin == "flag" else f"the environment ({held.origin})"
        raise ConflictError(
            f"`{key}` is held by {where}",
            hint="start the program without it; then the settings file counts",
        )
    with CHANGING:
        if value is None:
            unset_value(workspace.layout, key)
        else:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            set_value(workspace.layout, known_settings(), key, text)
        read_again(workspace)
        return workspace.settings.chosen(key)


def read_again(workspace: Workspace) -> None:
    """Takes in what the settings file says now; flags and variables of the start stay.

    Raises:
        SettingError: the file cannot be used; the settings stay as they were.
    """
    before = workspace.settings
    flags = {one.setting.key: str(one.value) for one in before if one.origin == "flag"}
    environ = {one.origin: str(one.value) for one in before if one.origin == one.setting.variable}
    found = settings_of(workspace.layout, flags=flags, environ=environ, extra=modality_settings())
    workspace.settings = found
    if _differs(before, found, "log.level"):
        open_log(workspace.layout, found.text("log.level"))


def _differs(before: Settings, after: Settings, key: str) -> bool:
    return before.chosen(key).value != after.chosen(key).value
