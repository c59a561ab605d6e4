"""Workspaces, settings, and everything that brings samples in or takes them out."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data"
DIGITS = DATA / "speech" / "digits"
ONE = DIGITS / "1_jackson_10.flac"
TWO = DIGITS / "2_theo_25.flac"
DATABASE = DATA / "clients" / "s2s" / "s2s_2025-12_zlib_nullflags.db"


def names_below(folder):
    """Every file of a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


# --- workspace and settings ----------------------------------------------------------------------


def test_init_makes_a_workspace(bare, tmp_path):
    said = bare("init", "my-voice")
    assert (said.code, said.out) == (0, f"made the workspace {tmp_path / 'my-voice'}\n")
    assert "next: cd my-voice, then truing capture speech" in said.err
    assert (tmp_path / "my-voice" / "truing.toml").is_file()


def test_init_in_the_current_folder(bare, tmp_path):
    assert bare("init", "--json").json == {"workspace": str(tmp_path)}
    again = bare("init", "--json")
    assert again.code == 4
    assert "is a workspace already" in again.json["error"]["message"]


def test_init_leaves_other_files_alone(bare, tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    said = bare("init")
    assert said.code == 4
    assert "is not empty" in said.err
    assert names_below(tmp_path) == ["mine.txt"]


def test_config_shows_where_values_come_from(truing, monkeypatch):
    assert truing("config", "set", "gate.alpha", "0.01").out == "gate.alpha = 0.01\n"
    monkeypatch.setenv("TRUING_CAPTURE_MODE", "off")
    shown = truing("config", "show", "--json").json["settings"]
    found = {one["key"]: (one["value"], one["origin"]) for one in shown}
    assert found["gate.alpha"] == (0.01, "truing.toml")
    assert found["capture.mode"] == ("off", "TRUING_CAPTURE_MODE")
    assert found["split.test_share"] == (0.2, "default")
    assert any(key.startswith("speech.") for key in found)
    assert "gate.alpha" in truing("config", "show", "gate.alpha").out


def test_config_set_tells_that_a_variable_goes_first(truing, monkeypatch):
    monkeypatch.setenv("TRUING_CAPTURE_MODE", "off")
    assert "TRUING_CAPTURE_MODE is set" in truing("config", "set", "capture.mode", "every").err


def test_config_set_mends_a_broken_setting(truing, tmp_path):
    (tmp_path / "ws" / "truing.toml").write_text("[gate]\nalpha = 7\n")
    broken = truing("stats")
    assert broken.code == 2
    assert "`gate.alpha` cannot be 7" in broken.err
    assert truing("config", "set", "gate.alpha", "0.05").code == 0
    assert truing("stats").code == 0


@pytest.mark.parametrize(("key", "value"), [("gate.alhpa", "1"), ("capture.mode", "often")])
def test_config_set_refuses(truing, tmp_path, key, value):
    before = (tmp_path / "ws" / "truing.toml").read_bytes()
    said = truing("config", "set", key, value)
    assert said.code == 2
    assert "hint: " in said.err
    assert (tmp_path / "ws" / "truing.toml").read_bytes() == before


def test_doctor_inside_and_outside(truing, bare, tmp_path, monkeypatch):
    inside = truing("doctor", "--json").json
    assert inside["ok"] is True
    assert {"python", "sqlalchemy", "database", "champion"} <= {c["name"] for c in inside["checks"]}
    monkeypatch.delenv("TRUING_WORKSPACE")
    outside = bare("doctor")
    assert outside.code == 0
    assert "none here" in outside.out
    named = bare("doctor", "--workspace", tmp_path / "nowhere")
    assert named.code == 1
    assert "FAULT  workspace" in named.out


def test_doctor_looks_at_the_gpu_when_it_is_asked_to(bare, tmp_path):
    plain = {one["name"] for one in bare("doctor", "--json").json["checks"]}
    assert not {"CUDA", "model"} & plain
    said = bare("doctor", "--gpu", "--model", tmp_path, "--json")
    found = {one["name"]: one for one in said.json["checks"]}
    assert {"CUDA", "trl", "peft", "bitsandbytes", "model"} <= found.keys()
    assert not found["model"]["ok"]  # an empty folder
    assert said.code == 1
    assert "FAULT  model" in bare("doctor", "--model", tmp_path).out


def test_doctor_names_a_broken_database(truing, tmp_path):
    for file in (tmp_path / "ws").glob("truing.db*"):
        file.unlink()
    (tmp_path / "ws" / "truing.db").write_bytes(b"not a database" * 1000)
    said = truing("doctor")
    assert said.code == 1
    assert "FAULT" in said.out


def test_formats_and_plugins(bare):
    formats = {one["name"]: one for one in bare("formats", "--json").json["formats"]}
    assert formats["s2s"]["watch"] is True
    assert formats["audiofolder"]["import"] is True
    assert formats["audiofolder"]["watch"] is False
    assert "audiofolder" in bare("formats").out
    plugins = bare("plugins", "--json").json["plugins"]
    assert ("modality", "speech", True, True) in {
        (one["kind"], one["name"], one["built_in"], one["ok"]) for one in plugins
    }
    assert "speech recipe" in bare("plugins").out


def test_broken_plugin_is_named_and_hides_nothing(bare, monkeypatch):
    from truing.workspace import formats

    monkeypatch.setattr(formats, "_plugins", {"odd": "no_such_package.odd:Odd"})
    said = bare("plugins")
    assert said.code == 0
    assert "BROKEN: DamagedError: the format `odd` could not be loaded" in said.out
    assert "audiofolder" in said.out


# --- capture -------------------------------------------------------------------------------------


def test_capture_keeps_recordings(truing):
    said = truing("capture", "speech", ONE, TWO, "--speaker", "ann", "--session", "monday")
    assert said.code == 0
    assert "1_jackson_10.flac" in said.out
    assert "next: truing review" in said.err
    samples = truing("samples", "--json", "--order", "oldest").json["samples"]
    assert [one["speaker"] for one in samples] == ["ann", "ann"]
    assert [one["session"] for one in samples] == ["monday", "monday"]
    assert samples[0]["state"] == "pending"
    assert samples[0]["duration"] == pytest.approx(0.59, abs=0.05)


def test_capture_of_one_file_with_texts(truing):
    said = truing(
        *("capture", "speech", ONE, "--raw", "won", "--corrected", "Won.", "--text", "one"),
        *("--model", "my-app", "--sampling", "audit", "--json"),
    )
    row = said.json["samples"][0]
    assert (row["id"], row["new"], row["text"]) == (1, True, "one")
    sample = truing("show", 1, "--json").json
    assert (sample["raw"], sample["corrected"], sample["truth"]) == ("won", "Won.", "one")
    assert (sample["state"], sample["sampling"]) == ("corrected", "audit")
    assert sample["predictions"][0]["model"] == "my-app"


def test_capture_twice_adds_nothing(truing):
    truing("capture", "speech", ONE)
    again = truing("capture", "speech", ONE)
    assert "here already" in again.out
    assert truing("stats", "--json").json["total"] == 1


def test_capture_takes_folders_and_patterns(truing, tmp_path):
    folder = tmp_path / "clips" / "monday"
    folder.mkdir(parents=True)
    for source in (ONE, TWO):
        shutil.copy(source, folder)
    (folder / "notes.txt").write_text("no sound")
    (folder / ".hidden.wav").write_bytes(b"")
    found = truing("capture", "speech", tmp_path / "clips", f"{folder}/*.fl*", "--json").json
    assert [Path(one["file"]).name for one in found["samples"]] == [ONE.name, TWO.name]
    assert found["failed"] == []
    empty = tmp_path / "empty"
    empty.mkdir()
    assert truing("capture", "speech", empty).code == 5
    nothing = truing("capture", "speech", "*.wav")
    assert (nothing.code, "no file fits `*.wav`" in nothing.err) == (5, True)


def test_capture_goes_on_after_a_bad_file(truing, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF no sound at all")
    said = truing("capture", "speech", bad, tmp_path / "missing.wav", ONE, "--json")
    assert said.code == 6
    assert [one["code"] for one in said.json["failed"]] == ["damaged", "not-found"]
    assert len(said.json["samples"]) == 1
    shown = truing("capture", "speech", bad, ONE)
    assert shown.code == 6
    assert "was left out; the other files were kept" in shown.err


def test_capture_of_one_bad_file_is_an_error(truing, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF no sound at all")
    said = truing("capture", "speech", bad)
    assert said.code == 6
    assert "bad.wav" in said.err
    assert truing("stats", "--json").json["total"] == 0
    assert truing("capture", "speech", tmp_path).code == 6


def test_capture_refuses_one_text_for_two_files(truing):
    said = truing("capture", "speech", ONE, TWO, "--text", "one")
    assert said.code == 2
    assert "`--text` belongs to one recording, not to 2" in said.err
    assert truing("stats", "--json").json["total"] == 0


def test_capture_follows_the_settings(truing):
    said = truing("capture", "speech", ONE, "--set", "capture.mode=off")
    assert said.code == 0
    assert "not kept" in said.err
    refused = truing("--set", "consent.policy=off", "capture", "speech", ONE)
    assert refused.code == 9
    assert "consent.policy" in refused.err


def test_capture_with_an_unknown_modality_or_model(truing):
    unknown = truing("capture", "speach", ONE)
    assert unknown.code == 3
    assert "did you mean `speech`?" in unknown.err
    model = truing("capture", "speech", ONE, "--model", "./nowhere")
    assert model.code == 3
    assert "there is no model folder `./nowhere`" in model.err
    champion = truing("capture", "speech", ONE, "--model", "champion")
    assert (champion.code, "there is no speech champion yet" in champion.err) == (3, True)
    assert truing("stats", "--json").json["total"] == 0


# --- import, watch, export -----------------------------------------------------------------------


def test_import_twice(truing):
    first = truing("import", "audiofolder", DIGITS, "--json").json
    assert (first["added"], first["skipped"], first["failed"]) == (25, 0, 0)
    second = truing("import", "audiofolder", DIGITS)
    assert second.out == "0 added, 25 skipped as here already, 0 failed\n"
    assert truing("stats", "--json").json["accepted"] == 25


def test_import_reports_bad_rows(truing, tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    shutil.copy(ONE, folder)
    rows = [{"file_name": ONE.name, "transcription": "one"}, {"file_name": "missing.wav"}]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    said = truing("import", "audiofolder", folder)
    assert said.code == 0
    assert said.out.startswith("1 added, 0 skipped as here already, 1 failed\n")
    assert "missing.wav" in said.out


def test_import_of_nothing_but_bad_rows_fails(truing, tmp_path):
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "metadata.jsonl").write_text('{"file_name": "missing.wav"}\n' * 30)
    said = truing("import", "audiofolder", folder)
    assert said.code == 1
    assert "10 failures more" in said.err


@pytest.mark.parametrize(
    ("format", "path", "code"),
    [("nope", ".", 3), ("audiofolder", "nowhere", 3), ("s2s", str(ONE), 2)],
)
def test_import_from_what_cannot_be_read(truing, format, path, code):
    said = truing("import", format, path)
    assert said.code == code
    assert said.err.startswith("error: ")
    assert truing("stats", "--json").json["total"] == 0


def test_watch_follows_both_ways(truing, tmp_path):
    database = tmp_path / "app.db"
    shutil.copy(DATABASE, database)
    first = truing("watch", "s2s", database, "--once", "--json").json
    assert first["added"] > 0
    again = truing("watch", "s2s", database, "--once")
    assert again.out == f"0 added, {first['added']} skipped as here already, 0 failed\n"
    sample = truing("samples", "--state", "pending", "--json").json["samples"][0]
    truing("label", sample["id"], "--text", "what was really said")
    back = truing("watch", "s2s", database, "--once", "--write-back")
    assert "1 row written back" in back.out
    with sqlite3.connect(database) as connection:
        texts = [row[0] for row in connection.execute("SELECT transcript FROM s2s_training_data")]
    connection.close()
    assert "what was really said" in texts


def test_watch_goes_on_until_interrupted(truing, tmp_path, monkeypatch):
    import time

    looks = []

    def sleep(seconds):
        looks.append(seconds)
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", sleep)
    database = tmp_path / "app.db"
    shutil.copy(DATABASE, database)
    said = truing("watch", "s2s", database, "--interval", "0.5")
    assert said.code == 130
    assert looks == [0.5, 0.5, 0.5]
    assert said.out.count("added") == 1


def test_watch_waits_when_the_database_is_locked(truing, tmp_path, monkeypatch):
    import time

    from truing.domain.errors import UnavailableError
    from truing.workspace import following

    def locked(*args, **options):
        raise UnavailableError("`app.db` is locked", hint="wait")

    def sleep(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(following, "follow", locked)
    monkeypatch.setattr(time, "sleep", sleep)
    said = truing("watch", "s2s", tmp_path / "app.db")
    assert said.code == 130
    assert "error: `app.db` is locked" in said.err
    assert truing("watch", "s2s", tmp_path / "app.db", "--once").code == 8


def test_watch_refuses_what_cannot_be_followed(truing):
    said = truing("watch", "audiofolder", DIGITS, "--once")
    assert said.code == 2
    assert "import it: truing import audiofolder" in said.err


def test_export_and_import_again(truing, filled, tmp_path):
    numbers = filled(3)
    truing("label", numbers[0], "--text", "zero")
    target = tmp_path / "out"
    said = truing("export", "audiofolder", target, "--state", "corrected", "--json")
    assert said.json == {"path": str(target)}
    assert sum(path.suffix == ".flac" for path in target.iterdir()) == 1
    assert truing("export", "audiofolder", target).code == 4
    inside = truing("export", "jsonl")
    assert inside.out.startswith(f"wrote {tmp_path / 'ws' / 'exports'}")
    outside = truing("export", "jsonl", tmp_path / "other")
    assert "`truing forget` does not reach it there" in outside.err


def test_export_of_nothing(truing, tmp_path):
    said = truing("export", "audiofolder", tmp_path / "out")
    assert said.code == 5
    assert not (tmp_path / "out").exists()


def test_export_of_a_version_is_whole(truing):
    said = truing("export", "jsonl", "--dataset", "mine@1", "--speaker", "ann")
    assert said.code == 2
    assert "exported whole" in said.err


def test_check_counts_findings(truing, filled):
    filled(3)
    assert truing("check", "--json").json["samples"] == 3
    strict = truing("check", "--set", "speech.min_seconds=5")
    assert strict.out.startswith("3 samples checked, 3 with findings, 3 changed\n")
    assert truing("samples", "--finding", "any", "--json").json["samples"][0]["findings"]
    assert "no sample fits" in truing("check", "--speaker", "nobody").err


# --- looking -------------------------------------------------------------------------------------


def test_empty_workspace_says_what_to_do(truing):
    for words, hint in {
        ("samples",): "no samples yet: truing capture",
        ("stats",): "no samples yet: truing capture",
        ("review",): "no samples yet: truing capture",
        ("models",): "no models yet: truing train",
        ("jobs",): "no runs yet: truing train",
        ("dataset", "list"): "no datasets yet: review some samples, then truing dataset freeze",
    }.items():
        said = truing(*words)
        assert (said.code, said.out) == (0, ""), words
        assert hint in said.err
    assert truing("samples", "--json").json == {"samples": [], "next": None}
    none = {"champion": None, "champions": {}, "models": []}
    assert truing("models", "--json").json == none
    assert truing("jobs", "--json").json == {"jobs": []}


def test_samples_page_by_cursor(truing, filled):
    numbers = filled(5)
    seen, after = [], []
    while True:
        page = truing("samples", "--limit", 2, "--order", "oldest", "--json", *after).json
        seen += [one["id"] for one in page["samples"]]
        if page["next"] is None:
            break
        after = ["--after", page["next"]]
    assert seen == numbers
    shown = truing("samples", "--limit", 2)
    assert len(shown.out.splitlines()) == 3
    assert "there are more: --after " in shown.err
    assert truing("samples", "--after", "nonsense").code == 2


def test_samples_narrowed(truing, filled):
    numbers = filled(3)
    truing("label", numbers[0], "--accept")

    def found(*flags):
        return [one["id"] for one in truing("samples", "--json", *flags).json["samples"]]

    assert found("--state", "accepted") == numbers[:1]
    assert sorted(found("--state", "accepted,pending")) == numbers
    assert sorted(found("--speaker", "theo")) == numbers
    assert found("--speaker", "nobody") == []
    assert sorted(found("--text", "seven", "--no-trained", "--until", "2200-01-01")) == numbers
    assert found("--from", "2200-01-01") == []
    assert sorted(found("--confidence-below", "0.6")) == numbers
    assert found("--confidence-below", "0.4") == []
    assert sorted(found("--sampling", "wholesale", "--modality", "speech")) == numbers
    assert found("--finding", "any") == []
    assert "no sample fits" in truing("samples", "--speaker", "nobody").err


def test_show_and_history(truing, filled):
    number = filled(1)[0]
    truing("label", number, "--text", "zero", "--why", "clear")
    shown = truing("show", number).out
    assert "raw output  seven" in shown
    assert "truth       zero" in shown
    assert "uid" in shown
    history = truing("history", number, "--json").json
    assert history["sample"] == number
    assert [one["verdict"] for one in history["revisions"]] == ["corrected"]
    assert history["revisions"][0]["actor"] == "ann"
    assert "clear" in truing("history", number).out
    assert truing("history", 99).code == 3


def test_show_plays(truing, filled, monkeypatch):
    """No machine of ours has a loudspeaker: what would be played is caught at the border."""
    from truing.modalities.speech.modality import Speech

    played = []
    monkeypatch.setattr(Speech, "play", lambda _self, media: played.append(media["audio"].path))
    number = filled(1)[0]
    assert truing("show", number, "--play").code == 0
    assert played[0].is_file()


def test_stats(truing, filled):
    numbers = filled(4)
    truing("label", numbers[0], "--accept")
    truing("label", numbers[1], "--text", "zero")
    truing("label", numbers[2], "--reject")
    stats = truing("stats", "--json").json
    counted = {name: stats[name] for name in ("total", "pending", "accepted", "corrected")}
    assert counted == {"total": 4, "pending": 1, "accepted": 1, "corrected": 1}
    assert (stats["rejected"], stats["skipped"], stats["trained"]) == (1, 0, 0)
    raw = stats["accuracy"]["all"]["raw"]
    assert (raw["samples"], raw["share_correct"], raw["wer"]) == (2, 0.5, 0.5)
    assert set(stats["accuracy"]["by_speaker"]) == {"theo"}
    disk = stats["disk"]
    parts = ("media", "models", "runs", "database", "other")
    assert sum(disk[part] for part in parts) == disk["total"] > disk["media"] > 0
    assert disk["quota"] is None
    assert disk["free"] > 0
    shown = truing("stats")
    assert "all reviewed" in shown.out
    assert "speaker theo" in shown.out
    assert (
        truing("stats", "--speaker", "nobody", "--json").json["accuracy"]["all"]["raw"]["samples"]
        == 0
    )


def test_stats_before_any_review(truing, filled):
    filled(1)
    said = truing("stats")
    assert "samples    1" in said.out
    assert "truing review" in said.err
