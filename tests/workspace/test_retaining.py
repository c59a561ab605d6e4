"""Retaining: what rules take, what they leave, and that it can be interrupted and taken back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.clock import MICROSECONDS
from truing.domain.errors import NothingToDoError, SettingError, UnavailableError
from truing.domain.model import GENERAL
from truing.domain.retention import KEY
from truing.domain.review import State, Verdict
from truing.domain.sample import SampleFilter
from truing.testing.factories import (
    START,
    FrozenClock,
    make_media,
    make_model,
    make_promotion,
    make_sample,
)
from truing.workspace import configuring, housekeeping, retaining, trash
from truing.workspace.keeping import verify
from truing.workspace.retaining import Retained, retain, retain_daily, rules_of

Filled = Callable[..., list[int]]
DAY = 86_400 * MICROSECONDS


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(START + 100 * DAY)


@pytest.fixture
def held(tmp_path: Path, clock: FrozenClock) -> Iterator[Workspace]:
    """An empty workspace whose clock stands still, a hundred days after the first sample."""
    with Workspace.create(tmp_path / "held", clock=clock, environ={}) as workspace:
        yield workspace


def add(workspace: Workspace, days: float, *, size: int = 1000, **different: object) -> int:
    """A sample that came so many days ago."""
    at = workspace.clock.now() - int(days * DAY)
    number = len(workspace.store.outlines.newest()) + workspace.store.trash.count()
    media = (make_media(number, size=size),)
    new = make_sample(added_at=at, captured_at=START - 1000 * DAY, media=media, **different)
    return workspace.store.samples.add([new])[0].id


def decide(workspace: Workspace, number: int, verdict: str) -> int:
    truth = "said" if verdict == "corrected" else None
    workspace.review(number, Verdict(verdict), truth)
    return number


def taken(workspace: Workspace, *rules: str, apply: bool = False) -> list[list[int]]:
    found = retain(workspace, rules=rules_of(workspace, rules), apply=apply)
    assert found.applied is apply
    return [one.ids for one in found.takings]


def live(workspace: Workspace) -> list[int]:
    return [one.id for one in reversed(workspace.store.outlines.newest())]


def frozen(workspace: Workspace, name: str = "mine") -> str:
    return str(workspace.freeze(name, test_share=0.0, validation_share=0.0).ref)


# --- what rules take -----------------------------------------------------------------------------


def test_age_is_counted_from_when_a_sample_came(held: Workspace) -> None:
    # All of them were recorded years ago.
    old, edge, young = (add(held, days) for days in (31, 30, 1))
    assert taken(held, "older than 30 days") == [[old]]
    assert taken(held, "older than 29 days") == [[edge, old]]
    assert young in live(held)


def test_state_source_and_modality_narrow(held: Workspace) -> None:
    rejected = decide(held, add(held, 9), "rejected")
    accepted = decide(held, add(held, 9), "accepted")
    imported = add(held, 9, source="audiofolder:talks-1a2b3c")
    picture = add(held, 9, modality="image_edit")
    assert taken(held, "rejected older than 1 day") == [[rejected]]
    assert taken(held, "rejected or accepted older than 1 day") == [[accepted, rejected]]
    assert taken(held, "from audiofolder older than 1 day") == [[imported]]
    assert taken(held, "pending of image_edit older than 1 day") == [[picture]]


def test_number_and_bytes_keep_the_newest(held: Workspace) -> None:
    numbers = [add(held, days, size=size) for days, size in ((9, 600), (8, 300), (7, 500), (6, 1))]
    assert taken(held, "beyond the newest 3") == [numbers[:1]]
    assert taken(held, "beyond 0.8 KB") == [[numbers[1], numbers[0]]]
    assert taken(held, "larger than 0.4 KB") == [[numbers[2], numbers[0]]]
    assert taken(held, "older than 8.5 days beyond the newest 1") == [numbers[:1]]


def test_the_first_rule_that_fits_takes_it_and_the_next_counts_the_rest(held: Workspace) -> None:
    rejected = decide(held, add(held, 9), "rejected")
    others = [add(held, 8), add(held, 7)]
    assert taken(held, "rejected older than 1 day", "beyond the newest 1") == [
        [rejected],
        [others[0]],
    ]
    assert taken(held, "rejected older than 99 days", "beyond the newest 2") == [[], [rejected]]


def test_more_than_a_page_is_taken(held: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retaining, "BATCH", 3)
    numbers = [add(held, 50 - n) for n in range(8)]
    looked: list[tuple[int, int]] = []
    rules = rules_of(held, ["beyond the newest 2"])
    found = retain(held, rules=rules, apply=True, on_progress=lambda *seen: looked.append(seen))
    assert found.takings[0].ids == numbers[5::-1]
    assert looked == [(3, 8), (6, 8), (8, 8)]
    assert live(held) == numbers[6:]


def test_a_dry_run_tells_and_changes_nothing(held: Workspace) -> None:
    numbers = [add(held, 40 + n, size=1000, text=f"word {n}") for n in range(5)]
    before = held.store.events.all(limit=100)
    found = retain(held, rules=rules_of(held, ["older than 30 days"]))
    (told,) = found.as_dict()["rules"]  # type: ignore[misc]
    assert (told["samples"], told["bytes"], told["deed"]) == (5, 5000, "delete")
    assert [one["id"] for one in told["examples"]] == numbers[:1:-1]
    assert [one["text"] for one in told["examples"]] == ["word 4", "word 3", "word 2"]
    assert live(held) == numbers
    assert held.store.events.all(limit=100) == before


def test_a_medium_that_samples_share_is_weighed_once(held: Workspace) -> None:
    original = make_media("original", size=5000)
    edits = [make_media(n, size=100, role="edited") for n in range(3)]
    at = held.clock.now() - 9 * DAY
    new = [make_sample(added_at=at, media=(original, edit)) for edit in edits]
    held.store.samples.add(new)
    assert retain(held, rules=rules_of(held, ["older than 1 day"])).size == 5300


# --- what they leave -----------------------------------------------------------------------------


def test_frozen_samples_stay_unless_the_rule_says_so(held: Workspace) -> None:
    kept = decide(held, add(held, 9), "accepted")
    frozen(held)
    free = decide(held, add(held, 9), "accepted")
    found = retain(held, rules=rules_of(held, ["accepted older than 1 day"]))
    (told,) = found.takings
    assert (told.ids, told.spared, told.frozen) == ([free], 1, 0)
    found = retain(held, rules=rules_of(held, ["accepted older than 1 day even frozen"]))
    (told,) = found.takings
    assert (told.ids, told.spared, told.frozen) == ([free, kept], 0, 1)


def test_frozen_samples_count_among_those_that_stay(held: Workspace) -> None:
    first = decide(held, add(held, 9), "accepted")
    others = [add(held, 8), add(held, 7), add(held, 6)]
    frozen(held)
    assert taken(held, "beyond the newest 2") == [[others[0]]]
    assert first in live(held)


def test_what_the_champion_learned_from_stays_unless_the_rule_names_it(held: Workspace) -> None:
    learned = decide(held, add(held, 9), "accepted")
    first = frozen(held)
    other = decide(held, add(held, 9), "accepted")
    frozen(held, "other")
    # The champion descends from the model that learned from the first version.
    held.store.models.add(make_model(1, dataset=first))
    held.store.models.add(make_model(2, dataset=None, parents=("speech/1",)))
    held.store.models.promote(make_promotion("speech/2"), expected=None)
    assert held.store.models.champion("speech", GENERAL) == "speech/2"
    assert taken(held, "older than 1 day") == [[]]
    assert taken(held, "older than 1 day even frozen") == [[other]]
    found = retain(held, rules=rules_of(held, ["older than 1 day even the champion's"]))
    (told,) = found.takings
    assert (told.ids, told.learned, told.spared) == ([other, learned], 1, 0)


# --- the deeds -----------------------------------------------------------------------------------


def test_deleted_samples_can_be_taken_back_together(held: Workspace) -> None:
    numbers = [add(held, 40) for _ in range(3)]
    assert taken(held, "older than 30 days", apply=True) == [numbers[::-1]]
    assert live(held) == []
    assert {one.actor for one in trash.listed(held)} == {retaining.ACTOR}
    assert taken(held, "older than 30 days", apply=True) == [[]]
    assert sorted(trash.take_back(held, last=True)) == numbers
    event = held.store.events.all(limit=100)[-2]
    assert event.kind == "retained"
    assert event.data == {
        "rule": "older than 30 days",
        "deed": "delete",
        "samples": 3,
        "frozen": 0,
        "learned": 0,
    }


def test_erased_samples_leave_nothing_and_frozen_rows_become_tombstones(
    workspace: Workspace, fill: Filled, tmp_path: Path
) -> None:
    numbers = fill(4)
    ref = workspace.freeze("mine", test_share=0.0, validation_share=0.0).ref
    digests = [workspace.sample(number).media[0].digest for number in numbers]
    workspace.clock = FrozenClock(workspace.clock.now() + 2 * DAY)
    found = retain(
        workspace, rules=rules_of(workspace, ["erase older than 1 day even frozen"]), apply=True
    )
    assert (found.samples, live(workspace), workspace.store.trash.count()) == (4, [], 0)
    assert not any(workspace.blobs.exists(digest) for digest in digests)
    assert workspace.store.datasets.get(ref).forgotten == 4
    assert verify(workspace) == []


def test_archived_samples_can_be_brought_back(workspace: Workspace, fill: Filled) -> None:
    numbers = fill(4)
    workspace.clock = FrozenClock(workspace.clock.now() + 2 * DAY)
    rules = rules_of(workspace, ["archive older than 1 day"])
    assert retain(workspace, rules=rules, apply=True).samples == 4
    assert live(workspace) == []
    (made,) = workspace.store.archives.all()
    assert (made.samples, made.actor) == (len(numbers), retaining.ACTOR)
    with pytest.raises(NothingToDoError):
        trash.take_back(workspace, last=True)
    assert retain(workspace, rules=rules, apply=True).samples == 0


def test_what_cannot_be_archived_is_named_and_not_counted(
    workspace: Workspace, fill: Filled
) -> None:
    broken, *others = fill(3)
    path = workspace.blobs.path(workspace.sample(broken).media[0].digest)
    path.chmod(0o600)
    path.write_bytes(b"damaged")
    workspace.clock = FrozenClock(workspace.clock.now() + 2 * DAY)
    rules = rules_of(workspace, ["archive older than 1 day"])
    found = retain(workspace, rules=rules, apply=True)
    assert found.left == [(broken, "its media are damaged")]
    assert found.as_dict()["left"] == [{"id": broken, "why": "its media are damaged"}]
    assert (found.samples, live(workspace)) == (len(others), [broken])
    (told,) = workspace.store.events.all(kind="retained")
    assert told.data["samples"] == len(others)


def test_what_was_interrupted_goes_on(held: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retaining, "BATCH", 2)
    numbers = [add(held, 40) for _ in range(5)]
    put = held.store.trash.put
    calls: list[int] = []

    def failing(ids: list[int], **named: object) -> list[int]:
        calls.append(len(ids))
        if len(calls) == 2:
            raise UnavailableError("the disk is gone")
        return put(ids, **named)

    monkeypatch.setattr(held.store.trash, "put", failing)
    with pytest.raises(UnavailableError):
        taken(held, "older than 30 days", apply=True)
    assert live(held) == numbers[:3]
    assert taken(held, "older than 30 days", apply=True) == [numbers[2::-1]]
    assert live(held) == []


# --- rules of the settings -----------------------------------------------------------------------


def test_without_rules_there_is_nothing_to_do(held: Workspace) -> None:
    with pytest.raises(NothingToDoError) as raised:
        retain(held)
    assert "truing config set retention.rules" in (raised.value.hint or "")
    assert retain_daily(held) is None


def test_a_rule_of_a_modality_that_there_is_not_is_named(held: Workspace) -> None:
    with pytest.raises(SettingError, match="rejected of sppech older than 1 day"):
        rules_of(held, ["rejected of sppech older than 1 day"])


def test_a_rule_that_cannot_be_understood_is_never_stored(held: Workspace) -> None:
    with pytest.raises(SettingError, match="`soon`"):
        configuring.change(held, KEY, "rejected older than soon")
    assert held.settings.text(KEY) == ""


def test_housekeeping_does_what_the_rules_say_once_a_day(
    held: Workspace, clock: FrozenClock
) -> None:
    configuring.change(held, KEY, "rejected older than 30 days; pending beyond the newest 1")
    numbers = [decide(held, add(held, 31), "rejected"), add(held, 3), add(held, 2)]
    assert housekeeping.due(held).retained == 2
    assert live(held) == numbers[2:]
    again = add(held, 1)
    assert housekeeping.due(held).retained == 0
    clock.advance(86_401)
    assert housekeeping.due(held).retained == 1
    assert live(held) == [again]
    # A clock that was set back by years does not put the rules off for years.
    clock.advance(-5 * 365 * 86_400)
    assert retain_daily(held) is not None


def test_what_goes_wrong_by_itself_is_logged_and_tried_again(
    held: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    configuring.change(held, KEY, "older than 30 days")
    number = add(held, 31)
    logging.getLogger("truing").addHandler(caplog.handler)

    def refused(*_: object, **__: object) -> Retained:
        raise UnavailableError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(retaining, "retain", refused)
        assert retain_daily(held) is None
    logging.getLogger("truing").removeHandler(caplog.handler)
    assert "retention.rules did not work: the disk is gone" in caplog.text
    assert retain_daily(held) is not None
    assert number not in live(held)
    assert held.store.samples.count(SampleFilter(states=(State.TRASHED,))) == 1
