"""The figures of the home page."""

from __future__ import annotations

from tests.web.conftest import Served

from truing.domain.sample import SampleFilter
from truing.web.figures import TIMES, Figures
from truing.web.queues import SECONDS, Queues


def test_figures_of_an_empty_workspace(empty: Served) -> None:
    told = empty.get("/api/stats")
    assert told["counts"]["total"] == 0
    assert told["accuracy"]["all"]["raw"] == {"samples": 0, "share_correct": None, "wer": None}
    assert told["reviewing"] == {
        "seconds_per_item": None,
        "keys_per_item": None,
        "items_per_sitting": None,
    }
    assert told["findings"] == {}
    assert told["ready"] == {"reviewed_untrained": 0}
    assert told["disk"]["database"] > 0


def test_figures_follow_what_is_decided(filled: Served) -> None:
    for number, seconds in ((1, 2.0), (2, 4.0), (3, 9.0)):
        form = {"verdict": "corrected", "truth": f"{number}", "seconds": seconds, "keys": number}
        filled.post(f"/api/samples/{number}/review", form)
    filled.post("/api/samples/4/review", {"verdict": "rejected"})
    filled.post("/api/samples/5/review", {"verdict": "accepted"})
    filled.post("/api/samples/6/review", {"verdict": "skipped"})
    filled.workspace.store.samples.mark_trained([filled.workspace.sample(5).uid])
    told = filled.get("/api/stats")
    assert told["counts"] == {
        "total": 12,
        "pending": 6,
        "accepted": 1,
        "corrected": 3,
        "rejected": 1,
        "skipped": 1,
        "reviewed": 5,
        "trained": 1,
    }
    assert told["accuracy"]["all"]["raw"]["samples"] == 4
    assert told["reviewing"]["seconds_per_item"] == 4.0
    assert told["reviewing"]["keys_per_item"] == 2.0
    assert told["reviewing"]["items_per_sitting"] == 3.0
    assert told["ready"] == {"reviewed_untrained": 3}
    assert told["disk"]["media"] > 0
    assert filled.get("/api/stats?modality=smell", status=404)["error"]["code"] == "not-found"


class Slow:
    """A clock that each look at the disk moves on by a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_costly_figure_is_kept_for_a_while(filled: Served) -> None:
    clock = Slow()
    figures = Figures(filled.workspace, clock)
    asked = 0

    def find() -> int:
        nonlocal asked
        asked += 1
        clock.now += 1.0
        return asked

    assert [figures._kept("x", None, find) for _ in range(3)] == [1, 1, 1]
    clock.now += TIMES
    assert figures._kept("x", None, find) == 2
    assert figures._kept("cheap", None, lambda: 1) == 1
    assert figures._kept("cheap", None, lambda: 2) == 2


def test_a_queue_begins_anew_after_a_while(filled: Served) -> None:
    clock = Slow()
    queues = Queues(filled.workspace, clock)

    def ids(limit: int = 1) -> list[int]:
        found = queues.next("ann", "newest", SampleFilter(), limit=limit)
        return [one.sample.id for one in found]

    assert ids() == [12]
    data = filled.workspace.blobs.read(filled.workspace.sample(1).media[0].digest)
    filled.workspace.capture("speech", audio=data, sampling="chosen")
    assert ids() == [12]
    clock.now += SECONDS + 1
    assert ids() == [13]
