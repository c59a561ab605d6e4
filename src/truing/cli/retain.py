"""`truing retain`: show what the rules on how long samples are kept would take, and take it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.workspace.retaining import Retained, Taking

HELP = LINES["retain"]
EXAMPLE = 'truing retain\ntruing retain --rule "rejected older than 30 days"\ntruing retain --apply'
DONE = {"delete": "in the trash", "erase": "erased for good", "archive": "archived"}
MOST_LEFT = 5
"""Samples that could not be archived are named up to so many."""
PLANNED = {"delete": "to the trash", "erase": "erased for good", "archive": "to an archive"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument(
        "--apply", action="store_true", help="do it; without it, nothing is changed"
    )
    parser.add_argument(
        "--rule",
        action="append",
        metavar="TEXT",
        help="this rule instead of those in retention.rules; can be given several times",
    )
    add_json(
        parser,
        '{"applied", "samples", "bytes", "rules": [{"rule", "deed", "samples", "bytes", "frozen", '
        '"learned", "spared", "examples": [{"id", "state", "source", "added_at", "text"}]}], '
        '"left": [{"id", "why"}]}',
    )


def run(args: argparse.Namespace) -> int:
    """Shows or takes what the rules take; `retaining.retain` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.workspace.retaining import retain, rules_of

    with (
        open_workspace(args) as workspace,
        output.progress("looking at samples", quiet=args.json) as bar,
    ):
        found = retain(
            workspace,
            rules=rules_of(workspace, args.rule),
            apply=args.apply,
            actor=workspace.actor if args.apply else None,
            on_progress=bar,
        )
    if args.json:
        output.show_json(found.as_dict())
    else:
        _show(found)
    return 0


def _show(found: Retained) -> None:
    deeds = DONE if found.applied else PLANNED
    heads = ("rule", "what becomes of them", "samples", "size")
    rows = [
        (
            one.rule.text,
            deeds[one.rule.deed.value],
            f"{one.samples:,}",
            wording.size(one.size) if one.samples else None,
        )
        for one in found.takings
    ]
    output.table(heads, rows, right=("samples", "size"))
    if not found.applied:
        _show_examples(found)
    for taking in found.takings:
        for warning in warnings(taking):
            output.hint(warning)
    for number, why in found.left[:MOST_LEFT]:
        output.hint(f"sample {number} stays: {why}; truing verify --media offers the repair")
    if len(found.left) > MOST_LEFT:
        output.hint(f"and {len(found.left) - MOST_LEFT:,} more")
    _show_next(found)


def _show_examples(found: Retained) -> None:
    rows = [
        (one["id"], one["state"], one["source"], str(one["added_at"])[:10], one["text"])
        for taking in found.takings
        for one in taking.examples
    ]
    if rows:
        output.show()
        heads = ("such as", "state", "source", "came on", "text")
        output.table(heads, rows, right=("such as",), whole=("came on",))


def warnings(taking: Taking) -> list[str]:
    """What a rule takes that somebody may miss, and what it leaves, in sentences."""
    name = f"`{taking.rule.text}`"
    told = []
    if taking.learned:
        model = f"{taking.learned:,} of them a model in use learned from"
        told.append(f"{name}: {model}; without them it cannot be trained again")
    elif taking.frozen:
        told.append(f"{name}: {taking.frozen:,} of them stand in dataset versions")
    if taking.spared:
        more = "even the champion's" if taking.rule.even_frozen else "even frozen"
        told.append(
            f"{name}: {taking.spared:,} more stay, dataset versions hold them; end the rule with "
            f"`{more}` to take them too"
        )
    return told


def _show_next(found: Retained) -> None:
    if not found.samples:
        output.hint("no sample is beyond its limit")
    elif not found.applied:
        output.hint("nothing was changed: truing retain --apply does it")
    elif any(one.samples and one.rule.deed.value == "delete" for one in found.takings):
        output.hint("truing trash restore --last takes it back; truing trash empty makes room now")
