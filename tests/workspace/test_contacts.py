"""Contacts: kept apart, told to nobody, and a way to have everything of a person erased."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from truing import Workspace
from truing.domain import sample_json
from truing.domain.errors import InvalidInputError, NotFoundError
from truing.domain.sample import SampleFilter
from truing.testing.marker_search import find_marker
from truing.workspace import backups, copying, restoring, trash
from truing.workspace.forgetting import would_forget
from truing.workspace.keeping import verify

Filled = Callable[..., list[int]]
NAME = "xyzzyplughmarker"
ADDRESS = f"{NAME}@example.org"


def handed_in(workspace: Workspace, count: int = 2) -> list[int]:
    """Samples of one contact, reviewed."""
    numbers = []
    for seed in range(count):
        sound = np.random.default_rng(seed).normal(0, 2000, 16000).astype(np.int16)
        added = workspace.capture(
            "speech",
            audio=(sound, 16000),
            raw="seven",
            contact=f" {ADDRESS.title()} ",
            sampling="wholesale",
        )
        assert added is not None
        workspace.review(added.id, "accepted")
        numbers.append(added.id)
    return numbers


def places(workspace: Workspace) -> list[str]:
    """Where the contact is."""
    return [f"{hit.path} ({hit.how})" for hit in find_marker(workspace.layout.root, NAME)]


def test_a_contact_is_kept_apart(workspace: Workspace, fill: Filled, tmp_path: Path) -> None:
    fill(10)
    numbers = handed_in(workspace)
    contacts = workspace.store.contacts
    assert contacts.samples(ADDRESS) == numbers
    assert contacts.of(numbers[0]) == ADDRESS
    told = [sample_json.in_full(workspace.sample(number)) for number in numbers]
    assert NAME not in json.dumps(told)
    assert all(NAME not in repr(event) for event in workspace.store.events.all())
    workspace.freeze("mine")
    for name in ("jsonl", "audiofolder", "csv"):
        workspace.export(name)
    workspace.export("jsonl", tmp_path / "mine.jsonl", dataset="mine@1")
    assert find_marker(tmp_path / "mine.jsonl", NAME) == []
    assert {one.partition("!")[0].partition(" ")[0] for one in places(workspace)} <= {
        "truing.db",
        "truing.db-wal",
    }


def test_forgetting_a_contact_leaves_no_byte(
    workspace: Workspace, fill: Filled, tmp_path: Path
) -> None:
    others = fill(10)
    numbers = handed_in(workspace, 3)
    workspace.delete(ids=numbers[:1])
    workspace.freeze("mine")
    workspace.export("jsonl")
    backup = backups.create_backup(workspace)
    assert any(one.startswith(f"backups/{backup.name}") for one in places(workspace))
    plan = would_forget(workspace, contact=ADDRESS)

    told = workspace.forget(contact=ADDRESS.upper())

    assert (told.samples, told.versions, told.backups) == (3, ("mine@1",), (backup.name,))
    assert (plan.samples, plan.versions, plan.backups) == (3, ("mine@1",), (backup.name,))
    assert len(told.exports) == 1
    assert places(workspace) == []
    assert [one.id for one in workspace.store.samples.iterate(SampleFilter())] == others
    assert verify(workspace) == []
    assert NAME not in repr(workspace.store.events.all())
    with pytest.raises(NotFoundError) as raised:
        workspace.forget(contact=ADDRESS)
    assert NAME not in str(raised.value)


def test_a_copy_that_is_restored_forgets_the_contact_again(
    workspace: Workspace, fill: Filled, tmp_path: Path
) -> None:
    fill(5)
    early = handed_in(workspace)
    copy = copying.copy_to(workspace, tmp_path / "disk")
    # Erased here, but not forgotten: only the copy holds them.
    workspace.delete(ids=early[:1])
    trash.empty(workspace)
    workspace.forget(contact=ADDRESS)
    assert find_marker(tmp_path / "disk", NAME)

    done = restoring.restore(workspace, str(copy.folder))
    assert (done.samples, done.forgotten) == (5, 2)
    assert places(workspace) == []
    new = restoring.restore_into(copy, tmp_path / "new", origin=workspace)
    assert (new.samples, new.forgotten) == (5, 2)
    assert find_marker(tmp_path / "new", NAME) == []


def test_what_only_a_backup_holds_is_forgotten(workspace: Workspace, fill: Filled) -> None:
    fill(5)
    numbers = handed_in(workspace)
    backup = backups.create_backup(workspace)
    workspace.delete(ids=numbers)
    trash.empty(workspace)
    assert workspace.store.contacts.samples(ADDRESS) == []
    told = workspace.forget(contact=ADDRESS)
    assert (told.samples, told.backups) == (0, (backup.name,))
    assert places(workspace) == []


def test_one_of_them_is_named(workspace: Workspace, fill: Filled) -> None:
    fill(1)
    for given in ({}, {"contact": "anonymous"}, {"contact": ADDRESS, "subject": "ann"}):
        with pytest.raises(InvalidInputError, match="or a contact"):
            workspace.forget(**given)
    with pytest.raises(NotFoundError):
        would_forget(workspace, contact=ADDRESS)


def test_the_memory_does_not_tell_the_contact(workspace: Workspace, fill: Filled) -> None:
    fill(3)
    handed_in(workspace)
    workspace.forget(contact=ADDRESS)
    kinds = {one.kind.value for one in workspace.store.erasures.all()}
    assert kinds == {"sample", "contact"}
    assert NAME not in workspace.layout.forgotten.read_text(encoding="utf-8")
