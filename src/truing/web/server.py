"""The server: one workspace served on one address, until it is told to stop."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.errors import (
    InvalidInputError,
    NothingToDoError,
    TruingError,
    UnavailableError,
)

if TYPE_CHECKING:
    import uvicorn

    from truing.web.changes import Changes
    from truing.web.context import Web
    from truing.workspace import Workspace

log = logging.getLogger(__name__)

TEND_SECONDS = 2.0
"""Between two looks at the training runs."""
DUE_EVERY = 150
"""Looks at the runs between two looks at what a workspace does once a day."""
DUE_FIRST = 30
"""Looks at the runs before the first one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen."""

    host: str = "127.0.0.1"
    port: int = 8080
    """0 takes a free one."""


class Server:
    """Serves a workspace; the workspace stays open when it ends.

    Args:
        workspace: what is served.
        address: where to listen.
        pages: a folder of foreign pages served at `/`.

    Raises:
        UnavailableError: the address cannot be bound.
        InvalidInputError: no such host name, the folder of pages is not there, or others could
            reach the server without being asked who they are.
        NothingToDoError: people are asked for, and nobody could look after them.
    """

    def __init__(
        self, workspace: Workspace, address: Address, *, pages: Path | None = None
    ) -> None:
        if pages is not None and not pages.is_dir():
            raise InvalidInputError(
                f"`{pages}` is no folder", hint="name the folder that holds the app's pages"
            )
        _must_be_safe(workspace, address)
        self.web = _assembled(workspace, pages, address.host)
        self._socket = listening(address)
        self._server: uvicorn.Server | None = None
        self._ended = threading.Event()

    @property
    def url(self) -> str:
        """The address to open."""
        host, port = self._socket.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{port}"

    @property
    def entrance(self) -> str:
        """The address to open first: with `serve.auth = token` it lets in whoever opens it first,
        once. Each call makes a new one.
        """
        if self.web.gate.auth != "token":
            return self.url
        # Behind `#` it is in no log and in no request.
        return f"{self.url}/login#{self.web.gate.invite()}"

    def run(self) -> None:
        """Serves until `stop` or a signal; returns when the last answer was sent."""
        import uvicorn

        from truing.web.app import create_app
        from truing.web.protocol import PatientProtocol

        config = uvicorn.Config(
            create_app(self.web),
            log_config=None,
            access_log=False,
            http=PatientProtocol,
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=5,
        )
        self._server = _ending(uvicorn.Server, self.web.changes)(config)
        caretaker = threading.Thread(target=self._take_care, name="caretaker", daemon=True)
        caretaker.start()
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._ended.set()
            caretaker.join(timeout=5)
            self.web.works.close()
            self.web.hearing.close()
            self._socket.close()

    def stop(self) -> None:
        """Asks `run` to end; may be called from any thread."""
        if self._server is not None:
            self._server.should_exit = True

    @contextmanager
    def running(self) -> Iterator[str]:
        """The server in a thread, for tests and notebooks; gives its address.

        Raises:
            UnavailableError: it did not start.
        """
        thread = threading.Thread(target=self.run, name="server", daemon=True)
        thread.start()
        while thread.is_alive() and not (self._server is not None and self._server.started):
            thread.join(timeout=0.01)
        if not thread.is_alive():
            raise UnavailableError("the server did not start", hint="the log tells why")
        try:
            yield self.url
        finally:
            self.stop()
            thread.join(timeout=15)

    def _take_care(self) -> None:
        """Looks after runs and does what is due, for as long as the server lives."""
        from truing.workspace.errands import Errand, Sent

        turn = 0
        while not self._ended.wait(TEND_SECONDS):
            try:
                self.web.workspace.jobs.tend()
                if turn % DUE_EVERY == DUE_FIRST:
                    # Elsewhere: this process stays small.
                    Sent(self.web.workspace, Errand(deed="care", arguments={})).result(_ignored)
            except (TruingError, OSError) as error:
                log.warning("care was interrupted: %s", error)
            turn += 1


def _ignored(done: int, total: int) -> None:
    """Nobody waits for daily chores."""


def _ending(kind: type[uvicorn.Server], changes: Changes) -> type[uvicorn.Server]:
    """A server that ends the streams of news first: it waits for all answers to be complete."""

    class Ending(kind):  # type: ignore[valid-type,misc]
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            changes.close()
            await super().shutdown(sockets)

    return Ending


def _must_be_safe(workspace: Workspace, address: Address) -> None:
    from truing.domain.person import Role
    from truing.web.access.origins import is_loopback

    auth = workspace.settings.text("serve.auth")
    if auth == "off" and not is_loopback(address.host):
        raise InvalidInputError(
            f"on `{address.host}` others could use everything without being asked who they are",
            hint="ask them: truing serve --auth token (or users), or stay at 127.0.0.1",
        )
    admins = (one for one in workspace.store.people.all() if one.role is Role.ADMIN)
    if auth == "users" and next(admins, None) is None:
        raise NothingToDoError(
            "nobody could sign in as an admin yet", hint="truing people add NAME --role admin"
        )


def _assembled(workspace: Workspace, pages: Path | None, host: str) -> Web:
    from truing.web.access.gate import Gate
    from truing.web.assets import Assets
    from truing.web.changes import Changes
    from truing.web.context import Web
    from truing.web.figures import Figures
    from truing.web.hearing import Hearing
    from truing.web.queues import Queues
    from truing.web.work import Works

    changes = Changes(workspace.store.marks)
    return Web(
        workspace=workspace,
        gate=Gate(workspace),
        changes=changes,
        hearing=Hearing(workspace),
        assets=Assets(),
        queues=Queues(workspace),
        figures=Figures(workspace),
        works=Works(workspace, changes),
        host=host,
        pages=pages,
        started_at=workspace.clock.now(),
    )


def listening(address: Address) -> socket.socket:
    """A socket bound to the address.

    Raises:
        UnavailableError: the port is taken, or may not be used.
        InvalidInputError: no such host or port.
    """
    if not 0 <= address.port <= 65_535:
        raise InvalidInputError(f"there is no port {address.port}", hint="give 1024 to 65535")
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise InvalidInputError(
            f"`{address.host}` is no address of this machine: {error}",
            hint="--host 127.0.0.1 is this machine alone",
        ) from error
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(place)
        bound.listen(128)
    except OSError as error:
        bound.close()
        raise UnavailableError(
            f"cannot listen on {address.host}:{address.port}: {error.strerror}",
            hint=f"another port: truing serve --port {address.port + 1}, or 0 for any free one",
        ) from error
    return bound
