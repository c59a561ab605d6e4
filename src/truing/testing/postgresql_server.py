"""A throw-away PostgreSQL server for tests: loopback and a socket in a folder of its own.

It ends with the process that started it, even when that is killed: a shell between the two waits
for the end of its input.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from truing.platform.processes import give_to_service_user

PASSWORD = "rosebud"
PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin",
          "/usr/local/opt/postgresql@*/bin")  # fmt: skip
_GUARD = """
"$@" & server=$!
trap '' INT TERM
cat >/dev/null
kill -INT "$server"
wait "$server"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server. The user `truing` owns it; over TCP it asks for a password."""

    folder: Path
    port: int

    def url(self, database: str) -> str:
        """A database's address over the socket, without password."""
        return f"postgresql://truing@/{database}?host={self.folder}&port={self.port}"

    def tcp_url(self, database: str, password: str = PASSWORD) -> str:
        """A database's address over the network, with password."""
        return f"postgresql://truing:{password}@127.0.0.1:{self.port}/{database}"

    def run(self, *statements: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Runs statements as the owner; returns the rows of the last one."""
        options = f"host={self.folder} port={self.port} user=truing dbname={database}"
        with psycopg.connect(options, autocommit=True) as connection:
            for statement in statements[:-1]:
                connection.execute(statement)
            cursor = connection.execute(statements[-1])
            return cursor.fetchall() if cursor.description else []

    def create(self, name: str, *, like: str = "template0") -> str:
        """Makes a database and returns its address."""
        self.run(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE {like}")
        return self.url(name)

    def drop(self, name: str) -> None:
        """Removes a database with all connections to it."""
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def programs() -> Path:
    """The folder with `initdb` and `postgres`."""
    found = shutil.which("initdb")
    if found and shutil.which("postgres", path=str(Path(found).resolve().parent)):
        return Path(found).resolve().parent
    for place in PLACES:
        below = sorted(Path("/").glob(place.lstrip("/")))
        for folder in reversed(below):
            if (folder / "initdb").is_file():
                return folder
    message = (
        "these tests need a PostgreSQL server, and `initdb` is nowhere; install it: "
        "sudo apt-get install postgresql (Debian, Ubuntu), brew install postgresql (macOS), "
        "or put its bin folder on PATH"
    )
    raise RuntimeError(message)


@contextmanager
def running() -> Iterator[Server]:
    """A new server; it is ended and its folder removed at the end."""
    binaries = programs()
    folder = Path(tempfile.mkdtemp(prefix="truing-pg-"))
    user = give_to_service_user(folder)
    try:
        secret = folder / "password"
        secret.write_text(PASSWORD, encoding="ascii")
        secret.chmod(0o644)
        made = subprocess.run(
            [binaries / "initdb", "-D", folder / "data", "-U", "truing", "--pwfile", secret,
             "-E", "UTF8", "--locale=C", "--auth-local=trust", "--auth-host=scram-sha-256",
             "--no-sync"],
            check=False, capture_output=True, text=True, cwd=folder, user=user,
        )  # fmt: skip
        if made.returncode:
            raise RuntimeError(f"initdb failed:\n{made.stderr}")
        port = _free_port()
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                ["sh", "-c", _GUARD, "sh", binaries / "postgres", "-D", folder / "data",
                 "-k", folder, "-p", str(port), "-c", "listen_addresses=127.0.0.1",
                 "-c", "fsync=off", "-c", "max_connections=60", "-c", "shared_buffers=32MB",
                 "-c", "autovacuum=off", "-c", "max_wal_size=256MB"],
                stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=folder, user=user,
            )  # fmt: skip
        try:
            server = Server(folder=folder, port=port)
            _wait(server, process)
            yield server
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            server.run("SELECT 1")
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                log = (server.folder / "log").read_text(encoding="utf-8", errors="replace")
                raise RuntimeError(f"the PostgreSQL server did not start:\n{log}") from None
            time.sleep(0.05)
            continue
        return
