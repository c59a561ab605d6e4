"""Dispatch: finds the command, reads its arguments, runs it, and turns errors into exit codes.

This is the one place where a `TruingError` becomes `error:` and `hint:` on stderr, or with
`--json` the envelope `{"error": {"code", "message", "hint"}}` on stdout.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Protocol, cast

from truing.cli import output
from truing.cli.arguments import Globals, Parser, take_globals, unknown_words
from truing.cli.overview import overview
from truing.cli.table import CALLED_ELSEWHERE, COMMANDS
from truing.domain.errors import InvalidInputError, TruingError

INTERRUPTED = 130


class Command(Protocol):
    """What the module of a command has."""

    HELP: str
    EXAMPLE: str
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def dispatch(words: Sequence[str]) -> int:
    """Runs the command that the words ask for and returns the exit code.

    Raises:
        BrokenPipeError: nobody reads stdout any more.
    """
    output.accept_any_text()
    as_json = "--json" in _before_end(words)
    try:
        return _run(words)
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return INTERRUPTED
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except Exception as error:  # noqa: BLE001 - the last resort; a person gets a sentence
        if "--debug" in _before_end(words):
            output.show_traceback()
        told = explained(error)
        output.show_error(told, as_json=as_json)
        return told.exit_code


def explained(error: Exception) -> TruingError:
    """The error as a person is told it: our own as it is, the system's refusal, else a fault."""
    if isinstance(error, TruingError):
        return error
    if isinstance(error, OSError) and error.filename:
        from pathlib import Path

        from truing.platform.files import storage_error

        return storage_error(error, Path(str(error.filename)))
    said = " ".join(str(error).split())
    return TruingError(
        f"something went wrong that should not: {type(error).__name__}: {said}",
        hint="run the same command with --debug and report what it prints",
    )


def _run(words: Sequence[str]) -> int:
    given, rest = take_globals(words)
    if not rest or rest[0] in ("-h", "--help"):
        print(overview(), end="")
        return 0
    if rest[0] == "help":
        rest = [*rest[1:2], "--help"]
    command = find(rest[0])
    parser = Parser(
        prog=f"truing {rest[0]}",
        description=f"{command.HELP[0].upper()}{command.HELP[1:]}.",
        epilog=f"example:\n{_indented(command.EXAMPLE)}\n\n{SHORT_EVERYWHERE}",
    )
    command.configure(parser)
    return command.run(parse(parser, given, rest[1:]))


SHORT_EVERYWHERE = (
    "everywhere: --workspace DIR, --set KEY=VALUE, --debug; `truing --help` tells more"
)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def find(name: str) -> Command:
    """The command of that name.

    Raises:
        InvalidInputError: there is none; the hint names the nearest.
    """
    module = COMMANDS.get(name)
    if module is not None:
        # A module with these four names is a Command; a test looks at every one of them.
        return cast("Command", importlib.import_module(module))
    if name.startswith("-"):
        raise InvalidInputError(f"there is no option `{name}`", hint="truing --help")
    near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.6)
    meant = CALLED_ELSEWHERE.get(name.lower(), near[0] if near else None)
    hint = f"did you mean `truing {meant}`?" if meant else "truing --help lists the commands"
    raise InvalidInputError(f"there is no command `{name}`", hint=hint)


def parse(parser: Parser, given: Globals, words: Sequence[str]) -> argparse.Namespace:
    """The arguments of a command, with what was given for every command.

    Raises:
        InvalidInputError: arguments it does not take; the hint names the nearest option.
    """
    deed = parser.deeds.get(words[0]) if words else None
    begin = argparse.Namespace(
        workspace=given.workspace,
        settings=given.settings,
        json=False,
        parser=deed or parser,
        deed=words[0] if deed is not None else None,
    )
    if deed is None and parser.deeds:
        # Asked for help, or for a deed that does not exist: argparse says so.
        args, extra = parser.parse_known_args(words, begin)
    else:
        # Options may stand between files: truing capture speech a.wav --speaker ann b.wav
        rest = words[1:] if deed is not None else words
        args, extra = (deed or parser).parse_known_intermixed_args(rest, begin)
    if extra:
        raise unknown_words(args.parser, extra)
    return args


def _before_end(words: Sequence[str]) -> Sequence[str]:
    return words[: words.index("--")] if "--" in words else words
