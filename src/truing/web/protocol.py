"""The protocol under the app: uvicorn's, with an end to connections that never say what they want.

uvicorn waits for the first request of a connection for ever; thousands of silent connections would
take every place. What comes after the headers is `truing.web.body`'s.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import (  # noqa: TID253 - loaded by a server that runs
    HttpToolsProtocol,
)

HEADER_SECONDS = 20.0
"""How long a new connection may take to send its first headers."""


class PatientProtocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, for those who speak."""

    _silence: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait."""
        super().connection_made(transport)
        self._silence = self.loop.call_later(HEADER_SECONDS, transport.close)

    def on_headers_complete(self) -> None:
        """Stops waiting: it has said what it wants."""
        self._speaks()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops waiting: it has gone."""
        self._speaks()
        super().connection_lost(exc)

    def _speaks(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
