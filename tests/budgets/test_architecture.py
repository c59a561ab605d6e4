"""What import-linter cannot say: the rules of the tree, read from the source itself."""

from __future__ import annotations

import ast
import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "truing"
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

FORBIDDEN_NAMES = {
    "base", "common", "functions", "helper", "helpers", "manager", "managers", "misc", "mixin",
    "mixins", "tools", "util", "utils",
}  # fmt: skip
MOST_LINES = 600

PLATFORM_MODULES = {
    "fcntl",
    "msvcrt",
    "termios",
    "tty",
    "winreg",
    "_winapi",
    "pwd",
    "grp",
    "resource",
}
PLATFORM_CALLS = re.compile(
    r"(os\.(fork|forkpty|fsync|fdatasync|sync|replace|kill|killpg|getpgid|setsid|setpgid|waitpid"
    r"|wait|getuid|geteuid|getlogin|uname|name|O_(DIRECTORY|NOFOLLOW|BINARY|TMPFILE|SYNC|DSYNC))"
    r"|sys\.(platform|getwindowsversion)"
    r"|platform\.(system|machine|release|version|uname|win32_ver|mac_ver)"
    r"|signal\.(signal|SIG\w+|CTRL_\w+|alarm|pause|raise_signal)"
    r"|ctypes\.(windll|WinDLL|CDLL)"
    r"|subprocess\.(CREATE_\w+|STARTUPINFO|DETACHED_PROCESS))"
)
"""Calls whose meaning differs between systems: `truing.platform` is their only place."""

LOOK_OUTSIDE = re.compile(r"^(~|/\w|[A-Za-z]:\\)")


def name_of(path: Path) -> str:
    """A path as people write it."""
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    """The parsed module."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every module imported anywhere, in functions as well, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def dotted(node: ast.AST) -> str | None:
    """`os.path.join` for the expression that says so."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return f"{inner}.{node.attr}" if inner else None
    return None


def outside_layers(path: Path, allowed: tuple[str, ...]) -> list[str]:
    """Imports that are neither of the standard library nor of the parts allowed."""
    found = []
    for line, module in imported(tree_of(path)):
        first = module.partition(".")[0]
        fine = first in sys.stdlib_module_names or any(
            module == part or module.startswith(f"{part}.") for part in (*allowed, "__future__")
        )
        if not fine:
            found.append(f"{name_of(path)}:{line} imports {module}")
    return found


def platform_uses(source: str) -> list[str]:
    """Uses of what differs between systems, as `line what`."""
    tree = ast.parse(source)
    found = [
        f"{line} {module}"
        for line, module in imported(tree)
        if module.partition(".")[0] in PLATFORM_MODULES or PLATFORM_CALLS.fullmatch(module)
    ]
    for node in ast.walk(tree):
        name = dotted(node) if isinstance(node, ast.Attribute) else None
        if name is not None and PLATFORM_CALLS.fullmatch(name):
            found.append(f"{node.lineno} {name}")
    return found


def unsafe_uses(source: str) -> list[str]:
    """What can run a stranger's code: pickles, `torch.load`, `eval`, `exec`, a shell."""
    tree = ast.parse(source)
    pickles = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    found = [f"{n} {m}" for n, m in imported(tree) if m.partition(".")[0] in pickles]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func) or ""
        named = {word.arg: word.value for word in node.keywords}
        if name in {"eval", "exec", "os.system", "os.popen"}:
            found.append(f"{node.lineno} {name}")
        if name in {"torch.load", "numpy.load", "np.load"} and not _guarded(name, named):
            found.append(f"{node.lineno} {name}")
        shell = named.get("shell")
        if shell is not None and not (isinstance(shell, ast.Constant) and shell.value is False):
            found.append(f"{node.lineno} shell")
        if "trust_remote_code" in named:
            found.append(f"{node.lineno} trust_remote_code")
    return found


def _guarded(name: str, named: dict[str | None, ast.expr]) -> bool:
    word, safe = ("weights_only", True) if name == "torch.load" else ("allow_pickle", False)
    value = named.get(word)
    if name != "torch.load" and value is None:
        return True
    return isinstance(value, ast.Constant) and value.value is safe


# --- layers ------------------------------------------------------------------------------------


def test_domain_is_standard_library_only() -> None:
    found = [
        one for p in PACKAGE.glob("domain/*.py") for one in outside_layers(p, ("truing.domain",))
    ]
    assert not found, "\n".join(found)


def test_loop_is_domain_and_standard_library_only() -> None:
    found = [
        one
        for path in PACKAGE.glob("loop/**/*.py")
        for one in outside_layers(path, ("truing.domain",))
    ]
    assert not found, "\n".join(found)


def test_layer_reader_sees_imports_inside_functions(tmp_path: Path) -> None:
    planted = ROOT / "src" / "truing" / "domain" / "clock.py"
    source = planted.read_text(encoding="utf-8") + "\n\ndef late() -> None:\n    import numpy\n"
    modules = [module for _, module in imported(ast.parse(source))]
    assert "numpy" in modules


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs import-linter on the source under a folder."""
    program = (
        f"import sys; sys.path.insert(0, {str(folder / 'src')!r}); "
        "from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    command = [sys.executable, "-c", program, "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def copied_tree(tmp_path: Path) -> Path:
    """The source and its contracts in a place where they may be broken."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path in MODULES:
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return tmp_path


def test_import_contracts_hold(copied_tree: Path) -> None:
    done = lint_imports(copied_tree)
    assert done.returncode == 0, done.stdout + done.stderr


PLANTED = {
    "loop imports a store": ("loop/capture.py", "import truing.stores", "layers"),
    "verbs meet": ("loop/capture.py", "import truing.loop.freeze", "verbs-apart"),
    "domain imports numpy": ("domain/clock.py", "import numpy", "light"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_import_contracts_catch(what: str, copied_tree: Path) -> None:
    file, statement, contract = PLANTED[what]
    titles = {
        "layers": "Faces over workspace",
        "verbs-apart": "Verbs meet only",
        "light": "Domain and loop stay light",
    }
    with (copied_tree / "src" / "truing" / file).open("a", encoding="utf-8") as module:
        module.write(f"\n\n{statement}\n")
    done = lint_imports(copied_tree)
    assert done.returncode != 0
    broken = [line for line in done.stdout.splitlines() if titles[contract] in line]
    assert any("BROKEN" in line for line in broken), done.stdout


# --- the operating system ----------------------------------------------------------------------


def test_only_platform_calls_what_differs_between_systems() -> None:
    found = [
        f"{name_of(path)}:{use}"
        for path in MODULES
        if path.parent.name != "platform"
        for use in platform_uses(path.read_text(encoding="utf-8"))
    ]
    assert not found, "use truing.platform instead:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        "import fcntl",
        "import os\nos.fsync(1)",
        "import sys\nif sys.platform == 'win32': pass",
        "import signal\nsignal.signal(signal.SIGTERM, None)",
        "from os import kill",
        "import os\nif os.name == 'nt': pass",
    ],
)
def test_platform_reader_sees(line: str) -> None:
    assert platform_uses(line)


# --- safety ------------------------------------------------------------------------------------


def test_nothing_runs_a_strangers_code() -> None:
    found = [
        f"{name_of(path)}:{use}"
        for path in MODULES
        for use in unsafe_uses(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "import torch\ntorch.load('x')",
        "import torch\ntorch.load('x', weights_only=False)",
        "eval('1')",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "model.from_pretrained('x', trust_remote_code=True)",
    ],
)
def test_safety_reader_sees(line: str) -> None:
    assert unsafe_uses(line)


def test_safety_reader_lets_safe_loading_pass() -> None:
    assert not unsafe_uses("import torch\ntorch.load('x', weights_only=True)")


# --- registries --------------------------------------------------------------------------------


def targets() -> Iterator[tuple[str, str]]:
    """Every `module:attribute` of every built-in table, with the name of its entry."""
    from truing.domain.modality import CanTrain
    from truing.formats import FORMATS
    from truing.modalities import MODALITIES

    for kind, table in (("modality", MODALITIES), ("format", FORMATS)):
        yield from ((f"{kind} {name}", target) for name, target in table.items())
    for name, target in MODALITIES.items():
        module, _, attribute = target.partition(":")
        made = getattr(importlib.import_module(module), attribute)()
        if isinstance(made, CanTrain):
            yield from ((f"{name} recipe {one}", path) for one, path in made.recipes.items())


def test_every_registered_name_resolves() -> None:
    missing = []
    for name, target in targets():
        module, colon, attribute = target.partition(":")
        assert colon, f"{name} is `{target}`, not `module:attribute`"
        made = getattr(importlib.import_module(module), attribute, None)
        if made is None:
            missing.append(f"{name}: {target}")
        else:
            assert made().name == name.rpartition(" ")[2], f"{name} calls itself {made().name}"
    assert not missing, "\n".join(missing)


def test_every_table_has_entries() -> None:
    kinds = {name.split()[0] for name, _ in targets()}
    assert {"modality", "format", "speech"} <= kinds


def test_every_command_resolves() -> None:
    from truing.cli.table import COMMANDS

    assert COMMANDS
    for name, target in COMMANDS.items():
        module = importlib.import_module(target)
        assert module.HELP, name
        assert "\n" not in module.HELP, name
        assert module.EXAMPLE.lstrip("$ ").startswith("truing "), name
        assert callable(module.configure), name
        assert callable(module.run), name


# --- the tree ----------------------------------------------------------------------------------


def test_files_are_named_by_noun_or_verb() -> None:
    found = [
        name_of(path)
        for path in MODULES
        if path.stem in FORBIDDEN_NAMES or path.parent.name in FORBIDDEN_NAMES
    ]
    assert not found, found


def test_files_are_short() -> None:
    long = {
        name_of(path): lines
        for path in (*MODULES, *TESTS)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    assert not long, long


def test_every_module_says_its_role_in_its_first_line() -> None:
    for path in MODULES:
        first = (ast.get_docstring(tree_of(path)) or "").partition("\n")[0]
        assert first, f"{name_of(path)} has no docstring"
        assert first.rstrip()[-1] in ".:;", f"{name_of(path)}: `{first}` is no sentence"


def outside_reads(source: str) -> list[int]:
    """Lines that open, list or build a path outside the repository, or ask for the home folder."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if dotted(node) in {"Path.home", "os.path.expanduser"}:
            found.append(node.lineno)
        if not isinstance(node, ast.Call) or not node.args:
            continue
        first, name = node.args[0], (dotted(node.func) or "").rpartition(".")[2]
        text = first.value if isinstance(first, ast.Constant) else None
        opens = name in {"Path", "open", "copy", "copytree", "listdir", "glob", "walk", "connect"}
        if opens and isinstance(text, str) and LOOK_OUTSIDE.match(text):
            found.append(node.lineno)
    return found


def test_tests_read_nothing_outside_the_repository() -> None:
    found = []
    for path in TESTS:
        source = path.read_text(encoding="utf-8")
        lines = source.splitlines()
        # A line may say why it only looks like a place outside.
        wrong = [one for one in outside_reads(source) if "# not read" not in lines[one - 1]]
        found += [f"{name_of(path)}:{line}" for line in wrong]
    assert not found, found


@pytest.mark.parametrize("line", ["open('/etc/hosts')", "Path('~/x')", "Path.home() / 'x'"])
def test_reader_sees_places_outside(line: str) -> None:
    assert outside_reads(line)
