"""`truing people`: who may use this workspace's server, and the tokens of programs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, number, subcommand, subcommands
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.workspace import Workspace

HELP = LINES["people"]
EXAMPLE = (
    "truing people add ann --role admin\ntruing people token ann --label phone\n"
    "truing people token --label dictation"
)
ROLES = ("admin", "reviewer", "contributor")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the deeds."""
    deeds = subcommands(parser)
    listed = subcommand(deeds, "list", "list people and what lets them in")
    add_json(
        listed,
        '{"people": [{"name", "role", "added_at", "has_password", "tokens"}], "owner_tokens"}',
    )
    added = subcommand(deeds, "add", "add somebody and ask for a password")
    added.add_argument("name", metavar="NAME", help="how this person signs in")
    added.add_argument("--role", required=True, choices=ROLES, help="what this person may do")
    added.add_argument("--no-password", action="store_true", help="only tokens let this person in")
    changed = subcommand(deeds, "role", "give somebody another role")
    changed.add_argument("name", metavar="NAME", help="whom")
    changed.add_argument("role", choices=ROLES, metavar="ROLE", help=", ".join(ROLES))
    secret = subcommand(deeds, "password", "give somebody another password; their sessions end")
    secret.add_argument("name", metavar="NAME", help="whom")
    gone = subcommand(deeds, "remove", "remove somebody; what they decided stays")
    gone.add_argument("name", metavar="NAME", help="whom")
    token = subcommand(deeds, "token", "make a token for a program, shown this once")
    token.add_argument(
        "name", nargs="?", metavar="NAME", help="whose; the owner's when left out (auth = token)"
    )
    token.add_argument("--label", default="", metavar="TEXT", help="what it is for")
    token.add_argument("--days", type=number, metavar="N", help="how long it lets in (for ever)")
    add_json(token, '{"secret", "id"}')
    revoked = subcommand(deeds, "revoke", "make a token or a session worthless")
    revoked.add_argument("id", type=number, metavar="ID", help="its number, from the list")


def run(args: argparse.Namespace) -> int:
    """Does the deed; `truing.workspace.people` is the library twin."""
    from truing.cli.opening import open_workspace

    with open_workspace(args) as workspace:
        return _DEEDS[args.deed](args, workspace)


def _list(args: argparse.Namespace, workspace: Workspace) -> int:
    from truing.domain.clock import to_iso
    from truing.domain.person import OWNER
    from truing.workspace import people

    everybody = workspace.store.people.all()
    held = {name: people.tokens(workspace, name) for name in (*(p.name for p in everybody), OWNER)}
    if args.json:
        rows = [
            {
                "name": one.name,
                "role": one.role.value,
                "added_at": to_iso(one.added_at),
                "has_password": one.password is not None,
                "tokens": [token.id for token in held[one.name]],
            }
            for one in everybody
        ]
        owner = [token.id for token in held[OWNER]]
        output.show_json({"people": rows, "owner_tokens": owner})
        return 0
    if everybody:
        output.table(
            ("name", "role", "password", "since (UTC)"),
            [
                (one.name, one.role.value, "yes" if one.password else "no",
                 wording.when(one.added_at))
                for one in everybody
            ],
        )  # fmt: skip
    else:
        output.hint("nobody yet: truing people add NAME --role admin")
    tokens = [
        (one.id, name or "the owner", one.kind.value, one.label, wording.when(one.used_at))
        for name, mine in held.items()
        for one in mine
    ]
    if tokens:
        output.table(("token", "of", "kind", "label", "last used (UTC)"), tokens, right=("token",))
    return 0


def _add(args: argparse.Namespace, workspace: Workspace) -> int:
    from truing.workspace import people

    password = None if args.no_password else _new_password(args.name)
    people.add(workspace, args.name, args.role, password)
    output.show(f"{args.name} is a {args.role}")
    output.hint("people sign in when the server asks: truing serve --auth users")
    return 0


def _role(args: argparse.Namespace, workspace: Workspace) -> int:
    from truing.workspace import people

    people.set_role(workspace, args.name, args.role)
    output.show(f"{args.name} is a {args.role}")
    return 0


def _password(args: argparse.Namespace, workspace: Workspace) -> int:
    from truing.workspace import people

    people.get(workspace, args.name)
    people.set_password(workspace, args.name, _new_password(args.name))
    output.show(f"{args.name} has another password and is signed in nowhere")
    return 0


def _remove(args: argparse.Namespace, workspace: Workspace) -> int:
    from truing.workspace import people

    people.remove(workspace, args.name)
    output.show(f"{args.name} is removed")
    return 0


def _token(args: argparse.Namespace, workspace: Workspace) -> int:
    from truing.domain.person import OWNER
    from truing.workspace import people

    secret, token = people.hand_out(workspace, args.name or OWNER, label=args.label, days=args.days)
    if args.json:
        output.show_json({"secret": secret, "id": token.id})
        return 0
    output.show(secret)
    output.hint(f"it is shown this once; take it back: truing people revoke {token.id}")
    return 0


def _revoke(args: argparse.Namespace, workspace: Workspace) -> int:
    from truing.workspace import people

    people.revoke(workspace, args.id)
    output.show(f"token {args.id} lets nobody in any more")
    return 0


def _new_password(name: str) -> str:
    """Asks twice at a terminal; else the first line of stdin, so that scripts can give it."""
    from getpass import getpass

    from truing.domain.errors import InvalidInputError

    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass(f"password of {name}: ")
    if getpass("once more: ") != first:
        raise InvalidInputError("the two passwords differ", hint="type the same one twice")
    return first


_DEEDS = {
    "list": _list,
    "add": _add,
    "role": _role,
    "password": _password,
    "remove": _remove,
    "token": _token,
    "revoke": _revoke,
}
