"""Tables, lines and figures: plain and whole for programs, fitted and coloured at a terminal."""

from __future__ import annotations

import io
import sys

import pytest

from truing.cli import output, wording
from truing.domain.errors import NotFoundError

WIDE = "a very long text " * 20


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Makes stdout a terminal of 60 columns when called; only a running test can do so."""

    def replace():
        stream = Terminal()
        monkeypatch.setattr(sys, "stdout", stream)
        for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("COLUMNS", "60")
        return stream

    return replace


def test_table_for_a_program_is_plain_and_whole(capsys):
    output.table(("id", "text"), [(1, WIDE), (22, "[bold]x[/] :smile:"), (3, None)], right=("id",))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "id  text"
    assert lines[1] == f" 1  {WIDE.strip()}"
    assert lines[2] == "22  [bold]x[/] :smile:"
    assert lines[3] == " 3  -"


def test_table_at_a_terminal_fits_its_width(terminal):
    stream = terminal()
    output.table(("id", "text"), [(1, WIDE)])
    shown = stream.getvalue()
    assert "\x1b[1m" in shown
    lines = [
        line.rstrip() for line in shown.replace("\x1b[1m", "").replace("\x1b[0m", "").split("\n")
    ]
    assert len(lines) > 4
    assert max(map(len, lines)) <= 60
    assert "".join(shown.split()).count("verylong") > 10


def test_no_color_is_respected(terminal, monkeypatch):
    stream = terminal()
    monkeypatch.setenv("NO_COLOR", "1")
    output.show("red words", style="red")
    assert stream.getvalue() == "red words\n"


def test_color_at_a_terminal(terminal):
    stream = terminal()
    output.show("red words", style="red")
    assert stream.getvalue() == "\x1b[31mred words\x1b[0m\n"


def test_short_rows_are_filled(capsys):
    output.table(("a", "b", "c"), [("1",)])
    assert capsys.readouterr().out == "a  b  c\n1\n"


def test_facts_leave_out_what_is_not_known(capsys):
    output.facts({"one": 1, "nothing": None, "longer name": "x\ny", "empty": ""})
    assert capsys.readouterr().out == "one          1\nlonger name  x y\n"


def test_hint_goes_to_stderr(capsys):
    output.hint("next: truing review")
    assert capsys.readouterr() == ("", "next: truing review\n")


def test_texts_cannot_drive_the_terminal():
    assert output.one_line("a\x1b[2Jb\r\nc\u202ed") == "a�[2Jb c�d"
    assert output.harmless("  Zeit \x07") == "  Zeit �"


def test_error_without_a_hint(capsys):
    output.show_error(NotFoundError("no `x`"), as_json=False)
    assert capsys.readouterr().err == "error: no `x`\n"


def test_no_bar_unless_somebody_watches(capsys):
    with output.progress("counting", quiet=False) as bar:
        bar(1, 2, title="half")
    assert capsys.readouterr() == ("", "")


def test_bar_at_a_terminal(terminal, monkeypatch):
    stream = terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with output.progress("counting", quiet=True) as bar:
        bar(1, 2)
    assert stream.getvalue() == ""
    with output.progress("counting", quiet=False) as bar:
        bar(1, None)
        bar(2, 2, title="[all] of it")
    shown = stream.getvalue()
    assert "[all] of it" in shown
    assert "2/2" in shown


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (wording.percent(0.1234), "12.3 %"),
        (wording.percent(None), None),
        (wording.percents([0.05, 0.2]), "5.0 % to 20.0 %"),
        (wording.percents(None), None),
        (wording.points(-0.0312), "-3.1 points"),
        (wording.p_value(0.03123), "0.031"),
        (wording.p_value(0.00001), "< 0.0001"),
        (wording.p_value(None), None),
        (wording.confidence(0.8), "0.80"),
        (wording.length(2.44), "2.4 s"),
        (wording.length(185), "3:05 min"),
        (wording.length(None), None),
        (wording.when(1_700_000_000_000_000), "2023-11-14 22:13"),
        (wording.when(None), None),
        (wording.took(0, 185_000_000), "3 min 05 s"),
        (wording.took(None, 1), None),
        (wording.size(999), "999 B"),
        (wording.size(1_234_567), "1.2 MB"),
        (wording.size(5 * 10**15), "5000.0 TB"),
        (wording.several(1, "sample"), "1 sample"),
        (wording.several(3, "story", "stories"), "3 stories"),
        (wording.listed([1, 2, 3], 2), "1, 2 and 1 more"),
        (wording.listed([]), ""),
        (wording.iso(0), "1970-01-01T00:00:00Z"),
    ],
)
def test_wording(shown, expected):
    assert shown == expected
