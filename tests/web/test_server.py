"""The server itself: what it looks after while it runs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from truing import Workspace
from truing.web import server
from truing.web.server import Address, Server
from truing.workspace import known_settings
from truing.workspace.folder import set_value

DIGITS = Path(__file__).parents[1] / "data" / "speech" / "digits"


def test_a_server_does_the_daily_chores_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "TEND_SECONDS", 0.05)
    monkeypatch.setattr(server, "DUE_FIRST", 0)
    with Workspace.create(tmp_path / "ws", environ={}) as workspace:
        added = workspace.capture("speech", audio=DIGITS / "7_theo_25.flac", raw="seven")
        assert added is not None
        workspace.delete(ids=[added.id])
        set_value(workspace.layout, known_settings(), "trash.days", "0")
        with Server(workspace, Address(port=0)).running():
            deadline = time.monotonic() + 60
            while workspace.store.trash.count():
                assert time.monotonic() < deadline, "the trash was not emptied"
                time.sleep(0.05)
