"""A chat server on this machine that answers as a test tells it: for the live corrector."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LONGEST_WAIT = 30.0
"""Seconds that a silent server keeps a question, unless it is told to go on."""


@dataclass(slots=True, kw_only=True, eq=False)
class ChatServer:
    """What it answers from now on, and what it was asked."""

    address: str = ""
    """Up to and including `/v1`."""
    status: int = 200
    text: str | None = "Well corrected."
    """What the chat says."""
    body: bytes | None = None
    """Bytes to answer instead of a chat."""
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    """Answers nothing until `go_on` is set."""
    go_on: threading.Event = field(default_factory=threading.Event)
    asked: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    """Path, headers and JSON of each question."""

    def content(self) -> bytes:
        """The body of the next answer."""
        if self.body is not None:
            return self.body
        return json.dumps({"choices": [{"message": {"content": self.text}}]}).encode()


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    """A running server, ended with the block."""
    chat = ChatServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            chat.asked.append((self.path, dict(self.headers), json.loads(body)))
            if chat.silent:
                chat.go_on.wait(LONGEST_WAIT)
            with suppress(ConnectionError):  # whoever asked may have lost patience
                self._answer(chat.content())

        def _answer(self, content: bytes) -> None:
            self.send_response(chat.status)
            for name, value in {"Content-Length": str(len(content)), **chat.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Stays silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    chat.address = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield chat
    finally:
        chat.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()
