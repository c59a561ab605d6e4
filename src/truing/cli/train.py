"""`truing train`: train a model on a dataset version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from truing.cli import output, runs, wording
from truing.cli.arguments import add_json, assignments, whole
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.domain.run import Run, RunRequest
    from truing.workspace import Workspace
    from truing.workspace.room import Room

HELP = LINES["train"]
EXAMPLE = (
    "truing train --dataset mine@1 --base openai/whisper-tiny --wait\n"
    "truing train --dataset mine@2 --base champion --set epochs=5 --replay general-speech/"
)

NEED = '{"disk", "memory", "on_accelerator"} or null'
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
    parser.add_argument(
        "--force", action="store_true", help="go on with clearly too little disk or memory"
    )
    staying = parser.add_mutually_exclusive_group()
    staying.add_argument(
        "--wait", action="store_true", help="stay until it has ended; Ctrl-C leaves it running"
    )
    staying.add_argument(
        "--detach", action="store_true", help="come back at once, as without --wait"
    )
    staying.add_argument(
        "--dry-run", action="store_true", help="only show the options and what the run needs"
    )
    staying.add_argument(
        "--bundle",
        metavar="FILE",
        help="train on another machine: write all that takes to FILE instead; see truing job run",
    )
    add_json(
        parser,
        f'{{"run", "need": {NEED}}}; with --dry-run: {{"need", "request"}}; with --wait: '
        f'{{{runs.KEYS}}}, "figures" holding what the recipe measured; '
        'with --bundle: {"path", "digest", "bytes", "run", "train", "validation", "replay", '
        '"kept_back"}',
    )


def run(args: argparse.Namespace) -> int:
    """Queues, starts and, if asked, awaits a run; `Workspace.train` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.workspace.training import planned, room_of

    with open_workspace(args) as workspace:
        options: dict[str, Any] = {
            "recipe": args.recipe,
            "base": args.base,
            "options": assignments(args.options, "--set epochs=5"),
            "replay": args.replay,
            "seed": args.seed,
            "audience": f"subject:{args.speaker}" if args.speaker else "general",
        }
        if args.bundle is not None:
            return _pack(workspace, args, options)
        if args.dry_run:
            request = planned(workspace, args.dataset, **options)
            return _show_plan(args, request, room_of(workspace, request))
        begun = workspace.train(args.dataset, **options, start=not args.wait, force=args.force)
        room = room_of(workspace, begun.request)
        for name, told in room.lines() if room else ():
            output.hint(f"{name}: {told}")
        if args.wait:
            return _await(workspace, args, begun.id)
    if args.json:
        output.show_json({"run": begun.id, "need": room and room.as_dict()})
    else:
        output.show(f"run {begun.id} has begun in the background")
        output.hint(f"follow it: truing logs {begun.id} -f; see all: truing jobs")
    return 0


def _show_plan(args: argparse.Namespace, request: RunRequest, room: Room | None) -> int:
    if args.json:
        need = room and room.as_dict()
        output.show_json({"need": need, "request": request.as_dict()})
        return 0
    shown = {key: value for key, value in request.as_dict().items() if key != "options"}
    options = " ".join(f"{name}={value}" for name, value in request.options.items())
    output.facts({**shown, "options": options, **dict(room.lines() if room else ())})
    if room is None:
        output.hint("what it needs of disk and memory cannot be told beforehand")
    for problem, repair in room.lacks() if room else ():
        output.show(f"too little: {problem}")
        output.hint(repair)
    return 0


def _pack(workspace: Workspace, args: argparse.Namespace, options: dict[str, Any]) -> int:
    """Writes a bundle; `workspace.bundles.pack` is the library twin."""
    from pathlib import Path

    from truing.workspace.bundles import pack

    with output.progress("packing", quiet=args.json) as advance:
        packed = pack(workspace, args.dataset, Path(args.bundle), on_progress=advance, **options)
    if args.json:
        output.show_json(packed.as_dict())
        return 0
    output.show(
        f"wrote {packed.path}, {packed.bytes / 1e6:.1f} MB: {packed.train} rows to learn from, "
        f"{packed.validation} to validate, {packed.replay} to replay"
    )
    output.show(f"the {packed.kept_back} test rows stay here; speakers have numbers for names")
    output.hint(f"over there: truing job run '{Path(packed.path).name}'")
    output.hint(f"back here: truing model import FILE.trained; run {packed.run} waits for it")
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
        + (f": {why}" if (why := runs.trouble(ended)) else ", before it made a model"),
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
