"""Prints which wheel pip would take for a requirement, and its size, without fetching it.

    .venv/bin/python scripts/torch_wheel.py torch==2.13.0

`pip install --dry-run` is no way to learn this: where an index serves no separate metadata it
fetches every wheel whole. This asks pip's own finder, which has no public door; when a later pip
moves it, this fails and the caller says so in general words.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

SECONDS = 10.0


def found(requirement: str) -> tuple[str, str]:
    """Version and address of the best wheel for `name==version`."""
    from pip._internal.commands import create_command
    from pip._vendor.packaging.specifiers import SpecifierSet

    name, _, version = requirement.partition("==")
    command: Any = create_command("index")
    options, _ = command.parse_args(["versions", name])
    with command.main_context():
        session = command._build_session(options)  # noqa: SLF001
        finder = command._build_package_finder(options=options, session=session)  # noqa: SLF001
        best = finder.find_best_candidate(name, specifier=SpecifierSet(f"=={version}"))
        candidate = best.best_candidate
        return str(candidate.version), str(candidate.link.url_without_fragment)


def size(address: str) -> int | None:
    """Bytes of the file at an address; None when the server does not say."""
    parts = urlsplit(address)
    if parts.scheme == "file":
        return Path(unquote(parts.path)).stat().st_size
    request = urllib.request.Request(address, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return int(answer.headers["Content-Length"])
    except (OSError, TypeError, ValueError):
        return None


def main() -> None:
    """Prints `{"version": …, "size": …}`."""
    version, address = found(sys.argv[1])
    print(json.dumps({"version": version, "size": size(address)}))


if __name__ == "__main__":
    main()
