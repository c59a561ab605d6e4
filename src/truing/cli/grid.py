"""`truing grid`: the GRID corpus, from its archives to pictures and rows to train on."""

from __future__ import annotations

import argparse
import os
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, names, number, subcommand, subcommands
from truing.cli.table import LINES

if TYPE_CHECKING:
    from truing.modalities.lipreading.grid.corpus import Corpus, Outcome
    from truing.modalities.lipreading.grid.pipeline import Choices, Run
    from truing.modalities.lipreading.grid.validate import Report

HELP = LINES["grid"]
EXAMPLE = (
    "truing grid run --local-path my-videos/\n"
    "truing grid download --speakers s1-s5 --dry-run\n"
    "truing grid run --speakers s1 s2 --limit 100\n"
    "truing grid validate"
)
STEPS = ("download", "align", "prepare", "format", "validate")
KEYS = '"output", "steps": [{"step", "made", "present", "skipped", "notes", …}]'
REPORT = '"report": {"ok", "counts", "speakers", "problems": [{"what", "why", "fault"}]}'
SHOWN = 20
"""Problems that are listed; --json has them all."""
SENTENCES = 1000
"""Of each speaker in the whole corpus."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    deeds = subcommands(parser)
    download = subcommand(deeds, "download", "fetch videos and alignments from Zenodo, or a folder")
    _add_download(download)
    align = subcommand(deeds, "align", "read what is said in each clip and when")
    prepare = subcommand(deeds, "prepare", "make a picture of 12 mouths from each video")
    _add_prepare(prepare)
    format_ = subcommand(deeds, "format", "write rows of messages for train, val and test")
    _add_format(format_)
    validate = subcommand(deeds, "validate", "check whether the rows are fit to train on")
    run_ = subcommand(deeds, "run", "do all of it, one after the other")
    _add_download(run_)
    _add_prepare(run_)
    _add_format(run_)
    run_.add_argument(
        "--start-from", choices=STEPS, default=STEPS[0], help="leave out the steps before this one"
    )
    run_.add_argument(
        "--skip-download", action="store_true", help="work on the videos that are there already"
    )
    for deed in (align, prepare, format_, run_):
        deed.add_argument(
            "--strict",
            action="store_true",
            help="leave out clips without an alignment instead of reading their whole length",
        )
    for deed in (download, align, prepare, format_, run_):
        _add_everywhere(deed)
    _add_output(validate)
    add_json(validate, f"{{{KEYS}, {REPORT}}}")


def _add_everywhere(deed: argparse.ArgumentParser) -> None:
    deed.add_argument(
        "--speakers",
        nargs="+",
        default=(),
        metavar="S",
        help="whose clips: s1 s2, s1,s2, s1-s5 or all; everybody's that is there when left out, "
        "and from Zenodo s1 to s5",
    )
    deed.add_argument("--limit", type=number, metavar="N", help="clips of each speaker")
    _add_output(deed)
    add_json(deed, f"{{{KEYS}, {REPORT} or null}}")


def _add_output(deed: argparse.ArgumentParser) -> None:
    deed.add_argument(
        "--output", metavar="DIR", help="the folder of the corpus; grid/ in the workspace"
    )


def _add_download(deed: argparse.ArgumentParser) -> None:
    deed.add_argument(
        "--local-path",
        metavar="DIR",
        help="take .mpg, .align, ready mouth clips (.mp4) and .zip files found below this folder",
    )
    deed.add_argument(
        "--source", metavar="URL", help="the record's JSON elsewhere than at Zenodo, such as a copy"
    )
    deed.add_argument(
        "--dry-run", action="store_true", help="tell what would be fetched, and how large it is"
    )


def _add_prepare(deed: argparse.ArgumentParser) -> None:
    deed.add_argument(
        "--workers", type=number, metavar="N", help="processes; one per processor when left out"
    )
    deed.add_argument(
        "--keep-frames", action="store_true", help="keep every frame as a PNG file (9 MB a clip)"
    )
    deed.add_argument(
        "--keep-mouths", action="store_true", help="keep the mouth of every frame as a PNG file"
    )


def _add_format(deed: argparse.ArgumentParser) -> None:
    deed.add_argument(
        "--form",
        type=int,
        choices=(2, 3),
        default=2,
        help="messages a row: user and assistant (2), or system, user and assistant (3)",
    )
    deed.add_argument(
        "--split",
        choices=("prefix", "unseen-speaker", "lipagent"),
        default="prefix",
        help="what is kept apart: sentences that share four words (prefix), speakers, or nothing "
        "(lipagent's random split)",
    )
    deed.add_argument(
        "--test-speakers",
        type=names,
        metavar="A,B",
        help="who is unseen; s1,s2,s20,s22 when left out",
    )
    deed.add_argument(
        "--absolute",
        action="store_true",
        help="name images by their whole path instead of from the folder of the rows",
    )


def run(args: argparse.Namespace) -> int:
    """Does the steps; `truing.modalities.lipreading.grid.pipeline.run` is the library twin."""
    from truing.modalities.lipreading.grid.corpus import Corpus
    from truing.modalities.lipreading.grid.pipeline import run as run_steps

    corpus = Corpus(_output(args))
    if getattr(args, "dry_run", False):
        return _dry_run(args, corpus)
    with output.progress("beginning", quiet=args.json) as bar:
        done = run_steps(
            corpus,
            _steps(args),
            _choices(args),
            on_progress=lambda step, count, total: bar(count, total, title=_title(step, args)),
            on_outcome=None if args.json else _tell,
        )
    return _conclude(args, corpus, done)


def _output(args: argparse.Namespace) -> Path:
    if args.output:
        return Path(args.output)
    from truing.domain.errors import NoWorkspaceError
    from truing.workspace.folder import find

    try:
        given = Path(args.workspace) if args.workspace else None
        return find(given, os.environ, Path.cwd()).root / "grid"
    except NoWorkspaceError as error:
        raise NoWorkspaceError(
            error.message, hint=f"{error.hint}; or name a folder: --output grid"
        ) from None


def _steps(args: argparse.Namespace) -> tuple[str, ...]:
    if args.deed != "run":
        return (args.deed,)
    steps = STEPS[STEPS.index(args.start_from) :]
    return tuple(step for step in steps if step != "download" or not args.skip_download)


def _choices(args: argparse.Namespace) -> Choices:
    from truing.modalities.lipreading.grid.corpus import chosen
    from truing.modalities.lipreading.grid.pipeline import Choices

    given = {name: value for name, value in vars(args).items() if value is not None}
    names_of = {one.name for one in fields(Choices)}
    picked = {name: value for name, value in given.items() if name in names_of}
    if "speakers" in picked:
        picked["speakers"] = chosen(picked["speakers"])
    if "local_path" in picked:
        picked["local_path"] = Path(picked["local_path"])
    return Choices(**picked)


def _title(step: str, args: argparse.Namespace) -> str:
    if step != "download":
        return {"align": "reading alignments", "prepare": "making mosaics"}.get(step, step)
    local = getattr(args, "local_path", None)
    return "bringing files" if local else "fetching (MB)"


def _dry_run(args: argparse.Namespace, corpus: Corpus) -> int:
    from truing.domain.errors import InvalidInputError
    from truing.modalities.lipreading.grid.download import plan

    choices = _choices(args)
    if choices.local_path is not None:
        raise InvalidInputError(
            "`--dry-run` tells what would be fetched from Zenodo, and --local-path fetches nothing",
            hint="leave one of them out",
        )
    planned = plan(corpus, choices.speakers, source=choices.source)
    if args.json:
        files = [one.as_dict() for one in planned.files]
        skipped = [one.as_dict() for one in planned.skipped]
        output.show_json({"files": files, "bytes": planned.size, "skipped": skipped})
        return 0
    if planned.files:
        rows = [(one.name, wording.size(one.size), one.md5) for one in planned.files]
        output.table(("file", "size", "MD5"), rows, right=("size",))
    for one in planned.skipped:
        output.show(f"{one.what}: {one.reason}")
    output.show(f"{wording.size(planned.size)} to fetch into {corpus.root}")
    return 0


def _tell(outcome: Outcome) -> None:
    skipped = f", {len(outcome.skipped)} skipped" if outcome.skipped else ""
    figures = "".join(f", {name} {count}" for name, count in outcome.figures.items())
    output.show(
        f"{outcome.step}: {outcome.made} made, {outcome.present} there already{skipped}{figures}"
    )
    for note in outcome.notes:
        output.show(f"  note: {output.one_line(note)}")
    for skip in outcome.skipped[:SHOWN]:
        output.show(f"  skipped {output.one_line(skip.what)}: {output.one_line(skip.reason)}")
    if len(outcome.skipped) > SHOWN:
        output.show(f"  … and {len(outcome.skipped) - SHOWN} more: see skipped.jsonl")


def _conclude(args: argparse.Namespace, corpus: Corpus, done: Run) -> int:
    from truing.domain.errors import DamagedError

    faults = done.report.faults if done.report is not None else []
    if args.json:
        steps = [one.as_dict() for one in done.outcomes]
        report = done.report.as_dict() if done.report is not None else None
        output.show_json({"output": str(corpus.root), "steps": steps, "report": report})
        return DamagedError.exit_code if faults else 0
    if done.outcomes and not done.made:
        output.show("nothing was to do: everything is there already")
    if done.report is not None:
        _tell_report(done.report)
    if args.deed == "run" and not faults:
        output.hint(f"next: truing import grid '{corpus.root}', then truing train")
    return DamagedError.exit_code if faults else 0


def _tell_report(report: Report) -> None:
    rows = ", ".join(f"{count} {part}" for part, count in report.counts.items())
    output.show(f"validate: {rows}")
    speakers = (f"{who} {count}" for who, count in report.speakers.items())
    output.show(f"  sentences of {SENTENCES} each in the whole corpus: {', '.join(speakers)}")
    found = sorted(report.problems, key=lambda one: not one.fault)
    if found:
        kinds = ((one.what, "fault" if one.fault else "warning", one.why) for one in found[:SHOWN])
        output.table(("where", "kind", "why"), list(kinds))
    if len(found) > SHOWN:
        output.show(f"… and {len(found) - SHOWN} more: see --json")
    output.show("  unfit to train on" if report.faults else "  fit to train on")
