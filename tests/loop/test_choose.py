"""Several results of one moment: stored together, chosen at once or later, never half of it."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from truing import Workspace
from truing.domain.choice import MOST_RESULTS, NOT_CHOSEN, Choice
from truing.domain.errors import ConflictError, ConsentError, InvalidInputError, TruingError
from truing.domain.review import State
from truing.domain.sample import Added, SampleFilter

pytest.importorskip("PIL")


def picture(seed: int) -> np.ndarray:
    """Coarse noise of 320 x 256 pixels, another one for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    return coarse.repeat(32, axis=0).repeat(32, axis=1)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "ws", rng=random.Random(7), environ={}) as opened:
        yield opened


def capture(workspace: Workspace, count: int = 3, **details: object) -> Added:
    given = {"sampling": "wholesale", "raw": "make it blue ", "session": "monday", **details}
    edited = [picture(10 + place) for place in range(count)]
    added = workspace.capture("image_edit", original=picture(1), edited=edited, **given)
    assert added is not None
    return added


def states(workspace: Workspace, added: Added) -> list[str]:
    return [workspace.sample(number).state.value for number in added.results]


def flags(workspace: Workspace, added: Added) -> list[object]:
    return [workspace.sample(number).context.get("chosen") for number in added.results]


def test_each_result_is_a_sample_of_one_sitting(workspace: Workspace) -> None:
    added = capture(workspace, chosen=1, context={"page": "editor"}, contact="ann@example.org")
    assert added.id == added.results[1]
    assert added.new
    found = [workspace.sample(number) for number in added.results]
    assert [one.state for one in found] == [State.REJECTED, State.PENDING, State.REJECTED]
    assert len({one.media[0].digest for one in found}) == 1
    assert len({one.media[1].digest for one in found}) == 3
    assert {tuple(medium.role for medium in one.media) for one in found} == {("original", "edited")}
    assert {one.session for one in found} == {"monday"}
    assert {one.proposal for one in found} == {"make it blue"}
    uids = [one.uid for one in found]
    for place, one in enumerate(found):
        assert one.context == {"page": "editor", "of": uids, "chosen": place == 1}
    assert workspace.store.contacts.samples("ann@example.org") == list(added.results)
    revisions = [workspace.history(number) for number in added.results]
    assert [len(each) for each in revisions] == [1, 0, 1]
    (rejection,) = revisions[0]
    assert (rejection.why, rejection.shown_because) == (NOT_CHOSEN, "app")
    assert rejection.actor == workspace.actor
    assert workspace.store.samples.state_counts("image_edit")["rejected"] == 2


def test_a_split_never_parts_them(workspace: Workspace) -> None:
    for seed in range(6):
        workspace.capture(
            "image_edit",
            original=picture(100 + seed),
            edited=[picture(200 + seed), picture(300 + seed)],
            raw=f"edit {seed}",
            sampling="wholesale",
        )
    for sample in workspace.store.samples.iterate(SampleFilter()):
        workspace.review(sample.id, "accepted")
    version = workspace.freeze("mine", modality="image_edit", test_share=0.5)
    splits: dict[object, set[str]] = {}
    for row in workspace.store.datasets.rows(version.ref):
        sample = workspace.store.samples.by_uids([str(row.sample_uid)])[str(row.sample_uid)]
        splits.setdefault(tuple(sample.context["of"]), set()).add(row.split.value)
    assert len(splits) == 6
    assert all(len(parts) == 1 for parts in splits.values())


def test_a_text_and_a_rating_are_the_chosen_ones(workspace: Workspace) -> None:
    added = capture(workspace, chosen=2, truth="make it green", rating=4, rating_reason="close")
    found = [workspace.sample(number) for number in added.results]
    assert [one.truth for one in found] == [None, None, "make it green"]
    assert [one.rating for one in found] == [None, None, 4]
    for details in ({"truth": "make it green"}, {"rating": 3}):
        with pytest.raises(InvalidInputError, match="none is chosen"):
            capture(workspace, **details)
    assert workspace.store.samples.count(SampleFilter()) == 3


def test_the_same_moment_again_is_the_same_samples(workspace: Workspace) -> None:
    first = capture(workspace, chosen=1, source_key="req-7")
    again = capture(workspace, chosen=1, source_key="req-7")
    assert (again.new, again.id, again.results) == (False, first.id, first.results)
    more = capture(workspace, 5, chosen=4, source_key="req-7")
    assert (more.new, more.id, more.results) == (False, first.id, first.results)
    assert workspace.store.samples.count(SampleFilter()) == 3
    keys = [workspace.sample(number).source_key for number in first.results]
    assert keys == ["req-7#1", "req-7#2", "req-7#3"]


def test_who_chooses_later_may_choose_again(workspace: Workspace) -> None:
    added = capture(workspace)
    one, two, three = added.results
    assert (added.id, states(workspace, added)) == (one, ["pending"] * 3)
    assert flags(workspace, added) == [None] * 3
    assert workspace.choose(two) == Choice(chosen=two, rejected=(one, three))
    assert states(workspace, added) == ["rejected", "pending", "rejected"]
    assert flags(workspace, added) == [False, True, False]
    assert workspace.choose(two) == Choice(chosen=two)
    assert workspace.choose(three) == Choice(chosen=three, rejected=(two,), restored=(three,))
    assert states(workspace, added) == ["rejected", "rejected", "pending"]
    assert flags(workspace, added) == [False, False, True]
    assert [one.verdict.value for one in workspace.history(three)] == ["rejected", "undone"]


def test_what_a_reviewer_decided_stays(workspace: Workspace) -> None:
    added = capture(workspace, chosen=0)
    one, two, three = added.results
    workspace.review(one, "accepted")
    workspace.review(two, "rejected", why="blurred")
    assert workspace.choose(two) == Choice(chosen=two)
    assert states(workspace, added) == ["accepted", "rejected", "rejected"]
    workspace.undo(workspace.history(two)[-1].id)
    assert workspace.choose(two) == Choice(chosen=two, restored=(two,))
    assert states(workspace, added) == ["accepted", "pending", "rejected"]
    workspace.delete(ids=[three])
    with pytest.raises(ConflictError, match="in the trash"):
        workspace.choose(three)
    assert workspace.choose(two) == Choice(chosen=two)


def test_only_results_of_one_moment_are_touched(workspace: Workspace) -> None:
    """What an app writes into a context gives it no say over other samples."""
    other = capture(workspace)
    uids = [workspace.sample(number).uid for number in other.results]
    forged = workspace.capture(
        "image_edit", original=picture(1), edited=picture(50), raw="x", context={"of": uids}
    )
    assert forged is not None
    with pytest.raises(InvalidInputError, match="only result"):
        workspace.choose(forged.id)
    alone = workspace.capture("image_edit", original=picture(1), edited=[picture(51)], chosen=0)
    assert alone is not None
    assert alone.results == (alone.id,)
    assert workspace.choose(alone.id) == Choice(chosen=alone.id)
    assert states(workspace, other) == ["pending"] * 3


@pytest.mark.parametrize(
    ("edited", "chosen", "told"),
    [
        ([], None, "0 results"),
        ([picture(2)] * (MOST_RESULTS + 1), None, "17 results"),
        ([picture(2), picture(3)], 2, "none of 2"),
        ([picture(2), picture(3)], -1, "none of 2"),
        ([picture(2), b"<svg/>"], 0, "no picture"),
        ([picture(2), None], 0, "NoneType"),
        (picture(2), 0, "nothing to choose"),
    ],
)
def test_one_bad_result_keeps_nothing(
    workspace: Workspace, edited: object, chosen: int | None, told: str
) -> None:
    with pytest.raises(TruingError, match=told):
        workspace.capture("image_edit", original=picture(1), edited=edited, chosen=chosen)
    assert workspace.store.samples.count(SampleFilter()) == 0
    assert list(workspace.blobs.digests()) == []


def test_sound_has_one_result(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="nothing to choose"):
        workspace.capture("speech", audio=tmp_path / "a.wav", chosen=0)


def test_consent_is_asked_for_all(workspace: Workspace) -> None:
    with Workspace.open(
        workspace.layout.root, flags={"consent.policy": "ask"}, environ={}
    ) as asking:
        with pytest.raises(ConsentError):
            capture(asking, chosen=0)
        assert list(asking.blobs.digests()) == []
        assert len(capture(asking, chosen=0, consent=True).results) == 3


def test_a_database_that_gives_up_in_the_middle_keeps_none(workspace: Workspace) -> None:
    """Nothing of a moment is seen when its last decision cannot be stored."""
    workspace.close()
    with closing(sqlite3.connect(workspace.layout.database)) as connection:
        connection.execute(
            "CREATE TRIGGER stop BEFORE INSERT ON revisions WHEN "
            "(SELECT count(*) FROM revisions) = 1 BEGIN SELECT RAISE(ABORT, 'no more'); END"
        )
        connection.commit()
    with pytest.raises(ConflictError):
        capture(workspace, chosen=0)
    assert workspace.store.samples.count(SampleFilter()) == 0
    assert workspace.store.samples.state_counts()["rejected"] == 0
    later = capture(workspace)
    with pytest.raises(ConflictError):
        workspace.choose(later.id)
    assert states(workspace, later) == ["pending"] * 3
    assert flags(workspace, later) == [None] * 3
