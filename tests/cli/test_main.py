"""Help, version, the way to a command, and the one look of every error."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys

import pytest

from truing import __version__
from truing.cli import dispatch as dispatching
from truing.cli.arguments import Parser
from truing.cli.table import CALLED_ELSEWHERE, COMMANDS, GROUPS, LINES
from truing.domain.errors import ConflictError

TRUING = [sys.executable, "-m", "truing"]


def test_help_lists_every_command(bare):
    said = bare("--help")
    assert said.code == 0
    for name, line in LINES.items():
        assert f"  {name:<11} {line}\n" in said.out
    assert bare().out == bare("help").out == bare("-h").out == said.out


def test_every_command_is_in_one_group():
    grouped = [name for group in GROUPS.values() for name in group]
    assert sorted(grouped) == sorted(COMMANDS)


@pytest.mark.parametrize(("given", "meant"), CALLED_ELSEWHERE.items())
def test_what_is_suggested_for_a_name_of_other_programs_exists(given, meant, bare):
    assert given not in COMMANDS
    said = bare(*meant.split(), "--help")
    assert said.code == 0
    assert f"usage: truing {meant}" in said.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_four_names(name, bare):
    module = importlib.import_module(COMMANDS[name])
    assert module.HELP
    assert "\n" not in module.HELP
    assert module.EXAMPLE.startswith("truing ")
    module.configure(argparse.ArgumentParser())
    assert callable(module.run)
    said = bare(name, "--help")
    assert said.code == 0
    assert f"usage: truing {name}" in said.out
    assert module.EXAMPLE.splitlines()[0] in said.out
    assert bare("help", name).out == said.out


@pytest.mark.parametrize("name", COMMANDS)
def test_reading_commands_take_json_and_sketch_its_keys(name):
    parser = Parser(prog=name)
    importlib.import_module(COMMANDS[name]).configure(parser)
    deeds = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    parsers = [*deeds[0].choices.values()] if deeds else [parser]
    told = [one.format_help() for one in parsers]
    silent = {"review", "record"}
    assert name in silent or any("print JSON: " in text for text in told)


def test_version_in_a_process_of_its_own():
    done = subprocess.run([*TRUING, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"truing {__version__}\n")


def test_help_loads_few_modules_of_its_own():
    code = (
        "import sys\n"
        "from truing.cli.main import main\n"
        "main(['--help'])\n"
        "own = [name for name in sys.modules if name.startswith('truing')]\n"
        "print(sorted(own), file=sys.stderr)\n"
        "assert 'argparse' not in sys.modules\n"
        "assert 'dataclasses' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == str(
        ["truing", "truing.cli", "truing.cli.main", "truing.cli.overview", "truing.cli.table"]
    )


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["evalute"], "there is no command `evalute`", "did you mean `truing evaluate`?"),
        (["runs"], "there is no command `runs`", "did you mean `truing jobs`?"),
        (["xyzzy"], "there is no command `xyzzy`", "truing --help lists the commands"),
        (["--nonsense"], "there is no option `--nonsense`", "truing --help"),
        (["samples", "--limt", "3"], "there is no option `--limt`", "did you mean `--limit`?"),
        (["samples", "--limit", "x"], "`--limit`: `x` is not a number", "truing samples --help"),
        (["samples", "--order", "x"], "`--order` cannot be `x`", "newest, oldest"),
        (["samples", "3"], "`3` is one argument too many", "truing samples --help"),
        (["show"], "missing: ID", "truing show --help"),
        (["dataset", "freez", "x"], "no `truing dataset freez`", "did you mean `freeze`?"),
        (["dataset", "list", "--jsn"], "there is no option `--jsn`", "did you mean `--json`?"),
        (["samples", "--workspace"], "`--workspace` needs a value", "--workspace my-voice"),
        (["samples", "--set", "gate"], "`gate` is not of the form KEY=VALUE", "gate.alpha=0.01"),
        (["samples", "--from", "soon"], "`soon` is not a date", "truing samples --help"),
        (["samples", "--state", "x"], "there is no state `x`", "pending, accepted"),
        (["samples", "--confidence-below", "2"], "`2` is not a share", "truing samples --help"),
        (["watch", "s2s", "x", "--interval", "0"], "not a number of seconds", "truing watch"),
    ],
)
def test_words_that_cannot_be_used(words, message, hint, truing):
    said = truing(*words)
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert message in said.err
    first, second = said.err.splitlines()
    assert first.startswith("error: ")
    assert second.startswith("hint:  ")
    assert hint in second


def test_error_as_json_is_the_one_envelope(truing):
    said = truing("show", "99", "--json")
    assert said.code == 3
    assert said.err == ""
    assert set(said.json["error"]) == {"code", "message", "hint"}
    assert said.json["error"]["code"] == "not-found"
    usage = truing("samples", "--json", "--limt", "1")
    assert (usage.code, usage.json["error"]["code"]) == (2, "invalid-input")


def test_workspace_before_and_after_the_command(bare, tmp_path):
    assert bare("init", tmp_path / "one").code == 0
    place = str(tmp_path / "one")
    assert bare("--workspace", place, "stats", "--json").json["total"] == 0
    assert bare("stats", "--json", f"--workspace={place}").json["total"] == 0
    assert bare("dataset", "list", "--workspace", place, "--json").json == {"versions": []}


def test_no_workspace(bare, tmp_path):
    said = bare("stats")
    assert said.code == 3
    assert "there is no workspace" in said.err
    assert "truing init" in said.err
    other = bare("stats", "--workspace", tmp_path / "nowhere")
    assert other.code == 3
    assert f"`{tmp_path / 'nowhere'}` is not a workspace" in other.err
    assert not (tmp_path / "nowhere").exists()


def test_set_is_the_flag_layer(truing):
    shown = truing("config", "show", "gate.alpha", "--set", "gate.alpha=0.01", "--json").json
    assert [(one["value"], one["origin"]) for one in shown["settings"]] == [(0.01, "flag")]
    wrong = truing("--set", "gate.alhpa=1", "stats")
    assert wrong.code == 2
    assert "did you mean `gate.alpha`?" in wrong.err


def test_set_before_train_is_a_setting_and_after_it_an_option(truing):
    before = truing("--set", "no.such=1", "train", "--dataset", "mine@1")
    assert "`no.such` is not a setting" in before.err
    after = truing("train", "--dataset", "mine@1", "--set", "no.such=1")
    assert "no dataset version `mine@1`" in after.err


def test_options_may_stand_between_files(truing, tmp_path):
    said = truing("capture", "speech", "a.wav", "--speaker", "ann", "b.wav", "--json")
    assert [one["file"] for one in said.json["failed"]] == ["a.wav", "b.wav"]


def boom(error):
    """A command that fails so."""

    def run(args):
        raise error

    return run


def test_unexpected_error_is_a_sentence(bare, monkeypatch):
    from truing.cli import formats

    monkeypatch.setattr(formats, "run", boom(ZeroDivisionError("a bug")))
    said = bare("formats")
    assert said.code == 1
    assert "ZeroDivisionError: a bug" in said.err
    assert "--debug" in said.err
    assert "Traceback" not in said.err
    assert "Traceback" in bare("formats", "--debug").err
    assert bare("formats", "--json").json["error"]["code"] == "error"


def test_what_the_system_refuses_is_explained(bare, tmp_path):
    (tmp_path / "file").write_text("x")
    said = bare("init", tmp_path / "file" / "below")
    assert said.code == 8
    assert f"error: `{tmp_path / 'file' / 'below'}` cannot be used" in said.err
    assert "hint:  check the disk and the path" in said.err


def test_notes_of_an_error_are_told(bare, monkeypatch):
    from truing.cli import formats

    error = ConflictError("taken", hint="wait")
    error.add_note("it was kept as sample 3")
    monkeypatch.setattr(formats, "run", boom(error))
    assert bare("formats").err == "error: taken\n       it was kept as sample 3\nhint:  wait\n"


def test_interrupt_ends_with_130(bare, monkeypatch):
    from truing.cli import formats

    monkeypatch.setattr(formats, "run", boom(KeyboardInterrupt()))
    assert bare("formats") == type(bare("--help"))(130, "", "\n")


@pytest.mark.parametrize("words", [["--help"], ["recipes", "whisper"], ["formats", "--json"]])
def test_closed_pipe_is_quiet(words, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)  # before there is anything to read
    with subprocess.Popen(
        [*TRUING, *words], stdout=writing, stderr=subprocess.PIPE, cwd=tmp_path
    ) as process:
        os.close(writing)
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_message_with_control_characters_is_harmless(bare):
    said = bare("samples\x1b[31m")
    assert "\x1b" not in said.err


def test_double_dash_ends_global_flags():
    given, rest = dispatching.take_globals(["show", "--", "--workspace", "x"])
    assert given.workspace is None
    assert rest == ["show", "--", "--workspace", "x"]


def test_output_that_is_not_utf8_is_still_written(tmp_path):
    environment = {"PYTHONIOENCODING": "ascii", "PATH": "", "TRUING_WORKSPACE": str(tmp_path / "ü")}
    words = [*TRUING, "init", str(tmp_path / "ü"), "--json"]
    done = subprocess.run(words, capture_output=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["workspace"].endswith("ü")
