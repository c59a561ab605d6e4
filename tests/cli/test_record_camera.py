"""Recording lips: Chaplin's order of questions at a real terminal, and without one.

A video of a speaking face stands in for the camera, and a small program for the model; the codec,
the face mesh, the database and the chat server are real.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from truing.testing.chat_server import chat_server

FACE = Path(__file__).parents[1] / "data" / "lipreading" / "grid" / "bbaf2n.mpg"
ON_UNIX = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
READS = """
import json, sys
from pathlib import Path
import av
with av.open(sys.argv[1]) as file:
    frames = sum(1 for _ in file.decode(video=0))
print(json.dumps({"text": "BIN BLUE AT S TWO NOW", "confidence": 0.5}))
Path("seen").open("a").write(f"{Path(sys.argv[1]).suffix} {frames}\\n")
"""


@pytest.fixture
def program(tmp_path):
    """A model: a program that always reads the same, and notes the frames it was shown."""
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "infer.py").write_text(READS)
    command = [sys.executable, "infer.py", "{video}"]
    (folder / "config.json").write_text(
        json.dumps({"model_type": "external", "command": command, "seconds": 60})
    )
    return folder


def samples(truing):
    """What was kept, oldest first."""
    return truing("samples", "--order", "oldest", "--json").json["samples"]


def facts(tmp_path, number):
    """The facts of the video of a sample."""
    from truing import Workspace

    with Workspace.open(tmp_path / "ws") as workspace:
        (medium,) = workspace.sample(number).media
        return medium.facts


# --- a real terminal -----------------------------------------------------------------------------


class Terminal:
    """`truing` in a process of its own whose three streams are a pseudo-terminal."""

    def __init__(self, words, environment):
        import pty

        self.seen = ""
        self.number, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "truing", *map(str, words)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        os.close(theirs)

    def until(self, text, seconds=60):
        """Reads until the text was shown since the last call; returns what came before it."""
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            ready = select.select([self.number], [], [], max(0, deadline - time.monotonic()))[0]
            try:
                assert ready, f"`{text}` was not shown in: {self.seen}"
                self.seen += os.read(self.number, 4096).decode("utf-8", "replace")
            except OSError:
                raise AssertionError(f"`{text}` was not shown in: {self.seen}") from None
        shown, _, self.seen = self.seen.partition(text)
        return shown

    def type(self, text):
        """Presses keys."""
        os.write(self.number, text.encode())

    def end(self):
        """Waits for the process; its exit code."""
        try:
            while os.read(self.number, 4096):
                pass
        except OSError:
            pass  # the other side was closed
        os.close(self.number)
        return self.process.wait(timeout=60)


@pytest.fixture
def terminal(truing, tmp_path):
    """Starts `truing record` at a terminal, with its temporary files in a folder of its own."""
    (tmp_path / "tmp").mkdir()
    started = []

    def start(*words, **environment):
        told = {
            "TRUING_WORKSPACE": str(tmp_path / "ws"),
            "TERM": "xterm",
            "COLUMNS": "100",
            "HOME": str(tmp_path),
            "TMPDIR": str(tmp_path / "tmp"),
            "OMP_NUM_THREADS": "1",
        }
        words = ["record", "--camera", FACE, "--speaker", "ann", *words]
        started.append(Terminal(words, told | environment))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


@ON_UNIX
def test_the_e_flow_at_a_terminal(truing, terminal, program, tmp_path):
    with chat_server() as chat:
        chat.text = "Bin blue at F two now."
        screen = terminal(
            "--model",
            program,
            "--minimum",
            1,
            TRUING_CORRECTOR_URL=chat.address,
            TRUING_CORRECTOR_MODEL="qwen3:4b",
        )
        # Right as the language model corrected it.
        screen.until("Enter records, q ends: ")
        screen.type("\r")
        screen.until("Enter ends the recording")
        screen.until("the recording has ended; Enter goes on")
        screen.type("\r")
        screen.until("75 frames in 3.0 s")
        screen.until("RAW OUTPUT      BIN BLUE AT S TWO NOW")
        screen.until("LLM CORRECTION  Bin blue at F two now.")
        screen.until("kept as sample 1")
        screen.until("Was this correct? (y/n")
        screen.type("y")
        screen.until("Marked as correct")
        # Wrong: the truth is typed; this time Enter ends the recording, however few frames it has.
        screen.until("Enter records, q ends: ")
        screen.type("\r")
        screen.until("Enter ends the recording")
        time.sleep(1.0)
        screen.type("\r")
        screen.until("RAW OUTPUT")
        screen.until("Was this correct? (y/n")
        screen.type("n")
        screen.until("What was said? ")
        screen.type("bin blue at f two soon\r")
        screen.until("Training sample saved!")
        # Edited in place.
        screen.until("Enter records, q ends: ")
        screen.type("\r")
        screen.until("the recording has ended; Enter goes on")
        screen.type("\r")
        screen.until("Was this correct? (y/n")
        screen.type("e")
        screen.until("Edit: ")
        screen.type(" Please.\r")
        screen.until("Training sample saved!")
        screen.until("Enter records, q ends: ")
        screen.type("q\r")
        assert screen.end() == 0
        assert len(chat.asked) == 3
        assert "lip-reading" in chat.asked[0][2]["messages"][0]["content"]
    kept = samples(truing)
    assert [(one["raw"], one["corrected"], one["truth"], one["state"]) for one in kept] == [
        ("BIN BLUE AT S TWO NOW", "Bin blue at F two now.", truth, state)
        for truth, state in (
            ("Bin blue at F two now.", "accepted"),
            ("bin blue at f two soon", "corrected"),
            ("Bin blue at F two now. Please.", "corrected"),
        )
    ]
    assert {(one["speaker"], one["source"], one["modality"]) for one in kept} == {
        ("ann", "record", "lipreading")
    }
    assert len({one["session"] for one in kept}) == 1
    assert (tmp_path / "program" / "seen").read_text().splitlines()[0] == ".mkv 75"
    assert list((tmp_path / "tmp").iterdir()) == [], "a temporary recording was left behind"


@ON_UNIX
def test_a_sitting_goes_on_after_a_recording_that_is_too_short(truing, terminal):
    screen = terminal("--minimum", 100)
    for _ in range(2):
        screen.until("Enter records, q ends: ")
        screen.type("\r")
        screen.until("the recording has ended; Enter goes on")
        screen.type("\r")
        screen.until("75 frames: too short to")
    screen.until("Enter records, q ends: ")
    screen.type("q\r")
    assert screen.end() == 0
    assert samples(truing) == []


@ON_UNIX
def test_text_while_the_recording_goes_on(truing, terminal, tmp_path):
    from truing.modalities.lipreading.grammar import GRID
    from truing.modalities.lipreading.recipes.network import LipNetwork, Shape
    from truing.modalities.lipreading.recipes.sentence_model import SentenceModel
    from truing.modalities.lipreading.recipes.tcn_folder import TcnModel, write_model

    decoder = SentenceModel(GRID)
    network = LipNetwork(Shape(outputs=decoder.outputs, hidden=32))
    (tmp_path / "tcn").mkdir()
    write_model(tmp_path / "tcn", TcnModel(networks=(network,), decoder=decoder, temperature=1.0))

    screen = terminal("--model", tmp_path / "tcn", "--live", "--once")
    screen.until("Enter records, q ends: ")
    screen.type("\r")
    screen.until("Enter ends the recording")
    screen.until("… ")
    screen.until("the recording has ended; Enter goes on")
    screen.type("\r")
    screen.until("RAW OUTPUT")
    screen.until("Was this correct? (y/n")
    screen.type("s")
    assert screen.end() == 0
    (kept,) = samples(truing)
    assert GRID.fits(kept["raw"])
    assert kept["state"] == "skipped"


# --- without a terminal --------------------------------------------------------------------------


def test_every_frame_keeps_the_time_it_was_taken_at(truing, tmp_path):
    said = truing("record", "--camera", FACE, "--seconds", "9", "--fps", "16", typed="\ns\nq\n")
    assert said.code == 0
    assert "there is no champion yet" in said.err
    assert "48 frames in 3.0 s" in said.out
    told = facts(tmp_path, 1)
    steps = {round(b - a, 3) for a, b in zip(told["times"], told["times"][1:], strict=False)}
    # Real ones: multiples of the camera's 40 ms, not 62.5 ms each.
    assert steps == {0.04, 0.08}
    assert told["frames"] == 48
    assert told["rate"] == 16
    assert told["measured_rate"] == pytest.approx(47 / 2.96, abs=0.01)


def test_a_recording_ends_after_the_seconds_it_may_take(truing, tmp_path):
    truing("record", "--camera", FACE, "--seconds", "1.5", "--once", typed="\ns\n")
    assert facts(tmp_path, 1)["frames"] == 39


def test_only_corrections_are_kept_when_the_setting_says_so(truing, program):
    words = ("--set", "capture.mode=corrections", "--set", "capture.audit_share=0", "record")
    said = truing(
        *words, "--camera", FACE, "--seconds", "1.4", "--model", program,
        typed="\ny\n\nn bin blue at f two now\nq\n",
    )  # fmt: skip
    assert said.code == 0
    assert "not kept: the setting capture.mode says so" in said.err
    assert "kept as sample 1" in said.out
    assert "Training sample saved!" in said.out
    assert [(one["raw"], one["truth"]) for one in samples(truing)] == [
        ("BIN BLUE AT S TWO NOW", "bin blue at f two now")
    ]


def test_a_recording_that_is_too_short(truing):
    said = truing("record", "--camera", FACE, "--seconds", "0.5", "--once", typed="\n")
    assert said.code == 5
    assert "14 frames: too short to be read, which takes 32" in said.err
    assert "--minimum" in said.err
    said = truing(
        "record", "--camera", FACE, "--seconds", "0.5", "--minimum", "10", "--once", typed="\ns\n"
    )
    assert said.code == 0
    assert len(samples(truing)) == 1


def test_a_recording_that_the_model_cannot_read_is_kept_all_the_same(truing, program):
    (program / "infer.py").write_text("raise SystemExit('no weights here')")
    said = truing(
        "record", "--camera", FACE, "--seconds", "1.4", "--model", program, "--once",
        typed="\nn bin blue at f two now\n",
    )  # fmt: skip
    assert said.code == 0
    assert "no weights here" in said.err
    assert [(one["raw"], one["truth"]) for one in samples(truing)] == [
        (None, "bin blue at f two now")
    ]


def test_a_recording_is_kept_although_the_model_cannot_be_opened(truing, program):
    told = json.loads((program / "config.json").read_text())
    (program / "config.json").write_text(json.dumps(told | {"folder": "moved"}))
    said = truing(
        "record", "--camera", FACE, "--seconds", "1.4", "--model", program, "--once", typed="\ns\n"
    )
    assert said.code == 0
    assert "there is no folder" in said.err
    assert [one["state"] for one in samples(truing)] == ["skipped"]


def test_a_picture_without_a_face(truing, tmp_path):
    """What the checks find is said before the person is asked."""
    import numpy as np

    from truing.live.clip import ClipFile

    random = np.random.default_rng(0)
    with ClipFile(tmp_path / "wall.mkv") as clip:
        for number in range(50):
            wall = random.integers(90, 110, (120, 160, 3), dtype=np.uint8)
            clip.add(wall, number / 25)
    words = ("--camera", tmp_path / "wall.mkv", "--seconds", "1.4", "--once")
    said = truing("record", *words, typed="\nx\n")
    assert said.code == 0
    assert "face" in said.out.partition("kept as sample 1")[2].partition("What now?")[0]
    assert [one["state"] for one in samples(truing)] == ["rejected"]


def test_a_machine_without_a_camera(truing):
    """Where there is one, nothing is recorded and nothing is asserted."""
    from truing.live.camera import devices

    if devices():
        pytest.skip("this machine has a camera")
    said = truing("record", "--camera", typed="\n")
    assert said.code == 8
    assert "there is no camera 0" in said.err
    assert "hint: " in said.err
    assert samples(truing) == []


def test_a_file_that_is_no_camera(truing, tmp_path):
    said = truing("record", "--camera", tmp_path / "nothing.mp4", typed="\n")
    assert said.code == 3
    assert "there is no camera and no video file" in said.err


def test_arguments_that_do_not_fit_a_camera(truing):
    said = truing("record", "--camera", "--pause", "1")
    assert said.code == 2
    assert "belongs to the microphone" in said.err
    assert truing("record", "--camera", "0", "--fps", "1000").code == 2
    assert truing("record", "--camera", "0", "--minimum", "0").code == 2
    assert "`0` frames a second" in truing("record", "--camera", "0", "--fps", "0").err
    beyond = truing("record", "--camera", "9" * 12, typed="\n")
    assert (beyond.code, "there is no camera 9999" in beyond.err) == (8, True)
    assert "belongs to `--camera`" in truing("record", "--seconds", "3").err


def test_a_model_that_reads_only_whole_recordings(truing, program):
    said = truing(
        "record", "--camera", FACE, "--seconds", "1.4", "--model", program, "--live", "--once",
        typed="\ny\n",
    )  # fmt: skip
    assert said.code == 0
    assert "reads only whole recordings" in said.err
    assert "RAW OUTPUT      BIN BLUE AT S TWO NOW" in said.out


def test_nothing_is_left_in_the_folder_for_temporary_files(truing, tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    truing("record", "--camera", FACE, "--seconds", "1.4", "--once", typed="\nq\n")
    assert len(samples(truing)) == 1
    assert list((tmp_path / "tmp").iterdir()) == []
