"""The corpus from a server: whole, in pieces, damaged, and not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from truing.domain.errors import (
    DamagedError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from truing.modalities.lipreading.grid.corpus import Corpus
from truing.modalities.lipreading.grid.download import download, plan
from truing.testing.record_server import Record, archive, serving

DATA = Path(__file__).parents[3] / "data" / "lipreading" / "grid"


@pytest.fixture
def record() -> Iterator[Record]:
    """Two clips of s1, one of s2, and the alignments."""
    mpg = {name: (DATA / f"{name}.mpg").read_bytes() for name in ("bbaf2n", "swwp2s")}
    align = {name: (DATA / f"{name}.align").read_bytes() for name in mpg}
    files = {
        "s1.zip": archive({f"s1/{name}.mpg": data for name, data in mpg.items()}),
        "s2.zip": archive({"s2/video/mpg_6000/swwp2s.mpg": mpg["swwp2s"]}),
        "alignments.zip": archive(
            {f"alignments/{who}/{n}.align": one for who in ("s1", "s2") for n, one in align.items()}
        ),
        "audio_25k.zip": b"sound is not wanted",
    }
    with serving(Record(files=files)) as made:
        yield made


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path / "out")


def get(record: Record, corpus: Corpus, *speakers: str, **more: Any) -> Any:
    """Downloads from the server, impatiently."""
    source = f"{record.address}/record"
    return download(corpus, speakers, source=source, patience=0.01, **more)


def fetched(record: Record) -> list[str]:
    """Archives that were asked for."""
    return [name for name, _ in record.asked if name != "record"]


def test_archives_become_clips(record, corpus) -> None:
    told = []
    done = get(record, corpus, "s1", "s2", on_progress=lambda *said: told.append(said))
    assert [clip.key for clip in corpus.clips()] == ["s1/bbaf2n", "s1/swwp2s", "s2/swwp2s"]
    assert (done.made, done.present, done.figures) == (7, 0, {"videos": 3})
    for clip in corpus.clips():
        assert corpus.video(clip).read_bytes() == (DATA / f"{clip.name}.mpg").read_bytes()
        assert corpus.alignment(clip).read_bytes() == (DATA / f"{clip.name}.align").read_bytes()
    assert list(corpus.downloads.iterdir()) == []
    size = len(record.files["s2.zip"])
    assert ("s2.zip", size, size) in told
    assert "audio_25k.zip" not in fetched(record)


def test_what_is_there_is_not_asked_for(record, corpus) -> None:
    get(record, corpus, "s1")
    record.asked.clear()
    done = get(record, corpus, "s1")
    assert record.asked == []
    assert (done.made, done.present) == (0, 2)
    get(record, corpus, "s1", "s2")
    assert fetched(record) == ["s2.zip"]


def test_a_plan_fetches_nothing(record, corpus) -> None:
    planned = plan(corpus, ["s1", "s21"], source=f"{record.address}/record")
    assert [one.name for one in planned.files] == ["alignments.zip", "s1.zip"]
    assert planned.size == len(record.files["s1.zip"]) + len(record.files["alignments.zip"])
    assert [(one.what, one.reason) for one in planned.skipped] == [
        ("s21", "its videos were never published")
    ]
    assert record.asked == [("record", None)]
    assert not corpus.root.exists()


def test_speaker_21_has_no_videos(record, corpus) -> None:
    done = get(record, corpus, "s21")
    assert done.notes == ("s21: its videos were never published",)
    assert done.figures == {"videos": 0}
    assert record.asked == []


def test_a_lost_connection_goes_on_where_it_was(record, corpus) -> None:
    record.cut["s1.zip"] = [50_000, 0, 100_000]
    done = get(record, corpus, "s1")
    ranges = [asked for name, asked in record.asked if name == "s1.zip"]
    assert ranges == [None, "bytes=50000-", "bytes=50000-", "bytes=150000-"]
    assert done.figures == {"videos": 2}


def test_an_interrupted_download_goes_on_in_the_next_call(record, corpus) -> None:
    corpus.downloads.mkdir(parents=True)
    (corpus.downloads / "s1.zip.part").write_bytes(record.files["s1.zip"][:70_000])
    get(record, corpus, "s1")
    assert ("s1.zip", "bytes=70000-") in record.asked


def test_a_server_without_ranges(record, corpus) -> None:
    record.ranges = False
    record.cut["s1.zip"] = [60_000]
    assert get(record, corpus, "s1").figures == {"videos": 2}
    assert fetched(record).count("s1.zip") == 2


def test_damaged_on_the_way(record, corpus) -> None:
    whole = record.files["s1.zip"]
    wrong = whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:]
    record.instead["s1.zip"] = [wrong]
    done = get(record, corpus, "s1")
    assert "s1.zip arrived damaged (MD5" in done.notes[0]
    assert done.figures == {"videos": 2}


def test_damaged_every_time(record, corpus) -> None:
    record.instead["s1.zip"] = [bytes(len(record.files["s1.zip"]))] * 2
    with pytest.raises(DamagedError, match="arrived damaged twice: MD5"):
        get(record, corpus, "s1")
    assert corpus.clips() == []
    assert list(corpus.downloads.iterdir()) == []
    assert get(record, corpus, "s1").figures == {"videos": 2}


def test_a_corrupt_archive_on_the_disk_is_fetched_again(record, corpus) -> None:
    corpus.downloads.mkdir(parents=True)
    (corpus.downloads / "s1.zip").write_bytes(record.files["s1.zip"][:90_000])
    done = get(record, corpus, "s1")
    assert "s1.zip was damaged and is fetched again" in done.notes
    assert done.figures == {"videos": 2}


def test_a_corrupt_archive_without_a_checksum(record, corpus) -> None:
    record.checksums = False
    record.instead["s1.zip"] = [bytes(len(record.files["s1.zip"]))]
    done = get(record, corpus, "s1")
    assert "s1.zip was no whole ZIP archive and was fetched again" in done.notes
    assert done.figures == {"videos": 2}


def test_killed_while_unpacking(record, corpus) -> None:
    """The archive is still there, and some of its files."""
    get(record, corpus, "s1")
    corpus.video(corpus.clips()[0]).unlink()
    (corpus.downloads / "s1.zip").write_bytes(record.files["s1.zip"])
    record.asked.clear()
    done = get(record, corpus, "s1")
    assert fetched(record) == []
    assert (done.made, done.present) == (1, 1)
    assert not (corpus.downloads / "s1.zip").exists()


def test_a_busy_server_is_asked_again(record, corpus) -> None:
    record.refuse["record"] = [503]
    record.refuse["s1.zip"] = [429, 500]
    assert get(record, corpus, "s1").figures == {"videos": 2}


def test_no_server_and_no_file(record, corpus) -> None:
    with pytest.raises(NotFoundError, match=r"has no `s9\.zip`"):
        get(record, corpus, "s9")
    record.refuse["s1.zip"] = [403]
    with pytest.raises(UnavailableError, match="status 403") as caught:
        get(record, corpus, "s1")
    assert "--local-path" in caught.value.hint
    with pytest.raises(UnavailableError, match="cannot be fetched"):
        download(corpus, ["s1"], source="http://127.0.0.1:1/record", patience=0.001)
    with pytest.raises(InvalidInputError, match="no web address"):
        download(corpus, ["s1"], source="file:///etc/passwd")


def test_what_is_no_record(record, corpus) -> None:
    for answer in (b"<html>", b"[]", b'{"files": [{"key": "s1.zip"}]}'):
        record.instead["record"] = [answer]
        with pytest.raises(DamagedError, match="does not answer with a record"):
            get(record, corpus, "s1")


def test_no_room(record, corpus, monkeypatch) -> None:
    from truing.modalities.lipreading.grid import download as module

    monkeypatch.setattr(module, "free_space", lambda _: 1 << 18)
    with pytest.raises(UnavailableError, match="are needed"):
        get(record, corpus, "s1")
    assert fetched(record) == []
