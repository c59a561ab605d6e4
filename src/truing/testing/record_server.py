"""A stand-in for a Zenodo record: its JSON, files in ranges, and what goes wrong in a network."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def archive(files: Mapping[str, bytes]) -> bytes:
    """A ZIP file."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return data.getvalue()


@dataclass(slots=True, kw_only=True)
class Record:
    """What the server offers, and what it was asked."""

    files: dict[str, bytes]
    """Name -> content."""
    cut: dict[str, list[int]] = field(default_factory=dict)
    """File -> after how many bytes the next answers end."""
    instead: dict[str, list[bytes]] = field(default_factory=dict)
    """File -> what the next whole answers hold in its place."""
    refuse: dict[str, list[int]] = field(default_factory=dict)
    """File -> statuses of the next answers."""
    ranges: bool = True
    """Whether the server knows them."""
    checksums: bool = True
    """Whether the record states MD5 digests."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """File and range of every request."""
    address: str = ""
    """Of the server, once it runs; the record is at `/record`."""

    def listing(self) -> bytes:
        """The record's JSON."""
        files: list[dict[str, Any]] = []
        for name, data in self.files.items():
            links = {"self": f"{self.address}/{name}"}
            entry: dict[str, Any] = {"key": name, "size": len(data), "links": links}
            if self.checksums:
                entry["checksum"] = f"md5:{hashlib.md5(data, usedforsecurity=False).hexdigest()}"
            files.append(entry)
        return json.dumps({"id": 3625687, "files": files}).encode()


@contextmanager
def serving(record: Record) -> Iterator[Record]:
    """Serves a record on this machine for the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answers a request."""
            name = self.path.lstrip("/")
            wanted = self.headers.get("Range")
            record.asked.append((name, wanted))
            if record.refuse.get(name):
                self.send_error(record.refuse[name].pop(0))
                return
            data = record.listing() if name == "record" else record.files.get(name)
            if data is None:
                self.send_error(404)
                return
            if record.instead.get(name):
                data = record.instead[name].pop(0)
            first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            goes_on = wanted is not None and record.ranges
            body = data[first:] if goes_on else data
            self.send_response(206 if goes_on else 200)
            if goes_on:
                self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            end = record.cut[name].pop(0) if record.cut.get(name) else len(body)
            self.wfile.write(body[:end])

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 - as in http.server
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    record.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield record
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
