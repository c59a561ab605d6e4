"""Draws what a command printed as an SVG for the README.

    .venv/bin/truing demo | tee demo.txt
    .venv/bin/python scripts/picture.py "make demo" demo.txt docs/images/demo.svg

The picture loads nothing: the terminal fonts are whatever the reader has.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

WHITE, BLACK = (222, 226, 230), (22, 24, 29)
RED, GREEN, YELLOW = (255, 107, 107), (105, 219, 124), (255, 212, 59)
BLUE, MAGENTA, CYAN = (116, 192, 252), (218, 119, 242), (102, 217, 232)
INK = TerminalTheme(BLACK, WHITE, [BLACK, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, WHITE])
WIDTH = 108


def picture(command: str, said: str) -> str:
    """The SVG of a terminal in which a command was run."""
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text(f"$ {command}", style="bold green"))
    for line in said.splitlines():
        console.print(_coloured(line))
    drawn = console.export_svg(title=command, theme=INK)
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)
    return drawn.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")


def _coloured(line: str) -> Text:
    text = Text(line)
    text.highlight_regex(r"^\d\. \w+( and \w+)?", "bold blue")
    text.highlight_regex(r"^word error rate.*|^fewer errors.*|^promoted .*", "bold")
    text.highlight_regex(r"“[^”]*”", "cyan")
    text.highlight_regex(r"truing [^`]*$", "magenta")
    return text


def main() -> None:
    """Reads what was printed and writes the picture."""
    command, source, target = sys.argv[1:]
    said = Path(source).read_text(encoding="utf-8")
    Path(target).write_text(picture(command, said), encoding="utf-8")


if __name__ == "__main__":
    main()
