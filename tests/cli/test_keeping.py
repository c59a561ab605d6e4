"""Backups, trash and forgetting on the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import recordings


@pytest.fixture
def three(truing, filled):
    """Three samples, the first two accepted."""
    numbers = filled(3)
    for number in numbers[:2]:
        assert truing("label", number, "--accept").code == 0
    return numbers


def shown(truing):
    return [one["id"] for one in truing("samples", "--order", "oldest", "--json").json["samples"]]


def test_delete_and_take_back(truing, three):
    said = truing("delete", three[0], three[2])
    assert said.code == 0
    assert "moved 2 samples into the trash, for 7 days" in said.out
    assert f"truing trash restore {three[0]} {three[2]}" in said.err
    assert shown(truing) == [three[1]]
    listed = truing("trash", "list", "--json").json
    assert listed["count"] == 2
    assert {one["id"] for one in listed["samples"]} == {three[0], three[2]}
    assert str(three[2]) in truing("trash", "list").out
    assert truing("trash", "restore", "--last", "--json").json == {"restored": [three[0], three[2]]}
    assert shown(truing) == three
    assert truing("trash", "list").err.strip() == "the trash is empty"
    assert truing("show", three[0], "--json").json["state"] == "accepted"


def test_delete_by_filter_and_empty(truing, three):
    gone = truing("delete", "--state", "accepted", "--json")
    assert gone.json == {"deleted": three[:2], "days": 7.0}
    refused = truing("trash", "empty")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert truing("trash", "empty", "--yes", "--json").json == {"samples": 2, "blobs": 2}
    assert truing("verify").code == 0
    assert truing("trash", "restore", three[0]).code == 3
    assert truing("delete").code == 2
    assert truing("delete", three[2], "--state", "pending").code == 2


def test_reviewing_what_was_deleted_says_how_to_get_it_back(truing, three):
    truing("delete", three[2])
    said = truing("label", three[2], "--accept")
    assert said.code == 4
    assert f"truing trash restore {three[2]}" in said.err


def test_backups_from_beginning_to_end(truing, three, tmp_path):
    assert "no backups yet" in truing("backup", "list").err
    made = truing("backup", "create", "--json").json
    assert made["samples"] == 3
    assert made["reason"] == "by-hand"
    assert made["name"] in truing("backup", "list").out
    assert truing("backup", "verify").code == 0
    truing("label", three[2], "--text", "something else")
    refused = truing("backup", "restore", made["name"])
    assert refused.code == 2
    done = truing("backup", "restore", made["name"], "--yes", "--json").json
    assert (done["samples"], done["forgotten"]) == (3, 0)
    assert truing("show", three[2], "--json").json["state"] == "pending"
    back = truing("backup", "restore", done["before"], "--yes")
    assert "it was the wrong one?" in back.err
    assert truing("show", three[2], "--json").json["truth"] == "something else"
    assert truing("backup", "remove", made["name"], "--json").json == {"removed": made["name"]}
    assert truing("backup", "remove", made["name"]).code == 3


def test_a_copy_elsewhere(truing, bare, three, tmp_path, monkeypatch):
    made = truing("backup", "create", "--to", tmp_path / "disk", "--json").json
    assert made["whole"]
    inside = truing("backup", "create", "--to", tmp_path / "ws" / "copy")
    assert inside.code == 2
    shutil.rmtree(tmp_path / "ws")
    monkeypatch.delenv("TRUING_WORKSPACE")
    assert bare("backup", "verify", made["folder"]).code == 0
    assert bare("backup", "restore", made["folder"], "--into", tmp_path / "new").code == 0
    assert bare("verify", "--workspace", tmp_path / "new").code == 0
    assert len(bare("samples", "--workspace", tmp_path / "new", "--json").json["samples"]) == 3
    assert bare("backup", "verify", "no-such").code == 3


def test_a_broken_backup_is_named(truing, three, tmp_path):
    made = truing("backup", "create", "--json").json
    (Path(made["folder"]) / "manifest.json").write_text("{", encoding="utf-8")
    listed = truing("backup", "list", "--json").json
    assert listed == {"backups": [], "broken": [made["name"]]}
    assert truing("backup", "list").err.count(made["name"]) == 2
    assert truing("backup", "verify", made["name"]).code == 6
    assert truing("backup", "restore", made["name"], "--yes").code == 6


def test_the_schedule(truing, three):
    told = truing("backup", "schedule", "--json").json
    assert (told["every_hours"], told["keep"], told["before_training"]) == (24.0, 7, True)
    told = truing("backup", "schedule", "--every", "0", "--keep", "3", "--json").json
    assert (told["every_hours"], told["keep"], told["due"]) == (0.0, 3, False)
    assert "only when asked" in truing("backup", "schedule").out
    assert truing("backup", "schedule", "--keep", "0").code == 2


def test_the_daily_backup_comes_with_a_command_that_writes(truing, three):
    truing("config", "set", "backup.every_hours", "0.0000001")
    assert "backed up, as every day" in truing("label", three[2], "--reject").err
    assert len(truing("backup", "list", "--json").json["backups"]) == 1
    assert "backed up" not in truing("samples").err


def test_forget_shows_what_would_go(truing, three):
    truing("dataset", "freeze", "mine")
    made = truing("backup", "create", "--json").json
    plan = truing("forget", three[0], "--dry-run", "--json").json
    assert plan["samples"] == 1
    assert plan["versions"] == ["mine@1"]
    assert plan["backups"] == [made["name"]]
    told = truing("forget", three[0], "--dry-run")
    assert "backups rewritten" in told.out
    assert shown(truing) == three
    done = truing("forget", three[0], "--yes", "--json").json
    assert done == plan
    assert shown(truing) == three[1:]
    assert truing("backup", "verify", made["name"]).code == 0


def test_a_contact_is_forgotten(truing, filled):
    assert truing("capture", "speech", *recordings("theo", 2), "--contact", "Ann@x.org").code == 0
    mine = [one["id"] for one in truing("samples", "--source", "files", "--json").json["samples"]]
    assert truing("forget", "--contact", "ben@x.org", "--yes").code == 3
    assert truing("forget", "--contact", "ann@x.org", "--speaker", "theo", "--yes").code == 2
    plan = truing("forget", "--contact", "ann@x.org", "--dry-run", "--json").json
    assert plan["samples"] == len(mine) == 2
    done = truing("forget", "--contact", " ANN@x.org ", "--yes", "--json")
    assert done.json == plan
    assert "x.org" not in done.out + done.err
    assert truing("samples", "--json").json["samples"] == []
    assert truing("verify", "--marker", "ann@x.org").code == 0


def test_verify_looks_for_a_text(truing, three):
    truing("label", three[2], "--text", "plughmarker of mine")
    truing("backup", "create")
    found = truing("verify", "--marker", "plughmarker")
    assert found.code == 6
    assert "backups/" in found.out
    truing("forget", three[2], "--yes")
    gone = truing("verify", "--marker", "plughmarker")
    assert (gone.code, gone.out.strip()) == (0, "it is nowhere")
    assert truing("verify", "--marker", "ab").code == 2
