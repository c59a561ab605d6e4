"""Media in an object store: capturing, reading, forgetting there, and moving there and back."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import obstore
import pytest

from truing import Workspace
from truing.cli.main import main
from truing.domain.errors import (
    ConflictError,
    DamagedError,
    InvalidInputError,
    NotFoundError,
    SettingError,
)
from truing.stores.blobs_s3 import S3Blobs
from truing.workspace.keeping import doctor, verify
from truing.workspace.moving_blobs import move_blobs

Filled = Callable[..., list[int]]


@pytest.fixture
def url(bucket: str, s3_server: str) -> str:
    return f"s3://{bucket}/voices?endpoint={s3_server}"


def digests(workspace: Workspace) -> set[str]:
    return set(workspace.store.samples.referenced_blobs())


def test_a_workspace_with_its_media_in_an_object_store(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str], digit: Path
) -> None:
    folder = tmp_path / "ws"
    assert main(["init", str(folder), "--blobs", url]) == 0
    capsys.readouterr()
    with Workspace.open(folder, environ={}, rng=random.Random(7)) as workspace:
        assert isinstance(workspace.blobs, S3Blobs)
        added = workspace.capture("speech", audio=digit, raw="one", subject="ada")
        assert added is not None
        assert not (folder / "blobs").exists()
        assert verify(workspace) == []
        digest = workspace.sample(added.id).media[0].digest
        assert workspace.blobs.path(digest).is_relative_to(folder / "cache")
        workspace.forget(ids=[added.id])
        assert list(workspace.blobs.digests()) == []
    assert [one for one in folder.rglob("cache/**/*") if one.is_file()] == []


def test_an_object_store_that_cannot_be_used_makes_no_workspace(
    tmp_path: Path, s3_server: str, bucket: str
) -> None:
    for blobs, wanted in (
        (f"s3://nowhere?endpoint={s3_server}", NotFoundError),
        ("/elsewhere", SettingError),
    ):
        with pytest.raises(wanted):
            Workspace.create(tmp_path / "ws", blobs=blobs)
        assert not (tmp_path / "ws").exists()


def test_media_move_there_and_back(workspace: Workspace, fill: Filled, url: str) -> None:
    fill(4)
    wanted, local = digests(workspace), workspace.blobs
    given = {digest: local.read(digest) for digest in wanted}
    seen: list[tuple[int, int]] = []
    moved = move_blobs(workspace, url, lambda done, total: seen.append((done, total)))
    assert (moved.copied, moved.present, moved.target) == (len(wanted), 0, url)
    assert seen[-1] == (len(wanted), len(wanted))
    assert set(workspace.blobs.digests()) == wanted
    assert workspace.settings.text("storage.blobs") == url
    # What was there stays until a person removes it.
    assert set(local.digests()) == wanted
    # ... or forgets it.
    gone = min(wanted)
    assert workspace.blobs.delete(gone)
    assert set(local.digests()) == wanted - {gone}
    workspace.blobs.put(given[gone])
    with Workspace.open(workspace.layout.root, environ={}) as again:
        assert isinstance(again.blobs, S3Blobs)
        assert verify(again) == []
        back = move_blobs(again, "")
        assert (back.copied, back.present) == (1, len(wanted) - 1)
        assert type(again.blobs) is type(local)
    assert 'blobs = ""' in workspace.layout.settings.read_text(encoding="utf-8")


def test_the_command_moves_them_there_and_back(
    workspace: Workspace, fill: Filled, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(2)
    where = ["--workspace", str(workspace.layout.root), "move", "--json", "--blobs"]
    assert main([*where, url]) == 0
    told = json.loads(capsys.readouterr().out)["blobs"]
    assert told == {"from": "", "to": url, "copied": len(digests(workspace)), "present": 0}
    assert main([*where, "folder"]) == 0
    told = json.loads(capsys.readouterr().out)["blobs"]
    assert told == {"from": url, "to": "", "copied": 0, "present": len(digests(workspace))}


def test_what_still_went_to_the_old_place_is_brought_by_a_second_call(
    workspace: Workspace, fill: Filled, url: str
) -> None:
    fill(2)
    with Workspace.open(workspace.layout.root, environ={}) as other:
        move_blobs(workspace, url)
        missed = other.blobs.put(b"captured by a program that had it open")
        assert not workspace.blobs.exists(missed)
    fill(4)
    local = Workspace.open(workspace.layout.root, flags={"storage.blobs": ""}, environ={})
    with local:
        for digest in digests(workspace):
            local.blobs.put(workspace.blobs.read(digest))
    gone = min(digests(workspace))
    obstore.delete(workspace.blobs._store, f"sha256/{gone[7:9]}/{gone[9:]}")  # type: ignore[attr-defined]
    moved = move_blobs(workspace, url)
    assert (moved.copied, moved.present) == (1, len(digests(workspace)) - 1)
    assert workspace.blobs.verify(gone)


def test_media_that_are_damaged_or_gone_switch_nothing(
    workspace: Workspace, fill: Filled, url: str
) -> None:
    fill(2)
    one = min(digests(workspace))
    whole = workspace.blobs.read(one)
    workspace.blobs.path(one).write_bytes(b"x" * len(whole))
    with pytest.raises(DamagedError, match=one) as raised:
        move_blobs(workspace, url)
    assert "nothing was switched" in raised.value.__notes__[0]
    workspace.blobs.delete(one)
    with pytest.raises(NotFoundError, match=one):
        move_blobs(workspace, url)
    assert workspace.settings.text("storage.blobs") == ""
    workspace.blobs.put(whole)
    assert move_blobs(workspace, url).copied >= 1


def test_damaged_media_in_the_store_are_replaced(
    workspace: Workspace, fill: Filled, url: str, tmp_path: Path
) -> None:
    fill(1)
    (digest,) = digests(workspace)
    there = S3Blobs(url, tmp_path / "cache")
    size = len(workspace.blobs.read(digest))
    obstore.put(there._store, f"sha256/{digest[7:9]}/{digest[9:]}", b"x" * (size - 1))
    assert move_blobs(workspace, url).copied == 1
    assert there.verify(digest)


def test_what_cannot_be_moved_is_refused(
    workspace: Workspace, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInputError, match="already"):
        move_blobs(workspace, "")
    with pytest.raises(SettingError):
        move_blobs(workspace, "ftp://there")
    environ = {**os.environ, "TRUING_STORAGE_BLOBS": url}
    with (
        Workspace.open(workspace.layout.root, environ=environ) as other,
        pytest.raises(ConflictError, match="TRUING_STORAGE_BLOBS"),
    ):
        move_blobs(other, "")


def test_doctor_tells_whether_the_store_answers(
    workspace: Workspace, url: str, bucket: str
) -> None:
    def says() -> list[tuple[bool, str]]:
        return [(one.ok, one.says) for one in doctor(workspace) if one.name == "recordings"]

    assert says() == []
    move_blobs(workspace, url)
    assert says() == [(True, f"{url} answers")]
    nowhere = url.replace(bucket, "nowhere")
    flags = {"storage.blobs": nowhere}
    with Workspace.open(workspace.layout.root, flags=flags, environ={}) as other:
        (found,) = [one for one in doctor(other) if one.name == "recordings"]
    assert not found.ok
    assert "no bucket `nowhere`" in found.says


def test_a_setting_that_is_no_store_is_refused(workspace: Workspace) -> None:
    with pytest.raises(SettingError, match=r"storage\.blobs"):
        Workspace.open(workspace.layout.root, flags={"storage.blobs": "D:/media"}, environ={})
