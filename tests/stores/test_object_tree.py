"""A folder to and from a real S3 server."""

from __future__ import annotations

from pathlib import Path

import obstore
import pytest

from truing.domain.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from truing.stores import object_tree
from truing.stores.object_store import connect, place_of
from truing.stores.object_tree import check_empty, fetch_tree, send_tree


@pytest.fixture
def url(bucket: str, s3_server: str) -> str:
    return f"s3://{bucket}/some/edits?endpoint={s3_server}"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    for number in range(20):
        (folder / f"session {number}").mkdir(parents=True)
        (folder / f"session {number}" / "a.jpg").write_bytes(bytes([number]) * number * 100)
    (folder / "log.jsonl").write_text("{}")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_a_tree_goes_there_and_back(url: str, tree: Path, tmp_path: Path) -> None:
    check_empty(url)
    assert send_tree(tree, url, last="log.jsonl") == 21
    (tmp_path / "back").mkdir()
    assert fetch_tree(url, tmp_path / "back") == 21
    assert content(tmp_path / "back") == content(tree)
    for again in (lambda: check_empty(url), lambda: send_tree(tree, url, last="log.jsonl")):
        with pytest.raises(ConflictError, match="already"):
            again()


def test_the_last_file_is_sent_when_the_others_are_there(
    url: str, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    put = obstore.put
    monkeypatch.setattr(
        obstore, "put", lambda store, name, file: (sent.append(name), put(store, name, file))
    )
    send_tree(tree, url, last="log.jsonl")
    assert sent[-1] == "log.jsonl"
    assert len(sent) == 21


def test_nothing_there_is_named(url: str, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nothing at"):
        fetch_tree(url, tmp_path)
    with pytest.raises(NotFoundError, match="no bucket"):
        fetch_tree(url.replace("s3://bucket-", "s3://none-"), tmp_path)
    with pytest.raises(UnavailableError, match="no credentials"):
        fetch_tree(url, tmp_path, environ={})


def test_names_cannot_lead_out_of_the_folder(url: str, tmp_path: Path) -> None:
    import os

    store = connect(place_of(url, os.environ), os.environ)
    obstore.put(store, "a\\..\\b", b"x")
    with pytest.raises(InvalidInputError, match="no name of a file"):
        fetch_tree(url, tmp_path)
    for name in ("../a", "a/../../b", "/etc/passwd", ""):
        with pytest.raises(InvalidInputError):
            object_tree._within(name, place_of(url, os.environ))
    assert content(tmp_path) == {}
