"""`truing jobs`: list training runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, runs, wording
from truing.cli.arguments import add_json, number
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

HELP = LINES["jobs"]
EXAMPLE = "truing jobs"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("--limit", type=number, default=20, metavar="N", help="at most N (20)")
    add_json(parser, f'{{"jobs": [{{{runs.KEYS}, "remaining_seconds"}}]}}')


def run(args: argparse.Namespace) -> int:
    """Lists runs, newest first; `Workspace.store.runs` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.domain.model import short_name
    from truing.jobs.watch import remaining

    with open_workspace(args) as workspace:
        store = workspace.store.runs
        every = store.all(limit=args.limit)
        left = {one.id: remaining(store, one, workspace.clock.now()) for one in every}
    if args.json:
        told = [{**runs.as_dict(one), "remaining_seconds": left[one.id]} for one in every]
        output.show_json({"jobs": told})
        return 0
    if not every:
        output.hint("no runs yet: truing train --dataset NAME@N --base MODEL")
        return 0
    output.table(
        (
            *("run", "state", "steps", "left", "recipe", "dataset", "base", "model"),
            *("begun (UTC)", "took"),
        ),
        [
            (
                one.id,
                runs.state(one),
                runs.done(one),
                wording.about(left[one.id]),
                one.request.recipe,
                one.request.dataset,
                one.request.base and short_name(one.request.base),
                one.result.get("model"),
                wording.when(one.started_at),
                wording.took(one.started_at, one.ended_at),
            )
            for one in every
        ],
        right=("run", "steps"),
        whole=("state", "left", "recipe", "dataset", "model", "begun (UTC)", "took"),
    )
    for one in every:
        if why := runs.trouble(one):
            output.hint(f"run {one.id}: {output.one_line(why)}")
        if runs.state(one) == "lost":
            output.hint(f"run {one.id} lost its process; let it go on: truing resume {one.id}")
    return 0
