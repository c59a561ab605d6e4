"""Runs every static check, shows what each found, and fails when any did.

python scripts/lint.py          all of them
python scripts/lint.py types    only those named
"""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"
TYPED = ("src", "scripts", "examples/newcomer-modality/src")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one check said."""

    name: str
    code: int
    output: str
    seconds: float


def checks() -> dict[str, list[str]]:
    """The checks by name, each as arguments of Python."""
    pages = sorted(str(page.relative_to(ROOT)) for page in ROOT.glob("docs/reference/*.md"))
    return {
        "types": ["-m", "mypy", *TYPED],
        "style": ["-m", "ruff", "check", "."],
        "format": ["-m", "ruff", "format", "--check", "."],
        # Its cache can be stale after a tree is replaced.
        "imports": ["-c", IMPORTS, "--no-cache"],
        "pages": ["-m", "cogapp", "--check", "-I", "scripts", *pages],
    }


def outcome(name: str, arguments: list[str]) -> Outcome:
    """Runs one check."""
    start = time.monotonic()
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, check=False, cwd=ROOT, capture_output=True, text=True, encoding="utf-8"
    )
    return Outcome(
        name=name,
        code=done.returncode,
        output=(done.stdout + done.stderr).strip(),
        seconds=time.monotonic() - start,
    )


def main(names: list[str]) -> int:
    """Runs the checks named, all of them when none is; returns 1 when one found something."""
    known = checks()
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"error: no check `{unknown[0]}`\nhint: there are {', '.join(known)}")
        return 2
    chosen = {name: known[name] for name in names or known}
    failed = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for result in pool.map(outcome, chosen, chosen.values()):
            print(f"lint {result.name:<8} {'ok' if not result.code else 'FAILED'}", end=" ")
            print(f"({result.seconds:.1f} s)", flush=True)
            if result.code:
                failed.append(result.name)
                print(result.output, flush=True)
    if "pages" in failed:
        print("hint: `make docs` writes the generated pages again")
    if failed:
        print(f"lint: {', '.join(failed)} found something, see above")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
