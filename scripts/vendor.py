"""Vendors the front end's libraries: pinned npm packages, checked, into `web/static/vendor`.

Only needed to move to another version. Needs `npm`; users and contributors need no Node.

    python scripts/vendor.py           fetch and write
    python scripts/vendor.py --check   fail when a vendored file differs from what was written
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "src/truing/web/static/vendor"
LOCK = VENDOR / "vendor.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """One npm package: which files of it are taken, and under which name."""

    package: str
    version: str
    integrity: str
    """SHA-512 of the package's archive, as npm writes it."""
    licence: str
    files: dict[str, str]
    """File in the package -> file here."""
    global_name: str = ""
    """For a script that only sets a global name: what it is exported as."""


LIBRARIES = (
    Library(
        package="preact",
        version="11.2.0",
        integrity="sha512-/HfHI/7N84e6GrWBJ3J280z3mLaRJiDcSvj/A+y/4AbLnND/1UlGHe1sR6oYuTGwId0nP7dqDU9OnLxMPZ7xBg==",
        licence="MIT",
        files={"dist/preact.mjs": "preact.js", "hooks/dist/hooks.mjs": "preact-hooks.js"},
    ),
    Library(
        package="@preact/signals",
        version="2.11.4",
        integrity="sha512-Rb+5RPo9gWSaHtzJeauhHxiC8KP/IF2DEPkHPEOGOnuy2wnJzRqyeLRankUCYd6ADqtxS6GnWGv6Ie343d8aYw==",
        licence="MIT",
        files={"dist/signals.mjs": "preact-signals.js"},
    ),
    Library(
        package="@preact/signals-core",
        version="1.14.5",
        integrity="sha512-vcRv7Ityz5JVmeiVqIluLFzT/PDS/AlhHUpw3/aUWqcVUs6bDGIPXE/6RSC4evBNWYvnniozg5Syfj33al3gkg==",
        licence="MIT",
        files={"dist/signals-core.mjs": "preact-signals-core.js"},
    ),
    Library(
        package="htm",
        version="3.1.1",
        integrity="sha512-983Vyg8NwUE7JkZ6NmOqpCZ+sh1bKv2iYTlUkzlWmA5JD2acKoxd4KVxbMmxX/85mtfdnDmTFoNKcg5DGAvxNQ==",
        licence="Apache-2.0",
        files={"dist/htm.mjs": "htm.js"},
    ),
    Library(
        package="uplot",
        version="1.6.32",
        integrity="sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==",
        licence="MIT",
        files={"dist/uPlot.iife.min.js": "uplot.js", "dist/uPlot.min.css": "uplot.css"},
        global_name="uPlot",
    ),
    Library(
        package="diff",
        version="9.0.0",
        integrity="sha512-svtcdpS8CgJyqAjEQIXdb3OjhFVVYjzGAPO8WGCmRbrml64SPw/jJD4GoE98aR7r25A0XcgrK3F02yw9R/vhQw==",
        licence="BSD-3-Clause",
        files={"libesm/diff/array.js": "diff/array.js", "libesm/diff/base.js": "diff/base.js"},
    ),
)


def main(arguments: list[str]) -> int:
    """Writes the files, or with `--check` only compares them."""
    if arguments == ["--check"]:
        wrong = altered()
        for name in wrong:
            print(f"{name} is not what was vendored: python scripts/vendor.py")
        return 1 if wrong else 0
    written = {}
    with tempfile.TemporaryDirectory() as folder:
        for library in LIBRARIES:
            written.update(vendored(library, Path(folder)))
    LOCK.write_text(json.dumps(written, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return 0


def altered() -> list[str]:
    """Names of vendored files whose bytes differ from the lock, or that are missing."""
    lock = json.loads(LOCK.read_text(encoding="utf-8"))
    wrong = []
    for name, facts in lock.items():
        path = VENDOR / name
        if not path.is_file() or _sha256(path.read_bytes()) != facts["sha256"]:
            wrong.append(name)
    return wrong


def vendored(library: Library, scratch: Path) -> dict[str, dict[str, str]]:
    """Fetches one package, checks it, writes its files and its licence; returns its lock entries.

    Raises:
        SystemExit: the archive is not the one that was pinned.
    """
    name = f"{library.package}@{library.version}"
    packed = subprocess.run(
        ["npm", "pack", name, "--silent"], cwd=scratch, check=True, capture_output=True, text=True
    )
    archive = scratch / packed.stdout.strip().splitlines()[-1]
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != library.integrity:
        sys.exit(f"{name} is {found}, pinned is {library.integrity}")
    entries = {}
    licence_name = "LICENSE-" + library.package.lstrip("@").replace("/", "-") + ".txt"
    with tarfile.open(archive) as opened:
        wanted = {**library.files, _licence_file(opened): licence_name}
        for inside, here in wanted.items():
            member = opened.extractfile(f"package/{inside}")
            if member is None:
                sys.exit(f"{name} has no {inside}")
            data = member.read()
            if here.endswith(".js"):
                data = _as_module(data.decode(), library).encode()
            target = VENDOR / here
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            entries[here] = {
                "package": name,
                "licence": library.licence,
                "sha256": _sha256(data),
            }
    return entries


def _as_module(text: str, library: Library) -> str:
    """Without the pointer to a source map, and with an export where there is none."""
    text = re.sub(r"\n?//# sourceMappingURL=\S+\s*$", "\n", text)
    if library.global_name:
        text = f"{text.rstrip()}\nexport default {library.global_name};\n"
    return text


def _licence_file(opened: tarfile.TarFile) -> str:
    names = [name.removeprefix("package/") for name in opened.getnames()]
    return next(name for name in names if re.fullmatch(r"LICEN[SC]E(\.\w+)?", name))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
