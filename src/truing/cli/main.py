"""The entry point: answers `--help` and `--version` at once, hands everything else to `dispatch`.

Only this module, `overview` and `table` are loaded for these two: a test counts.
"""

from __future__ import annotations

import os
import sys

HELP_WORDS: tuple[list[str], ...] = ([], ["-h"], ["--help"], ["help"])
VERSION_WORDS = (["--version"], ["-V"])
PIPE_CLOSED = 141
"""128 + SIGPIPE, as other programs end when nobody reads on."""


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns its exit code.

    Args:
        argv: the words after `truing`; those of this process when left out.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    # numpy's matrices are small here: on busy cores its threads would mostly wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        code = _answer(words)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered would raise again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    return code


def _answer(words: list[str]) -> int:
    if words in VERSION_WORDS:
        from truing import __version__

        print(f"truing {__version__}")
        return 0
    if words in HELP_WORDS:
        from truing.cli.overview import overview

        print(overview(), end="")
        return 0
    from truing.cli.dispatch import dispatch

    return dispatch(words)
