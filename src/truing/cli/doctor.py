"""`truing doctor`: look whether everything needed is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output
from truing.cli.arguments import add_json
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.workspace.keeping import Check

HELP = LINES["doctor"]
EXAMPLE = "truing doctor"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument(
        "--gpu", action="store_true", help="also look at the GPU and at the model to fine-tune"
    )
    parser.add_argument(
        "--model", metavar="MODEL", help="--gpu with this folder or hub id, not the default"
    )
    parser.add_argument(
        "--online",
        action="store_true",
        help="--gpu, and ask the hub whether it hands the model out",
    )
    add_json(parser, '{"ok", "checks": [{"name", "ok", "warns", "says", "hint"}]}')


def run(args: argparse.Namespace) -> int:
    """Prints each check and ends with 1 when one fails; `keeping.doctor` and `accelerator.look`
    are the library twins.
    """
    checks = _checks(args)
    if args.gpu or args.model or args.online:
        from truing.workspace.accelerator import look

        checks += look(args.model, online=args.online)
    ok = all(check.ok for check in checks)
    if args.json:
        lines = [
            {
                "name": one.name,
                "ok": one.ok,
                "warns": one.warns,
                "says": one.says,
                "hint": one.hint,
            }
            for one in checks
        ]
        output.show_json({"ok": ok, "checks": lines})
        return 0 if ok else 1
    rows = [(_mark(one), one.name, one.says, _to_do(one)) for one in checks]
    output.table(("", "what", "found", "to do"), rows)
    if not ok:
        output.hint("mend what is marked FAULT, then look again: truing doctor")
    return 0 if ok else 1


def _to_do(check: Check) -> str:
    """What to do, where something can be done; an extra that is missing is no fault."""
    told = not check.ok or check.warns or check.says == "not installed"
    return check.hint or " " if told else " "


def _mark(check: Check) -> str:
    if not check.ok:
        return "FAULT"
    return "warning" if check.warns else "ok"


def _checks(args: argparse.Namespace) -> list[Check]:
    from truing.cli.opening import open_workspace
    from truing.domain.errors import NoWorkspaceError, TruingError
    from truing.workspace.keeping import Check, doctor

    try:
        with open_workspace(args) as workspace:
            return doctor(workspace)
    except NoWorkspaceError as error:
        # Outside a workspace there is nothing wrong, unless one was asked for by name.
        named = args.workspace is not None
        says = error.message if named else "none here"
        missing = Check(name="workspace", ok=not named, says=says, hint=error.hint)
        return [*doctor(None), missing]
    except TruingError as error:
        broken = Check(name="workspace", ok=False, says=error.message, hint=error.hint)
        return [*doctor(None), broken]
