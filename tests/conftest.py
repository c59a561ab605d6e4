"""What every test may count on."""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from truing.testing.postgresql_server import Server

# A busy machine is no fault of the code: what takes long is measured in benchmarks/.
hypothesis.settings.register_profile("truing", deadline=None)
hypothesis.settings.load_profile("truing")

_ATTEMPTS = itertools.count(1)


def pytest_configure() -> None:
    """Ctrl-C works in the programs that tests start, even when a shell began us in the background
    (`make test &`) and so told us, and them after us, to ignore it.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real S3 server on this machine, in a process of its own."""
    told = tmp_path_factory.mktemp("s3") / "log"
    # The port is its own choice: one chosen here might be another program's by then.
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with (
        told.open("wb") as log,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log) as server,
    ):
        try:
            deadline = time.monotonic() + 120
            while not (found := re.search(r"Running on (http://\S+)\n", told.read_text("utf-8"))):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the S3 server did not start: {told.read_text('utf-8')}")
                time.sleep(0.05)
            yield found[1]
        finally:
            server.terminate()


@pytest.fixture
def ask_s3(s3_server: str) -> Callable[..., bytes]:
    """One plain request to the server: `ask_s3("PUT", "bucket")`."""

    def ask(method: str, path: str, data: bytes | None = None) -> bytes:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        wanted = urllib.request.Request(f"{s3_server}/{path}", data=data, method=method)
        # By this the server knows that S3 is meant; it checks no signature.
        scope = "Credential=ada/20260101/us-east-1/s3/aws4_request"
        wanted.add_header("Authorization", f"AWS4-HMAC-SHA256 {scope}, Signature=none")
        with opener.open(wanted, timeout=30) as answer:
            body: bytes = answer.read()
        return body

    return ask


@pytest.fixture
def bucket(ask_s3: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket, with the credentials for it in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ada")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    name = f"bucket-{next(_ATTEMPTS)}"
    ask_s3("PUT", name)
    return name


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server of this test process alone; it ends with the process."""
    from truing.testing.postgresql_server import running

    with running() as server:
        yield server


@pytest.fixture(scope="session")
def _numbered() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
def new_database(postgresql: Server, _numbered: Iterator[int]) -> Iterator[Callable[[], str]]:
    """Makes an empty PostgreSQL database and returns its address, as often as it is called."""
    made: list[str] = []

    def create() -> str:
        made.append(f"test_{next(_numbered)}")
        return postgresql.create(made[-1])

    yield create
    for name in made:
        postgresql.drop(name)
