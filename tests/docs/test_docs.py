"""Whatever is registered is documented, and what the documents say exists."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import importlib
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *DOCS.rglob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
        *(ROOT / "changelog.d").glob("*.md"),
    ]
)
KINDS = {"added", "changed", "removed", "fixed", "security"}
EVERYWHERE = {"--workspace", "--set", "--debug", "-h", "--help", "-V", "--version"}
"""Options that belong to `truing` itself."""
PLACEHOLDER = re.compile(r"^(…|\.\.\.|\[.*|.*\]|<.*>|[A-Z][A-Z_@/]*…?)$")


def name_of(page: Path) -> str:
    """A path as people write it."""
    return page.relative_to(ROOT).as_posix()


def text_of(page: str) -> str:
    """One page of the reference."""
    return (REFERENCE / f"{page}.md").read_text(encoding="utf-8")


def commands() -> dict[str, ModuleType]:
    """Every command's module."""
    from truing.cli.table import COMMANDS

    return {name: importlib.import_module(target) for name, target in COMMANDS.items()}


def parser_of(name: str) -> argparse.ArgumentParser:
    """The arguments of a command."""
    parser = argparse.ArgumentParser(prog=f"truing {name}")
    commands()[name].configure(parser)
    return parser


def load(target: str) -> Any:
    """What `module:attribute` names."""
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def modalities() -> dict[str, Any]:
    """Every built-in modality."""
    from truing.modalities import MODALITIES

    return {name: load(target)() for name, target in MODALITIES.items()}


# --- everything registered is documented -------------------------------------------------------


def test_generated_pages_are_up_to_date() -> None:
    pages = [str(page) for page in sorted(REFERENCE.glob("*.md"))]
    command = [sys.executable, "-m", "cogapp", "--check", "-I", str(ROOT / "scripts"), *pages]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"`make docs` writes them again:\n{done.stdout}{done.stderr}"


def test_every_command_is_documented() -> None:
    page = text_of("commands")
    for name, module in commands().items():
        assert f"\n## truing {name}\n" in page, name
        assert module.HELP in page, name
        assert module.EXAMPLE.strip("\n") in page, name


def test_every_argument_has_help() -> None:
    missing = []
    for name in commands():
        for path, parser in unfolded(parser_of(name), name):
            missing += [
                f"{path}: {action.dest}"
                for action in parser._actions
                if action.help is None and not isinstance(action, argparse._SubParsersAction)
            ]
    assert not missing, missing


def unfolded(
    parser: argparse.ArgumentParser, name: str
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """A parser and those of its subcommands."""
    yield name, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub, inner in action.choices.items():
                yield from unfolded(inner, f"{name} {sub}")


def test_every_setting_is_documented() -> None:
    from truing.domain.settings_table import SETTINGS

    page = text_of("settings")
    every = [*SETTINGS, *(one for modality in modalities().values() for one in modality.settings)]
    assert every
    for one in every:
        assert f"| `{one.key}` | `{one.default!r}` |" in page
        assert f"`{one.variable}`" in page
        assert one.help, one.key


def test_settings_of_a_modality_start_with_its_name() -> None:
    for name, modality in modalities().items():
        assert [one.key for one in modality.settings if not one.key.startswith(f"{name}.")] == []


def test_every_format_is_documented() -> None:
    from truing.formats import FORMATS

    page = text_of("formats")
    assert FORMATS
    for name, target in FORMATS.items():
        assert f"\n## {name}\n" in page
        made = load(target)()
        assert made.summary in page
        assert type(made).__doc__, target


def test_every_modality_and_recipe_is_documented() -> None:
    from truing.domain.modality import CanTrain

    for name, modality in modalities().items():
        assert f"| `{name}` | {modality.summary} |" in text_of("modalities")
        if not isinstance(modality, CanTrain):
            continue
        for recipe_name, target in modality.recipes.items():
            assert f"\n## {name}: {recipe_name}\n" in text_of("recipes")
            for option in dataclasses.fields(load(target).options):
                assert option.metadata.get("help"), f"{recipe_name}: {option.name} has no help"
                assert f"| `{option.name}` |" in text_of("recipes")


def test_every_check_is_documented() -> None:
    """Names are read from the source here with another rule than the generator's."""
    page = text_of("checks")
    made = set()
    for path in (ROOT / "src" / "truing").rglob("check*.py"):
        source = path.read_text(encoding="utf-8")
        made |= set(re.findall(r"""(?:\bcheck=|\.finding\(\s*)"([a-z_-]+)\"""", source))
    assert len(made) > 5
    for check in sorted(made):
        row = re.search(
            rf"^\| `{check}` \| (blocking|warning|info) \| (.+?) \|", page, re.MULTILINE
        )
        assert row, f"`{check}` is not in docs/reference/checks.md"
        assert len(row[2]) > 10, f"`{check}` has no explanation"


def test_every_error_is_documented() -> None:
    from truing.domain import errors

    page = text_of("errors")
    classes = [
        one
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, errors.TruingError)
    ]
    assert len(classes) > 10
    for one in classes:
        assert f"| `{one.__name__}` | `{one.code}` | {one.exit_code} |" in page
        assert one.__name__ in (errors.__doc__ or ""), f"{one.__name__} is not in the tree"
    codes = [one.code for one in classes]
    assert len(codes) == len(set(codes)), "two errors share a code"


def test_digest_example_can_be_derived_without_truing() -> None:
    """Only hashlib and the words of the page."""
    page = text_of("digests")
    shown = dict(re.findall(r"^(canonical|salt|row|version) +(\S+)", page, re.MULTILINE))
    row = hashlib.sha256(bytes.fromhex(shown["salt"]) + shown["canonical"].encode()).hexdigest()
    assert shown["row"] == f"sha256:{row}"
    chain = hashlib.sha256(f"sha256:{row}\n".encode("ascii")).hexdigest()
    assert shown["version"] == f"sha256:{chain}"
    assert json.loads(shown["canonical"])


def test_row_fields_are_documented() -> None:
    source = (ROOT / "src" / "truing" / "loop" / "freeze.py").read_text(encoding="utf-8")
    body = source.partition("def row_payload")[2].partition("\ndef ")[0]
    fields = re.findall(r'^\s+"(\w+)":', body, re.MULTILINE)
    assert "truth" in fields
    page = text_of("digests")
    assert [field for field in fields if f"`{field}`" not in page] == []


# --- what the documents say exists -------------------------------------------------------------


def links(page: Path) -> Iterator[str]:
    """Targets of Markdown links, code left out."""
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    text = re.sub(r"`[^`\n]*`", "", text)
    yield from re.findall(r"\]\(([^)\s]+)\)", text)
    yield from re.findall(r'(?:src|href)="([^"]+)"', text)


def anchors(page: Path) -> set[str]:
    """The fragments a page offers, as GitHub makes them."""
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    heads = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_resolve(page: Path) -> None:
    broken = []
    for link in links(page):
        if re.match(r"^(https?|mailto):", link):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (
            fragment and target.suffix == ".md" and fragment not in anchors(target)
        ):
            broken.append(link)
    assert not broken, broken


def shell_lines(page: Path) -> Iterator[str]:
    """Commands in code blocks, continued lines joined, prompts and comments removed."""
    for language, body in re.findall(
        r"^ *```(\w*)\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    ):
        if language not in ("", "console", "sh", "bash", "shell", "powershell"):
            continue
        for line in body.replace("\\\n", " ").splitlines():
            yield line.strip().removeprefix("$ ").strip()


def truing_calls() -> list[tuple[str, str]]:
    """Every line in a document that calls `truing`, with its page."""
    return [
        (name_of(page), line)
        for page in PAGES
        for line in shell_lines(page)
        if line.startswith("truing ")
    ]


def test_calls_in_documents_name_real_commands_and_options() -> None:
    calls = truing_calls()
    assert len(calls) > 10
    wrong = [f"{page}: {line}: {why}" for page, line in calls if (why := fault(line))]
    assert not wrong, "\n".join(wrong)


def fault(line: str) -> str | None:
    """Why a call cannot be right, or None."""
    words = shlex.split(line, comments=True)[1:]
    words = words[: next((i for i, w in enumerate(words) if w in ("|", ">", "&&", ";")), None)]
    while words and words[0] in EVERYWHERE:
        if words[0] in ("--workspace", "--set"):
            words = words[1:]
        words = words[1:]
    if not words or PLACEHOLDER.match(words[0]):
        return None
    if words[0] not in commands():
        return f"no command `{words[0]}`"
    parser = parser_of(words[0])
    for word in words[1:]:
        inner = subparsers(parser)
        if inner and not word.startswith("-"):
            if word not in inner:
                return f"`{words[0]}` has no `{word}`"
            parser = inner[word]
        option = word.partition("=")[0]
        known = {*parser._option_string_actions, *EVERYWHERE}
        if word.startswith("-") and not is_number(word) and option not in known:
            return f"`{words[0]}` has no option `{option}`"
    return None


def subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The subcommands of a parser by name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def is_number(word: str) -> bool:
    """Whether a word is a negative number or a lone dash, not an option."""
    return word == "-" or word[1:].replace(".", "", 1).isdecimal()


def test_fault_is_found() -> None:
    assert fault("truing nonsense")
    assert fault("truing capture --no-such-option x")
    assert fault("truing dataset nonsense")
    assert fault("truing --help") is None


def test_every_example_of_a_command_is_right() -> None:
    for name, module in commands().items():
        lines = module.EXAMPLE.replace("\\\n", " ").splitlines()
        calls = [line.strip().removeprefix("$ ") for line in lines]
        calls = [line for line in calls if line.startswith("truing ")]
        assert calls, name
        for call in calls:
            assert fault(call) is None, f"{call}: {fault(call)}"
            assert name in call.split(), call


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_in_documents_compiles(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for indent, body in re.findall(r"^( *)```python\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        code = "\n".join(line.removeprefix(indent) for line in body.splitlines())
        compile(code, name_of(page), "exec")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_imports_in_documents_resolve(page: Path) -> None:
    for module, names in re.findall(
        r"^\s*from (truing[\w.]*) import (\w+(?:, \w+)*)$",
        page.read_text(encoding="utf-8"),
        re.MULTILINE,
    ):
        for name in names.split(", "):
            assert hasattr(importlib.import_module(module), name), f"{module} has no {name}"


def test_paths_in_documents_exist() -> None:
    """Files of this repository that a page names in backticks."""
    looks = re.compile(r"`((?:src|tests|scripts|docs|examples|benchmarks|changelog\.d)/[\w./+-]+)`")
    missing = [
        f"{name_of(page)}: {path}"
        for page in PAGES
        if page.parent.name != "changelog.d"
        for path in looks.findall(page.read_text(encoding="utf-8"))
        if not (ROOT / path).exists()
    ]
    assert not missing, missing


def test_tree_in_the_architecture_is_the_tree() -> None:
    page = (DOCS / "design" / "architecture.md").read_text(encoding="utf-8")
    tree = page.partition("\nsrc/truing/\n")[2].partition("```")[0]
    told = set(re.findall(r"^  ([\w.]+)/? ", tree, re.MULTILINE))
    skipped = {"__main__.py", "__pycache__", "py.typed"}
    there = {path.name for path in (ROOT / "src" / "truing").iterdir()} - skipped
    assert told == there


def test_layers_in_documents_are_the_contract() -> None:
    import tomllib

    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = next(
        one["layers"]
        for one in document["tool"]["importlinter"]["contracts"]
        if one["id"] == "layers"
    )
    named = " > ".join(layer.replace("truing.", "") for layer in layers if "__main__" not in layer)
    for page in (DOCS / "design" / "architecture.md", ROOT / "CONTRIBUTING.md"):
        assert named in page.read_text(encoding="utf-8"), name_of(page)


# --- the frame ---------------------------------------------------------------------------------


def test_changelog_fragments_are_named_and_filled() -> None:
    fragments = [p for p in (ROOT / "changelog.d").iterdir() if p.name != "README.md"]
    assert fragments or "## " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for fragment in fragments:
        named = re.fullmatch(r"\+[a-z0-9-]+\.(\w+)\.md", fragment.name)
        assert named, f"{fragment.name} is not named +<a-few-words>.<kind>.md"
        assert named[1] in KINDS, fragment.name
        text = fragment.read_text(encoding="utf-8").strip()
        assert text.endswith("."), f"{fragment.name} is no sentence"


def quoted(page: Path) -> list[str]:
    """What a page has in backticks."""
    return re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8"))


def test_make_targets_in_documents_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert {"help", "demo", "test", "test-full", "lint", "docs", "bench", "clean"} <= targets
    for page in PAGES:
        text = "\n".join([*shell_lines(page), *quoted(page)])
        named = re.findall(r"^make ([a-z-]+)", text, re.MULTILINE)
        assert set(named) <= targets, f"{name_of(page)}: {set(named) - targets}"


def test_windows_twin_has_the_same_steps() -> None:
    script = (ROOT / "truing.ps1").read_text(encoding="utf-8")
    for step in (r"scripts\setup.py", r"scripts\lint.py", "worksteal", "not slow", "truing.exe"):
        assert step in script, step
    for target in ("help", "demo", "test", "lint"):
        assert f"'{target}' {{" in script or f"'{target}' {{ " in script, target


def test_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_bytes()
    whole = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
    assert hashlib.sha256(text).hexdigest() == whole
