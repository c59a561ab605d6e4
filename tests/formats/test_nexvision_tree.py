"""The folder written session by session: whole at every moment, and no name given twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from truing.domain.digest import digest_bytes
from truing.domain.errors import ConflictError, UnavailableError
from truing.domain.format import ImportedRow
from truing.formats import nexvision_tree
from truing.formats.nexvision import NexVision
from truing.formats.nexvision_session import key_at
from truing.formats.nexvision_tree import LOG, STALE_SECONDS, SessionTree

START = 1_763_632_176_051_000


def session(number: int) -> tuple[str, dict[str, bytes], dict[str, object]]:
    """Name, files and metadata of a session."""
    key = key_at(START + 1000 * number)
    stamp = key.removeprefix("session-")
    files = {f"{word}-{stamp}.jpg": f"{word} {number}".encode() for word in ("original", "edited")}
    names = dict(zip(("originalFilename", "reimaginedFilename"), files, strict=True))
    said = {"timestamp": "2026-11-20T09:49:36.051Z", "instruction": f"ü {number}", **names}
    return key, files, {**said, "sessionId": key}


def written(tree: SessionTree, number: int) -> str:
    key, files, said = session(number)
    assert tree.claim(key)
    tree.put(key, files, said)
    return key


def contents(root: Path) -> Mapping[str, bytes]:
    return {
        str(one.relative_to(root)): one.read_bytes() for one in root.rglob("*") if one.is_file()
    }


def lines(root: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (root / LOG).read_bytes().splitlines()]


@pytest.fixture
def tree(tmp_path: Path) -> SessionTree:
    return SessionTree(tmp_path / "training-data")


def test_a_session_looks_as_the_app_writes_it(tree: SessionTree) -> None:
    key, files, said = session(0)
    assert written(tree, 0) == key == "session-2025-11-20T09-49-36-051Z"
    stamp = key.removeprefix("session-")
    metadata = (tree.root / key / f"metadata-{stamp}.json").read_bytes()
    assert metadata.decode().startswith('{\n  "timestamp": "'), "indented by two, as there"
    assert json.loads(metadata) == said
    assert {name: (tree.root / key / name).read_bytes() for name in files} == files
    assert lines(tree.root) == [said]
    (row,) = NexVision().read(tree.root)
    assert isinstance(row, ImportedRow)
    assert (row.key, row.raw) == (key, "ü 0")


def test_a_name_is_given_once(tree: SessionTree) -> None:
    key, files, said = session(0)
    assert tree.claim(key)
    assert not tree.claim(key)
    tree.release(key)
    assert tree.claim(key)
    tree.put(key, files, said)
    assert not tree.claim(key)
    assert [one.name for one in tree.root.iterdir() if one.name.startswith(".session")] == []


def test_another_program_that_takes_the_name_keeps_it(tree: SessionTree) -> None:
    key, files, said = session(0)
    assert tree.claim(key)
    (tree.root / key).mkdir()
    (tree.root / key / "theirs").write_bytes(b"theirs")
    with pytest.raises(ConflictError, match="another program"):
        tree.put(key, files, said)
    assert contents(tree.root) == {f"{key}/theirs": b"theirs"}
    assert tree.taken(key, {digest_bytes(data) for data in files.values()})


WRITER = """
import sys
from pathlib import Path
from truing.formats.nexvision_session import key_at
from truing.formats.nexvision_tree import SessionTree
tree, by, made, number = SessionTree(Path(sys.argv[1])), sys.argv[2], 0, 0
while made < 15:
    number += 1
    key = key_at(1_763_632_176_051_000 + 1000 * number)
    if tree.claim(key):
        names = {"originalFilename": "original.jpg", "reimaginedFilename": "edited.jpg"}
        said = {"instruction": by, **names, "sessionId": key}
        tree.put(key, {name: by.encode() for name in names.values()}, said)
        made += 1
"""


def test_processes_share_a_folder(tree: SessionTree) -> None:
    command = [sys.executable, "-c", WRITER, str(tree.root)]
    crowd = [subprocess.Popen([*command, by]) for by in "abc"]
    assert [one.wait(60) for one in crowd] == [0, 0, 0]
    rows = [one for one in NexVision().read(tree.root) if isinstance(one, ImportedRow)]
    assert sorted(one.key for one in rows) == sorted(
        str(one["sessionId"]) for one in lines(tree.root)
    )
    for by in "abc":
        own = [one for one in rows if one.raw == by]
        assert len(own) == 15
        for row in own:
            assert {Path(str(one)).read_bytes() for one in row.media.values()} == {by.encode()}


def test_a_line_that_was_cut_off_swallows_no_other(tree: SessionTree) -> None:
    written(tree, 0)
    with (tree.root / LOG).open("ab") as log:
        log.write(b'{"sessionId": "session-')
    written(tree, 1)
    found = (tree.root / LOG).read_bytes().splitlines()
    assert len(found) == 3
    assert json.loads(found[2])["instruction"] == "ü 1"


def test_a_log_that_cannot_grow_stays_as_it_was(
    tree: SessionTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tree, 0)
    before = (tree.root / LOG).read_bytes()
    key, files, said = session(1)
    assert tree.claim(key)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        real = nexvision_tree.sync_file
        seen: list[int] = []
        # The three files of the session still fit.
        patched.setattr(
            nexvision_tree,
            "sync_file",
            lambda fd: (seen.append(fd), real(fd) if len(seen) <= 3 else full(fd)),
        )
        with pytest.raises(UnavailableError, match="no space"):
            tree.put(key, files, said)
    assert (tree.root / LOG).read_bytes() == before
    tree.finish(key, files, said)
    assert [one["sessionId"] for one in lines(tree.root)] == [session(0)[0], key]


@pytest.mark.parametrize("place", ["nowhere/training-data", "file/training-data"])
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnavailableError, match="cannot be used"):
        SessionTree(tmp_path / place).claim(session(0)[0])


# --- what a crash leaves -------------------------------------------------------------------------


def aged(tree: SessionTree, key: str) -> None:
    claim = tree.root / f".{key}.partial"
    long_ago = claim.stat().st_mtime - STALE_SECONDS - 1
    os.utime(claim, (long_ago, long_ago))


@pytest.mark.parametrize("steps", ["claimed", "half built", "built", "in place", "logged"])
def test_what_was_begun_can_be_finished(tree: SessionTree, steps: str) -> None:
    key, files, said = session(0)
    assert tree.claim(key)
    claim = tree.root / f".{key}.partial"
    if steps == "half built":
        (claim / key).mkdir()
        (claim / key / next(iter(files))).write_bytes(b"hal")
    elif steps != "claimed":
        tree._build(key, files, said)
    if steps == "built":
        (tree.root / key).rename(claim / key)
    if steps == "logged":
        tree._log(said)
    assert tree.unfinished() == [], "somebody may be at it"
    aged(tree, key)
    assert tree.unfinished() == [key]
    tree.finish(key, files, said)
    assert tree.unfinished() == []
    assert lines(tree.root) == [said]
    assert len(list(NexVision().read(tree.root))) == 1
    assert {name: (tree.root / key / name).read_bytes() for name in files} == files


def test_an_import_meets_nothing_half(tree: SessionTree) -> None:
    written(tree, 0)
    key, files, _ = session(1)
    assert tree.claim(key)
    draft = tree.root / f".{key}.partial" / key
    draft.mkdir()
    (draft / next(iter(files))).write_bytes(b"half")
    assert [one.key for one in NexVision().read(tree.root)] == [session(0)[0]]


# --- erasing -------------------------------------------------------------------------------------


def test_a_session_is_erased_with_its_line(tree: SessionTree) -> None:
    keys = [written(tree, number) for number in range(3)]
    own = {digest_bytes(data) for data in session(1)[1].values()}
    assert tree.remove({keys[1]: own}) == [keys[1]]
    assert [one["sessionId"] for one in lines(tree.root)] == [keys[0], keys[2]]
    assert not any(b" 1" in data for data in contents(tree.root).values())
    assert tree.remove({keys[1]: own}) == []


def test_a_session_with_other_pictures_stays(tree: SessionTree) -> None:
    key = written(tree, 0)
    before = contents(tree.root)
    assert tree.remove({key: {digest_bytes(b"other")}}) == []
    assert contents(tree.root) == before


def test_a_log_with_bad_lines_keeps_them(tree: SessionTree) -> None:
    key = written(tree, 0)
    with (tree.root / LOG).open("ab") as log:
        log.write(b"no json\n[1]\n")
    tree.remove({key: {digest_bytes(data) for data in session(0)[1].values()}})
    assert (tree.root / LOG).read_bytes() == b"no json\n[1]\n"


def test_erasing_and_writing_at_once_lose_no_line(tree: SessionTree) -> None:
    gone = [written(tree, number) for number in range(10)]
    writing = threading.Thread(target=lambda: [written(tree, n) for n in range(10, 30)])
    writing.start()
    for number, key in enumerate(gone):
        tree.remove({key: {digest_bytes(data) for data in session(number)[1].values()}})
    writing.join()
    assert {one["sessionId"] for one in lines(tree.root)} == {
        session(number)[0] for number in range(10, 30)
    }
