"""`truing demo`: walk the whole loop once with real recordings, in a folder of its own."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

HELP = LINES["demo"]
EXAMPLE = "truing demo\ntruing demo --recordings my-digits/ --speaker ann --keep my-demo"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument(
        "--recordings",
        metavar="DIR",
        help="spoken digits of your own: an audiofolder with metadata.jsonl; Truing's own "
        "recordings when left out",
    )
    parser.add_argument("--speaker", metavar="NAME", help="whose voice is to be learned")
    parser.add_argument(
        "--keep", metavar="FOLDER", help="make the workspace here and keep it, to look around in"
    )
    add_json(
        parser,
        '{"speaker", "wer_before", "wer_after", "relative_reduction", "p_value", "ci", '
        '"corrections", "corrected", "exam", "wer_control", "wer_baseline", "retention_before", '
        '"retention_after", "promoted", "gate", "model", "seconds", "workspace"}',
    )


def run(args: argparse.Namespace) -> int:
    """Runs the demo; `truing.demo.scenario.run` is the library twin."""
    from truing.domain.errors import RunFailedError

    if args.keep is not None:
        result = _run(args, Path(args.keep))
        _tell(args, result)
        return 0
    folder = Path(tempfile.mkdtemp(prefix="truing-demo-"))
    try:
        result = _run(args, folder / "workspace")
    except RunFailedError:
        # Its log lies in the workspace, which the error's hint names.
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        _tell(args, {**result, "workspace": None})
        if not args.json:
            _offer(folder / "workspace")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _offer(folder: Path) -> None:
    """At a terminal, lets a person look at what came of it in the app, before it is removed."""
    from truing.cli.serve import serve
    from truing.web.server import Address
    from truing.workspace import Workspace

    if sys.stdin.isatty() and sys.stderr.isatty():
        answer = output.ask("Look at it in the app, in your browser? (y/N) ")
        if answer.lower() in ("y", "yes"):
            with Workspace.open(folder) as workspace:
                serve(workspace, Address(port=0), browser=True)
    output.hint("the demo's workspace is gone again; keep one with --keep FOLDER")


def _run(args: argparse.Namespace, folder: Path) -> Mapping[str, object]:
    from truing.demo.scenario import run as run_demo

    recordings = Path(args.recordings) if args.recordings else None
    say: Callable[[str], None] = (lambda _: None) if args.json else output.show
    with output.progress("demo", quiet=args.json) as bar:
        return run_demo(
            folder,
            recordings,
            args.speaker,
            say,
            progress=lambda what, done, total: bar(done, total, title=what),
        ).as_dict()


def _tell(args: argparse.Namespace, result: Mapping[str, object]) -> None:
    if args.json:
        output.show_json(result)
        return
    output.show()
    output.facts(
        {
            "word error rate before": wording.percent(result["wer_before"]),
            "word error rate after": wording.percent(result["wer_after"]),
            "fewer errors by": wording.percent(result["relative_reduction"]),
            "chance explains it with p": wording.p_value(result["p_value"]),
            "control, other voices alone": wording.percent(result["wer_control"]),
            "trivial baseline": wording.percent(result["wer_baseline"]),
            "other voices before": wording.percent(result["retention_before"]),
            "other voices after": wording.percent(result["retention_after"]),
            "promoted": "yes" if result["promoted"] else "no",
            "took": f"{float(str(result['seconds'])):.0f} s",
        }
    )
    if result["workspace"]:
        output.hint(f"look around: truing serve --open --workspace {result['workspace']}")
    output.hint("your own voice: truing init my-voice, then truing serve --open")
