"""`truing promote`: make a model the champion if it is proven better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output
from truing.cli.arguments import add_json
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

HELP = LINES["promote"]
EXAMPLE = 'truing promote speech/2\ntruing promote speech/2 --force --reason "first model we have"'


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("model", metavar="MODEL", help="such as speech/2; see truing models")
    parser.add_argument(
        "--dataset",
        metavar="NAME@N",
        help="whose test set decides; the one it was trained on when left out",
    )
    parser.add_argument("--speaker", metavar="NAME", help="make it this speaker's own champion")
    parser.add_argument(
        "--general",
        metavar="DIR",
        help="a general set on which it must not be worse: an audiofolder or NAME@N (setting "
        "gate.general_set)",
    )
    parser.add_argument(
        "--force", action="store_true", help="although the gate does not let it pass; see --reason"
    )
    parser.add_argument("--reason", metavar="TEXT", help="why it is forced; recorded for good")
    add_json(
        parser,
        '{"promoted", "forced", "passed", "reason", "sentence", "hint", "candidate", "rival", '
        '"champion", "audience", "dataset", "metric", "value_before", "value_after", '
        '"difference", "ci", "p_value", "alpha_used", "trial", "rows", "more_needed", '
        '"retention_before", "retention_after", "baseline", "baseline_value"}, and "error" with '
        "exit code 10 when it was not promoted",
    )


def run(args: argparse.Namespace) -> int:
    """Judges and promotes; `Workspace.promote` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.domain.errors import InvalidInputError, NotProvenError

    if args.force != (args.reason is not None):
        raise InvalidInputError(
            "`--force` and `--reason` go together",
            hint=f'truing promote {args.model} --force --reason "why you want it all the same"',
        )
    with (
        open_workspace(args) as workspace,
        output.progress("before the gate", quiet=args.json) as advance,
    ):
        verdict = workspace.promote(
            args.model,
            dataset=args.dataset,
            audience=f"subject:{args.speaker}" if args.speaker else None,
            general_set=args.general,
            force=args.reason,
            on_progress=advance,
        )
    promoted = verdict.passed or args.force
    refusal = NotProvenError(
        f"`{verdict.candidate}` was not promoted: {verdict.sentence}", hint=verdict.hint
    )
    if args.json:
        told = {"promoted": promoted, "forced": promoted and not verdict.passed}
        told |= verdict.as_dict()
        output.show_json(told if promoted else {**told, "error": refusal.as_dict()})
        return 0 if promoted else refusal.exit_code
    if not promoted:
        raise refusal
    if verdict.passed:
        output.show(f"{verdict.candidate} is the champion now: {output.one_line(verdict.sentence)}")
    else:
        output.show(f"{verdict.candidate} is the champion now, by force: {args.reason}")
        output.show(f"the gate said: {output.one_line(verdict.sentence)}")
    output.hint("running programs take it over by themselves; take it back: truing rollback")
    return 0
