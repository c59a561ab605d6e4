"""Prepares `.venv` for a purpose: makes it, installs torch first, then Truing with what it needs.

Run by `scripts/prepare` and `truing.ps1` with any Python from 3.11 on; standard library only.
Every step leaves a stamp under `.venv/prepared`, so that a second run starts at once and a change
of pyproject.toml installs again.

    python scripts/setup.py demo    what `truing demo` needs
    python scripts/setup.py test    that, every optional part, and the developers' tools
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PREPARED = VENV / "prepared"
TORCH = "torch==2.13.0"
CUDA_BYTES = 300_000_000
"""A torch wheel from this size on brings CUDA: 527 MB, where the CPU build has about 200 MB."""
OLDEST = (3, 11)
PIP_OPTIONS = ("--disable-pip-version-check", "--no-input")
FOREIGN = (
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PYTHONPATH",
    "PYTHONHOME",
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_REQUIRE_VIRTUALENV",
    "__PYVENV_LAUNCHER__",
)
"""Variables of another environment that would lead an installation astray."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What to install: extras of Truing and dependency groups of pyproject.toml."""

    extras: tuple[str, ...]
    groups: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    """Smaller purposes that are prepared along with it."""


PURPOSES = {
    "demo": Purpose(extras=("train",)),
    "test": Purpose(
        extras=(
            "train",
            "serve-models",
            "parquet",
            "s3",
            "postgres",
            "tensorboard",
            "media",
            "lipreading",
            "vlm",
            "images",
            "diffusion",
        ),
        groups=("dev",),
        covers=("demo",),
    ),
}


def main(arguments: list[str]) -> int:
    """Prepares for the purpose named; returns the exit code of the step that failed, or 0."""
    if len(arguments) != 1 or arguments[0] not in PURPOSES:
        fail(f"name one purpose: {', '.join(PURPOSES)}", "python scripts/setup.py demo")
    for name in FOREIGN:
        os.environ.pop(name, None)
    os.chdir(ROOT)
    purpose, key = arguments[0], stamp()
    if ready(purpose, key) and runs(interpreter()) and wanted_version():
        return 0
    print(f"Preparing .venv for `{purpose}` in {ROOT}", flush=True)
    make_environment()
    install_torch()
    install(purpose)
    for name in (purpose, *PURPOSES[purpose].covers):
        (PREPARED / name).write_text(key, encoding="utf-8")
    print(f"Prepared .venv for `{purpose}`.", flush=True)
    return 0


def stamp() -> str:
    """What an installation depends on: the place of this folder, this file, pyproject.toml."""
    state = hashlib.sha256(str(ROOT).encode())
    for path in (ROOT / "pyproject.toml", Path(__file__)):
        state.update(path.read_bytes())
    return state.hexdigest()


def ready(purpose: str, key: str) -> bool:
    """Whether a finished preparation left this key."""
    mark = PREPARED / purpose
    return mark.is_file() and mark.read_text(encoding="utf-8") == key


def interpreter() -> Path:
    """The Python inside `.venv`."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def runs(python: Path) -> bool:
    """Whether that Python starts and is recent enough; a moved or upgraded one does not."""
    program = f"import sys; sys.exit(sys.version_info < {OLDEST})"
    return python.exists() and ask(python, "-c", program).returncode == 0


def wanted_version() -> bool:
    """Whether `.venv` has the Python that PYTHON asks for; without PYTHON any will do."""
    if not os.environ.get("PYTHON"):
        return True
    text = (VENV / "pyvenv.cfg").read_text(encoding="utf-8")
    found = re.search(r"^version\s*=\s*(\d+)\.(\d+)", text, re.MULTILINE)
    return found is not None and tuple(map(int, found.groups())) == sys.version_info[:2]


def make_environment() -> None:
    """Makes `.venv`, or makes it anew when it is broken, moved or of another Python."""
    place = PREPARED / "place"
    moved = place.is_file() and place.read_text(encoding="utf-8") != str(ROOT)
    if VENV.exists() and (moved or not runs(interpreter()) or not wanted_version()):
        if Path(sys.prefix).resolve() == VENV.resolve():
            fail("this Python belongs to the .venv that must be made anew", "use another Python")
        print("Making .venv anew", flush=True)
        shutil.rmtree(VENV)
    if not VENV.exists():
        print(f"Making .venv with Python {sys.version.split()[0]}", flush=True)
        venv.create(VENV)
    if ask(interpreter(), "-m", "pip", "--version").returncode:
        call("-m", "ensurepip", "--upgrade", "--default-pip")
    PREPARED.mkdir(exist_ok=True)
    place.write_text(str(ROOT), encoding="utf-8")


def install_torch() -> None:
    """Installs the pinned torch before anything that would bring another one.

    torch comes from `TORCH_INDEX` when that is set, else from wherever pip finds it.
    """
    if installed_torch():
        return
    index = os.environ.get("TORCH_INDEX", "")
    if index:
        print(f"Installing {TORCH} from {index}", flush=True)
        call("-m", "pip", "install", *PIP_OPTIONS, "--index-url", index, TORCH)
        return
    if sys.platform == "linux":
        announce_torch()
    call("-m", "pip", "install", *PIP_OPTIONS, TORCH)


def installed_torch() -> bool:
    """Whether the pinned torch is there already, in whichever build."""
    program = "from importlib.metadata import version as v; print(v('torch'))"
    answer = ask(interpreter(), "-c", program)
    return answer.stdout.strip().partition("+")[0] == TORCH.partition("==")[2]


def announce_torch() -> None:
    """Says which torch pip is about to take, and how much that is, before it is taken."""
    probe = ROOT / "scripts" / "torch_wheel.py"
    answer = ask(interpreter(), str(probe), TORCH)
    try:
        wheel = json.loads(answer.stdout)
    except ValueError:
        wheel = {"version": "", "size": None}
    if wheel["version"].endswith("+cpu") or 0 < (wheel["size"] or 0) < CUDA_BYTES:
        print(f"Installing torch {wheel['version']}", flush=True)
        return
    size = f"{wheel['size'] / 1e6:.0f} MB for torch itself" if wheel["size"] else "torch"
    print(
        f"\nNOTE: pip's choice of {TORCH} here is "
        f"{'the' if wheel['version'] else 'probably the'} CUDA build: {size},\n"
        "about 2.2 GB of NVIDIA libraries besides, 2.7 GB of downloads and 5 GB of disk in all.\n"
        "Without an NVIDIA GPU the CPU build (about 200 MB) does the same. To get it, stop this\n"
        "with Ctrl-C and give the address of PyTorch's CPU wheel index (pytorch.org/get-started\n"
        "shows it):\n\n"
        "    make demo TORCH_INDEX=<address>\n",
        flush=True,
    )


def install(purpose: str) -> None:
    """Installs Truing from this folder, editable, with the extras and groups of a purpose."""
    wanted = PURPOSES[purpose]
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    table = document.get("dependency-groups", {})
    tools = [line for group in wanted.groups for line in group_requirements(table, group)]
    truing = f".[{','.join(wanted.extras)}]"
    besides = " and the tools to develop it" if tools else ""
    print(f"Installing Truing with {', '.join(wanted.extras)}{besides}", flush=True)
    # torch is named again: whatever else is asked for, the pinned build stays.
    call("-m", "pip", "install", *PIP_OPTIONS, TORCH, *tools, "--editable", truing)


def group_requirements(table: dict[str, list[object]], name: str) -> list[str]:
    """The requirements of a dependency group (PEP 735), included groups unfolded.

    Read here because pip knows `--group` only since 25.1, and a fresh `.venv` may have an older.
    """
    if name not in table:
        fail(f"pyproject.toml has no dependency group `{name}`", "mend PURPOSES in this file")
    lines: list[str] = []
    for entry in table[name]:
        if isinstance(entry, dict):
            lines += group_requirements(table, str(entry["include-group"]))
        else:
            lines.append(str(entry))
    return lines


def ask(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a Python quietly and returns what it said, whether it failed or not."""
    return subprocess.run([python, *arguments], check=False, capture_output=True, text=True)


def call(*arguments: str) -> None:
    """Runs the `.venv`'s Python in full view; ends this program when it fails."""
    code = subprocess.run([interpreter(), *arguments], check=False).returncode
    if code:
        fail(
            f"`python {' '.join(arguments)}` ended with {code}",
            "its own message is above; after repairing, the same command goes on from here",
        )


def fail(message: str, hint: str) -> NoReturn:
    """Says what is wrong and what repairs it, and ends."""
    print(f"error: {message}\nhint: {hint}", file=sys.stderr)
    raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
