"""Canonical JSON and SHA-256 digests: the contract by which data is named and verified.

*Canonical JSON*: UTF-8, keys sorted by code point, no white space, no NaN or infinity, floats
as the shortest text that reads back equal (`repr`), text as it is (not normalised, not escaped
beyond JSON's own rules). A value that cannot be written so is an error, never a fallback.

A digest carries its algorithm: `sha256:<64 hex digits>`. The digest of a dataset row covers its
canonical JSON and a random salt of 16 bytes. Forgetting a sample erases the salt together with
the row: the digest stays as a tombstone in the chain, and nothing can be guessed back from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

PREFIX = "sha256:"
CHUNK = 1 << 20


def canonical_json(value: object) -> bytes:
    """The one byte form of a JSON value.

    Raises:
        TypeError: a value JSON does not know, or a key that is not a string.
        ValueError: NaN, infinity or a lone surrogate.
    """
    _refuse_odd_keys(value)
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8")


def _refuse_odd_keys(value: object) -> None:
    # json.dumps would turn 1, True and None into strings: two different values, one form.
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"canonical JSON needs string keys, not {key!r}")
            _refuse_odd_keys(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _refuse_odd_keys(item)


def digest_bytes(data: bytes) -> str:
    """`sha256:…` of the bytes."""
    return PREFIX + hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """`sha256:…` of a file, read in pieces of 1 MiB."""
    state = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(CHUNK):
            state.update(piece)
    return PREFIX + state.hexdigest()


def row_digest(payload: object, salt: str) -> str:
    """Digest of one dataset row; `salt` is 32 hex digits, erased on forgetting."""
    return digest_bytes(bytes.fromhex(salt) + canonical_json(payload))


class Chain:
    """The digest of a dataset version in the making, row by row."""

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state = hashlib.sha256()

    def add(self, row: str) -> None:
        """Takes the digest of the next row."""
        self._state.update(row.encode("ascii") + b"\n")

    @property
    def digest(self) -> str:
        """The digest of the rows so far."""
        return PREFIX + self._state.hexdigest()


def chain_digest(rows: Iterable[str]) -> str:
    """Digest over row digests in their frozen order: the digest of a dataset version."""
    chain = Chain()
    for row in rows:
        chain.add(row)
    return chain.digest
