import os
import subprocess
import sys
import threading
import time

import pytest

from truing.domain.run import RunState
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
    context.report(1, {"train_loss": 1.0})
    try:
        while True:
            time.sleep(0.3)
            if context._lost:
                context.should_stop()
    finally:
        hang.over.set()


def hung(yard, run_id, **rhythm):
    hang.over = threading.Event()
    left = []
    given = {"beat": 0.02, "lease": 60.0, "stall": 0.1, "hang": 0.2} | rhythm
    with pytest.raises(LostRunError):
        work(
            yard.runs,
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
    assert run.result["troubles"] == ["Attempt 1 ended at step 0: it hung, silent for 0 s."]
    log = yard.log(run_id)
    assert "nothing was heard for 0 s; threads stand at:" in log
    assert "in hang" in log
    assert "attempt 1 of run 1 is ended: it goes on from its last checkpoint" in log


def test_a_run_that_hangs_too_often_has_failed(yard):
    run_id = yard.queue()

    assert hung(yard, run_id) == [{}]
    assert hung(yard, run_id) == [None]

    run = yard.runs.get(run_id)
    assert run.state is RunState.FAILED
    assert run.error.startswith("the worker process died in each of 2 attempts (it hung, silent")


def test_one_that_is_to_stop_is_not_begun_anew(yard):
    run_id = yard.queue()

    threading.Timer(0.1, lambda: yard.supervisor().stop(run_id)).start()
    assert hung(yard, run_id, hang=0.5) == [None]
    assert yard.runs.get(run_id).state is RunState.STOPPED


def test_a_worker_that_hangs_begins_anew_in_the_same_process_and_keeps_its_device(yard):
    """The real thing: a worker process whose first attempt hangs at step 7."""
    run_id = yard.queue(hangs_at=7, every=2)
    supervisor = yard.supervisor()
    first = supervisor.start(run_id)
    free = []

    def watch(progress):
        lock = FileLock(yard.folder / "runs" / "device-cpu.lock")
        if progress.run.state is RunState.RUNNING and progress.run.step < 15:
            free.append(lock.acquire())
            lock.release()

    run = supervisor.wait(run_id, watch).run

    assert (run.state, run.attempts, run.pid) == (RunState.DONE, 2, first.pid)
    assert run.result["figures"] == {"sum": 210}
    assert "it hung, silent for" in run.result["notes"][0]
    steps = [step for _, _, step, _ in yard.trace()]
    assert steps == [*range(7), *range(6, 20)]
    assert free
    assert not any(free)
    assert yard.log(run_id).count("hello from the worker") == 2


def test_a_library_that_holds_the_interpreter_is_ended_too(yard):
    run_id = yard.queue(holds_at=3, every=2)
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
