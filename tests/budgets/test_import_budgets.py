"""How many modules each door loads above bare Python; modules are counted, not milliseconds.

`import truing` and `truing --help` are measured against an interpreter that has loaded nothing.
The doors behind them are annotated code throughout: `typing` and `re`, which that costs, are their
floor, and Truing's own nouns and verbs do not use up the budget of `domain` and `loop`.
"""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
PACKAGE = SOURCE / "truing"

HEAVY = {
    "torch",
    "transformers",
    "numpy",
    "scipy",
    "fastapi",
    "pydantic",
    "sqlalchemy",
    "rich",
    "soundfile",
    "soxr",
    "rapidfuzz",
    "asyncio",
    "importlib.metadata",
}
"""What none of these doors may load."""


def modules_of(package: str) -> list[str]:
    """A package and everything directly in it."""
    found = pkgutil.iter_modules([str(PACKAGE / package)])
    return [f"truing.{package}", *(f"truing.{package}.{one.name}" for one in found)]


@dataclass(frozen=True, slots=True)
class Door:
    """Statements, and how many modules they may load."""

    code: str
    limit: int
    floor: str = "pass"
    own: bool = True
    """Whether Truing's own modules count."""


ANNOTATED = "import re, typing"


DOORS = {
    "truing": Door("import truing", 15),
    "truing --help": Door(
        "from truing.cli.main import main\n"
        "try:\n    code = main(['--help'])\n"
        "except SystemExit as end:\n    code = end.code\n"
        "assert not code, code",
        20,
    ),
    "domain": Door("import " + ", ".join(modules_of("domain")), 60, ANNOTATED, own=False),
    "loop": Door("import " + ", ".join(modules_of("loop")), 60, ANNOTATED, own=False),
    "tables": Door("import truing.modalities, truing.formats, truing.domain.registry", 60),
    "workspace": Door("from truing import Workspace", 80, ANNOTATED),
}


def loaded(code: str, floor: str = "pass") -> list[str]:
    """The modules that statements add to those of a fresh interpreter."""
    program = (
        "import sys\n"
        f"sys.path.insert(0, {str(SOURCE)!r})\n"
        f"{floor}\n"
        "before = set(sys.modules)\n"
        f"{code}\n"
        "added = sorted(set(sys.modules) - before)\n"
        "import json\n"
        "sys.__stderr__.write('\\n' + json.dumps(added))\n"
    )
    # Isolated (-I): neither PYTHON* variables nor the folder of this test count.
    command = [sys.executable, "-I", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names: list[str] = json.loads(done.stderr.splitlines()[-1])
    return names


@pytest.mark.parametrize("name", DOORS)
def test_door_stays_light(name: str) -> None:
    door = DOORS[name]
    added = loaded(door.code, door.floor)
    heavy = sorted(HEAVY & set(added))
    assert not heavy, f"`{name}` loads {', '.join(heavy)}"
    if not door.own:
        added = [module for module in added if module.partition(".")[0] != "truing"]
    assert len(added) <= door.limit, (
        f"`{name}` loads {len(added)} modules, {door.limit} are allowed: {', '.join(added)}"
    )


def test_help_is_shown_by_the_light_door() -> None:
    command = [sys.executable, "-c", "from truing.cli.main import main; main()", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=SOURCE)
    assert done.returncode == 0, done.stderr
    assert "capture" in done.stdout
    assert "promote" in done.stdout


def test_counting_sees_a_heavy_import() -> None:
    """The budget would notice: a control on a door that is known to be heavy."""
    added = loaded("import numpy")
    assert "numpy" in added
    assert len(added) > 80


def test_loading_everything_lazily_still_finds_the_workspace() -> None:
    import truing

    assert truing.Workspace.__name__ == "Workspace"
    with pytest.raises(AttributeError, match="`Nothing`"):
        truing.Nothing  # noqa: B018
