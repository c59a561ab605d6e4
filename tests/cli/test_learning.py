"""From frozen versions over runs to a champion: the commands on the real tiny model."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from truing.cli.main import main

DIGITS = Path(__file__).parents[1] / "data" / "speech" / "digits"
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CLIP = DIGITS / "1_jackson_10.flac"
OTHER = DIGITS / "2_theo_25.flac"


def base():
    """A model that never heard theo, as it ships with the demo."""
    import truing.demo

    return Path(truing.demo.__file__).parent / "digits" / "base" / "without-theo"


def call(folder, *words):
    """Runs a command outside any test; its JSON document."""
    caught = io.StringIO()
    before, sys.stdout = sys.stdout, caught
    try:
        code = main(["--workspace", str(folder), *map(str, words), "--json"])
    finally:
        sys.stdout = before
    assert code == 0, caught.getvalue()
    return json.loads(caught.getvalue())


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A workspace with 25 labelled recordings, `mine@1` and a model trained two steps."""
    kept = {name: os.environ.pop(name) for name in [*os.environ] if name.startswith("TRUING_")}
    folder = tmp_path_factory.mktemp("trained") / "ws"
    try:
        call(folder, "init")
        call(folder, "import", "audiofolder", DIGITS)
        call(folder, "dataset", "freeze", "mine", "--validation-share", "0.1")
        options = ("--set", "max_steps=2", "--set", "batch_size=4", "--set", "threads=1")
        run = call(folder, "train", "--dataset", "mine@1", "--base", base(), *options, "--wait")
        assert (run["run"], run["state"], run["model"]) == (1, "done", "speech/1")
        yield folder
    finally:
        os.environ.update(kept)


@pytest.fixture
def mine(trained, bare, tmp_path, monkeypatch):
    """`truing` on a copy of the trained workspace."""
    from truing.platform import processes

    shutil.copytree(trained, tmp_path / "copy")
    monkeypatch.setenv("TRUING_WORKSPACE", str(tmp_path / "copy"))
    yield bare
    # No run outlives its test, whatever became of the test.
    for run in bare("jobs", "--json").json["jobs"]:
        bare("stop", run["run"], "--force")
    for child in processes._children:
        child.wait(timeout=60)


# --- datasets ------------------------------------------------------------------------------------


def test_freeze_and_look(mine):
    frozen = mine("dataset", "freeze", "other", "--test-share", "0.3", "--seed", "5", "--json").json
    assert frozen["version"] == "other@1"
    assert frozen["digest"].startswith("sha256:")
    assert frozen["train"] + frozen["validation"] + frozen["test"] == 25
    assert frozen["excluded"] == {}
    assert frozen["created_at"].endswith("Z")
    shown = mine("dataset", "show", "other@1", "--json").json
    assert shown == frozen
    listed = mine("dataset", "list", "--json").json["versions"]
    assert [one["version"] for one in listed] == ["other@1", "mine@1"]
    assert "other@1" in mine("dataset", "list").out
    assert "digest" in mine("dataset", "show", "other@1").out
    assert mine("dataset", "verify", "other@1", "--json").json == {"ok": True, "problems": []}
    assert mine("dataset", "verify", "other@1").out == "other@1 is as it was frozen\n"


def test_freeze_by_speaker(mine):
    split = ("--split", "unseen-speaker", "--test-speakers", "jackson", "--json")
    frozen = mine("dataset", "freeze", "team", *split).json
    assert (frozen["split"], frozen["test"]) == ("unseen-speaker", 10)
    unknown = mine("dataset", "freeze", "team", *split[:2], "--test-speakers", "ben")
    assert unknown.code == 2
    assert "there are: jackson, theo" in unknown.err


def test_freeze_with_nothing_to_test_on(truing):
    truing("capture", "speech", CLIP, OTHER, "--sampling", "chosen")
    assert truing("dataset", "freeze", "mine").code == 5
    for number in (1, 2):
        truing("label", number, "--text", "one")
    said = truing("dataset", "freeze", "mine")
    assert said.code == 0
    assert "nothing to test on: only samples taken by chance" in said.err


def test_freeze_of_nothing(truing):
    said = truing("dataset", "freeze", "mine", "--json")
    assert said.code == 5
    assert said.json["error"]["code"] == "nothing-to-do"
    assert truing("dataset", "list", "--json").json == {"versions": []}
    assert truing("dataset", "freeze", "../mine").code in (2, 5)


def test_diff_of_two_versions(mine):
    first = mine("samples", "--order", "oldest", "--json").json["samples"][0]["id"]
    mine("label", first, "--text", "something else")
    mine("capture", "speech", OTHER, "--text", "two", "--sampling", "wholesale")
    mine("dataset", "freeze", "mine")
    told = mine("dataset", "diff", "mine@1", "mine@2", "--json").json
    assert (told["first"], told["second"]) == ("mine@1", "mine@2")
    assert (len(told["added"]), len(told["removed"]), len(told["retold"])) == (1, 0, 1)
    assert "added" in mine("dataset", "diff", "mine@1", "mine@2").out


@pytest.mark.parametrize("words", [["show", "mine@9"], ["show", "mine"], ["diff", "mine@1", "x@1"]])
def test_versions_that_do_not_exist(mine, words):
    said = mine("dataset", *words)
    assert said.code in (2, 3)
    assert "hint: " in said.err


def test_export_of_a_version(mine, tmp_path):
    target = tmp_path / "out"
    said = mine("dataset", "export", "mine@1", "--format", "audiofolder", target)
    assert said.out == f"wrote {target}\n"
    assert len([*target.rglob("*.flac")]) == 25
    inside = mine("export", "jsonl", "--dataset", "mine@1", "--json").json["path"]
    assert inside.startswith(str(tmp_path / "copy" / "exports"))


def test_verify_finds_what_was_altered(mine, tmp_path):
    assert mine("verify").out == "everything is as it was stored\n"
    blob = next(path for path in (tmp_path / "copy" / "blobs").rglob("*") if path.is_file())
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes()[:-1] + b"?")
    said = mine("verify", "--json")
    assert said.code == 6
    assert said.json["ok"] is False
    assert len(said.json["problems"]) == 1
    assert mine("verify").code == 6


# --- runs ----------------------------------------------------------------------------------------


def test_recipes(bare):
    listed = bare("recipes", "--json").json["recipes"]
    assert "whisper" in [one["name"] for one in listed]
    options = {one["name"]: one for one in bare("recipes", "whisper", "--json").json["options"]}
    assert options["epochs"]["default"] == 20
    assert options["learning_rate"]["help"]
    assert "learning_rate" in bare("recipes", "whisper").out
    assert "whisper" in bare("recipes").out
    unknown = bare("recipes", "wisper")
    assert (unknown.code, "did you mean `whisper`?" in unknown.err) == (3, True)


def test_jobs_and_logs(mine):
    job = mine("jobs", "--json").json["jobs"][0]
    assert (job["run"], job["state"], job["step"], job["model"]) == (1, "done", 2, "speech/1")
    assert job["request"]["options"]["max_steps"] == 2
    assert job["figures"]
    assert "speech/1" in mine("jobs").out
    log = mine("logs", 1, "--json").json
    assert (log["run"], "run 1 is done" in log["lines"][-1]) == (1, True)
    followed = mine("logs", 1, "--follow")
    assert followed.out.splitlines() == log["lines"]
    lines = mine("logs", 1, "--follow", "--json").out.splitlines()
    assert [json.loads(line)["line"] for line in lines] == log["lines"]
    assert mine("logs", 9).code == 3


def test_waiting_for_a_run_tells_what_it_made(mine):
    options = ("--set", "max_steps=1", "--set", "threads=1", "--speaker", "theo", "--wait")
    said = mine("train", "--dataset", "mine@1", "--base", "speech/1", *options)
    assert said.code == 0
    assert "model            speech/2" in said.out
    assert "validation_wer" in said.out
    assert "next: truing evaluate speech/2 --dataset mine@1" in said.err
    model = mine("models", "--json").json["models"][0]
    assert (model["model"], model["audience"]) == ("speech/2", "subject:theo")
    assert model["parents"][0] == "speech/1"


def test_a_run_that_has_ended_cannot_be_changed(mine):
    assert mine("stop", 1).out == "run 1 is done\n"
    assert mine("pause", 1).code == mine("resume", 1, "--json").code == 4


def test_a_run_in_the_background_is_paused_resumed_and_stopped(mine):
    begun = mine("train", "--dataset", "mine@1", "--base", base(), "--set", "max_steps=100000")
    assert begun.out == "run 2 has begun in the background\n"
    try:
        assert mine("pause", 2, "--json").json["want"] == "pause"
        followed = mine("logs", 2, "-f")
        assert "run 2 is paused" in followed.out
        assert mine("jobs", "--json").json["jobs"][0]["state"] == "paused"
        assert "truing resume 2" in mine("pause", 2).err
        resumed = mine("resume", 2)
        assert "truing logs 2 -f" in resumed.err
    finally:
        stopped = mine("stop", 2, "--force", "--json").json
    mine("logs", 2, "--follow")
    assert stopped["want"] == "stop"
    assert mine("jobs", "--json").json["jobs"][0]["state"] == "stopped"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--base", "./nowhere"], 3, "there is no model folder `./nowhere`"),
        (["--recipe", "wisper"], 3, "did you mean `whisper`?"),
        (["--base", "champion"], 3, "there is no speech champion yet"),
        (["--set", "epoch=3"], 2, "did you mean `epochs`?"),
        (["--set", "epochs=many"], 2, "`epochs` cannot be `many`"),
        (["--set", "epochs"], 2, "`epochs` is not of the form KEY=VALUE"),
        (["--replay", "nowhere"], 3, "`nowhere`"),
    ],
)
def test_training_that_cannot_begin(mine, words, code, message):
    said = mine("train", "--dataset", "mine@1", *words)
    assert said.code == code
    assert message in said.err
    assert len(mine("jobs", "--json").json["jobs"]) == 1


def test_a_run_that_fails_is_told_with_its_log(mine, tmp_path):
    broken = tmp_path / "broken-model"
    shutil.copytree(base(), broken)
    (broken / "model.safetensors").write_bytes(b"no tensors")
    said = mine("train", "--dataset", "mine@1", "--base", broken, "--wait")
    assert said.code == 11
    assert said.err.startswith("error: run 2 failed: ")
    assert "truing logs 2" in said.err
    listed = mine("jobs")
    assert "failed" in listed.out
    assert "run 2: " in listed.err


def test_a_run_whose_process_is_gone_shows_as_lost(mine, tmp_path):
    from truing import Workspace
    from truing.platform.processes import boot_id

    with Workspace.open(tmp_path / "copy") as workspace:
        run = workspace.train("mine@1", base=str(base()), start=False)
        now = workspace.clock.now()
        identity = {"boot_id": boot_id(), "pid": 2**22 + 1, "pid_start": 1}
        workspace.store.runs.claim(run.id, **identity, now=now, lease_until=now + 10**8)
    said = mine("jobs")
    assert "lost" in said.out
    assert f"truing resume {run.id}" in said.err
    assert mine("stop", run.id, "--json").json["state"] == "stopped"


def test_interrupting_the_wait_lets_the_run_go_on(mine, monkeypatch):
    from truing.cli import runs

    def interrupted(now):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "title", interrupted)
    options = ("--base", base(), "--set", "max_steps=100000", "--wait")
    said = mine("train", "--dataset", "mine@1", *options)
    try:
        assert said.code == 130
        assert "run 2 goes on" in said.err
        assert mine("jobs", "--json").json["jobs"][0]["state"] in ("queued", "running")
    finally:
        mine("stop", 2, "--force")


# --- proof ---------------------------------------------------------------------------------------


def test_evaluate(mine):
    figures = mine("evaluate", "speech/1", "--dataset", "mine@1", "--json").json
    assert (figures["model"], figures["dataset"], figures["split"]) == (
        "speech/1",
        "mine@1",
        "test",
    )
    assert figures["rows"] == mine("dataset", "show", "mine@1", "--json").json["test"]
    assert 0 <= figures["wer"] <= 3
    assert len(figures["ci"]) == 2
    assert figures["sentence_accuracy"] <= 1
    assert figures["excluded"] == 0
    assert figures["baseline"]["name"]
    assert figures["real_time_factor"] > 0
    assert sum(one["rows"] for one in figures["speakers"]) == figures["rows"]
    errors = figures["errors"]
    wrong = errors["substitutions"] + errors["deletions"] + errors["insertions"]
    assert figures["wer"] == pytest.approx(wrong / errors["length"])
    assert sum(one["count"] for one in figures["confusions"]) <= wrong
    shown = mine("evaluate", 1, "--dataset", "mine@1")
    assert "WER" in shown.out
    assert "trivial baseline" in shown.out
    assert "speaker" in shown.out or len(figures["speakers"]) == 1
    seen = mine("evaluate", 1, "--dataset", "mine@1", "--split", "validation", "--json").json
    assert seen["split"] == "validation"
    look = mine("evaluate", 1, "--dataset", "mine@1", "--max-samples", 2, "--json").json
    assert (look["rows"], look["passed_over"]) == (2, figures["rows"] - 2)
    assert "quick look" in mine("evaluate", 1, "--dataset", "mine@1", "--max-samples", 2).out
    assert mine("evaluate", 1, "--dataset", "mine@1", "--max-samples", 0).code == 2
    assert figures["by_position"] == [], "digits are no sentences of GRID"
    assert {one["name"] for one in figures["by_familiarity"]} <= {"seen", "unseen"}


@pytest.mark.parametrize(
    ("model", "dataset", "code", "message"),
    [
        ("speech/9", "mine@1", 3, "speech/9"),
        ("./nowhere", "mine@1", 3, "there is no model folder `./nowhere`"),
        ("speech/1", "mine@9", 3, "mine@9"),
        ("speech/1", "mine", 2, "does not name a dataset version"),
    ],
)
def test_evaluating_what_is_not_there(mine, model, dataset, code, message):
    said = mine("evaluate", model, "--dataset", dataset)
    assert said.code == code
    assert message in said.err


def test_a_hub_that_cannot_be_reached(mine, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    said = mine("evaluate", "nobody/no-such-model", "--dataset", "mine@1")
    assert said.code == 8
    assert "`nobody/no-such-model`" in said.err
    assert "hint: " in said.err


def test_compare_and_its_page(mine, tmp_path):
    words = ("compare", base(), "speech/1", "--dataset", "mine@1")
    told = mine(*words, "--json").json
    assert {"difference", "ci", "p_value", "wins", "losses"} <= set(told)
    assert told["b"]["model"] == "speech/1"
    shown = mine(*words, "--html", tmp_path / "pages" / "report.html")
    assert "difference" in shown.out
    assert f"wrote {tmp_path / 'pages' / 'report.html'}" in shown.out
    page = (tmp_path / "pages" / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "speech/1" in page
    assert mine(*words, "--html", tmp_path / "pages" / "report.html").code == 4
    several = mine(*words, "speech/1", "--json").json["comparisons"]
    assert len(several) == 2
    assert mine(*words, "speech/1", "--html", tmp_path / "x.html").code == 2


def test_promotion_needs_proof_or_a_reason(mine):
    assert "no champion yet: truing promote speech/1" in mine("models").err
    refused = mine("promote", "speech/1")
    assert refused.code == 10
    assert "was not promoted: not proven" in refused.err
    verdict = mine("promote", "speech/1", "--json")
    assert verdict.code == 10
    assert verdict.json["promoted"] is False
    assert verdict.json["error"]["code"] == "not-proven"
    assert verdict.json["rows"] > 0
    assert mine("promote", "speech/1", "--force").code == 2
    assert mine("promote", "speech/1", "--reason", "x").code == 2
    forced = mine("promote", "speech/1", "--force", "--reason", "the first one")
    assert forced.code == 0
    assert "speech/1 is the champion now, by force: the first one" in forced.out
    assert mine("models", "--json").json["champion"] == "speech/1"
    assert mine("promote", "speech/1", "--force", "--reason", "again").code == 5
    back = mine("rollback")
    assert back.code == 5
    assert "hint: " in back.err


def test_the_first_model_of_a_new_workspace_is_taken_as_it_is(truing, tmp_path):
    """Nothing is reviewed yet: no gate can judge it, and the app needs a model to begin with."""
    imported = truing("model", "import", base(), "--json")
    assert imported.json["model"] == "speech/1"
    refused = truing("promote", "speech/1")
    assert refused.code == 10
    assert "not judged: `speech/1` was not trained here" in refused.err
    assert "truing promote speech/1 --force --reason" in refused.err
    told = truing("promote", "speech/1", "--force", "--reason", "first model here", "--json").json
    assert (told["promoted"], told["forced"], told["reason"]) == (True, True, "not-judged")
    heard = truing("transcribe", CLIP, "--json").json
    assert heard["files"][0]["model"] == "speech/1"


def test_promotion_that_the_gate_lets_pass(mine, monkeypatch):
    """Two steps of training prove nothing: the verdict alone is made up, the move is real."""
    import dataclasses

    from truing.loop.judge import Reason
    from truing.workspace import promoting

    judge = promoting.judge

    def passed(*args, **options):
        verdict = judge(*args, **options)
        return dataclasses.replace(
            verdict, passed=True, reason=Reason.BETTER, sentence="better: 9 % to 3 %", hint=None
        )

    monkeypatch.setattr(promoting, "judge", passed)
    said = mine("promote", "speech/1", "--speaker", "theo")
    assert said.out == "speech/1 is the champion now: better: 9 % to 3 %\n"
    assert mine("models", "--json").json["champion"] is None
    told = mine("promote", "speech/1", "--json").json
    assert (told["promoted"], told["forced"], told["passed"]) == (True, False, True)
    assert "error" not in told
    assert mine("models", "--json").json["champion"] == "speech/1"


def test_rollback_goes_one_step_back(mine, tmp_path):
    from truing import Workspace
    from truing.domain.model import Promotion

    with Workspace.open(tmp_path / "copy") as workspace:
        models = workspace.store.models
        held = None
        for model in ("speech/1", "speech/0"):
            move = Promotion(
                modality="speech",
                audience="general",
                model=model,
                previous=held,
                at=workspace.clock.now(),
                actor="ann",
                reason="gate",
            )
            models.promote(move, expected=held)
            held = model
    moved = mine("rollback", "--json").json
    assert (moved["model"], moved["previous"]) == ("speech/1", "speech/0")
    assert (moved["audience"], moved["reason"]) == ("general", "rollback")


def test_transcribe_with_a_model_and_the_champion(mine, tmp_path):
    none = mine("transcribe", CLIP)
    assert (none.code, "there is no speech champion yet" in none.err) == (3, True)
    one = mine("transcribe", CLIP, "--model", base(), "--json").json["files"][0]
    assert one["text"] == "one"
    assert one["file"] == str(CLIP)
    assert 0 < one["confidence"] <= 1
    assert one["words"][0]["text"].strip() == "one"
    assert isinstance(one["alternatives"], list)
    mine("promote", "speech/1", "--force", "--reason", "the first one")
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    several = mine("transcribe", bad, CLIP, tmp_path / "missing.wav", OTHER, "--json")
    assert several.code == 6
    files = several.json["files"]
    assert [one.get("error", {}).get("code") for one in files] == [
        "damaged",
        None,
        "not-found",
        None,
    ]
    assert files[1]["model"] == "speech/1"
    shown = mine("transcribe", CLIP, OTHER)
    assert len(shown.out.splitlines()) == 3
    assert mine("transcribe", bad).code == 6
    assert mine("transcribe", CLIP).out.strip() == files[1]["text"]


def test_capture_lets_a_model_listen(mine):
    heard = mine("capture", "speech", CLIP, "--model", "speech/1", "--json").json["samples"][0]
    sample = mine("show", heard["id"], "--json").json
    assert sample["raw"] == heard["text"]
    assert sample["predictions"][0]["model"] == "speech/1"
    assert sample["predictions"][0]["words"]
    assert sample["confidence"] == heard["confidence"]


def test_publish_for_another_program(mine, tmp_path):
    pytest.importorskip("ctranslate2")
    said = mine("publish", "speech/1", tmp_path / "app", "--layout", "s2s", "--json")
    assert said.json == {"path": str(tmp_path / "app" / "1")}
    assert (tmp_path / "app" / "1" / "model.bin").is_file()
    wrong = mine("publish", "speech/1", tmp_path / "app", "--option", "quantization=int3")
    assert wrong.code == 2
    assert [path.name for path in (tmp_path / "app").iterdir()] == ["1"]


def test_models(mine, tmp_path):
    model = mine("models", "--json").json["models"][0]
    assert (model["model"], model["champion"], model["dataset"]) == ("speech/1", [], "mine@1")
    assert Path(model["folder"]).is_dir()
    assert model["created_at"].endswith("Z")
    shutil.rmtree(model["folder"])
    assert mine("models", "--json").json["models"][0]["folder"] is None
    assert "its folder" in mine("verify").out or mine("verify").code == 6


def test_forgetting_taints_the_model(mine):
    mine("export", "jsonl", "--dataset", "mine@1")
    done = mine("forget", "--speaker", "jackson", "--yes", "--json").json
    assert done["versions"] == ["mine@1"]
    assert done["models"] == ["speech/1"]
    assert len(done["exports"]) == 1
    assert mine("dataset", "show", "mine@1", "--json").json["forgotten"] == 10
    assert mine("verify").code == 0
    tainted = mine("promote", "speech/1", "--force", "--reason", "all the same")
    assert tainted.code == 9
    assert "forgotten" in tainted.err


def test_the_worker_refuses_a_run_that_has_ended(mine):
    said = mine("job", "work", 1)
    assert said.code == 4
    assert "run 1 cannot be taken: it is done" in said.err
