"""Runs the benchmarks one after the other; each prints its figure beside its floor or peer.

python scripts/bench.py            all of them
python scripts/bench.py capture    only benchmarks/capture.py
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(names: list[str]) -> int:
    """Runs the benchmarks named, all when none is; returns 1 when one of them failed."""
    known = {path.stem: path for path in sorted((ROOT / "benchmarks").glob("[a-z]*.py"))}
    unknown = [name for name in names if name not in known]
    if unknown or not known:
        missing = f"no benchmark `{unknown[0]}`" if unknown else "no benchmarks"
        print(f"error: {missing} in benchmarks/\nhint: there are {', '.join(known) or 'none yet'}")
        return 2
    failed = []
    for name in names or known:
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, known[name]], check=False, cwd=ROOT).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
