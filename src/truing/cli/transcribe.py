"""`truing transcribe`: turn recordings into text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, add_modality
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from truing.domain.errors import TruingError
    from truing.workspace import Workspace
    from truing.workspace.proving import Transcript

HELP = LINES["transcribe"]
EXAMPLE = "truing transcribe memo.wav --model speech/2\ntruing transcribe memo.wav --speaker ann"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="recordings, or folders and patterns of them"
    )
    parser.add_argument(
        "--model",
        default="champion",
        metavar="MODEL",
        help="speech/3, a folder or a hub id; the champion when left out",
    )
    parser.add_argument(
        "--speaker", metavar="NAME", help="take this speaker's own champion, if there is one"
    )
    add_modality(parser)
    add_json(
        parser,
        '{"files": [{"file", "model", "text", "confidence", "words": [{"text", "start", "end", '
        '"confidence"}], "alternatives": [{"text", "confidence"}], "seconds"} or '
        '{"file", "error": {"code", "message", "hint"}}]}',
    )


def run(args: argparse.Namespace) -> int:
    """Prints the text of each file; `proving.transcribe` is the library twin."""
    from truing.cli.files import found_files
    from truing.cli.opening import open_workspace

    files = found_files(args.files)
    with open_workspace(args) as workspace:
        heard = _heard(workspace, args, files)
    failed = [said for _, said in heard if isinstance(said, Exception)]
    if failed and len(files) == 1:
        raise failed[0]
    if args.json:
        output.show_json({"files": [_as_dict(file, said) for file, said in heard]})
    else:
        _show(heard)
    return failed[0].exit_code if failed else 0


def _heard(
    workspace: Workspace, args: argparse.Namespace, files: list[Path]
) -> list[tuple[Path, Transcript | TruingError]]:
    """The answers in the order of the files; one that cannot be read does not end the others."""
    from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError
    from truing.domain.model import GENERAL
    from truing.workspace.models import model_named
    from truing.workspace.proving import transcribe

    whose = f"subject:{args.speaker}" if args.speaker else GENERAL
    modality = args.modality or workspace.usual_modality
    model_named(workspace, args.model, modality, audience=whose)
    found: dict[Path, Transcript | TruingError] = {
        file: NotFoundError(f"there is no file `{file}`", hint="check its name and folder")
        for file in files
        if not file.is_file()
    }
    with output.progress("listening", quiet=args.json) as advance:
        while left := [file for file in files if file not in found]:
            try:
                answers = transcribe(workspace, left, args.model, modality, audience=whose)
                for file, answer in zip(left, answers, strict=True):
                    found[file] = answer
                    advance(len(found), len(files))
            except (DamagedError, InvalidInputError) as error:
                found[next(file for file in left if file not in found)] = error
    return [(file, found[file]) for file in files]


def _as_dict(file: Path, said: Transcript | TruingError) -> dict[str, object]:
    if isinstance(said, Exception):
        return {"file": str(file), "error": said.as_dict()}
    return said.as_dict()


def _show(heard: list[tuple[Path, Transcript | TruingError]]) -> None:
    rows = [(file, said) for file, said in heard if not isinstance(said, Exception)]
    if len(heard) == 1:
        output.show(output.one_line(rows[0][1].recognition.text))
        return
    if rows:
        output.table(
            ("file", "confidence", "text"),
            [
                (file, wording.confidence(said.recognition.confidence), said.recognition.text)
                for file, said in rows
            ],
            right=("confidence",),
        )
    for _, said in heard:
        if isinstance(said, Exception):
            output.show_error(said, as_json=False)
