"""Remembering what was forgotten: keyed digests in the database and in a file beside it.

The file outlives the database: when an older copy of that is put back, whatever it brings that was
forgotten since is forgotten again. It holds no text and no name; see `truing.domain.erasure`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.clock import Clock
from truing.domain.erasure import Erasure, Forgotten, Memory, keyed_digest
from truing.platform.files import storage_error, sync_file

if TYPE_CHECKING:
    from truing.domain.ports import Store

PSEUDONYM = "forgotten-{}"


def read_file(path: Path) -> list[Erasure]:
    """The erasures in a file; a last line that a crash cut off is passed over."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="ascii", errors="replace").splitlines():
        try:
            held = json.loads(line)
            found.append(Erasure(**{**held, "kind": Forgotten(held["kind"])}))
        except (ValueError, TypeError, KeyError):
            continue
    return found


def append_file(path: Path, new: Iterable[Erasure]) -> None:
    """Adds erasures to a file, durably.

    Raises:
        UnavailableError: the file system refused.
    """
    lines = [
        json.dumps(
            {
                "kind": one.kind.value,
                "key": one.key,
                "mac": one.mac,
                "at": one.at,
                "number": one.number,
            }
        )
        for one in new
    ]
    if not lines:
        return
    try:
        with path.open("ab+") as stream:
            stream.seek(0)
            # After a crash the last line may lack its end.
            whole = path.stat().st_size == 0 or path.read_bytes().endswith(b"\n")
            text = "\n".join(lines) + "\n"
            stream.write((text if whole else f"\n{text}").encode("ascii"))
            stream.flush()
            sync_file(stream.fileno())
    except OSError as error:
        raise storage_error(error, path) from error


def remember(
    path: Path,
    store: Store,
    clock: Clock,
    *,
    uids: Sequence[str],
    subject: str | None = None,
    contact: str | None = None,
) -> str | None:
    """Notes samples and perhaps a speaker or a contact; the same one twice is noted once.

    Args:
        path: the file.
        store: holds them too.
        clock: tells when.
        uids: of the samples.
        subject: the speaker's name.
        contact: the contact, as `contact_of` gives it.

    Returns:
        The name that stands for the speaker from now on.
    """
    in_file, in_table = read_file(path), store.erasures.all()
    memory = Memory([*in_file, *in_table])
    key = next((one.key for one in (*in_file, *in_table)), None) or secrets.token_hex(32)
    now = clock.now()
    new = [
        Erasure(
            kind=Forgotten.SAMPLE, key=key, mac=keyed_digest(key, Forgotten.SAMPLE, uid), at=now
        )
        for uid in uids
        if memory.find(Forgotten.SAMPLE, uid) is None
    ]
    number = None
    if subject is not None:
        known = memory.find(Forgotten.SUBJECT, subject)
        number = known.number if known is not None else memory.last_number + 1
        if known is None:
            mac = keyed_digest(key, Forgotten.SUBJECT, subject)
            new.append(Erasure(kind=Forgotten.SUBJECT, key=key, mac=mac, at=now, number=number))
    if contact is not None and memory.find(Forgotten.CONTACT, contact) is None:
        mac = keyed_digest(key, Forgotten.CONTACT, contact)
        new.append(Erasure(kind=Forgotten.CONTACT, key=key, mac=mac, at=now))
    write_both(path, store, [*in_file, *in_table, *new])
    return None if number is None else PSEUDONYM.format(number)


def write_both(path: Path, store: Store, erasures: Sequence[Erasure]) -> Memory:
    """Makes sure that file and database hold all of these; returns everything they hold."""
    in_file = {one.mac for one in read_file(path)}
    in_table = {one.mac for one in store.erasures.all()}
    known = {one.mac: one for one in erasures}
    append_file(path, [one for mac, one in known.items() if mac not in in_file])
    store.erasures.add([one for mac, one in known.items() if mac not in in_table])
    return Memory(known.values())
