"""Preferences on the command line: how far a blind comparison is, and what came of it."""

from __future__ import annotations

import pytest

from truing import Workspace
from truing.testing.contest import DATASET, NAMES, Arranged, arrange


@pytest.fixture
def arranged(truing, tmp_path) -> Arranged:
    with Workspace.open(tmp_path / "ws", environ={}) as workspace:
        return arrange(workspace, 9, equal=1, size=(96, 72))


def test_the_state_and_the_page_are_told(truing, tmp_path, arranged: Arranged) -> None:
    told = truing("prefer", *NAMES, "--json").json
    assert (told["a"], told["b"], told["dataset"], told["win_rate"]) == (*NAMES, DATASET, None)
    assert told["progress"]["left"] == 8
    place = f"/review/ab?first={arranged.a.uid}&second={arranged.b.uid}"
    assert told["page"] == f"http://127.0.0.1:8080{place}"
    said = truing("prefer", *NAMES, "--dataset", DATASET, "--port", 9000)
    assert "0 of about 8 originals" in said.out
    assert "1 row, which count as ties" in said.out
    assert f"http://127.0.0.1:9000{place}" in said.err

    with Workspace.open(tmp_path / "ws", environ={}) as workspace:
        contest = workspace.preferences.of(arranged.a.uid, arranged.b.uid)
        for pair in workspace.preferences.next(contest, limit=8, actor="bea"):
            second = contest.rows[pair.sample.uid][1]
            side = "left" if pair.left == second else "right"
            workspace.preferences.choose(contest, pair.sample.uid, side, actor="bea")
    rate = truing("prefer", *NAMES, "--json").json["win_rate"]
    assert (rate["wins"], rate["losses"], rate["decided"]) == (8, 0, True)
    said = truing("prefer", *NAMES).out
    assert "proven better" in said
    assert "8, 0, 0" in said
    assert "proven worse" in truing("prefer", *NAMES[::-1]).out


@pytest.mark.usefixtures("arranged")
def test_what_cannot_be_told(truing) -> None:
    assert truing("prefer", NAMES[0], NAMES[0]).code == 2
    assert truing("prefer", NAMES[0], "image_edit/7").code == 3
    said = truing("prefer", *NAMES, "--split", "validation")
    assert said.code == 3
    assert "truing evaluate image_edit/1" in said.err
