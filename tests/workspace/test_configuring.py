"""Changing settings of an open workspace."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from truing import Workspace
from truing.workspace.configuring import change

WANTED = {
    "trash.days": 3.0,
    "gate.alpha": 0.01,
    "backup.every_hours": 5.0,
    "storage.quota_gb": 7.0,
    "capture.mode": "corrections",
    "storage.warn_share": 0.5,
}


def test_several_changed_at_once_all_count(workspace: Workspace) -> None:
    for _ in range(5):
        with ThreadPoolExecutor(len(WANTED)) as pool:
            list(pool.map(lambda key: change(workspace, key, WANTED[key]), WANTED))
        assert {key: workspace.settings.chosen(key).value for key in WANTED} == WANTED
        with Workspace.open(workspace.layout.root, environ={}) as again:
            assert {key: again.settings.chosen(key).value for key in WANTED} == WANTED
        with ThreadPoolExecutor(len(WANTED)) as pool:
            list(pool.map(lambda key: change(workspace, key, None), WANTED))
        assert {workspace.settings.chosen(key).origin for key in WANTED} == {"default"}
