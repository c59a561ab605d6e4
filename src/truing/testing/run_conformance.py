"""What every store must do with runs: queue them, lend them out, fence off who lost one."""

# ruff: noqa: D102 - the names of the tests say what they show

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import pytest

from truing.domain.errors import NotFoundError
from truing.domain.ports import Store
from truing.domain.run import MetricPoint, Run, RunState, Want
from truing.testing.factories import START, make_request


def queued(store: Store, uid: str = "run-1") -> Run:
    """A run in the queue."""
    return store.runs.add(uid, make_request(), START)


def claimed(store: Store, number: int, *, now: int = START, lease: int = 10) -> Run | None:
    """Takes the run as process 7 for `lease` microseconds."""
    return store.runs.claim(
        number, boot_id="boot", pid=7, pid_start=99, now=now, lease_until=now + lease
    )


class RunConformance:
    """Tests of `Runs`; see `store_conformance`."""

    def test_a_run_comes_back_as_it_was_queued(self, store: Store) -> None:
        request = make_request(
            base=None, replay="general@1", audience="subject:ada", options={"layers": [1, 2]}
        )
        run = store.runs.add("run-1", request, START)
        assert run.request == request
        assert (run.state, run.want, run.fence, run.attempts) == (RunState.QUEUED, Want.RUN, 0, 0)
        assert (run.created_at, run.started_at, run.ended_at) == (START, None, None)
        assert store.runs.get(run.id) == run
        second = queued(store, "run-2")
        assert store.runs.all() == [second, run]
        assert store.runs.all(limit=1) == [second]
        assert store.runs.all(before=second.id) == [run]

    def test_an_unknown_run_is_not_found(self, store: Store) -> None:
        with pytest.raises(NotFoundError, match="`42`"):
            store.runs.get(42)
        with pytest.raises(NotFoundError):
            store.runs.want(42, Want.STOP)
        with pytest.raises(NotFoundError):
            store.runs.report(42, [MetricPoint(step=1, name="loss", value=1.0, at=START)])
        assert claimed(store, 42) is None
        assert store.runs.heartbeat(42, 0, lease_until=1, step=0, total_steps=0) is None
        assert not store.runs.end(42, 0, state=RunState.DONE, at=START)
        assert store.runs.metrics(42) == []

    def test_claiming_lends_the_run(self, store: Store) -> None:
        number = queued(store).id
        run = claimed(store, number)
        assert run is not None
        assert (run.state, run.fence, run.attempts) == (RunState.RUNNING, 1, 1)
        assert (run.boot_id, run.pid, run.pid_start) == ("boot", 7, 99)
        assert (run.started_at, run.lease_until) == (START, START + 10)
        assert claimed(store, number, now=START + 9) is None

    def test_a_lease_that_ran_out_goes_to_the_next(self, store: Store) -> None:
        number = queued(store).id
        claimed(store, number)
        again = claimed(store, number, now=START + 10)
        assert again is not None
        assert (again.fence, again.attempts, again.started_at) == (2, 2, START)
        beat = {"lease_until": START + 99, "step": 3, "total_steps": 9}
        assert store.runs.heartbeat(number, 1, **beat) is None
        assert not store.runs.end(number, 1, state=RunState.DONE, at=START + 11)
        assert store.runs.get(number) == again

    def test_of_many_workers_at_once_one_gets_the_run(self, store: Store) -> None:
        number = queued(store).id
        with ThreadPoolExecutor(8) as pool:
            got = [run for run in pool.map(lambda _: claimed(store, number), range(8)) if run]
        assert len(got) == 1
        assert store.runs.get(number).fence == 1

    def test_a_heartbeat_prolongs_and_tells_what_is_wanted(self, store: Store) -> None:
        number = queued(store).id
        claimed(store, number)
        beat = {"lease_until": START + 50, "step": 3, "total_steps": 9}
        assert store.runs.heartbeat(number, 1, **beat) is Want.RUN
        run = store.runs.get(number)
        assert (run.lease_until, run.step, run.total_steps) == (START + 50, 3, 9)
        assert claimed(store, number, now=START + 20) is None
        assert store.runs.want(number, Want.PAUSE).want is Want.PAUSE
        assert store.runs.heartbeat(number, 1, **beat) is Want.PAUSE

    def test_a_paused_run_waits_until_it_is_wanted(self, store: Store) -> None:
        number = queued(store).id
        claimed(store, number)
        store.runs.want(number, Want.PAUSE)
        assert store.runs.end(number, 1, state=RunState.PAUSED, at=START + 5)
        run = store.runs.get(number)
        assert (run.state, run.ended_at, run.lease_until) == (RunState.PAUSED, None, None)
        assert store.runs.heartbeat(number, 1, lease_until=9, step=1, total_steps=2) is None
        assert claimed(store, number, now=START + 99) is None
        store.runs.want(number, Want.RUN)
        again = claimed(store, number, now=START + 99)
        assert again is not None
        assert (again.fence, again.state) == (2, RunState.RUNNING)

    @pytest.mark.parametrize("state", [RunState.DONE, RunState.FAILED, RunState.STOPPED])
    def test_an_ended_run_stays_ended(self, store: Store, state: RunState) -> None:
        number = queued(store).id
        claimed(store, number)
        result = {"model": "speech/1", "figures": {"wer": 0.1}}
        done = store.runs.end(
            number, 1, state=state, at=START + 5, error="out of memory", result=result
        )
        assert done
        run = store.runs.get(number)
        assert (run.state, run.ended_at, run.lease_until) == (state, START + 5, None)
        assert (run.error, run.result) == ("out of memory", result)
        assert claimed(store, number, now=START + 999) is None
        assert not store.runs.end(number, 1, state=RunState.FAILED, at=START + 6)
        assert store.runs.get(number) == run

    def test_a_run_nobody_works_on_can_be_stopped(self, store: Store) -> None:
        number = queued(store).id
        assert store.runs.end(number, 0, state=RunState.STOPPED, at=START)
        assert claimed(store, number) is None

    def test_figures_by_step(self, store: Store) -> None:
        number = queued(store).id
        points = [
            MetricPoint(step=step, name=name, value=step / 2, at=START)
            for step in range(600)
            for name in ("learning_rate", "train_loss")
        ]
        store.runs.report(number, points)
        assert store.runs.metrics(number) == points
        better = MetricPoint(step=599, name="train_loss", value=0.25, at=START + 1)
        store.runs.report(number, [better])
        store.runs.report(number, [])
        assert store.runs.metrics(number, after_step=598) == [points[-2], better]

    def test_a_loss_that_is_no_number_is_kept(self, store: Store) -> None:
        number = queued(store).id
        values = {"inf": math.inf, "nan": math.nan}
        points = [MetricPoint(step=1, name=n, value=v, at=START) for n, v in values.items()]
        store.runs.report(number, points)
        first, second = store.runs.metrics(number)
        assert first.value == math.inf
        assert math.isnan(second.value)
