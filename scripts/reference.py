"""The generated parts of docs/reference, read from the code itself; `make docs` writes them.

Each function returns Markdown for one page. Nothing here knows a command, setting or format by
name: whatever is registered is documented.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import importlib
import inspect
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeGuard

from truing.domain import digest, errors
from truing.domain.format import Followed, Reader, Writer
from truing.domain.modality import (
    CanBaseline,
    CanEdit,
    CanJudge,
    CanPlay,
    CanPublish,
    CanRecognize,
    CanSketch,
    CanSpotCopies,
    CanTrain,
    Modality,
)
from truing.domain.settings import Setting
from truing.domain.settings_table import SETTINGS
from truing.formats import FORMATS
from truing.modalities import MODALITIES

ABILITIES: dict[Any, str] = {
    CanRecognize: "recognizes",
    CanEdit: "makes pictures",
    CanJudge: "judges pictures",
    CanTrain: "can be trained",
    CanBaseline: "has a trivial baseline",
    CanPublish: "can be published for other apps",
    CanPlay: "can be played at a terminal",
    CanSpotCopies: "near copies are found",
    CanSketch: "says where a sample lies among others",
}


# --- pages -------------------------------------------------------------------------------------


def commands() -> str:
    """Every command with its example, arguments and options, subcommands unfolded."""
    from truing.cli.table import COMMANDS

    parts = [
        table(
            ["command", "what it does"],
            [[f"[`{name}`](#truing-{name})", load(COMMANDS[name]).HELP] for name in COMMANDS],
        )
    ]
    for name, module_name in COMMANDS.items():
        module = load(module_name)
        parser = argparse.ArgumentParser(prog=f"truing {name}", add_help=False)
        module.configure(parser)
        parts += [f"## truing {name}", sentence(module.HELP), fenced(module.EXAMPLE, "console")]
        parts += list(arguments(parser, f"truing {name}", depth=3))
    return page(parts)


def settings() -> str:
    """Every setting of Truing and of each modality."""
    parts = []
    for title, group in grouped([*SETTINGS, *(s for _, m in modalities() for s in m.settings)]):
        rows = [
            [f"`{one.key}`", f"`{one.default!r}`", reach(one), f"`{one.variable}`", one.help]
            for one in group
        ]
        parts += [f"## {title}", table(["key", "default", "values", "variable", "what for"], rows)]
    return page(parts)


def formats() -> str:
    """Every format: what it reads and writes, and what its module says of it."""
    found = [(name, load_target(target)()) for name, target in FORMATS.items()]
    rows = [
        [
            f"[`{name}`](#{anchor(name)})",
            one.modality,
            tick(isinstance(one, Reader)),
            tick(isinstance(one, Writer)),
            tick(isinstance(one, Followed)),
            one.summary,
        ]
        for name, one in found
    ]
    head = ["name", "modality", "import", "export", "written back", "what it is"]
    parts = [table(head, rows)]
    for name, one in found:
        parts += [f"## {name}", prose(type(one).__doc__ or one.summary)]
    return page(parts)


def checks() -> str:
    """Every check of every modality, then those that compare samples with each other."""
    settled = {one.key: one for _, kind in modalities() for one in kind.settings}
    settled |= {one.key: one for one in SETTINGS}
    parts = []
    places = [(f"{name}", checks_module(kind)) for name, kind in modalities()]
    places += [("every modality", load("truing.loop.check"))]
    places += [("labels (`truing check --labels`)", load("truing.loop.suspect"))]
    for title, module in places:
        rows = [
            [
                f"`{one.check}`",
                one.severity,
                explained(one, settled),
                f"[`{one.setting}`](settings.md)" if one.setting else "",
            ]
            for one in findings_in(module)
        ]
        parts += [f"## {title}", table(["check", "severity", "what it finds", "setting"], rows)]
    return page(parts)


def recipes() -> str:
    """Every recipe of every modality with its options."""
    parts = []
    for name, modality in modalities():
        if not isinstance(modality, CanTrain):
            continue
        for recipe_name, target in modality.recipes.items():
            recipe = load_target(target)()
            rows = [
                [
                    f"`{option.name}`",
                    f"`{default_of(option)!r}`",
                    str(option.metadata.get("help", "")),
                ]
                for option in dataclasses.fields(recipe.options)
            ]
            parts += [
                f"## {name}: {recipe_name}",
                sentence(recipe.summary),
                table(["option", "default", "what for"], rows),
            ]
    return page(parts)


def modality_table() -> str:
    """Every modality: media, metrics, abilities."""
    rows = [
        [
            f"`{name}`",
            one.summary,
            code_list(one.roles),
            code_list(metric.name for metric in one.metrics),
            ", ".join(text for ability, text in ABILITIES.items() if isinstance(one, ability)),
        ]
        for name, one in modalities()
    ]
    return page([table(["name", "what it is", "media", "metrics", "abilities"], rows)])


def error_table() -> str:
    """Every error class with its code and exit code."""
    classes = [
        one
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, errors.TruingError)
    ]
    rows = [
        [f"`{one.__name__}`", f"`{one.code}`", str(one.exit_code), summary(one)] for one in classes
    ]
    tree = (errors.__doc__ or "").partition("\n\n")[2].partition("\n\n")[0]
    return page(
        [fenced(textwrap.dedent(tree), "text"), table(["class", "code", "exit", "when"], rows)]
    )


def digest_contract() -> str:
    """The contract as the module states it, with worked examples that are computed here."""
    samples: list[object] = [{"b": 1, "a": [1.0, 0.1, True, None]}, {"é": "ß\n"}, "text", 1, 1.0]
    rows = [[f"`{one!r}`", f"`{digest.canonical_json(one).decode()}`"] for one in samples]
    payload, salt = {"truth": "seven", "split": "train"}, "000102030405060708090a0b0c0d0e0f"
    row = digest.row_digest(payload, salt)
    worked = (
        f"canonical   {digest.canonical_json(payload).decode()}\n"
        f"salt        {salt}\n"
        f"row         {row}\n"
        f"version     {digest.chain_digest([row])}   (a dataset of this one row)"
    )
    return page(
        [
            prose((digest.__doc__ or "").partition("\n\n")[2]),
            table(["value", "canonical JSON"], rows),
            fenced(worked, "text"),
        ]
    )


# --- reading the code --------------------------------------------------------------------------


def modalities() -> list[tuple[str, Modality]]:
    """The built-in modalities by name."""
    return [(name, load_target(target)()) for name, target in MODALITIES.items()]


def load(module: str) -> Any:  # noqa: ANN401 - a module
    """A module by name."""
    return importlib.import_module(module)


def load_target(target: str) -> Any:  # noqa: ANN401 - whatever a table names
    """What `module:attribute` names."""
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def checks_module(modality: Modality) -> Any:  # noqa: ANN401 - a module
    """The module of a modality that makes its findings."""
    return load(type(modality).__module__.rpartition(".")[0] + ".checks")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One place in the code where a finding is made."""

    check: str
    severity: str
    setting: str | None
    reason: str


def findings_in(module: Any) -> list[Found]:  # noqa: ANN401 - a module
    """The checks of a module, read from the calls that make findings: what is made, is there."""
    names = dict(vars(module))
    found: dict[str, Found] = {}
    nodes = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if is_read(node)]
    for node in sorted(nodes, key=lambda one: (one.lineno, one.col_offset)):
        if isinstance(node, ast.Assign):
            names.update(assigned(node, names))
        elif one := finding(node, names, module.__name__):
            found.setdefault(one.check, one)
    return list(found.values())


def is_read(node: ast.AST) -> TypeGuard[ast.Assign | ast.Call]:
    """Whether a node can name or make a finding."""
    return isinstance(node, ast.Assign | ast.Call)


def assigned(node: ast.Assign, names: dict[str, Any]) -> dict[str, str]:
    """Texts and severities given to names: `warn, info = Severity.WARNING, Severity.INFO`."""
    target, value = node.targets[0], node.value
    pairs = (
        zip(target.elts, value.elts, strict=False)
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
        else [(target, value)]
    )
    return {
        name.id: text
        for name, what in pairs
        if isinstance(name, ast.Name) and (text := wording(what, names))
    }


def finding(call: ast.Call, names: dict[str, Any], module: str) -> Found | None:
    """What `Finding(check=…)` or `limits.finding("…", severity, value, limit, reason)` makes."""
    given = {word.arg: word.value for word in call.keywords}
    if isinstance(call.func, ast.Attribute) and call.func.attr == "finding":
        given |= zip(("check", "severity", "value", "setting", "reason"), call.args, strict=False)
    elif not (isinstance(call.func, ast.Name) and call.func.id == "Finding"):
        return None
    check = wording(given.get("check"), names)
    if not check:
        return None
    setting = wording(given.get("setting"), names)
    if setting and "." not in setting:
        setting = f"{module.split('.')[-2]}.{setting}"
    return Found(
        check=check,
        severity=wording(given.get("severity"), names),
        setting=setting or None,
        reason=wording(given.get("reason"), names),
    )


def wording(node: ast.expr | None, names: dict[str, Any]) -> str:
    """A text as far as it is written in the code; what is filled in later shows as `…`."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(wording(part, names) or "…" for part in node.values)
    if isinstance(node, ast.Attribute):
        owner = names.get(node.value.id) if isinstance(node.value, ast.Name) else None
        value = getattr(owner, node.attr, "")
    else:
        value = names.get(node.id, "") if isinstance(node, ast.Name) else ""
    value = getattr(value, "key", value)
    return str(value) if isinstance(value, str) else ""


UNWORDED = {"damaged": "the bytes are missing, altered, cut short or cannot be decoded"}
"""Checks whose reason is another module's message."""


def explained(one: Found, settled: dict[str, Setting]) -> str:
    """The help of the check's threshold, else its own reason."""
    prefix = f"`{one.check}`: "
    if one.setting in settled and settled[one.setting].help.startswith(prefix):
        return one_line(settled[one.setting].help.removeprefix(prefix))
    return one_line(one.reason or UNWORDED.get(one.check, ""))


def arguments(parser: argparse.ArgumentParser, name: str, depth: int) -> Iterator[str]:
    """The arguments of a command, then each of its subcommands."""
    rows, inner = [], []
    for action in parser._actions:  # noqa: SLF001 - argparse has no public list
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            inner.append(action)
        elif action.help != argparse.SUPPRESS and not isinstance(action, argparse._HelpAction):  # noqa: SLF001
            rows.append([f"`{spelling(action)}`", expanded(action)])
    if rows:
        yield table(["argument", "what for"], rows)
    for action in inner:
        helps = {one.dest: one.help for one in action._choices_actions}  # noqa: SLF001
        for sub, subparser in action.choices.items():
            yield f"{'#' * depth} {name} {sub}"
            if helps.get(sub):
                yield sentence(str(helps[sub]))
            yield from arguments(subparser, f"{name} {sub}", min(depth + 1, 6))


def spelling(action: argparse.Action) -> str:
    """How an argument is written: `--limit N`, `FILE…`."""
    names = action.metavar if action.metavar is not None else action.dest.upper()
    value = " ".join(names) if isinstance(names, tuple) else str(names)
    if action.choices is not None and action.metavar is None:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    if action.nargs in ("*", "+", argparse.REMAINDER):
        value += "…"
    if not action.option_strings:
        return f"[{value}]" if action.nargs in ("?", "*") else value
    if action.nargs == 0:
        return ", ".join(action.option_strings)
    return f"{', '.join(action.option_strings)} {value}"


def expanded(action: argparse.Action) -> str:
    """The help of an argument, with argparse's own placeholders filled in."""
    values = {**vars(action), "prog": "truing"}
    return one_line((action.help or "") % values)


def grouped(every: Iterable[Setting]) -> Iterator[tuple[str, list[Setting]]]:
    """Settings by the section before the dot, in their order."""
    groups: dict[str, list[Setting]] = {}
    for one in every:
        groups.setdefault(one.key.partition(".")[0], []).append(one)
    yield from groups.items()


def reach(setting: Setting) -> str:
    """Which values a setting takes."""
    if setting.choices is not None:
        return code_list(setting.choices)
    low, high = setting.minimum, setting.maximum
    kind = {bool: "true, false", int: "whole number", float: "number", str: "text"}
    bounds = [
        f"from {low:g}" if low is not None else "",
        f"to {high:g}" if high is not None else "",
    ]
    return " ".join([kind[type(setting.default)], *filter(None, bounds)])


def default_of(option: dataclasses.Field[Any]) -> object:
    """The default of a dataclass field."""
    if option.default_factory is not dataclasses.MISSING:
        return option.default_factory()
    return option.default


# --- Markdown ----------------------------------------------------------------------------------


def page(parts: Sequence[str]) -> str:
    """Blocks with an empty line around each."""
    return "\n" + "\n\n".join(part.strip("\n") for part in parts) + "\n\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines)


def fenced(text: str, language: str) -> str:
    """A code block."""
    return f"```{language}\n{text.strip(chr(10))}\n```"


def prose(docstring: str) -> str:
    """A docstring as Markdown: cleaned, its sections in Google style as bold heads."""
    lines = inspect.cleandoc(docstring).splitlines()
    heads = {"Args:", "Raises:", "Returns:", "Scope:", "Known trade-offs:"}
    return "\n".join(f"**{line[:-1]}**\n" if line in heads else line for line in lines)


def summary(thing: object) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join(inspect.cleandoc(thing.__doc__ or "").partition("\n\n")[0].split())


def sentence(text: str) -> str:
    """On one line, with a capital letter and a full stop."""
    text = one_line(text)
    text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".?!:" else text + "."


def one_line(text: str) -> str:
    """Without line breaks, as in a cell."""
    return " ".join(text.split())


def code_list(names: Iterable[str]) -> str:
    """`a`, `b`."""
    return ", ".join(f"`{name}`" for name in names)


def tick(value: bool) -> str:  # noqa: FBT001 - a cell
    """A cell of yes or nothing."""
    return "yes" if value else ""


def anchor(heading: str) -> str:
    """The fragment under which a heading is found."""
    return heading.lower().replace(" ", "-")
