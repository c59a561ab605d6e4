"""Names of forgotten people erased from files: descriptions of models, logs, what runs left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from truing.platform.files import write_durably
from truing.workspace import backups as backing_up

if TYPE_CHECKING:
    from truing.loop.forget import Person
    from truing.workspace import Workspace

_LARGEST_LOG = 100 << 20


def rename_in_files(workspace: Workspace, person: Person) -> None:
    """Puts the pseudonym into descriptions of models, and stars into logs and what runs left."""
    for description in sorted(workspace.layout.models.glob("*/*/model.json")):
        _rename_in_description(description, person)
    for backup in backing_up.folders(workspace.layout):
        for description in sorted((backup / "models").glob("*/*/model.json")):
            _rename_in_description(description, person)
    logs = [*workspace.layout.root.glob(f"{workspace.layout.log.name}*")]
    runs = [one for one in workspace.layout.runs.rglob("*") if one.is_file()]
    for path in (*logs, *runs):
        _blot_out(path, person.name)


def _rename_in_description(path: Path, person: Person) -> None:
    from truing.stores.database.names import renamed

    text = path.read_text(encoding="utf-8")
    held = json.loads(text)
    made = renamed(held, person.name, person.pseudonym)
    if made != held:
        body = json.dumps(made, ensure_ascii=False, indent=2, allow_nan=False)
        write_durably(path, f"{body}\n".encode())


def _blot_out(path: Path, name: str) -> None:
    """Overwrites a name where it stands: whoever appends to the file meanwhile is not disturbed.

    TensorBoard's records have checksums: a file of them goes as a whole.
    """
    forms = {name.encode("utf-8"), json.dumps(name)[1:-1].encode("ascii")}
    data = path.read_bytes() if path.stat().st_size < _LARGEST_LOG else b""
    if not any(form in data for form in forms):
        return
    if "tfevents" in path.name:
        path.unlink()
        return
    with path.open("rb+") as stream:
        for form in forms:
            start = data.find(form)
            while start >= 0:
                if _stands_alone(data, start, len(form)):
                    stream.seek(start)
                    stream.write(b"*" * len(form))
                start = data.find(form, start + len(form))


def _stands_alone(data: bytes, start: int, length: int) -> bool:
    around = data[start - 1 : start] + data[start + length : start + length + 1]
    return not any(chr(one).isalnum() or one >= 0x80 for one in around)
