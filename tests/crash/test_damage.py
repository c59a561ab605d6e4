"""Bits that flip and files that are cut: found, named, and never learned from."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from pathlib import Path

import pytest

from truing import Workspace
from truing.demo import shipped
from truing.domain.dataset import DatasetRow, Split
from truing.domain.errors import DamagedError, NotFoundError, TruingError
from truing.domain.sample import SampleFilter, SampleOrder
from truing.stores.database.store import open_database
from truing.testing.factories import make_sample
from truing.workspace.datasets import examples
from truing.workspace.keeping import verify

PAGE = 4096


def flip(path: Path) -> None:
    """One bit in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


def cut(path: Path) -> None:
    """The second half is gone."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def remove(path: Path) -> None:
    """All of it is gone."""
    path.unlink()


@pytest.mark.parametrize("spoil", [flip, cut, remove])
def test_verify_names_the_blob_and_its_sample(workspace: Workspace, spoil: object) -> None:
    assert verify(workspace) == []
    digest = workspace.sample(4).media[0].digest
    spoil(workspace.blobs.path(digest))  # type: ignore[operator]
    (problem,) = verify(workspace)
    assert digest[:19] in problem.what
    assert "of sample 4" in problem.what
    assert problem.why == ("it is missing" if spoil is remove else "its bytes were altered")
    with pytest.raises(NotFoundError if spoil is remove else DamagedError, match=digest):
        workspace.blobs.read(digest)


@pytest.mark.parametrize("spoil", [flip, cut, remove])
def test_nothing_is_learned_from_damaged_media(workspace: Workspace, spoil: object) -> None:
    version = workspace.freeze("voice")
    rows = list(workspace.store.datasets.rows(version.ref, Split.TRAIN))
    spoiled = rows[1]
    digest = spoiled.payload["media"]["audio"]["digest"]  # type: ignore[index]
    given = examples(workspace, version.ref, Split.TRAIN)
    spoil(workspace.blobs.path(digest))  # type: ignore[operator]
    assert given[0].media["audio"].path.is_file()
    with pytest.raises(NotFoundError if spoil is remove else DamagedError) as raised:
        list(given)
    assert f"sample `{spoiled.sample_uid}`" in raised.value.message
    assert "truing verify" in str(raised.value.hint)


def spoil_rows(workspace: Workspace, rows: list[DatasetRow]) -> None:
    for row in rows:
        flip(workspace.blobs.path(row.payload["media"]["audio"]["digest"]))  # type: ignore[index]


def test_without_one_sound_recording_no_model_is_judged(workspace: Workspace) -> None:
    version = workspace.freeze("voice", test_share=0.5)
    rows = list(workspace.store.datasets.rows(version.ref, Split.TEST))
    spoil_rows(workspace, rows)
    with pytest.raises(DamagedError) as raised:
        workspace.evaluate(str(shipped.base_without("theo")), str(version.ref), "test")
    assert any(f"sample `{row.sample_uid}`" in raised.value.message for row in rows)


@pytest.mark.slow
def test_a_damaged_recording_is_left_out_counted_and_logged(workspace: Workspace) -> None:
    version = workspace.freeze("voice", test_share=0.5)
    rows = list(workspace.store.datasets.rows(version.ref, Split.TEST))
    spoil_rows(workspace, rows[:1])
    seen = workspace.evaluate(str(shipped.base_without("theo")), str(version.ref), "test")
    assert [one.sample_uid for one in seen.rows] == [one.sample_uid for one in rows[1:]]
    assert seen.figures["unreadable"] == 1
    said = workspace.layout.log.read_text(encoding="utf-8")
    assert f"sample `{rows[0].sample_uid}`" in said


def test_a_database_cut_short_is_reported(workspace: Workspace) -> None:
    workspace.store.scrub()
    workspace.close()
    path = workspace.layout.database
    path.write_bytes(path.read_bytes()[:-PAGE])
    with (
        pytest.raises(DamagedError, match=r"no sound database"),
        Workspace.open(workspace.layout.root, environ={}) as again,
    ):
        verify(again)


def outcome(folder: Path, data: bytes) -> str:
    """What a person sees of a database: an error of ours, problems, or nothing."""
    folder.mkdir()
    (folder / "truing.db").write_bytes(data)
    try:
        problems = looked_through(folder / "truing.db")
    except TruingError as error:
        refused = error
    else:
        return "named" if problems else "unnoticed"
    assert refused.hint
    assert "words" not in refused.message, "the error quotes what people said"
    return "refused"


def looked_through(path: Path) -> list[str]:
    with contextlib.closing(open_database(path)) as store:
        problems = store.check()
        list(store.samples.iterate(SampleFilter()))
        store.samples.count(SampleFilter(text="words"))
        store.samples.page(SampleFilter(), SampleOrder.NEWEST, limit=50)
    return problems


def test_a_flipped_bit_in_the_database_never_confuses_the_program(tmp_path: Path) -> None:
    with contextlib.closing(open_database(tmp_path / "truing.db")) as store:
        store.samples.add([make_sample(text=f"words {number} " * 5) for number in range(150)])
        store.scrub()
    whole = (tmp_path / "truing.db").read_bytes()
    rng = random.Random(5)
    seen: dict[str, Counter[str]] = {"heads of pages": Counter(), "anywhere": Counter()}
    for number in range(40):
        where = "heads of pages" if number % 2 else "anywhere"
        start = rng.randrange(len(whole) // PAGE) * PAGE + rng.randrange(8)
        place = start if number % 2 else rng.randrange(len(whole))
        data = bytearray(whole)
        data[place] ^= 1 << rng.randrange(8)
        seen[where][outcome(tmp_path / str(number), bytes(data))] += 1
    print(seen)
    # SQLite keeps no checksums: what is in free space, or only a letter, is not seen here.
    assert seen["heads of pages"]["unnoticed"] < seen["heads of pages"].total() / 2
    assert seen["anywhere"]["refused"] + seen["anywhere"]["named"] > 0


def test_a_text_changed_in_the_file_is_named_by_the_search_index(tmp_path: Path) -> None:
    with contextlib.closing(open_database(tmp_path / "truing.db")) as store:
        store.samples.add([make_sample(text=f"marzipan {number}") for number in range(50)])
        assert store.check() == []
        store.scrub()
    data = (tmp_path / "truing.db").read_bytes()
    assert b"marzipan 7" in data
    changed = data.replace(b"marzipan 7", b"marzipan 8")
    assert outcome(tmp_path / "changed", changed) == "named"
