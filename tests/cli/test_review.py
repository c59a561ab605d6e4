"""Review at the terminal and from lines, labels from a file, undo."""

from __future__ import annotations

import json
import os
import sys
import time

import pytest

from truing.cli.asking import Answer, Deed, ask
from truing.cli.keys import Lines

ON_UNIX = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")


def states(truing):
    """State and truth of each sample, by number."""
    samples = truing("samples", "--order", "oldest", "--json").json["samples"]
    return {one["id"]: (one["state"], one["truth"]) for one in samples}


# --- review from lines ---------------------------------------------------------------------------


def test_review_from_lines(truing, filled):
    a, b, c, d = filled(4)
    said = truing("review", "--queue", "oldest", typed="y\nn zero\nn\none\nq\n")
    assert said.code == 0
    assert states(truing) == {
        a: ("accepted", "seven"),
        b: ("corrected", "zero"),
        c: ("corrected", "one"),
        d: ("pending", None),
    }
    assert f"0/4 reviewed · sample {a} · theo" in said.out
    assert "RAW OUTPUT      seven" in said.out
    assert "confidence      0.50" in said.out
    assert "Was this correct? (y/n/e/s/u/q, ? help) " in said.out
    assert "3/4 reviewed; this time 1 accepted, 2 corrected" in said.out
    assert "1 wait for you" in said.err
    revision = truing("history", a, "--json").json["revisions"][0]
    assert revision["shown_because"] == "oldest"
    assert revision["seconds"] >= 0
    assert revision["keys"] == 2


def test_review_goes_on_where_it_stopped(truing, filled):
    numbers = filled(3)
    truing("review", "--queue", "oldest", typed="y\n")
    said = truing("review", "--queue", "oldest", typed="y\ny\n")
    assert f"1/3 reviewed · sample {numbers[1]}" in said.out
    assert {state for state, _ in states(truing).values()} == {"accepted"}
    assert "nothing is left to review; next: truing dataset freeze" in said.err
    assert "nothing is left to review" in truing("review").err


def test_skipped_samples_come_again_another_time(truing, filled):
    a, b = filled(2)
    said = truing("review", "--queue", "oldest", typed="s\ny\n")
    assert said.out.count(f"sample {a} ") == 1
    assert states(truing) == {a: ("skipped", None), b: ("accepted", "seven")}
    again = truing("review", typed="y\n")
    assert f"sample {a} " in again.out
    assert states(truing)[a] == ("accepted", "seven")


def test_undo_shows_the_sample_again_and_then_the_present_one(truing, filled):
    a, b = filled(2)
    said = truing("review", "--queue", "oldest", typed="y\nu\nn zero\nx\n")
    assert f"took back the decision on sample {a}" in said.out
    assert states(truing) == {a: ("corrected", "zero"), b: ("rejected", None)}
    assert [one["verdict"] for one in truing("history", a, "--json").json["revisions"]] == [
        "accepted",
        "undone",
        "corrected",
    ]


def test_undo_with_nothing_to_undo(truing, filled):
    (a,) = filled(1)
    said = truing("review", typed="u\ny\n")
    assert "there is nothing to undo" in said.out
    assert states(truing) == {a: ("accepted", "seven")}


def test_unknown_keys_and_help(truing, filled):
    filled(1)
    said = truing("review", typed="z\n?\n\nn\n\nq\n")
    assert "`z` means nothing here" in said.out
    assert "y  yes, the text is right" in said.out
    assert {state for state, _ in states(truing).values()} == {"pending"}


def test_edit_keeps_the_text_when_the_line_is_empty(truing, filled):
    a, b = filled(2)
    truing("review", "--queue", "oldest", typed="e\n\ne seven!\n")
    assert states(truing) == {a: ("accepted", "seven"), b: ("corrected", "seven!")}


def test_review_narrowed_to_a_speaker(truing, filled):
    filled(2)
    assert "no sample fits" in truing("review", "--speaker", "nobody").err
    assert "0/2 reviewed" in truing("review", "--speaker", "theo", typed="q\n").out


def test_decided_samples_can_be_reviewed_again(truing, filled):
    a, _ = filled(2)
    truing("label", a, "--accept")
    said = truing("review", "--state", "accepted", typed="n zero\n")
    assert "SO FAR          seven" in said.out
    assert states(truing)[a] == ("corrected", "zero")


def test_a_sample_decided_elsewhere_is_left_as_it_is(truing, filled, tmp_path, monkeypatch):
    from truing import Workspace

    a, b = filled(2)
    read = Lines.key

    def key(self, prompt):
        with Workspace.open(tmp_path / "ws") as other:
            if not other.history(a):
                other.review(a, "rejected", actor="ben")
        return read(self, prompt)

    monkeypatch.setattr(Lines, "key", key)
    said = truing("review", "--queue", "oldest", typed="y\ny\n")
    assert "was reviewed by `ben` meanwhile: it was left as it is" in said.out
    assert states(truing) == {a: ("rejected", None), b: ("accepted", "seven")}


def test_readings_doubts_and_a_correction_are_shown(truing, tmp_path):
    from truing import Workspace
    from truing.domain.prediction import Alternative, Recognition, Word

    heard = Recognition(
        text="by milk",
        confidence=0.4,
        words=(Word(text="by", confidence=0.2), Word(text="milk", confidence=0.9)),
        alternatives=(Alternative(text="buy milk"), Alternative(text="by milk")),
    )
    with Workspace.open(tmp_path / "ws") as workspace:
        sound = ([0.0, 0.1] * 8000, 16_000)
        import numpy as np

        workspace.capture(
            audio=(np.asarray(sound[0]), sound[1]), raw=heard, corrected="By milk.", source="t"
        )
    said = truing("review", typed="1\n")
    assert "RAW OUTPUT      by milk" in said.out
    assert "LLM CORRECTION  By milk." in said.out
    assert "  1             buy milk" in said.out
    assert states(truing) == {1: ("corrected", "buy milk")}


def test_a_sample_without_a_text_can_only_be_typed(truing, tmp_path):
    from pathlib import Path

    digits = Path(__file__).parents[1] / "data" / "speech" / "digits"
    truing("capture", "speech", digits / "1_jackson_10.flac")
    said = truing("review", typed="y\nn one\n")
    assert "The model's text is not known. What now? (n/s/u/q, ? help) " in said.out
    assert "there is no text to accept" in said.out
    assert states(truing) == {1: ("corrected", "one")}


# --- sound ---------------------------------------------------------------------------------------


@pytest.fixture
def played(monkeypatch):
    """No machine of ours has a loudspeaker: what would be played is caught at the border."""
    from truing.domain.errors import UnavailableError
    from truing.modalities.speech.modality import Speech

    names = []

    def play(self, media):
        names.append(media["audio"].path.name)
        if len(names) == 3:
            raise UnavailableError("the loudspeaker is gone", hint="plug it in")

    monkeypatch.setattr(Speech, "play", play)
    return names


def test_samples_are_played_and_played_again(truing, filled, tmp_path, played):
    from truing import Workspace
    from truing.cli.review_session import ReviewSession
    from truing.domain.sample import SampleFilter

    filled(4)
    with Workspace.open(tmp_path / "ws") as workspace:
        answers = Script("y", "r", "y", "y", "y")
        session = ReviewSession(workspace, answers, queue="oldest", where=SampleFilter(), play=True)
        assert session.run() is False
        session.close()
    # The third one could not be played: the last is shown without sound.
    assert len(played) == 3
    assert played[1] == played[2]
    assert session.tally.waiting == 0


def test_forgotten_samples_are_passed_over(truing, filled, tmp_path, monkeypatch):
    from truing import Workspace

    a, b, c = filled(3)
    read = Lines.key

    def key(self, prompt):
        with Workspace.open(tmp_path / "ws") as other:
            if other.store.samples.by_source("x", []) == {} and other.history(a) == []:
                other.review(a, "accepted", actor="ben")
                other.forget(ids=[b])
        return read(self, prompt)

    monkeypatch.setattr(Lines, "key", key)
    said = truing("review", "--queue", "oldest", typed="s\ny\n")
    assert f"sample {b} " not in said.out
    assert states(truing) == {a: ("accepted", "seven"), c: ("accepted", "seven")}


# --- the questions -------------------------------------------------------------------------------


class Script:
    """A person who answers what was written down."""

    def __init__(self, *answers):
        self.pressed = 0
        self.answers = list(answers)

    def key(self, prompt):
        return self.answers.pop(0) if self.answers else None

    def line(self, prompt, text=""):
        said = self.answers.pop(0) if self.answers else None
        return None if said is None else text + said


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["Y"], Answer(deed=Deed.ACCEPT)),
        (["e", "!"], Answer(deed=Deed.CORRECT, truth="seven!")),
        (["n", "one"], Answer(deed=Deed.CORRECT, truth="one")),
        (["n", "", "s"], Answer(deed=Deed.SKIP)),
        (["n"], Answer(deed=Deed.QUIT)),
        (["3", "2"], Answer(deed=Deed.CORRECT, truth="two")),
        (["0", "x"], Answer(deed=Deed.REJECT)),
        (["r"], Answer(deed=Deed.REPLAY)),
        ([], Answer(deed=Deed.QUIT)),
    ],
)
def test_what_keys_mean(answers, expected):
    told = []
    given = ask(Script(*answers), "seven", readings=["one", "two"], say=told.append)
    assert given == expected


# --- a real terminal -----------------------------------------------------------------------------


class Terminal:
    """`truing` in a process of its own, with a pseudo-terminal for its three streams."""

    def __init__(self, words, environment):
        import pty

        self.seen = ""
        self.pid, self.number = pty.fork()
        if self.pid == 0:
            os.environ.update(environment)
            os.execv(sys.executable, [sys.executable, "-m", "truing", *words])

    def until(self, text, seconds=60):
        """Reads until the text was shown since the last call; returns what came."""
        import select

        deadline = time.monotonic() + seconds
        while text not in self.seen:
            if not select.select([self.number], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"`{text}` was not shown in: {self.seen}")
            try:
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
        while True:
            try:
                if not os.read(self.number, 4096):
                    break
            except OSError:
                break
        _, status = os.waitpid(self.pid, 0)
        os.close(self.number)
        return os.waitstatus_to_exitcode(status)


@ON_UNIX
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_review_with_single_keys_at_a_terminal(truing, filled, tmp_path):
    a, b, c = filled(3)
    environment = {
        "TRUING_WORKSPACE": str(tmp_path / "ws"),
        "TERM": "xterm",
        "COLUMNS": "100",
        "HOME": str(tmp_path),
    }
    terminal = Terminal(["review", "--no-play", "--queue", "oldest"], environment)
    terminal.until("(y/n/e/s/u/q, ? help)")
    terminal.type("\x1b[A")
    terminal.type("y")
    terminal.until("1/3 reviewed")
    terminal.until("? help)")
    terminal.type("e")
    terminal.until("Edit: ")
    terminal.type(" eight\r")
    terminal.until("2/3 reviewed")
    terminal.until("? help)")
    terminal.type("q")
    terminal.until("1 wait for you")
    assert terminal.end() == 0
    assert states(truing) == {
        a: ("accepted", "seven"),
        b: ("corrected", "seven eight"),
        c: ("pending", None),
    }
    keys = [truing("history", one, "--json").json["revisions"][0]["keys"] for one in (a, b)]
    assert keys == [1, 8]


@ON_UNIX
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_interrupting_a_review_keeps_what_was_decided(truing, filled, tmp_path):
    a, _ = filled(2)
    environment = {"TRUING_WORKSPACE": str(tmp_path / "ws"), "TERM": "xterm"}
    terminal = Terminal(["review", "--no-play", "--queue", "oldest"], environment)
    terminal.until("? help)")
    terminal.type("y")
    terminal.until("1/2 reviewed")
    terminal.until("? help)")
    terminal.type("\x03")
    assert terminal.end() == 130
    assert states(truing)[a] == ("accepted", "seven")


@ON_UNIX
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_forgetting_is_asked_at_a_terminal(truing, filled, tmp_path):
    a, b = filled(2)
    environment = {"TRUING_WORKSPACE": str(tmp_path / "ws"), "TERM": "xterm"}
    refused = Terminal(["forget", str(a)], environment)
    shown = refused.until("Erase? (y/n)")
    assert "This erases 1 sample with all texts, and 1 media file" in shown
    refused.type("n\r")
    refused.until("nothing was erased")
    assert refused.end() == 1
    assert set(states(truing)) == {a, b}
    agreed = Terminal(["forget", str(a)], environment)
    agreed.until("Erase? (y/n)")
    agreed.type("y\r")
    agreed.until("erased 1 sample")
    assert agreed.end() == 0
    assert set(states(truing)) == {b}


# --- label and undo ------------------------------------------------------------------------------


def test_label_one(truing, filled):
    a, b, c, d = filled(4)
    assert truing("label", a, "--accept").out == f"sample {a} is accepted: seven\n"
    told = truing("label", b, "--text", " zero ", "--why", "clear", "--json").json
    assert (told["id"], told["verdict"], told["truth"]) == (b, "corrected", "zero")
    assert truing("label", c, "--reject").code == truing("label", d, "--skip").code == 0
    assert states(truing) == {
        a: ("accepted", "seven"),
        b: ("corrected", "zero"),
        c: ("rejected", None),
        d: ("skipped", None),
    }


def test_label_needs_a_decision(truing, filled):
    (a,) = filled(1)
    assert "nothing was decided" in truing("label", a).err
    assert "name a sample" in truing("label").err
    both = truing("label", a, "--accept", "--reject")
    assert (both.code, "not allowed with" in both.err) == (2, True)
    assert truing("label", 99, "--accept").code == 3
    assert truing("label", a, "--text", "  ").code == 2
    assert states(truing) == {a: ("pending", None)}


def test_labels_from_a_file(truing, filled, tmp_path):
    a, b, c, _ = filled(4)
    rows = [
        {"id": a, "text": "zero", "why": "clear"},
        {"id": 999, "verdict": "accepted"},
        {"id": b, "verdict": "rejected"},
        {"id": c, "verdict": "perhaps"},
        {"id": "x", "text": "one"},
        {"id": c, "text": 3},
        {"id": c},
        [1],
    ]
    file = tmp_path / "decisions.jsonl"
    lines = [*map(json.dumps, rows), "", "{not json", json.dumps({"id": c, "verdict": "accepted"})]
    file.write_text("\n".join(lines), encoding="utf-8-sig")
    said = truing("label", "--from", file, "--json")
    assert said.code == 1
    assert (said.json["done"], said.json["failed"]) == (3, 7)
    results = said.json["results"]
    assert [one.get("line") for one in results] == [None, 2, None, 4, 5, 6, 7, 8, 10, None]
    assert results[1]["error"]["code"] == "not-found"
    assert results[3]["error"]["message"] == "there is no verdict `perhaps`"
    assert states(truing)[a] == ("corrected", "zero")
    assert states(truing)[b] == ("rejected", None)
    assert states(truing)[c] == ("accepted", "seven")


def test_labels_from_stdin(truing, filled):
    a, b = filled(2)
    lines = f'{{"id": {a}, "verdict": "accepted"}}\n{{"id": {b}, "text": "zero"}}\n'
    said = truing("label", "--from", "-", typed=lines)
    assert (said.code, said.out) == (0, "2 samples decided, 0 failed\n")
    failing = truing("label", "--from", "-", typed='{"id": 77, "text": "x"}\n')
    assert failing.code == 1
    assert "no sample `77`" in failing.out


def test_labels_from_what_cannot_be_read(truing, tmp_path):
    assert truing("label", "--from", "nowhere.jsonl").code == 3
    assert truing("label", "--from", tmp_path).code == 2
    (tmp_path / "odd.jsonl").write_bytes(b"\xff\xfe\x00{")
    assert "is not UTF-8" in truing("label", "--from", tmp_path / "odd.jsonl").err


def test_undo_the_newest_and_the_undoing(truing, filled):
    (a,) = filled(1)
    truing("label", a, "--text", "zero")
    undone = truing("undo", "--json").json
    assert (undone["id"], undone["state"]) == (a, "pending")
    again = truing("undo", undone["revision"])
    assert f"sample {a} is corrected again" in again.out
    assert states(truing) == {a: ("corrected", "zero")}
    twice = truing("undo", undone["undid"])
    assert twice.code == 0
    assert truing("undo", undone["undid"]).code == 4


def test_undo_with_nothing_decided(truing):
    said = truing("undo")
    assert said.code == 5
    assert "`ann` has decided nothing" in said.err


def test_forget_without_anybody_to_ask(truing, filled):
    a, b = filled(2)
    said = truing("forget", a)
    assert said.code == 2
    assert "--yes" in said.err
    assert truing("forget").code == truing("forget", a, "--speaker", "theo").code == 2
    assert truing("forget", "--speaker", "nobody", "--yes").code == 3
    assert set(states(truing)) == {a, b}
    done = truing("forget", a, "--yes", "--json").json
    assert (done["samples"], done["blobs"]) == (1, 1)
    assert set(states(truing)) == {b}
    rest = truing("forget", "--speaker", "theo", "--yes")
    assert rest.out.startswith("erased 1 sample and 1 media file\n")
    assert "note: copies that left this workspace" in rest.err
