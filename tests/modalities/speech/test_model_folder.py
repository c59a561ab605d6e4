"""Finding a model: a folder first, the hub only for an id, and each failure told apart."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from truing.domain.errors import MissingDependencyError, NotFoundError, UnavailableError
from truing.modalities.speech.model_folder import find_model, is_ctranslate2

ID = "openai/whisper-tiny.en"


class Hub(BaseHTTPRequestHandler):
    """A hub that answers every request with the same status."""

    status = 500

    def do_GET(self) -> None:
        self.send_response(self.status)
        if self.status == 404:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[type[Hub]]:
    from huggingface_hub import constants

    server = HTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield Hub
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_hub_that_refuses(hub: type[Hub], status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "status", status)
    with pytest.raises(UnavailableError, match=ID) as error:
        find_model(ID)
    assert "\n" not in error.value.message
    assert "folder" in str(error.value.hint)


def test_a_model_the_hub_does_not_have(hub: type[Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "status", 404)
    with pytest.raises(NotFoundError, match=ID) as error:
        find_model(ID)
    assert "HF_TOKEN" in str(error.value.hint)


def test_a_hub_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UnavailableError, match=ID):
        find_model(ID)


def test_a_model_fetched_before_is_found_without_the_hub(
    base: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from huggingface_hub import constants

    kept = tmp_path / "models--openai--whisper-tiny.en"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("abc")
    shutil.copytree(base, kept / "snapshots" / "abc")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert find_model(ID) == kept / "snapshots" / "abc"


def test_an_id_without_the_hub_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingDependencyError) as error:
        find_model(ID)
    assert "truing[train]" in str(error.value.hint)


def test_a_folder_goes_before_an_id(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(base, tmp_path / "openai" / "whisper-tiny.en")
    monkeypatch.chdir(tmp_path)
    assert find_model(ID) == Path(ID)
    assert not is_ctranslate2(Path(ID))


def test_a_ctranslate2_folder_is_told_by_its_weights(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"")
    (tmp_path / "config.json").write_text(json.dumps({}))
    assert find_model(str(tmp_path)) == tmp_path
    assert is_ctranslate2(tmp_path)
