"""`truing import` and `truing watch` where `consent.policy` is `ask`: the basis is stated."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

CLIENTS = Path(__file__).parents[1] / "data" / "clients"
TREE = CLIENTS / "nexvision_doc"
CLIP = next((CLIENTS / "chaplin_samples").rglob("training_*.avi"))


@pytest.fixture
def asking(truing):
    """`truing` with a workspace that asks for consent."""
    assert truing("config", "set", "consent.policy", "ask").code == 0
    return truing


def test_import_names_the_command_and_then_the_basis(asking):
    refused = asking("import", "nexvision", TREE)
    assert (refused.code, refused.out) == (9, "")
    assert f"truing import nexvision '{TREE}' --consent person" in refused.err

    said = asking("import", "nexvision", TREE, "--consent", "person", "--json")
    assert said.code == 0
    told = said.json
    assert (told["added"], told["consent"], told["consent_basis"]) == (2, "ask", "person")
    assert told["consent_reason"] is None
    shown = asking("show", 1, "--json").json
    assert (shown["consent"], shown["consent_basis"]) == ("ask", "person")


def test_import_says_why_it_was_kept(asking):
    words = ("import", "nexvision", TREE, "--consent", "operator", "--reason", "staff, by contract")
    said = asking(*words)
    assert "kept because the operator says: staff, by contract" in said.out
    assert asking("show", 1, "--json").json["consent_reason"] == "staff, by contract"


def test_another_basis_is_refused(asking):
    refused = asking("import", "nexvision", TREE, "--consent", "everybody")
    assert refused.code == 2
    assert "person, operator" in refused.err


def test_watch_of_a_database_takes_the_basis(asking, tmp_path):
    for words in (
        ("init", tmp_path / "own"),
        ("--workspace", tmp_path / "own", "capture", "speech",
         Path(__file__).parents[1] / "data/speech/quality/sb_clean.flac", "--raw", "one"),
        ("--workspace", tmp_path / "own", "export", "s2s", tmp_path / "app.db"),
    ):  # fmt: skip
        assert asking(*words).code == 0
    refused = asking("watch", "s2s", tmp_path / "app.db", "--once")
    assert refused.code == 9
    assert f"truing watch s2s '{tmp_path / 'app.db'}' --consent person" in refused.err
    said = asking("watch", "s2s", tmp_path / "app.db", "--once", "--json", "--consent",
                  "person")  # fmt: skip
    assert said.code == 0, said.err
    assert (json.loads(said.out)["added"], json.loads(said.out)["consent_basis"]) == (1, "person")


def test_watch_of_a_folder_takes_the_basis_before_the_first_clip(asking, tmp_path):
    folder = tmp_path / "app"
    folder.mkdir()
    refused = asking("watch", folder, "--once")
    assert refused.code == 9
    assert f"truing watch '{folder}' --consent person" in refused.err
    shutil.copyfile(CLIP, folder / "webcam1700000000000.avi")
    said = asking("watch", folder, "--once", "--consent", "person", "--json")
    assert said.code == 0, said.err
    number = json.loads(said.out)["samples"][0]
    assert asking("show", number, "--json").json["consent_basis"] == "person"
