"""Arguments: what every command takes, a parser that fails in our own words, kinds of values."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from truing.domain.clock import from_iso
from truing.domain.errors import InvalidInputError

OWN_SET = ("train",)
"""Commands whose `--set`, when it comes after the command, means something of their own."""


@dataclass(slots=True)
class Globals:
    """What may be given before or after any command."""

    workspace: str | None = None
    settings: dict[str, str] = field(default_factory=dict)


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `InvalidInputError` instead of ending the process.

    Args:
        **options: those of `argparse.ArgumentParser`.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - handed on
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)
        self.deeds: dict[str, argparse.ArgumentParser] = {}

    def add_subparsers(self, **options: Any) -> argparse._SubParsersAction[Any]:  # noqa: ANN401
        """See argparse; keeps the parsers of the subcommands in `deeds`."""
        made: argparse._SubParsersAction[Any] = super().add_subparsers(**options)
        self.deeds = made.choices
        return made

    def error(self, message: str) -> NoReturn:
        """Raises what argparse would print."""
        choice = re.fullmatch(
            r"argument (?P<name>.+?): invalid choice: (?P<given>.+?) \(choose from (?P<all>.*)\)",
            message,
        )
        if choice is not None:
            name, known = choice["name"], re.findall(r"[\w-]+", choice["all"])
            raise _no_choice(name, choice["given"].strip("'\""), known, self.prog)
        told = re.sub(r"'([^']*)'", r"`\1`", message)
        told = re.sub(r"^argument ([^:]+): ", r"`\1`: ", told)
        told = told.replace("the following arguments are required", "missing")
        raise InvalidInputError(told, hint=f"{self.prog} --help")


def _no_choice(name: str, given: str, known: Sequence[str], prog: str) -> InvalidInputError:
    near = difflib.get_close_matches(given, known, n=1, cutoff=0.7)
    meant = f"did you mean `{near[0]}`? " if near else ""
    flag = name.rpartition("/")[2]
    wrong = f"`{flag}` cannot be `{given}`" if flag.startswith("-") else f"no `{prog} {given}`"
    return InvalidInputError(
        wrong if flag.startswith("-") else f"there is {wrong}",
        hint=f"{meant}there {'are' if len(known) > 1 else 'is'}: {', '.join(known)}",
    )


def take_globals(words: Sequence[str]) -> tuple[Globals, list[str]]:
    """Takes the flags out that every command knows, wherever they stand before a `--`.

    Raises:
        InvalidInputError: a flag without its value.
    """
    given = Globals()
    rest: list[str] = []
    stream = iter(words)
    for word in stream:
        name, equals, value = word.partition("=")
        ours = name in ("--workspace", "--debug") or (
            name == "--set" and not (rest and rest[0] in OWN_SET)
        )
        if word == "--":
            return given, [*rest, word, *stream]
        if not ours:
            rest.append(word)
        elif name != "--debug":
            _keep(given, name, value if equals else next(stream, None))
    return given, rest


def _keep(given: Globals, name: str, value: str | None) -> None:
    if not value:
        example = "--workspace my-voice" if name == "--workspace" else "--set gate.alpha=0.01"
        raise InvalidInputError(f"`{name}` needs a value", hint=f"such as {example}")
    if name == "--workspace":
        given.workspace = value
    else:
        given.settings.update(assignments([value], "--set gate.alpha=0.01"))


def assignments(words: Iterable[str], example: str) -> dict[str, str]:
    """`KEY=VALUE` words as a mapping, the later one winning.

    Raises:
        InvalidInputError: a word without `=`.
    """
    found = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise InvalidInputError(
                f"`{word}` is not of the form KEY=VALUE", hint=f"such as {example}"
            )
        found[key.strip()] = value.strip()
    return found


def unknown_words(parser: argparse.ArgumentParser, words: Sequence[str]) -> InvalidInputError:
    """The error for arguments a command does not take."""
    word = next((one for one in words if one.startswith("-")), words[0])
    name = word.partition("=")[0]
    if not name.startswith("-"):
        return InvalidInputError(f"`{word}` is one argument too many", hint=f"{parser.prog} --help")
    options = sorted(set(re.findall(r"--[a-z][a-z-]+", parser.format_help())))
    near = difflib.get_close_matches(name, options, n=1, cutoff=0.5)
    hint = f"did you mean `{near[0]}`?" if near else f"{parser.prog} --help"
    return InvalidInputError(f"there is no option `{name}`", hint=hint)


def add_json(parser: argparse.ArgumentParser, keys: str) -> None:
    """Adds `--json`; `keys` sketches what it prints."""
    parser.add_argument("--json", action="store_true", help=f"print JSON: {keys}")


def add_modality(parser: argparse.ArgumentParser) -> None:
    """Adds `--modality`; without it a command means `Workspace.usual_modality`."""
    parser.add_argument(
        "--modality",
        metavar="NAME",
        help="such as speech or lipreading; the one with most samples when left out",
    )


KEYS_OF_CONSENT = '"consent", "consent_basis", "consent_reason"'
"""Of the JSON of commands with `--consent BASIS`."""


def add_basis(parser: argparse.ArgumentParser) -> None:
    """Adds `--consent` and `--reason` of commands that bring in many samples."""
    from truing.domain.consent import BASES

    parser.add_argument(
        "--consent",
        metavar="BASIS",
        choices=BASES,
        help="on what basis samples are kept that do not say it themselves: person, everybody in "
        "them agreed; operator, for --reason; needed where consent.policy is ask",
    )
    parser.add_argument(
        "--reason",
        metavar="WHY",
        help="why the operator keeps them; consent.reason when left out",
    )


def subcommands(
    parser: argparse.ArgumentParser,
) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    """Makes room for the deeds of a command such as `dataset`; one must be given."""
    return parser.add_subparsers(dest="deed", metavar="DEED", required=True)


def subcommand(
    group: argparse._SubParsersAction[argparse.ArgumentParser], name: str, help: str
) -> argparse.ArgumentParser:
    """Adds one deed, found afterwards in `args.deed`."""
    return group.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.")


# --- kinds of values -----------------------------------------------------------------------------


def number(text: str) -> int:
    """The number of a sample, revision or run."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number from 1 upwards")
    return int(text)


def share(text: str) -> float:
    """A share from 0 to 1."""
    value = _float(text)
    if value is None or not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a share from 0 to 1, such as 0.2")
    return value


def rating(text: str) -> int:
    """A rating from 1 to 5."""
    if text not in ("1", "2", "3", "4", "5"):
        raise argparse.ArgumentTypeError(f"`{text}` is no rating from 1 to 5")
    return int(text)


def seconds(text: str) -> float:
    """A positive number of seconds."""
    value = _float(text)
    if value is None or not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of seconds")
    return value


def hours(text: str) -> float:
    """A number of hours, one or more."""
    value = _float(text)
    if value is None or not 1 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of hours from 1 upwards")
    return value


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def whole(text: str) -> int:
    """A whole number, such as a seed."""
    if not text.lstrip("-").isdecimal():
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number")
    return int(text)


def moment(text: str) -> int:
    """A date or time in ISO 8601, as microseconds since 1970; UTC unless it says otherwise."""
    try:
        return from_iso(text)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"`{text}` is not a date such as 2026-03-31 or 2026-03-31T18:00Z"
        ) from None


def names(text: str) -> tuple[str, ...]:
    """A list with commas: `ann,ben`."""
    found = tuple(one.strip() for one in text.split(",") if one.strip())
    if not found:
        raise argparse.ArgumentTypeError("the list is empty")
    return found
