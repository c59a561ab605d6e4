"""`truing capture`: keep recordings, with what a model said of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from truing.domain.errors import TruingError
    from truing.domain.prediction import Recognition
    from truing.domain.sample import Sample
    from truing.workspace import Workspace

    Hear = Callable[[Path], Recognition]

HELP = LINES["capture"]
EXAMPLE = (
    "truing capture speech monday/*.wav --speaker ann --model champion\n"
    'truing capture speech memo.wav --raw "by milk" --text "buy milk"'
)
SAMPLINGS = ("audit", "wholesale", "chosen")
SOURCE = "files"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("modality", metavar="MODALITY", help="such as speech")
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="recordings, or folders and patterns of them"
    )
    parser.add_argument("--speaker", metavar="NAME", help="who is recorded")
    parser.add_argument(
        "--session",
        metavar="NAME",
        help="the sitting: samples of one sitting are either all learned from or all tested on",
    )
    parser.add_argument("--text", metavar="TEXT", help="what was said; one file only")
    parser.add_argument("--raw", metavar="TEXT", help="what a recognizer heard; one file only")
    parser.add_argument(
        "--corrected", metavar="TEXT", help="what a language model made of it; one file only"
    )
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="let this model listen first and keep what it heard: champion, speech/3, a folder "
        "or a hub id; with --raw, the model that heard it",
    )
    parser.add_argument(
        "--consent", action="store_true", help="its person agreed to be kept (consent.policy ask)"
    )
    parser.add_argument(
        "--contact",
        metavar="ADDRESS",
        help="by which its person can ask for deletion; kept apart, never exported",
    )
    parser.add_argument(
        "--sampling",
        choices=SAMPLINGS,
        help="how the files were chosen: audit = by chance, wholesale = all there are (both may "
        "be tested on), chosen = because of what they hold; left out, chance decides as in live "
        "use (setting capture.audit_share)",
    )
    add_json(
        parser,
        '{"samples": [{"id", "uid", "file", "new", "text", "confidence", "findings"}], '
        '"not_kept": [file], "failed": [{"file", "code", "message", "hint"}]}',
    )


@dataclass(slots=True)
class Outcome:
    """What became of the files."""

    rows: list[tuple[Path, Sample, bool]]
    """File, sample, whether it is new."""
    not_kept: list[Path]
    failed: list[tuple[Path, TruingError]]


def run(args: argparse.Namespace) -> int:
    """Captures each file; `Workspace.capture` is the library twin."""
    from truing.cli.files import found_files
    from truing.cli.opening import writing_workspace

    files = found_files(args.files)
    _check(args, files)
    with writing_workspace(args) as workspace:
        outcome = _captured(workspace, args, files)
    if len(files) == 1 and outcome.failed:
        raise outcome.failed[0][1]
    _report(args, outcome)
    return outcome.failed[0][1].exit_code if outcome.failed else 0


def _check(args: argparse.Namespace, files: list[Path]) -> None:
    from truing.domain.errors import InvalidInputError

    given = [name for name in ("text", "raw", "corrected") if getattr(args, name) is not None]
    if given and len(files) > 1:
        raise InvalidInputError(
            f"`--{given[0]}` belongs to one recording, not to {len(files)}",
            hint="call it once per file, or import a folder with metadata.jsonl: "
            "truing import audiofolder FOLDER",
        )


def _captured(workspace: Workspace, args: argparse.Namespace, files: list[Path]) -> Outcome:
    from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError

    workspace.modality(args.modality)
    outcome = Outcome(rows=[], not_kept=[], failed=[])
    with (
        _listening(workspace, args) as hear,
        output.progress("capturing", quiet=args.json) as advance,
    ):
        for done, file in enumerate(files, 1):
            try:
                _one(workspace, args, file, hear, outcome)
            except (DamagedError, InvalidInputError, NotFoundError) as error:
                outcome.failed.append((file, error))
            advance(done, len(files))
    return outcome


def _one(
    workspace: Workspace,
    args: argparse.Namespace,
    file: Path,
    hear: Hear | None,
    outcome: Outcome,
) -> None:
    from truing.domain.digest import digest_file
    from truing.domain.errors import NotFoundError

    if not file.is_file():
        raise NotFoundError(f"there is no file `{file}`", hint="check its name and folder")
    role = workspace.modality(args.modality).roles[0]
    added = workspace.capture(
        args.modality,
        raw=hear(file) if hear is not None else args.raw,
        corrected=args.corrected,
        truth=args.text,
        model=args.model,
        subject=args.speaker,
        session=args.session,
        source=SOURCE,
        # The same bytes a second time are the same recording: the command can be repeated.
        source_key=digest_file(file),
        sampling=args.sampling,
        consent=args.consent,
        contact=args.contact,
        context={"file": file.name},
        **{role: file},
    )
    if added is None:
        outcome.not_kept.append(file)
    else:
        outcome.rows.append((file, workspace.sample(added.id), added.new))


@contextmanager
def _listening(workspace: Workspace, args: argparse.Namespace) -> Iterator[Hear | None]:
    """Something that hears files with the model named; None when it is not to listen."""
    if args.model is None or args.raw is not None:
        yield None
        return
    from truing.domain.recipe import MediaFile
    from truing.workspace.models import model_named
    from truing.workspace.speaking import speaking

    modality = workspace.modality(args.modality)
    found = model_named(workspace, args.model, args.modality)
    args.model = found.name
    with speaking(modality, found) as speaker:
        yield lambda file: speaker.recognize({modality.roles[0]: MediaFile(path=file)})


def _report(args: argparse.Namespace, outcome: Outcome) -> None:
    from truing.domain import sample_json

    if args.json:
        output.show_json(_as_dict(outcome))
        return
    if outcome.rows:
        output.table(
            ("sample", "file", "heard", "confidence", "findings"),
            [
                (
                    sample.id,
                    file,
                    sample_json.text(sample),
                    wording.confidence(sample.raw.recognition.confidence if sample.raw else None),
                    sample_json.findings(sample) if new else "here already, left as it was",
                )
                for file, sample, new in outcome.rows
            ],
            right=("sample", "confidence"),
        )
    for file in outcome.not_kept:
        output.hint(f"not kept: {file}: the setting capture.mode says so")
    for file, error in outcome.failed:
        output.show_error(error, as_json=False)
        output.hint(f"{file} was left out; the other files were kept")
    if any(sample.state.value == "pending" for _, sample, _ in outcome.rows):
        output.hint("next: truing review")


def _as_dict(outcome: Outcome) -> dict[str, object]:
    from truing.domain import sample_json

    return {
        "samples": [
            {
                "id": sample.id,
                "uid": sample.uid,
                "file": str(file),
                "new": new,
                "text": sample_json.text(sample),
                "confidence": sample.raw.recognition.confidence if sample.raw else None,
                "findings": [found.check for found in sample.findings],
            }
            for file, sample, new in outcome.rows
        ],
        "not_kept": [str(file) for file in outcome.not_kept],
        "failed": [{"file": str(file), **error.as_dict()} for file, error in outcome.failed],
    }
