"""Output: JSON, tables, lines and progress, for people at a terminal and for programs.

Data goes to stdout; hints on what to do next, progress and errors go to stderr. At a terminal
tables fit its width; elsewhere they are neither coloured, nor cut, nor wrapped. `NO_COLOR` and
`COLUMNS` are respected. Text from samples is made harmless: one line, no control characters.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from truing.domain.errors import TruingError

ENDLESS = 100_000
"""Width of output that goes to a file or program: nothing is wrapped."""
NARROWEST = 16
"""Characters to which a column of text may shrink before the table runs on."""


def accept_any_text() -> None:
    """Lets streams that are not UTF-8 write any text: what they lack becomes `?`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def console(*, errors: bool = False, fitted: bool = True) -> Console:
    """A rich console that takes text as it is: no markup, no highlighting, no emoji names.

    Args:
        errors: on stderr instead of stdout.
        fitted: to the width of the terminal, if it is one.
    """
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # `dispatch` ends the process quietly

    stream = sys.stderr if errors else sys.stdout
    return Plain(
        file=stream,
        width=None if fitted and stream.isatty() else ENDLESS,
        markup=False,
        highlight=False,
        emoji=False,
    )


def show_json(data: object) -> None:
    """One JSON document on stdout."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    print(json.dumps(data, indent=2, ensure_ascii=encoding != "utf8", default=str))


def show_json_line(data: object) -> None:
    """One JSON document on one line, at once: for output that goes on."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    print(json.dumps(data, ensure_ascii=encoding != "utf8", default=str), flush=True)


def show(line: str | Text = "", style: str | None = None) -> None:
    """One line on stdout."""
    console().print(line, style=style, soft_wrap=True)


def hint(line: str) -> None:
    """What to do next, on stderr, so that it never mixes with data."""
    console(errors=True).print(line, style="dim", soft_wrap=True)


def show_error(error: TruingError, *, as_json: bool) -> None:
    """The one look of every error."""
    if as_json:
        show_json({"error": error.as_dict()})
        return
    from rich.text import Text

    screen = console(errors=True)
    notes = getattr(error, "__notes__", [])
    told = Text.assemble(("error: ", "bold red"), one_line(error.message))
    screen.print(told, soft_wrap=True)
    for note in notes:
        screen.print(f"       {one_line(note)}", soft_wrap=True)
    if error.hint:
        screen.print(Text.assemble(("hint:  ", "bold"), one_line(error.hint)), soft_wrap=True)


def show_traceback() -> None:
    """Where the error being handled came from, on stderr."""
    traceback.print_exc(file=sys.stderr)


def one_line(text: object) -> str:
    """Text without line ends and control characters, which could drive a terminal."""
    return harmless(" ".join(str(text).split()))


def harmless(line: str) -> str:
    """A line as it is, but for control characters."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in line)


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> None:
    """A table on stdout.

    Args:
        columns: heads.
        rows: cells; None is shown as `-`. A short row is filled up.
        right: heads of columns of numbers.
        whole: heads of columns that are never wrapped, as those of numbers; the others give way
            when the terminal is narrow, and all of them run on when it is too narrow for that.
    """
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    screen = console()
    cells = [[_cell(cell) for cell in row] + [""] * (len(columns) - len(row)) for row in rows]
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for place, head in enumerate(columns):
        longest = max((len(row[place]) for row in cells), default=0)
        made.add_column(
            head,
            justify="right" if head in right else "left",
            no_wrap=head in right or head in whole,
            overflow="fold",
            min_width=max(len(head), min(longest, NARROWEST)),
        )
    for row in cells:
        made.add_row(*map(Text, row))
    needed = Measurement.get(screen, screen.options.update(width=ENDLESS), made)
    if screen.is_terminal and needed.minimum <= screen.width:
        screen.print(made)
        return
    screen = console(fitted=False)
    with screen.capture() as caught:
        screen.print(made)
    # Padding up to the last column's width would be noise in a file.
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in caught.get().splitlines()))


def _cell(value: object) -> str:
    return "-" if value is None or value == "" else one_line(value)


def facts(pairs: Mapping[str, object]) -> None:
    """Names and values, one per line; those without a value are left out."""
    shown = {name: value for name, value in pairs.items() if value is not None and value != ""}
    width = max((len(name) for name in shown), default=0)
    screen = console()
    for name, value in shown.items():
        screen.print(f"{name:<{width}}  {one_line(value)}", soft_wrap=True)


class Bar(Protocol):
    """Moves a progress bar; `total` is None when it is not known, `title` stays when left out."""

    def __call__(self, done: int, total: int | None, *, title: str | None = None) -> None:
        """Shows how much is done."""


@contextmanager
def progress(title: str, *, quiet: bool) -> Iterator[Bar]:
    """A bar on stderr while the block runs; nothing unless a person is watching.

    Args:
        title: what is going on.
        quiet: with `--json`.
    """
    if quiet or not sys.stderr.isatty():
        yield _no_bar
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    drawn = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console(errors=True),
        transient=True,
        # Data on its way into a file must not end up above the bar.
        redirect_stdout=sys.stdout.isatty(),
    )
    with drawn:
        task = drawn.add_task(title, total=None)

        def move(done: int, total: int | None, *, title: str | None = None) -> None:
            drawn.update(task, completed=done, total=total, description=title)

        yield move


def _no_bar(done: int, total: int | None, *, title: str | None = None) -> None:
    del done, total, title


def ask(question: str) -> str:
    """A question on stderr and the answer from stdin; empty when nothing can be read."""
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()
