"""`truing label`: decide on one sample, or on many from a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, number
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.loop.review import Reviewed
    from truing.workspace import Workspace

HELP = LINES["label"]
EXAMPLE = 'truing label 42 --text "buy milk"\ntruing label --from decisions.jsonl'
VERDICTS = ("accepted", "corrected", "rejected", "skipped")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("id", nargs="?", type=number, metavar="ID", help="the sample's number")
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--text", metavar="TEXT", help="this is what was said")
    one.add_argument("--accept", action="store_true", help="the model's text is right")
    one.add_argument("--reject", action="store_true", help="not usable as data")
    one.add_argument("--skip", action="store_true", help="decide later")
    one.add_argument(
        "--from",
        dest="file",
        metavar="FILE",
        help="JSON lines, each with `id` and either `text` or `verdict` "
        f"({', '.join(VERDICTS)}), and `why` if you like; - reads stdin",
    )
    parser.add_argument("--why", metavar="TEXT", help="your reason, kept with the decision")
    add_json(
        parser,
        'for one: {"id", "revision", "verdict", "truth", "state"}; with --from: {"done", "failed", '
        '"results": [the same, or {"line", "id", "error": {"code", "message", "hint"}}]}',
    )


def run(args: argparse.Namespace) -> int:
    """Decides; `Workspace.review` is the library twin."""
    from truing.cli.opening import writing_workspace
    from truing.domain.errors import InvalidInputError

    if args.file is not None:
        return _many(args)
    if args.id is None:
        raise InvalidInputError(
            "name a sample, or a file of decisions",
            hint="truing label 42 --accept, or truing label --from decisions.jsonl",
        )
    verdict = _verdict(args)
    if verdict is None:
        raise InvalidInputError(
            f"nothing was decided about sample {args.id}",
            hint='add --accept, --text "what was said", --reject or --skip',
        )
    with writing_workspace(args) as workspace:
        decided = workspace.review(args.id, verdict, args.text, why=args.why)
    if args.json:
        output.show_json(_as_dict(decided))
    else:
        truth = decided.standing.truth
        said = f": {truth}" if truth is not None else ""
        output.show(f"sample {args.id} is {decided.standing.state.value}{said}")
        output.hint("take it back: truing undo")
    return 0


def _verdict(args: argparse.Namespace) -> str | None:
    if args.text is not None:
        return "corrected"
    flags = {"accepted": args.accept, "rejected": args.reject, "skipped": args.skip}
    return next((name for name, given in flags.items() if given), None)


def _as_dict(decided: Reviewed) -> dict[str, object]:
    return {
        "id": decided.revision.sample_id,
        "revision": decided.revision.id,
        "verdict": decided.revision.verdict.value,
        "truth": decided.standing.truth,
        "state": decided.standing.state.value,
    }


# --- many ----------------------------------------------------------------------------------------


def _many(args: argparse.Namespace) -> int:
    """One result per line, in their order; a bad line does not keep the others back."""
    from truing.cli.opening import writing_workspace

    lines = _lines(args.file)
    with writing_workspace(args) as workspace:
        results = list(_decided(workspace, lines))
    failed = [one for one in results if "error" in one]
    if args.json:
        done = len(results) - len(failed)
        output.show_json({"done": done, "failed": len(failed), "results": results})
    else:
        _report(results, failed)
    return 1 if failed else 0


def _report(results: list[dict[str, object]], failed: list[dict[str, object]]) -> None:
    done = wording.several(len(results) - len(failed), "sample")
    output.show(f"{done} decided, {len(failed)} failed")
    rows = []
    for one in failed:
        error = one["error"]
        if isinstance(error, dict):
            rows.append((one["line"], one["id"], error["message"], error["hint"]))
    if rows:
        output.table(("line", "sample", "failed because", "to do"), rows)


def _lines(name: str) -> list[str]:
    """The lines of a file, or of stdin for `-`."""
    from truing.domain.errors import InvalidInputError, NotFoundError

    if name == "-":
        return sys.stdin.readlines()
    try:
        return Path(name).read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file `{name}`", hint="check its name") from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"`{name}` is not UTF-8", hint="save it as UTF-8") from error
    except OSError as error:
        raise InvalidInputError(
            f"`{name}` cannot be read: {error.strerror}", hint="name a file of JSON lines"
        ) from error


def _decided(workspace: Workspace, lines: Iterable[str]) -> Iterator[dict[str, object]]:
    from truing.domain.errors import TruingError

    for place, line in enumerate(lines, 1):
        if not line.strip():
            continue
        row: dict[str, object] = {}
        try:
            row = _row(line)
            yield _as_dict(_decide(workspace, row))
        except TruingError as error:
            yield {"line": place, "id": row.get("id"), "error": error.as_dict()}


def _row(line: str) -> dict[str, object]:
    from truing.domain.errors import InvalidInputError

    try:
        row = json.loads(line)
    except ValueError as error:
        raise InvalidInputError(f"not JSON: {error}", hint=f"such as {_SUCH_AS}") from error
    if not isinstance(row, dict):
        raise InvalidInputError("the line is not a JSON object", hint=f"such as {_SUCH_AS}")
    return row


_SUCH_AS = '{"id": 42, "text": "buy milk"}'


def _decide(workspace: Workspace, row: dict[str, object]) -> Reviewed:
    from truing.domain.errors import InvalidInputError

    number, text, why = row.get("id"), row.get("text"), row.get("why")
    if not isinstance(number, int) or isinstance(number, bool):
        raise InvalidInputError(
            f"`id` is `{number}`, not a sample's number", hint=f"such as {_SUCH_AS}"
        )
    for name, value in (("text", text), ("why", why)):
        if value is not None and not isinstance(value, str):
            raise InvalidInputError(f"`{name}` is not text", hint=f"such as {_SUCH_AS}")
    verdict = row.get("verdict") or ("corrected" if text is not None else None)
    if verdict not in VERDICTS:
        raise InvalidInputError(
            f"there is no verdict `{verdict}`" if verdict else "neither `text` nor `verdict`",
            hint=f"give `text`, or `verdict` as one of {', '.join(VERDICTS)}",
        )
    return workspace.review(
        number,
        str(verdict),
        text if isinstance(text, str) else None,
        why=why if isinstance(why, str) else None,
    )
