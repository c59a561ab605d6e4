"""Several processes that do the same at the same moment.

    python tests/crash/race.py create|open FOLDER COUNT

Prints one line of JSON for each: None when it succeeded, else the kind of error.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from truing import Workspace
from truing.domain.errors import TruingError


def attempt(what: str, folder: Path) -> str | None:
    """What came of it."""
    try:
        made = Workspace.create if what == "create" else Workspace.open
        with made(folder, environ={}) as workspace:
            if what == "open":
                workspace.store.samples.state_counts()
    except TruingError as error:
        return type(error).__name__
    return None


def main() -> None:
    """Forks, waits for one moment, goes."""
    what, folder, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    Workspace.create(folder.with_name("warm"), environ={}).close()
    start = time.monotonic() + 0.3
    children = []
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            time.sleep(max(0.0, start - time.monotonic()))
            told = json.dumps(attempt(what, folder)) + "\n"
            os.write(1, told.encode())
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
