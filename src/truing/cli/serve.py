"""`truing serve`: the web app of a workspace."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from truing.cli import output
from truing.cli.arguments import add_json
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.web.server import Address
    from truing.workspace import Workspace

HELP = LINES["serve"]
EXAMPLE = (
    "truing serve --open\ntruing serve --port 8277 --pages ~/S2S/web\n"
    "truing serve --host 0.0.0.0 --auth users"
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="NAME", help="where to listen (127.0.0.1)"
    )
    parser.add_argument(
        "--port", type=int, default=8080, metavar="N", help="which port (8080); 0 takes a free one"
    )
    parser.add_argument(
        "--auth",
        choices=("off", "token", "users"),
        help="who may use it; off is for this machine alone (the setting serve.auth)",
    )
    parser.add_argument("--open", action="store_true", help="open the app in the browser")
    parser.add_argument(
        "--pages", type=Path, metavar="DIR", help="serve another app's pages at / besides"
    )
    add_json(parser, '{"workspace", "url", "open"}, once it listens')


def run(args: argparse.Namespace) -> int:
    """Serves until Ctrl-C; `web.server.Server` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.web.server import Address

    if args.auth is not None:
        args.settings["serve.auth"] = args.auth
    with open_workspace(args) as workspace:
        address = Address(host=args.host, port=args.port)
        serve(workspace, address, pages=args.pages, browser=args.open, as_json=args.json)
    return 0


def serve(
    workspace: Workspace,
    address: Address,
    *,
    pages: Path | None = None,
    browser: bool = False,
    as_json: bool = False,
) -> None:
    """Serves a workspace until Ctrl-C and says where.

    Args:
        workspace: what is served.
        address: where to listen.
        pages: a folder of foreign pages served at `/`.
        browser: open it there.
        as_json: say where in one line of JSON, for programs.

    Raises:
        TruingError: it cannot listen there, or others could come in unasked.
    """
    from truing.web.server import Server

    server = Server(workspace, address, pages=pages)
    entrance = server.entrance
    if as_json:
        root = str(workspace.layout.root)
        output.show_json_line({"workspace": root, "url": server.url, "open": entrance})
    else:
        output.show(f"Truing serves {workspace.layout.root}")
        output.show(f"open {entrance}")
        if entrance != server.url:
            output.hint("that address lets in once; the browser stays signed in")
        output.hint("Ctrl-C ends it; a training goes on without it")
    if browser:
        import webbrowser

        webbrowser.open(entrance)
    with suppress(KeyboardInterrupt):
        server.run()
