"""Archives, the look at media and compressing on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

NEXVISION = Path(__file__).parents[1] / "data" / "clients" / "nexvision"


@pytest.fixture
def three(truing, filled):
    """Three samples, the first accepted."""
    numbers = filled(3)
    assert truing("label", numbers[0], "--accept").code == 0
    return numbers


def blobs(tmp_path):
    return sorted((tmp_path / "ws" / "blobs" / "sha256").rglob("*/*"))


def test_archives_from_beginning_to_end(truing, three, tmp_path):
    assert "no archives yet" in truing("archive", "list").err
    plan = truing("archive", "create", "--state", "pending", "--dry-run", "--json").json
    assert (plan["dry_run"], plan["samples"], plan["archives"]) == (True, 2, [])
    said = truing(
        "archive", "create", "--state", "pending", "--name", "old", "--to", tmp_path / "a"
    )
    assert said.code == 0
    assert "archived 2 samples" in said.out
    assert "truing archive restore old" in said.err
    assert len(blobs(tmp_path)) == 1
    assert truing("archive", "create", *three[1:]).out.splitlines() == [
        "nothing to archive",
        "archived before: 2 samples",
    ]
    (listed,) = truing("archive", "list", "--json").json["archives"]
    assert (listed["name"], listed["samples"], listed["archived"]) == ("old", 2, 2)
    assert listed["file"] == str(tmp_path / "a" / "old.tar")
    assert "old" in truing("archive", "list").out
    shown = truing("archive", "show", "old", "--json").json
    assert [(one["id"], one["here"]) for one in shown["samples"]] == [(n, False) for n in three[1:]]
    assert str(three[1]) in truing("archive", "show", tmp_path / "a" / "old.tar").out
    assert truing("archive", "verify").out == "1 archive whole and unaltered\n"
    back = truing("archive", "restore", "old", three[1], "--json").json
    assert back["ids"] == [three[1]]
    assert "brought back 1 sample from old" in truing("archive", "restore", "old").out
    again = truing("archive", "restore", "old")
    assert "brought back 0 samples" in again.out
    assert "here already  2" in again.out
    assert len(blobs(tmp_path)) == 3
    assert truing("archive", "delete", "old").code == 2
    assert truing("archive", "delete", "old", "--yes", "--json").json == {
        "removed": "old",
        "samples": 0,
    }
    assert truing("archive", "restore", "old").code == 3
    assert truing("archive", "create").code == 2


def test_a_damaged_archive_is_named(truing, three, tmp_path):
    truing("archive", "create", *three, "--name", "old")
    place = tmp_path / "ws" / "archives" / "old.tar"
    place.write_bytes(place.read_bytes()[:3000])
    said = truing("archive", "verify")
    assert said.code == 6
    assert "archive old" in said.out
    assert not truing("archive", "verify", "--json").json["ok"]
    assert truing("archive", "restore", "old").code == 6


def test_forgetting_says_which_archives(truing, three, tmp_path):
    truing("archive", "create", *three, "--name", "old")
    plan = truing("forget", three[0], "--dry-run")
    assert "archives rewritten" in plan.out
    told = truing("forget", three[0], "--yes", "--json").json
    assert (told["samples"], told["archives"], told["archives_elsewhere"]) == (1, ["old"], [])
    place = tmp_path / "ws" / "archives" / "old.tar"
    place.rename(tmp_path / "old.tar")
    told = truing("forget", three[1], "--yes", "--json").json
    assert (told["archives"], told["archives_elsewhere"]) == ([], ["old"])
    assert truing("archive", "verify").code == 6
    looked = truing("archive", "verify", tmp_path / "old.tar")
    assert looked.out.splitlines() == [
        "taken out, forgotten since: 1 sample",
        "1 archive whole and unaltered",
    ]
    assert truing("archive", "restore", "old", "--json").json["ids"] == [three[2]]


def test_media_are_looked_at_and_repaired(truing, three, tmp_path):
    assert truing("verify", "--media").out == "3 media looked at: all whole\n"
    truing("archive", "create", *three, "--name", "old")
    truing("archive", "restore", "old")
    blobs(tmp_path)[0].unlink()
    said = truing("verify", "--media")
    assert said.code == 6
    assert "it is missing" in said.out
    assert "truing verify --media --repair" in said.err
    mended = truing("verify", "--media", "--repair")
    assert mended.code == 0
    assert "the archive old" in mended.out
    truing("archive", "delete", "old", "--yes")
    blobs(tmp_path)[0].unlink()
    lost = truing("verify", "--media", "--repair")
    assert lost.code == 6
    assert "truing delete" in lost.err
    found = truing("verify", "--media", "--json").json
    assert (found["ok"], len(found["broken"])) == (False, 1)
    assert truing("samples", "--finding", "damaged", "--json").json["samples"]
    assert truing("verify", "--repair").code == 2


def test_pictures_are_compressed_when_asked(truing):
    assert truing("import", "nexvision", NEXVISION).code == 0
    words = ("compress", "1", "2", "3", "--format", "jpeg", "--quality", "60")
    assert truing(*words).code == 2
    plan = truing(*words, "--dry-run", "--json").json
    assert plan["saved"] > 0
    assert "saved" in truing(*words, "--yes").out
    assert truing(*words, "--yes", "--json").json["samples"] == 0
    assert truing("verify", "--media").code == 0
    assert truing("compress", "--format", "jpeg", "--quality", "60").code == 2
