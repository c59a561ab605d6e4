import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from truing.domain.errors import ConflictError, NotFoundError, UnavailableError
from truing.domain.run import RunState, Want
from truing.jobs.files import RunFiles, device_of
from truing.platform.locks import FileLock
from truing.platform.processes import ask_to_stop, boot_id, process_alive

SUM_OF_20 = {"sum": 210}


def until(true, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def running(yard, run_id, step=0):
    """The run, once its worker has come past a step."""
    until(lambda: yard.runs.get(run_id).state is RunState.RUNNING)
    until(lambda: yard.runs.get(run_id).step >= step)
    return yard.runs.get(run_id)


def saved(yard, run_id):
    """The steps with a sealed checkpoint."""
    folder = RunFiles.of(yard.folder, run_id).checkpoints
    return [int(path.stem.rpartition("-")[2]) for path in folder.glob("*.json")]


def test_a_run_is_started_watched_and_done(yard):
    run_id = yard.queue(holds_before=[5])
    told = []

    def lead_on(progress):
        told.append(progress)
        if progress.run.step in (5, 10):
            yard.let_go(to=10 if progress.run.step == 5 else None)

    outcome = yard.supervisor().wait(run_id, lead_on)

    assert outcome.detached is None
    assert outcome.run.state is RunState.DONE
    assert outcome.run.result["figures"] == SUM_OF_20
    points = [(point.step, point.name) for one in told for point in one.points]
    assert points == [(step, "train_loss") for step in range(1, 21)]
    steps = [one.run.step for one in told]
    assert steps == sorted(steps)
    assert told[-1].run.state is RunState.DONE
    assert any(one.remaining is not None for one in told)
    assert not any(one.waiting for one in told)
    assert "hello from the worker" in yard.log(run_id)


def test_waiting_for_a_run_that_has_ended_returns_at_once(yard):
    run_id = yard.queue(steps=1)
    supervisor = yard.supervisor()
    supervisor.wait(run_id)
    told = []

    assert supervisor.wait(run_id, told.append).run.state is RunState.DONE
    assert [point.step for point in told[0].points] == [1]
    assert yard.runs.get(run_id).attempts == 1


def test_an_unknown_run_is_an_error_everywhere(yard):
    supervisor = yard.supervisor()
    for deed in (supervisor.start, supervisor.wait, supervisor.stop, supervisor.tail):
        with pytest.raises(NotFoundError):
            deed(77)


def test_a_worker_killed_hard_is_taken_up_from_its_last_whole_checkpoint(yard):
    run_id = yard.queue(every=4, holds_before=[6])
    supervisor = yard.supervisor()
    supervisor.start(run_id)
    until(lambda: saved(yard, run_id))
    os.kill(running(yard, run_id).pid, signal.SIGKILL)

    outcome = supervisor.wait(run_id)

    assert outcome.run.state is RunState.DONE
    assert outcome.run.result["figures"] == SUM_OF_20
    assert outcome.run.attempts == 2
    second = [step for _, attempt, step, _ in yard.trace() if attempt == 2]
    assert second[0] == 4


def test_a_checkpoint_torn_by_the_crash_is_passed_over(yard):
    run_id = yard.queue(every=4, holds_before=[10])
    supervisor = yard.supervisor()
    supervisor.start(run_id)
    until(lambda: len(saved(yard, run_id)) == 2)
    os.kill(running(yard, run_id).pid, signal.SIGKILL)
    newest = max(RunFiles.of(yard.folder, run_id).checkpoints.glob("*.json")).with_suffix("")
    (newest / "sum").write_text("9999")

    assert supervisor.wait(run_id).run.result["figures"] == SUM_OF_20
    assert f"passing over checkpoint `{newest.name}`" in yard.log(run_id)


def test_a_worker_that_dies_too_often_fails_the_run_in_plain_words(yard):
    run_id = yard.queue(holds_before=[5, 5])
    supervisor = yard.supervisor()
    done = []
    thread = threading.Thread(target=lambda: done.append(supervisor.wait(run_id)))
    thread.start()
    pids = set()
    while len(pids) < 2:
        run = yard.runs.get(run_id)
        if run.state is RunState.RUNNING and run.pid not in pids:
            os.kill(run.pid, signal.SIGKILL)
            pids.add(run.pid)
        time.sleep(0.01)
    thread.join()

    run = done[0].run
    assert run.state is RunState.FAILED
    assert run.error.startswith(
        "the worker process died in each of 2 attempts (ended by SIGKILL), the last time at step "
    )
    assert run.error.endswith(f"; `truing logs {run_id}` shows what it said")
    assert run.attempts == 2


def test_a_recipe_that_raises_is_not_tried_again(yard):
    run_id = yard.queue(fails_at=7)

    run = yard.supervisor().wait(run_id).run

    assert (run.state, run.attempts) == (RunState.FAILED, 1)
    assert run.error == "step `7` cannot be (leave it out)"


def test_a_worker_that_cannot_start_fails_the_run_and_its_words_are_in_the_log(yard):
    run_id = yard.queue()
    code = "import sys; sys.exit('no such module')"
    supervisor = yard.supervisor(command=lambda _: [sys.executable, "-c", code])

    run = supervisor.wait(run_id).run

    assert (run.state, run.attempts) == (RunState.FAILED, 0)
    assert "ended before it took the run (exit code 1)" in run.error
    assert "no such module" in yard.log(run_id)


def test_start_returns_when_the_worker_has_the_run_or_has_failed_to_take_it(yard):
    good, bad = yard.queue(holds_before=[5], device="cpu"), yard.queue(device="cuda:1")
    assert yard.supervisor().start(good).state is RunState.RUNNING
    broken = yard.supervisor(command=lambda _: [sys.executable, "-c", "raise SystemExit(3)"])
    assert "exit code 3" in broken.start(bad).error
    assert yard.supervisor().start(good, patience=0).attempts == 1


def test_a_program_that_is_not_there_leaves_the_run_queued_and_the_device_free(yard):
    run_id = yard.queue(steps=1)

    with pytest.raises(UnavailableError, match="cannot be started"):
        yard.supervisor(command=lambda _: ["/no/such/program"]).start(run_id)

    assert yard.runs.get(run_id).state is RunState.QUEUED
    assert yard.supervisor().wait(run_id).run.state is RunState.DONE


WAITER = """
import sys
from pathlib import Path
from truing.domain.clock import SystemClock
from truing.jobs.supervisor import Supervisor
from truing.stores.database.store import open_database
folder, child, run_id = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
store = open_database(folder / "truing.db")
supervisor = Supervisor(
    store.runs, folder=folder, clock=SystemClock(),
    command=lambda run_id: [sys.executable, child, str(folder), str(run_id)],
)
print(supervisor.wait(run_id).run.state, flush=True)
"""


def waiter(yard, run_id, **options):
    child = yard.command(run_id)[1]
    command = [sys.executable, "-c", WAITER, str(yard.folder), child, str(run_id)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


def test_the_worker_goes_on_when_its_supervisor_is_killed(yard):
    run_id = yard.queue(holds_before=[5])
    with waiter(yard, run_id) as supervisor:
        worker = running(yard, run_id, step=1)
        supervisor.kill()
    assert process_alive(worker.pid, worker.pid_start)
    assert not FileLock(yard.folder / "runs" / "device-cpu.lock").acquire()
    yard.let_go()

    outcome = yard.supervisor().wait(run_id)

    assert (outcome.run.state, outcome.run.attempts) == (RunState.DONE, 1)
    assert outcome.run.pid == worker.pid


def test_interrupting_a_whole_terminal_does_not_reach_the_worker(yard):
    run_id = yard.queue(holds_before=[5])
    with waiter(yard, run_id, start_new_session=True) as supervisor:
        running(yard, run_id, step=1)
        os.killpg(supervisor.pid, signal.SIGINT)
        assert supervisor.stdout.read().strip() == RunState.RUNNING
    yard.let_go()

    assert yard.supervisor().wait(run_id).run.attempts == 1


def test_two_supervisors_on_one_run_start_one_worker(yard):
    run_ids = [yard.queue(steps=3, device=f"cuda:{number}") for number in range(1, 4)]
    for run_id in run_ids:
        ready = threading.Barrier(2)
        states = []

        def wait(run_id=run_id, ready=ready, states=states):
            supervisor = yard.supervisor()
            ready.wait()
            states.append(supervisor.wait(run_id).run.state)

        threads = [threading.Thread(target=wait) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert states == [RunState.DONE] * 2
        assert yard.runs.get(run_id).attempts == 1
        assert yard.log(run_id).count("hello from the worker") == 1


def test_one_device_has_one_trainer_at_a_time(yard):
    first, second = yard.queue(holds_before=[5]), yard.queue(steps=5)
    supervisor = yard.supervisor()
    supervisor.start(first)
    told = []

    def let_go_once_told(progress):
        told.append(progress)
        yard.let_go()

    assert supervisor.start(second).state is RunState.QUEUED
    supervisor.wait(second, let_go_once_told)

    assert told[0].waiting
    assert not told[-1].waiting
    assert yard.runs.get(first).state is RunState.DONE
    order = [run_id for run_id, _, _, _ in sorted(yard.trace(), key=lambda one: one[3])]
    assert order == [first] * 20 + [second] * 5


def test_other_devices_do_not_wait(yard):
    slow = yard.queue(holds_before=[5], device="cuda:1")
    supervisor = yard.supervisor()
    supervisor.start(slow)

    assert supervisor.wait(yard.queue(steps=2, device="cpu")).run.state is RunState.DONE
    assert not yard.runs.get(slow).state.ended
    assert supervisor.stop(slow).want is Want.STOP


@pytest.mark.parametrize("same", [("auto", "cuda"), ("cuda:0", "mps"), ("auto", None)])
def test_names_of_the_first_accelerator_mean_one_device(yard, same):
    options = [{} if name is None else {"device": name} for name in same]
    runs = [yard.runs.get(yard.queue(**({"device": "auto"} | one))) for one in options]

    assert {device_of(run) for run in runs} == {"first"}


def test_stop_ends_a_run_with_a_checkpoint(yard):
    run_id = yard.queue(every=1000, holds_before=[1])
    supervisor = yard.supervisor()
    supervisor.start(run_id)
    running(yard, run_id, step=1)

    assert supervisor.stop(run_id).want is Want.STOP
    run = supervisor.wait(run_id).run

    assert (run.state, run.error) == (RunState.STOPPED, None)
    assert len(saved(yard, run_id)) == 1
    assert supervisor.stop(run_id).state is RunState.STOPPED


def test_a_run_nobody_works_on_is_stopped_at_once_even_while_its_device_is_taken(yard):
    run_id = yard.queue()
    lock = FileLock(yard.folder / "runs" / "device-cpu.lock")
    assert lock.acquire()

    assert yard.supervisor().stop(run_id).state is RunState.STOPPED
    lock.release()


def test_stop_by_force_ends_a_worker_that_does_not_listen(yard):
    run_id = yard.queue(holds_before=[5])
    supervisor = yard.supervisor()
    supervisor.start(run_id)
    worker = running(yard, run_id)
    os.kill(worker.pid, signal.SIGSTOP)

    assert supervisor.stop(run_id, force=True).state is RunState.STOPPED
    assert not process_alive(worker.pid, worker.pid_start)


def test_a_frozen_worker_keeps_its_run_although_its_lease_is_over(yard):
    run_id = yard.queue(holds_before=[5])
    supervisor = yard.supervisor()
    supervisor.start(run_id)
    worker = running(yard, run_id)
    os.kill(worker.pid, signal.SIGSTOP)
    until(lambda: yard.clock.now() > yard.runs.get(run_id).lease_until)

    assert not supervisor.abandoned(yard.runs.get(run_id))
    assert supervisor.start(run_id).fence == worker.fence
    os.kill(worker.pid, signal.SIGCONT)
    until(lambda: yard.runs.get(run_id).lease_until > yard.clock.now())
    supervisor.stop(run_id)
    assert supervisor.wait(run_id).run.attempts == 1


def test_pausing_and_resuming_is_exact_and_does_not_count_as_dying(yard):
    run_id = yard.queue(holds_before=[3, 6, 9, 12])
    supervisor = yard.supervisor()
    supervisor.start(run_id)
    for step in (3, 6, 9):
        running(yard, run_id, step=step)
        supervisor.pause(run_id)
        assert supervisor.wait(run_id).run.state is RunState.PAUSED
        supervisor.resume(run_id)
    os.kill(running(yard, run_id).pid, signal.SIGKILL)

    run = supervisor.wait(run_id).run

    assert (run.state, run.result["figures"], run.attempts) == (RunState.DONE, SUM_OF_20, 5)


def test_a_paused_run_stays_paused_for_every_supervisor(yard):
    run_id = yard.queue()
    yard.supervisor().pause(run_id)

    assert yard.supervisor().tend() == []
    assert yard.supervisor().start(run_id).state is RunState.PAUSED
    assert yard.supervisor().stop(run_id).state is RunState.STOPPED


def test_what_has_ended_cannot_be_paused_or_resumed(yard):
    run_id = yard.queue()
    supervisor = yard.supervisor()
    supervisor.stop(run_id)

    for deed, word in ((supervisor.pause, "paused"), (supervisor.resume, "resumed")):
        with pytest.raises(ConflictError, match=f"run 1 is stopped and cannot be {word}"):
            deed(run_id)


def test_a_worker_asked_to_end_by_the_system_saves_and_the_run_goes_on_later(yard):
    run_id = yard.queue(every=1000, holds_before=[2])
    supervisor = yard.supervisor()
    supervisor.start(run_id)
    ask_to_stop(running(yard, run_id, step=2).pid)
    until(lambda: yard.runs.get(run_id).state is RunState.PAUSED)
    assert yard.runs.get(run_id).want is Want.RUN

    run = supervisor.wait(run_id).run

    assert (run.state, run.result["figures"], run.attempts) == (RunState.DONE, SUM_OF_20, 2)
    steps = [step for _, _, step, _ in yard.trace()]
    assert steps == list(range(20))


def test_after_a_reboot_what_was_running_is_taken_up(yard):
    run_id = yard.queue()
    now = yard.clock.now()
    yard.runs.claim(
        run_id, boot_id="before", pid=os.getpid(), pid_start=1, now=now, lease_until=now - 1
    )

    assert yard.supervisor().wait(run_id).run.state is RunState.DONE


def test_a_run_held_by_another_machine_is_left_alone_while_its_lease_lasts(yard):
    run_id = yard.queue()
    now = yard.clock.now()
    yard.runs.claim(
        run_id, boot_id="elsewhere", pid=1, pid_start=1, now=now, lease_until=now + 60_000_000
    )

    assert yard.supervisor().start(run_id).boot_id == "elsewhere"


def test_a_dead_worker_is_seen_also_while_another_run_has_its_device(yard):
    run_id = yard.queue()
    now = yard.clock.now()
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, check=True)  # fmt: skip
    claim = {"boot_id": boot_id(), "pid": int(dead.stdout), "pid_start": 1, "now": now}
    yard.runs.claim(run_id, **claim, lease_until=now)
    lock = FileLock(yard.folder / "runs" / "device-cpu.lock")
    assert lock.acquire()

    assert yard.supervisor().abandoned(yard.runs.get(run_id))
    assert yard.supervisor().start(run_id).state is RunState.PAUSED
    lock.release()
    assert yard.supervisor().wait(run_id).run.state is RunState.DONE


def test_a_dead_worker_of_a_run_to_be_stopped_stops_it(yard):
    run_id = yard.queue(holds_before=[5])
    supervisor = yard.supervisor()
    supervisor.start(run_id)
    worker = running(yard, run_id)
    os.kill(worker.pid, signal.SIGSTOP)
    yard.runs.want(run_id, Want.STOP)
    os.kill(worker.pid, signal.SIGKILL)

    assert supervisor.wait(run_id).run.state is RunState.STOPPED


def test_tending_starts_what_waits_oldest_first(yard):
    first, second = yard.queue(steps=2, holds_before=[1]), yard.queue(steps=2)

    states = [run.state for run in yard.supervisor().tend()]

    assert states[1] is RunState.QUEUED
    yard.let_go()
    until(lambda: yard.runs.get(first).state is RunState.DONE)
    # The device is free a moment after that, when the first worker has left.
    until(lambda: yard.supervisor().tend() == [])
    assert yard.runs.get(second).state is RunState.DONE


def test_a_worker_that_is_done_starts_the_next_run_of_its_device_by_itself(yard):
    first, second = yard.queue(steps=2, tends=True), yard.queue(steps=2)
    yard.supervisor().start(first)

    until(lambda: yard.runs.get(second).state is RunState.DONE)
    assert yard.runs.get(second).attempts == 1


def test_interrupting_the_wait_leaves_the_run_and_says_how_to_follow_it(yard):
    run_id = yard.queue(holds_before=[5])
    supervisor = yard.supervisor()

    def interrupt(progress):
        if progress.run.step:
            raise KeyboardInterrupt

    outcome = supervisor.wait(run_id, interrupt)

    assert outcome.run.state is RunState.RUNNING
    assert outcome.detached == (
        "run 1 goes on without you: `truing logs 1 -f` follows it, `truing stop 1` stops it"
    )
    yard.let_go()
    assert supervisor.wait(run_id).run.attempts == 1


def test_the_log_can_be_followed_from_before_the_start_to_the_end(yard):
    run_id = yard.queue()
    supervisor = yard.supervisor()
    assert list(supervisor.tail(run_id)) == []
    lines = []
    thread = threading.Thread(target=lambda: lines.extend(supervisor.tail(run_id, follow=True)))
    thread.start()
    supervisor.wait(run_id)
    thread.join(timeout=60)

    assert not thread.is_alive()
    assert lines[0] == "hello from the worker"
    assert lines[-1].endswith("run 1 is done")
    assert lines == list(supervisor.tail(run_id))


def test_the_command_is_the_workers_own(yard):
    from truing.jobs.supervisor import Supervisor

    plain = Supervisor(yard.runs, folder=yard.folder, clock=yard.clock)

    assert plain.command(3) == [
        sys.executable, "-m", "truing", "--workspace", str(yard.folder), "job", "work", "3",
    ]  # fmt: skip


@pytest.mark.slow
def test_killed_again_and_again_every_step_counts_once(yard):
    # Wherever a kill comes, none comes too late: each attempt waits for it before the last step.
    run_id = yard.queue(steps=300, pause=0.005, every=10, holds_before=[299] * 12)
    supervisor = yard.supervisor(max_attempts=1000)
    done = []
    thread = threading.Thread(target=lambda: done.append(supervisor.wait(run_id)))
    thread.start()
    for attempt in range(1, 13):
        until(lambda attempt=attempt: yard.runs.get(run_id).attempts == attempt)
        time.sleep(0.3)
        os.kill(yard.runs.get(run_id).pid, signal.SIGKILL)
    thread.join()

    assert done[0].run.state is RunState.DONE
    assert done[0].run.result["figures"] == {"sum": 300 * 301 // 2}
    assert done[0].run.attempts == 13


def test_a_run_waits_while_another_one_has_its_device(yard):
    supervisor = yard.supervisor()
    first, second = yard.queue(holds_before=[5]), yard.queue()
    other = yard.queue(device="cuda:7")
    assert not supervisor.waits(yard.runs.get(second))
    supervisor.start(first)
    running(yard, first)
    assert supervisor.waits(yard.runs.get(second))
    assert not supervisor.waits(yard.runs.get(first))
    assert not supervisor.waits(yard.runs.get(other))
    assert supervisor.pause(second, patience=0).state is RunState.PAUSED
    assert not supervisor.waits(yard.runs.get(second))


def test_the_log_is_read_from_a_place_on(yard):
    supervisor = yard.supervisor()
    run_id = yard.queue()
    assert supervisor.log_after(run_id) == ([], 0)
    supervisor.wait(run_id)
    lines, place = supervisor.log_after(run_id)
    assert lines == yard.log(run_id).splitlines()
    assert supervisor.log_after(run_id, place) == ([], place)
    with pytest.raises(NotFoundError):
        supervisor.log_after(99)
