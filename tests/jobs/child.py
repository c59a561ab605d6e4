"""A worker program: counts to the number of steps its run asks for, leaving a trace of each."""

import sys
import time
from pathlib import Path

from truing.domain.clock import SystemClock
from truing.domain.errors import InvalidInputError
from truing.jobs.supervisor import Supervisor
from truing.jobs.worker import Rhythm, work
from truing.stores.database.store import open_database

RHYTHM = Rhythm(beat=0.1, lease=2.0)


def count(run, context, folder):
    """Adds up 1 + 2 + … + steps; the sum is right only if resuming lost and repeated nothing."""
    options = run.request.options
    found = context.latest_checkpoint()
    step, total = (found[0], int((found[1] / "sum").read_text())) if found else (0, 0)

    def save():
        context.save_checkpoint(step, lambda place: (place / "sum").write_text(str(total)))

    while step < options["steps"]:
        if context.should_stop():
            save()
            return None
        with (folder / "trace").open("a") as trace:
            trace.write(f"{run.id} {run.attempts} {step} {time.time_ns()}\n")
        time.sleep(options["pause"])
        step += 1
        total += step
        context.report(step, {"train_loss": 1 / step})
        context.progress(step, options["steps"])
        if step % options["every"] == 0:
            save()
        if step == options.get("fails_at"):
            raise InvalidInputError("step `7` cannot be", hint="leave it out")
    return {"figures": {"sum": total}}


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
        rhythm=RHYTHM,
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
