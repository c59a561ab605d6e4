"""A client that sends exactly what it is told, for tests of a server and its manners."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """Names in small letters; of several of one name, the last."""
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The code of the error that it tells; None when it tells none."""
        told = self.json if "json" in self.headers.get("content-type", "") else {}
        return told["error"]["code"] if isinstance(told, dict) and "error" in told else None


class Client:
    """Asks one server; keeps the cookies it is given, as a browser does.

    Args:
        url: the server's address.
        headers: sent with each request.
        timeout: seconds to wait for an answer.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str] | None = None, *, timeout: float = 120.0
    ) -> None:
        self.url = url
        self.place = urlsplit(url).netloc
        self.headers = dict(headers or {})
        self.cookies: dict[str, str] = {}
        self._timeout = timeout

    def ask(
        self,
        method: str,
        path: str,
        data: object = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request on a connection of its own.

        Args:
            method: such as `GET`.
            path: with its parameters, sent as it stands.
            data: sent as JSON.
            body: sent as it is.
            headers: besides those of every request; an empty value leaves a header out.
        """
        sent = {**self.headers, **(headers or {})}
        if data is not None:
            body = json.dumps(data).encode()
            sent.setdefault("Content-Type", "application/json")
        if self.cookies:
            sent.setdefault("Cookie", "; ".join(f"{k}={v}" for k, v in self.cookies.items()))
        connection = HTTPConnection(self.place, timeout=self._timeout)
        try:
            connection.putrequest(method, path, skip_host="Host" in sent, skip_accept_encoding=True)
            for name, value in sent.items():
                if value:
                    connection.putheader(name, value)
            if body is not None and "Content-Length" not in sent:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            return self._read(connection)
        finally:
            connection.close()

    def _read(self, connection: HTTPConnection) -> Answer:
        answer = connection.getresponse()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                cookie, _, held = value.partition(";")[0].partition("=")
                self.cookies[cookie] = held.strip('"')
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(status=answer.status, headers=headers, body=answer.read())
