import os
import re
import subprocess
import sys
import threading
import time

import pytest

from truing.domain.run import RunState, Want
from truing.jobs.context import LostRunError
from truing.jobs.files import HELD
from truing.jobs.watchdog import MOST_PER_LOOK, Silence
from truing.jobs.worker import Rhythm, work
from truing.platform.locks import FileLock


def test_silence_is_counted_from_the_last_word_and_sleep_is_left_out():
    now = [0.0]
    silence = Silence(now=lambda: now[0])

    def look(at, words):
        now[0] = at
        return silence.after(words)

    assert look(5, 1) == 0
    assert look(10, 1) == 5
    assert look(10_000, 1) == 5 + MOST_PER_LOOK
    assert look(10_001, 2) == 0
    assert look(10_003, 2) == 2


def hang(run, context):
    """A recipe that says a word and then nothing, until it is told that it lost the run."""
    try:
        context.report(1, {"train_loss": 1.0})
        while True:
            time.sleep(0.3)
            if context._lost:
                context.should_stop()
    finally:
        hang.over.set()


def hung(yard, run_id, runs=None, **rhythm):
    hang.over = threading.Event()
    left = []
    given = {"beat": 0.02, "lease": 60.0, "stall": 0.1, "hang": 0.2} | rhythm
    with pytest.raises(LostRunError):
        work(
            runs or yard.runs,
            run_id,
            folder=yard.folder,
            clock=yard.clock,
            execute=hang,
            rhythm=Rhythm(**given),
            leave=left.append,
        )
    assert hang.over.is_set()
    return left


def test_a_recipe_that_hangs_is_ended_and_its_run_may_go_on(yard):
    run_id = yard.queue()

    assert hung(yard, run_id) == [{}]

    run = yard.runs.get(run_id)
    assert run.state is RunState.PAUSED
    (trouble,) = run.result["troubles"]
    assert re.fullmatch(r"Attempt 1 ended at step 0: it hung, silent for \d+ s\.", trouble)
    log = yard.log(run_id)
    assert re.search(r"nothing was heard for \d+ s; threads stand at:", log)
    assert "in hang" in log
    assert "attempt 1 of run 1 is ended: it goes on from its last checkpoint" in log


def test_a_run_that_hangs_too_often_has_failed(yard):
    run_id = yard.queue()

    assert hung(yard, run_id) == [{}]
    assert hung(yard, run_id) == [None]

    run = yard.runs.get(run_id)
    assert run.state is RunState.FAILED
    assert run.error.startswith("the worker process died in each of 2 attempts (it hung, silent")


class StoppedAtLast:
    """Runs of which each is to stop by the time somebody looks at its row."""

    def __init__(self, runs):
        self._runs = runs

    def __getattr__(self, name):
        return getattr(self._runs, name)

    def get(self, run_id):
        return self._runs.want(run_id, Want.STOP)


def test_one_that_is_to_stop_is_not_begun_anew(yard):
    run_id = yard.queue()

    assert hung(yard, run_id, runs=StoppedAtLast(yard.runs)) == [None]
    assert yard.runs.get(run_id).state is RunState.STOPPED


def test_a_worker_that_hangs_begins_anew_in_the_same_process_and_keeps_its_device(yard):
    """The real thing: a worker process whose first attempt hangs at step 7."""
    run_id = yard.queue(hangs_at=7, every=2, hang=3.0, holds_before=[None, 15])
    supervisor = yard.supervisor()
    first = supervisor.start(run_id)
    free = {}

    def watch(progress):
        attempt = progress.run.attempts
        lock = FileLock(yard.folder / "runs" / "device-cpu.lock")
        # Until the second attempt is let go the worker is there, whatever is looked at how late.
        if attempt not in free:
            free[attempt] = lock.acquire()
            lock.release()
        if attempt == 2:
            yard.let_go()

    run = supervisor.wait(run_id, watch).run

    assert (run.state, run.attempts, run.pid) == (RunState.DONE, 2, first.pid)
    assert run.result["figures"] == {"sum": 210}
    assert "it hung, silent for" in run.result["notes"][0]
    steps = [step for _, _, step, _ in yard.trace()]
    assert steps == [*range(7), *range(6, 20)]
    assert 2 in free
    assert not any(free.values())
    assert yard.log(run_id).count("hello from the worker") == 2


def test_a_library_that_holds_the_interpreter_is_ended_too(yard):
    run_id = yard.queue(holds_at=3, every=2, hang=1.5)
    supervisor = yard.supervisor()

    run = supervisor.wait(run_id).run

    assert (run.state, run.attempts) == (RunState.DONE, 2)
    assert run.result["figures"] == {"sum": 210}
    assert "Timeout" in yard.log(run_id)
    assert "exit code 1" in run.result["notes"][0]


def test_without_a_lock_nothing_is_handed_on():
    code = f"""
import os
from truing.jobs.files import inherited_lock
with inherited_lock() as held:
    print(held, os.environ.get({HELD!r}))
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**os.environ, HELD: ""})  # fmt: skip
    assert told.stdout.strip() == "{} None"
