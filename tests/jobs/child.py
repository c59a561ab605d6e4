"""A worker program: counts to the number of steps its run asks for, leaving a trace of each."""

import ctypes
import math
import os
import sys
import threading
import time
from pathlib import Path

from truing.domain.clock import SystemClock
from truing.domain.errors import InvalidInputError
from truing.jobs.supervisor import Supervisor
from truing.jobs.worker import Rhythm, work
from truing.platform.processes import leave_now, start_over
from truing.stores.database.store import open_database


def count(run, context, folder):
    """Adds up 1 + 2 + … + steps; the sum is right only if resuming lost and repeated nothing."""
    options = run.request.options
    if context.memory_shortages():
        context.log(f"takes half as much {context.memory_shortages()} times")
    found = context.latest_checkpoint()
    step, total = (found[0], int((found[1] / "sum").read_text())) if found else (0, 0)

    def save():
        context.save_checkpoint(step, lambda place: (place / "sum").write_text(str(total)))

    while step < options["steps"]:
        while step == held_before(run, folder) and not context.should_stop():
            time.sleep(0.01)
        if context.should_stop():
            save()
            return None
        with (folder / "trace").open("a") as trace:
            trace.write(f"{run.id} {run.attempts} {step} {time.time_ns()}\n")
        time.sleep(options["pause"])
        if run.attempts == 1 and step + 1 == options.get("hangs_at"):
            threading.Event().wait()
        if run.attempts == 1 and step + 1 == options.get("holds_at"):
            # A call into C that keeps the interpreter for itself.
            ctypes.PyDLL(None).sleep(600)
        step += 1
        total += step
        context.report(step, {"train_loss": 1 / step})
        context.progress(step, options["steps"])
        if step % options["every"] == 0:
            save()
        if step == options.get("fails_at"):
            raise InvalidInputError("step `7` cannot be", hint="leave it out")
    return {"figures": {"sum": total}}


def held_before(run, folder):
    """The step this attempt waits before; None when it is to go on to its end."""
    try:
        told = (folder / "go-on").read_text()
    except FileNotFoundError:
        return dict(enumerate(run.request.options.get("holds_before", []), start=1)).get(
            run.attempts
        )
    return int(told) if told else None


def rhythm(run):
    """A quick one. Only the first attempt of a run with `hang` is ended for its silence: no other
    may look as if it hung because the machine stood still.
    """
    hang = run.request.options.get("hang", math.inf) if run.attempts == 0 else math.inf
    return Rhythm(beat=0.1, lease=2.0, hang=hang)


def leave(folder, run_id, environ):
    """Ends this process; with variables, the same program begins in its place."""
    if environ is None:
        leave_now(11)
    command = [sys.executable, __file__, str(folder), str(run_id)]
    start_over(command, {**os.environ, **environ})


def main(folder, run_id):
    """Works on one run of the workspace."""
    print("hello from the worker", flush=True)
    store = open_database(folder / "truing.db")
    state = work(
        store.runs,
        run_id,
        folder=folder,
        clock=SystemClock(),
        execute=lambda run, context: count(run, context, folder),
        rhythm=rhythm(store.runs.get(run_id)),
        leave=lambda environ: leave(folder, run_id, environ),
    )
    if store.runs.get(run_id).request.options.get("tends"):
        supervisor = Supervisor(
            store.runs,
            folder=folder,
            clock=SystemClock(),
            command=lambda number: [sys.executable, __file__, str(folder), str(number)],
        )
        supervisor.tend()
    store.close()
    return 11 if state == "failed" else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
