"""People of a server as the library gives them, and settings changed while a workspace is open."""

from __future__ import annotations

import logging
import random
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.errors import ConflictError, InvalidInputError, NotFoundError, SettingError
from truing.domain.person import OWNER, Role
from truing.testing.factories import FrozenClock
from truing.workspace import configuring, people

PASSWORD = "three plain words"


def test_a_password_is_kept_as_argon2id(workspace: Workspace) -> None:
    people.add(workspace, "ann", "admin", PASSWORD)
    held = people.get(workspace, "ann").password
    assert held is not None
    assert held.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert people.knows(workspace, "ann", PASSWORD)
    assert not people.knows(workspace, "ann", PASSWORD + "!")
    assert not people.knows(workspace, "bob", PASSWORD)


@pytest.mark.parametrize("name", ["", " ann", "ann ", "-ann", "a/b", "a\nb", "x" * 65, "<b>"])
def test_names_are_plain(workspace: Workspace, name: str) -> None:
    with pytest.raises(InvalidInputError, match="cannot be the name"):
        people.add(workspace, name, "reviewer")


@pytest.mark.parametrize("password", ["", "short", "x" * 257])
def test_passwords_have_a_length(workspace: Workspace, password: str) -> None:
    with pytest.raises(InvalidInputError, match=f"{len(password)} characters"):
        people.add(workspace, "ann", "admin", password)
    assert workspace.store.people.all() == []


def test_roles_are_known(workspace: Workspace) -> None:
    with pytest.raises(InvalidInputError, match="no role `king`") as told:
        people.add(workspace, "ann", "king")
    assert "admin, reviewer, contributor" in str(told.value.hint)


def test_a_damaged_hash_lets_nobody_in(workspace: Workspace) -> None:
    people.add(workspace, "ann", Role.ADMIN, PASSWORD)
    workspace.store.people.set_password("ann", "no hash at all")
    assert not people.knows(workspace, "ann", PASSWORD)


def test_tokens_are_told_once_and_end(tmp_path: Path) -> None:
    clock = FrozenClock()
    with Workspace.create(tmp_path / "timed", clock=clock, rng=random.Random(7)) as workspace:
        secret, kept = people.hand_out(workspace, label="phone", days=2)
        assert secret.startswith("truing_")
        assert kept.digest.startswith("sha256:")
        assert [one.id for one in people.tokens(workspace, OWNER)] == [kept.id]
        clock.advance(2 * 86_400)
        assert people.tokens(workspace, OWNER) == []
        people.hand_out(workspace)
        assert workspace.store.people.holder(kept.digest) is None


@pytest.mark.parametrize("given", [{"label": "x" * 81}, {"label": "a\nb"}, {"days": 0}])
def test_tokens_that_cannot_be(workspace: Workspace, given: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError):
        people.hand_out(workspace, **given)


def test_only_ones_own_token_is_taken_back(workspace: Workspace) -> None:
    people.add(workspace, "ann", "admin")
    _, token = people.hand_out(workspace, "ann")
    with pytest.raises(NotFoundError):
        people.revoke(workspace, token.id, of="bob")
    people.revoke(workspace, token.id, of="ann")
    with pytest.raises(NotFoundError):
        people.revoke(workspace, token.id)


# --- settings of an open workspace ---------------------------------------------------------------


def test_a_change_counts_at_once_and_for_the_next(workspace: Workspace) -> None:
    assert configuring.change(workspace, "gate.alpha", 0.01).origin == "truing.toml"
    assert workspace.settings.number("gate.alpha") == 0.01
    with Workspace.open(workspace.layout.root, environ={}) as again:
        assert again.settings.number("gate.alpha") == 0.01
    assert configuring.change(workspace, "gate.alpha", None).origin == "default"
    assert b"alpha" not in workspace.layout.settings.read_bytes()
    assert configuring.change(workspace, "backup.before_training", value=False).value is False


def test_a_value_that_does_not_fit_changes_nothing(workspace: Workspace) -> None:
    before = workspace.layout.settings.read_bytes()
    for key, value in (("gate.alpha", 7), ("gate.alpha", "much"), ("gate.alpah", 0.1)):
        with pytest.raises(SettingError):
            configuring.change(workspace, key, value)
    assert workspace.layout.settings.read_bytes() == before


def test_flags_and_the_environment_hold_theirs(workspace: Workspace) -> None:
    held = {
        "flags": {"gate.alpha": "0.02"},
        "environ": {"TRUING_GATE_MINIMUM_ROWS": "40", "TRUING_BACKUP_BEFORE_TRAINING": "no"},
    }
    with Workspace.open(workspace.layout.root, **held) as opened:
        for key in ("gate.alpha", "gate.minimum_rows"):
            with pytest.raises(ConflictError, match="is held by"):
                configuring.change(opened, key, 0.5)
        configuring.change(opened, "trash.days", 3)
        assert opened.settings.number("gate.alpha") == 0.02
        assert opened.settings.chosen("gate.alpha").origin == "flag"
        assert opened.settings.whole("gate.minimum_rows") == 40
        assert opened.settings.flag("backup.before_training") is False


def test_the_log_follows_its_level(workspace: Workspace) -> None:
    configuring.change(workspace, "log.level", "debug")
    assert logging.getLogger("truing").level == logging.DEBUG
    configuring.change(workspace, "log.level", None)
    assert logging.getLogger("truing").level == logging.INFO
