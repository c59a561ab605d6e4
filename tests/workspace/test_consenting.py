"""Consent: given, withdrawn, written down, and obeyed at once by every way in."""

from __future__ import annotations

from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.errors import ConflictError, ConsentError
from truing.workspace import known_settings
from truing.workspace.consenting import KEY, WORDING_NUMBER, consent_of, set_consent
from truing.workspace.folder import set_value


def test_before_anybody_was_asked_the_default_speaks(workspace: Workspace) -> None:
    state = consent_of(workspace)

    assert (state.asked, state.given, state.keeps, state.policy) == (False, True, True, "own-use")
    assert state.purposes == ("evaluation", "sharing", "training")


def test_withdrawing_stops_keeping_at_once_and_giving_begins_again(
    workspace: Workspace, digit: Path
) -> None:
    assert workspace.capture("speech", audio=digit) is not None

    state = set_consent(workspace, given=False, actor="ann")
    assert (state.asked, state.given, state.keeps, state.policy) == (True, False, False, "off")
    with pytest.raises(ConsentError):
        workspace.capture("speech", audio=digit, session="later")
    with Workspace.open(workspace.layout.root, environ={}) as again:
        assert not consent_of(again).given

    assert set_consent(workspace, given=True, actor="ann").keeps
    assert workspace.capture("speech", audio=digit, session="later") is not None


def test_giving_leaves_a_policy_that_asks(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "ws", environ={}) as workspace:
        set_value(workspace.layout, known_settings(), KEY, "ask")
    with Workspace.open(tmp_path / "ws", environ={}) as workspace:
        state = set_consent(workspace, given=True, actor="ann")
        assert (state.policy, state.keeps) == ("ask", False), "nobody answers for the others"
        assert set_consent(workspace, given=False, actor="ann").policy == "off"
        assert set_consent(workspace, given=True, actor="ann").policy == "own-use"


def test_an_operator_without_a_reason_keeps_nothing(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "ws", environ={}).close()
    flags = {KEY: "operator"}
    with Workspace.open(tmp_path / "ws", environ={}, flags=flags) as workspace:
        assert not consent_of(workspace).keeps
    flags["consent.reason"] = "staff, by contract"
    with Workspace.open(tmp_path / "ws", environ={}, flags=flags) as workspace:
        assert consent_of(workspace).keeps


def test_the_journal_says_who_decided_and_to_which_wording(workspace: Workspace) -> None:
    set_consent(workspace, given=True, actor="ann")
    set_consent(workspace, given=False, actor="bob")

    told = [one for one in workspace.store.events.all() if one.kind.startswith("consent-")]
    assert [(one.kind, one.actor, one.data["policy"]) for one in told] == [
        ("consent-given", "ann", "own-use"),
        ("consent-withdrawn", "bob", "off"),
    ]
    assert told[0].data["wording"] == WORDING_NUMBER


def test_where_nothing_is_captured_consent_keeps_nothing(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "ws", environ={}).close()
    flags = {"capture.mode": "off"}
    with Workspace.open(tmp_path / "ws", environ={}, flags=flags) as workspace:
        state = consent_of(workspace)
    assert (state.given, state.keeps, state.mode) == (True, False, "off")


def test_a_policy_set_from_outside_cannot_be_changed_here(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "ws", environ={}).close()
    environ = {"TRUING_CONSENT_POLICY": "own-use"}
    with (
        Workspace.open(tmp_path / "ws", environ=environ) as workspace,
        pytest.raises(ConflictError, match="TRUING_CONSENT_POLICY"),
    ):
        set_consent(workspace, given=False, actor="ann")
