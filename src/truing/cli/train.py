"""`truing train`: train a model on a dataset version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from truing.cli import output, runs, wording
from truing.cli.arguments import add_json, assignments, whole
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.domain.run import Run
    from truing.workspace import Workspace

HELP = LINES["train"]
EXAMPLE = (
    "truing train --dataset mine@1 --base openai/whisper-tiny --wait\n"
    "truing train --dataset mine@2 --base champion --set epochs=5 --replay general-speech/"
)

DEEDS = {"paused": "was paused", "stopped": "was stopped"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument(
        "--dataset", required=True, metavar="NAME@N", help="what to learn from, such as mine@1"
    )
    parser.add_argument(
        "--base",
        metavar="MODEL",
        help="what to start from: champion, speech/3, a folder or a hub id such as "
        "openai/whisper-tiny",
    )
    parser.add_argument(
        "--recipe", metavar="NAME", help="see truing recipes; the modality's first when left out"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="options",
        metavar="KEY=VALUE",
        help="an option of the recipe; see truing recipes NAME",
    )
    parser.add_argument(
        "--replay",
        metavar="DIR",
        help="general examples mixed in so that the model does not forget: an audiofolder, or the "
        "training rows of NAME@N",
    )
    parser.add_argument("--seed", type=whole, default=0, metavar="N", help="of all chance (0)")
    parser.add_argument("--speaker", metavar="NAME", help="make it this speaker's own model")
    parser.add_argument("--wait", action="store_true", help="stay until it has ended")
    add_json(
        parser,
        f'{{"run"}}; with --wait: {{{runs.KEYS}}}, "figures" holding what the recipe measured',
    )


def run(args: argparse.Namespace) -> int:
    """Queues, starts and, if asked, awaits a run; `Workspace.train` is the library twin."""
    from truing.cli.opening import open_workspace

    with open_workspace(args) as workspace:
        begun = workspace.train(
            args.dataset,
            recipe=args.recipe,
            base=args.base,
            options=assignments(args.options, "--set epochs=5"),
            replay=args.replay,
            seed=args.seed,
            audience=f"subject:{args.speaker}" if args.speaker else "general",
            start=not args.wait,
        )
        if args.wait:
            return _await(workspace, args, begun.id)
    if args.json:
        output.show_json({"run": begun.id})
    else:
        output.show(f"run {begun.id} has begun in the background")
        output.hint(f"follow it: truing logs {begun.id} -f; see all: truing jobs")
    return 0


def _await(workspace: Workspace, args: argparse.Namespace, number: int) -> int:

    with output.progress(f"run {number}", quiet=args.json) as bar:
        outcome = workspace.jobs.wait(
            number,
            on_progress=lambda now: bar(
                now.run.step, now.run.total_steps or None, title=runs.title(now)
            ),
        )
    if outcome.detached is not None:
        output.hint(outcome.detached)
        raise KeyboardInterrupt
    _refuse_unfinished(outcome.run)
    if args.json:
        output.show_json(runs.as_dict(outcome.run))
    else:
        _tell(outcome.run)
    return 0


def _refuse_unfinished(ended: Run) -> None:
    """Raises unless the run has made a model."""
    from truing.domain.errors import RunFailedError
    from truing.domain.run import RunState

    if ended.state is RunState.DONE:
        return
    hints = {
        RunState.PAUSED: f"let it go on: truing resume {ended.id}",
        RunState.STOPPED: "begin another: truing train",
    }
    raise RunFailedError(
        f"run {ended.id} {DEEDS.get(ended.state.value, ended.state.value)}"
        + (f": {ended.error}" if ended.error else ", before it made a model"),
        hint=hints.get(ended.state, f"what it said: truing logs {ended.id}"),
    )


def _tell(ended: Run) -> None:
    result = ended.result
    figures, notes = result.get("figures"), result.get("notes")
    model = result.get("model")
    output.facts(
        {
            "run": ended.id,
            "model": model,
            "took": wording.took(ended.started_at, ended.ended_at),
            **(
                {name: f"{value:.4g}" for name, value in figures.items()}
                if isinstance(figures, Mapping)
                else {}
            ),
        }
    )
    for note in notes if isinstance(notes, list) else []:
        output.show(f"note: {output.one_line(note)}")
    output.hint(f"next: truing evaluate {model} --dataset {ended.request.dataset}")
    output.hint(f"      truing promote {model}")
