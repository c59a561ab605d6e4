"""Freezing: the same rows give the same digest; what may not be used stays out and is counted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from truing import Workspace
from truing.domain.dataset import DatasetRef, Split
from truing.domain.errors import InvalidInputError, NotFoundError, NothingToDoError
from truing.domain.sample import SampleFilter
from truing.testing.contest import png, scene, tinted
from truing.workspace.datasets import diff
from truing.workspace.keeping import verify, verify_dataset

Filled = Callable[..., list[int]]


def test_the_same_samples_give_the_same_digest(workspace: Workspace, fill: Filled) -> None:
    fill(20)
    one, two = workspace.freeze("mine"), workspace.freeze("mine")
    assert (str(one.ref), str(two.ref)) == ("mine@1", "mine@2")
    assert one.digest == two.digest
    assert sum(one.counts.values()) == 20
    assert one.counts["test"] == 4
    assert verify_dataset(workspace, one.ref) == []


def test_a_changed_truth_changes_the_digest_and_not_the_old_version(
    workspace: Workspace, fill: Filled
) -> None:
    numbers = fill(10)
    before = workspace.freeze("mine")
    workspace.review(numbers[0], "corrected", "something else")
    after = workspace.freeze("mine")
    assert after.digest != before.digest
    difference = diff(workspace, "mine@1", "mine@2")
    assert difference.retold == (workspace.sample(numbers[0]).uid,)
    assert (difference.added, difference.removed, difference.moved) == ((), (), ())
    assert verify_dataset(workspace, before.ref) == []


@pytest.mark.parametrize("link", ["rejected", "deleted", "filtered"])
def test_the_ends_of_a_chain_stay_together_without_its_middle(
    workspace: Workspace, link: str
) -> None:
    ends = []
    for chain in range(8):
        made = [png(tinted(scene(chain, (96, 72)), (1 - step / 5, 1, 1))) for step in range(4)]
        numbers = []
        for step in range(3):
            added = workspace.capture(
                "image_edit",
                original=made[step],
                edited=made[step + 1],
                raw=f"make it less red, {chain} {step}",
                sampling="wholesale",
                source="middle" if step == 1 else "ends",
            )
            assert added is not None
            numbers.append(added.id)
            refused = (step, link) == (1, "rejected")
            workspace.review(added.id, "rejected" if refused else "accepted")
        if link == "deleted":
            workspace.delete(ids=numbers[1:2])
        ends.append([workspace.sample(numbers[place]).uid for place in (0, 2)])
    version = workspace.freeze(
        "mine", modality="image_edit", test_share=0.5, where=SampleFilter(source="ends")
    )
    rows = workspace.store.datasets.rows(version.ref)
    parts = {row.sample_uid: row.split for row in rows}
    assert {Split.TEST, Split.TRAIN} <= set(parts.values())
    assert all(parts[first] is parts[last] for first, last in ends)


def test_what_may_not_be_used_is_counted_by_reason(workspace: Workspace, fill: Filled) -> None:
    numbers = fill(10)
    fill(2, reviewed=False)
    workspace.review(numbers[0], "rejected")
    workspace.capture("speech", audio=(np.zeros(16000, np.int16), 16000), raw="hush", truth="hush")
    version = workspace.freeze("mine")
    assert version.excluded["pending"] == 2
    assert version.excluded["rejected"] == 1
    assert any(reason.startswith("finding: ") for reason in version.excluded)


def test_growth_keeps_every_sample_in_its_part(workspace: Workspace, fill: Filled) -> None:
    fill(10)
    workspace.freeze("mine")
    fill(20)
    workspace.freeze("mine")
    parts = [
        {row.sample_uid: row.split for row in workspace.store.datasets.rows(DatasetRef.parse(name))}
        for name in ("mine@1", "mine@2")
    ]
    assert len(parts[1]) == 30
    assert all(parts[1][uid] is part for uid, part in parts[0].items())


def test_a_test_set_holds_only_what_chance_or_wholesale_chose(
    workspace: Workspace, fill: Filled
) -> None:
    fill(20, sampling="chosen")
    chosen_only = workspace.freeze("mine")
    assert chosen_only.counts == {"train": 18, "validation": 2, "test": 0}


def test_nothing_reviewed_is_nothing_to_freeze(workspace: Workspace, fill: Filled) -> None:
    with pytest.raises(NothingToDoError, match="no samples"):
        workspace.freeze("mine")
    fill(3, reviewed=False)
    with pytest.raises(NothingToDoError, match="3 pending"):
        workspace.freeze("mine")
    assert workspace.store.datasets.all() == []


@pytest.mark.parametrize("name", ["", "a b", "../up", ".hidden", "ü", "x" * 65])
def test_names_that_could_be_no_folder_are_refused(
    workspace: Workspace, fill: Filled, name: str
) -> None:
    fill(3)
    with pytest.raises(InvalidInputError):
        workspace.freeze(name)


def test_unseen_speaker(workspace: Workspace, fill: Filled) -> None:
    fill(25)
    version = workspace.freeze("apart", split="unseen-speaker", test_speakers=["jackson"])
    rows = list(workspace.store.datasets.rows(version.ref))
    speakers = {
        part: {row.payload["subject"] for row in rows if row.split is part and row.payload}
        for part in Split
    }
    assert speakers[Split.TEST] == {"jackson"}
    assert "jackson" not in speakers[Split.TRAIN] | speakers[Split.VALIDATION]
    with pytest.raises(InvalidInputError, match="nobody"):
        workspace.freeze("apart", split="unseen-speaker", test_speakers=["nobody"])


def test_unknown_versions_are_named(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError):
        diff(workspace, "mine@1", "mine@2")
    with pytest.raises(InvalidInputError) as caught:
        diff(workspace, "mine", "mine@2")
    assert "NAME@NUMBER" in str(caught.value.hint)


def test_verify_notices_an_altered_row_and_a_flipped_bit(
    workspace: Workspace, fill: Filled
) -> None:
    import sqlite3

    fill(5)
    version = workspace.freeze("mine")
    assert verify(workspace) == []
    digest = workspace.sample(1).media[0].digest
    path = workspace.blobs.path(digest)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(data))
    with sqlite3.connect(workspace.layout.database) as raw:
        changed = raw.execute(
            "UPDATE dataset_rows SET payload = replace(payload, 'zero', 'hero')"
        ).rowcount
    raw.close()
    assert changed
    found = [problem.why for problem in verify(workspace)]
    assert "its bytes were altered" in found
    assert "its content does not match its digest" in found
    assert verify_dataset(workspace, version.ref)
