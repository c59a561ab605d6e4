import errno
import os
import signal
import threading
import time

import pytest

from truing.domain.errors import ConflictError, SettingError, UnavailableError
from truing.domain.run import RunState, Want
from truing.jobs.context import LostRunError
from truing.jobs.worker import Rhythm, one_line, work

QUICK = Rhythm(beat=0.02, lease=5.0)


def carry(yard, run_id, execute, rhythm=QUICK, runs=None):
    return work(
        runs or yard.runs,
        run_id,
        folder=yard.folder,
        clock=yard.clock,
        execute=execute,
        rhythm=rhythm,
    )


def until(true, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)


def test_a_run_is_claimed_worked_on_and_done(yard):
    run_id = yard.queue()
    seen = {}

    def execute(run, context):
        seen.update(state=yard.runs.get(run_id).state, pid=run.pid, attempts=run.attempts)
        for step in (1, 2, 3):
            context.report(step, {"train_loss": 1 / step, "learning_rate": 0.1})
            context.report(step, {"train_loss": 2 / step})
            context.progress(step, 3)
        context.log("a word\nand another")
        return {"model": "speech/1"}

    assert carry(yard, run_id, execute) is RunState.DONE

    run = yard.runs.get(run_id)
    assert seen == {"state": RunState.RUNNING, "pid": os.getpid(), "attempts": 1}
    assert (run.state, run.step, run.total_steps) == (RunState.DONE, 3, 3)
    assert (run.error, run.result) == (None, {"model": "speech/1"})
    figures = {(one.step, one.name): one.value for one in yard.runs.metrics(run_id)}
    assert figures[3, "train_loss"] == pytest.approx(2 / 3)
    assert len(figures) == 6
    log = yard.log(run_id)
    assert "run 1, attempt 1: count, mine@1" in log
    assert "a word\n    and another\n" in log
    assert "step 3 of 3\n" in log
    assert log.splitlines()[-1].endswith("run 1 is done")


def test_progress_and_figures_reach_the_row_while_the_recipe_works(yard):
    run_id = yard.queue()

    def execute(run, context):
        context.report(7, {"train_loss": 0.5})
        context.progress(7, 100)
        until(lambda: yard.runs.get(run_id).step == 7 and yard.runs.metrics(run_id))
        return {}

    assert carry(yard, run_id, execute) is RunState.DONE


def test_an_explained_error_ends_the_run_with_its_hint(yard):
    run_id = yard.queue()

    def execute(run, context):
        raise SettingError("`rate` cannot be `9`", hint="give less")

    assert carry(yard, run_id, execute) is RunState.FAILED
    run = yard.runs.get(run_id)
    assert run.error == "`rate` cannot be `9` (give less)"
    assert run.ended_at is not None
    assert "Traceback" in yard.log(run_id)
    assert "in execute" in yard.log(run_id)


@pytest.mark.parametrize("error", [ZeroDivisionError("by\nzero"), SystemExit(3)])
def test_any_other_error_ends_the_run_in_one_line(yard, error):
    run_id = yard.queue()

    def execute(run, context):
        raise error

    assert carry(yard, run_id, execute) is RunState.FAILED
    assert yard.runs.get(run_id).error == f"{type(error).__name__}: {error}".replace("\n", " ")


def test_an_error_is_cut_to_one_short_line():
    assert len(one_line(ValueError("x" * 9000))) == 500


@pytest.mark.parametrize(
    ("want", "state"), [(Want.STOP, RunState.STOPPED), (Want.PAUSE, RunState.PAUSED)]
)
def test_a_wish_reaches_the_recipe_and_names_the_end(yard, want, state):
    run_id = yard.queue()

    def execute(run, context):
        assert not context.should_stop()
        yard.runs.want(run_id, want)
        until(context.should_stop)
        context.save_checkpoint(4, lambda folder: (folder / "x").write_text("x"))
        return

    assert carry(yard, run_id, execute) is state
    assert yard.runs.get(run_id).state is state
    assert (yard.folder / "runs" / "1" / "checkpoints" / "000001-step-4" / "x").exists()


def test_a_run_stopped_before_it_began_never_reaches_the_recipe(yard):
    run_id = yard.queue()
    yard.runs.want(run_id, Want.STOP)

    assert carry(yard, run_id, lambda run, context: pytest.fail("worked")) is RunState.STOPPED


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_means_checkpoint_and_end_and_the_run_can_go_on(yard, number):
    run_id = yard.queue()

    def stopped(run, context):
        os.kill(os.getpid(), number)
        until(context.should_stop)
        context.save_checkpoint(9, lambda folder: (folder / "x").write_text("nine"))
        return

    def resumed(run, context):
        step, folder = context.latest_checkpoint()
        return {"step": step, "text": (folder / "x").read_text()}

    assert carry(yard, run_id, stopped) is RunState.PAUSED
    assert yard.runs.get(run_id).want is Want.RUN
    assert carry(yard, run_id, resumed) is RunState.DONE
    assert yard.runs.get(run_id).result == {"step": 9, "text": "nine"}


def test_the_signal_handlers_are_put_back(yard):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    carry(yard, yard.queue(), lambda run, context: {})

    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_run_that_stopped_though_nobody_asked_has_failed(yard):
    run_id = yard.queue()

    assert carry(yard, run_id, lambda run, context: None) is RunState.FAILED
    assert (
        yard.runs.get(run_id).error == "the recipe `count` stopped early though nobody asked it to"
    )


def test_a_run_finished_although_it_was_to_stop_is_done(yard):
    run_id = yard.queue()

    def execute(run, context):
        yard.runs.want(run_id, Want.STOP)
        return {"model": "speech/1"}

    assert carry(yard, run_id, execute) is RunState.DONE


def test_a_run_that_has_ended_or_is_held_cannot_be_taken(yard):
    run_id = yard.queue()

    def execute(run, context):
        with pytest.raises(ConflictError, match=f"it is running, process {os.getpid()}"):
            carry(yard, run_id, execute)
        return {}

    carry(yard, run_id, execute)
    with pytest.raises(ConflictError, match="run 1 cannot be taken: it is done"):
        carry(yard, run_id, execute)


def takeover(yard, run_id):
    """What another worker does once this one's lease is over."""
    later = yard.clock.now() + 3_600_000_000
    taken = yard.runs.claim(
        run_id, boot_id="other", pid=1, pid_start=1, now=later, lease_until=later + 1
    )
    assert taken is not None


@pytest.mark.parametrize(
    "deed",
    [
        lambda context: context.report(1, {"loss": 1.0}),
        lambda context: context.progress(1, 2),
        lambda context: context.should_stop(),
        lambda context: context.save_checkpoint(1, lambda folder: None),
        lambda context: context.latest_checkpoint(),
    ],
    ids=["report", "progress", "should_stop", "save_checkpoint", "latest_checkpoint"],
)
def test_a_stale_worker_stops_at_its_next_word_and_writes_nothing(yard, deed):
    run_id = yard.queue()

    def execute(run, context):
        takeover(yard, run_id)
        until(lambda: deed(context) is deed)

    with pytest.raises(LostRunError, match="run 1 was taken over by another worker"):
        carry(yard, run_id, execute)

    run = yard.runs.get(run_id)
    assert (run.state, run.fence, run.boot_id) == (RunState.RUNNING, 2, "other")
    assert "stopping: run 1 was taken over" in yard.log(run_id)


def test_a_stale_worker_that_never_asks_cannot_end_the_run(yard):
    run_id = yard.queue()

    def execute(run, context):
        takeover(yard, run_id)
        return {"model": "wrong"}

    with pytest.raises(LostRunError):
        carry(yard, run_id, execute, Rhythm(beat=60, lease=60))
    assert yard.runs.get(run_id).result == {}


def test_no_checkpoint_is_saved_by_a_worker_that_was_replaced_unnoticed(yard):
    run_id = yard.queue()

    def execute(run, context):
        takeover(yard, run_id)
        context.save_checkpoint(1, lambda folder: pytest.fail("wrote"))

    with pytest.raises(LostRunError):
        carry(yard, run_id, execute, Rhythm(beat=60, lease=60))


class Shaky:
    """A store out of reach while `down`."""

    def __init__(self, runs):
        self._runs = runs
        self.down = False
        self.refused = 0

    def __getattr__(self, name):
        if self.down and name in ("heartbeat", "report"):
            self.refused += 1
            raise UnavailableError("the disk is full", hint="free some space")
        return getattr(self._runs, name)


def test_a_store_out_of_reach_does_not_end_training_and_no_figure_is_lost(yard):
    run_id = yard.queue()
    shaky = Shaky(yard.runs)

    def execute(run, context):
        shaky.down = True
        context.report(1, {"train_loss": 1.0})
        until(lambda: shaky.refused >= 3)
        shaky.down = False
        context.report(2, {"train_loss": 0.5})
        return {}

    assert carry(yard, run_id, execute, runs=shaky) is RunState.DONE
    assert [one.value for one in yard.runs.metrics(run_id)] == [1.0, 0.5]
    assert "the run's row cannot be written" in yard.log(run_id)


def test_the_lease_is_prolonged_while_the_recipe_is_silent(yard):
    run_id = yard.queue()

    def execute(run, context):
        first = yard.runs.get(run_id).lease_until
        until(lambda: yard.runs.get(run_id).lease_until > first)
        return {}

    assert carry(yard, run_id, execute) is RunState.DONE


def test_a_silent_recipe_leaves_its_stack_in_the_log_once(yard):
    run_id = yard.queue()

    def a_call_that_hangs():
        until(lambda: "no sign of progress" in yard.log(run_id))
        time.sleep(0.2)

    def execute(run, context):
        a_call_that_hangs()
        return {}

    rhythm = Rhythm(beat=0.02, lease=5.0, stall=0.1)
    assert carry(yard, run_id, execute, rhythm) is RunState.DONE
    assert yard.log(run_id).count("no sign of progress") == 1
    assert "in a_call_that_hangs" in yard.log(run_id)


def test_a_worker_may_run_in_a_thread_of_a_host_program(yard):
    run_id = yard.queue()
    states = []
    thread = threading.Thread(
        target=lambda: states.append(carry(yard, run_id, lambda run, context: {}))
    )
    thread.start()
    thread.join()

    assert states == [RunState.DONE]
    assert not [one for one in threading.enumerate() if one.name == "truing-heartbeat"]


def full(folder):
    (folder / "state").write_bytes(b"half")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder / "state"))


def in_words(folder):
    # As libraries tell it that write files themselves.
    raise RuntimeError(f"I/O error: {os.strerror(errno.ENOSPC)} (os error 28)")


@pytest.mark.parametrize("no_room", [full, in_words])
def test_a_full_disk_pauses_a_run_until_somebody_made_room(yard, no_room):
    run_id = yard.queue()
    latest = []

    def execute(run, context):
        latest.append(context.latest_checkpoint())
        context.progress(5, 20)
        context.save_checkpoint(5, lambda place: (place / "state").write_bytes(b"five") and None)
        context.progress(10, 20)
        if run.attempts == 1:
            context.save_checkpoint(10, no_room)
        return {"model": "speech/1"}

    assert carry(yard, run_id, execute) is RunState.PAUSED
    run = yard.runs.get(run_id)
    # Nothing takes it up by itself: another attempt would end alike.
    assert (run.want, run.error) == (Want.PAUSE, None)
    (told,) = run.as_dict()["notes"]
    assert told.startswith("Attempt 1 met a full disk at step 10: ")
    assert "Make room" in told
    assert yard.supervisor().tend() == []
    assert yard.runs.get(run_id).state is RunState.PAUSED

    yard.runs.want(run_id, Want.RUN)
    assert carry(yard, run_id, execute) is RunState.DONE
    step, folder = latest[1]
    assert (latest[0], step) == (None, 5)
    assert (folder / "state").read_bytes() == b"five"


def test_a_full_disk_does_not_overrule_who_wants_a_run_to_stop(yard):
    run_id = yard.queue()

    def execute(run, context):
        yard.runs.want(run_id, Want.STOP)
        context.save_checkpoint(5, full)

    assert carry(yard, run_id, execute) is RunState.STOPPED
