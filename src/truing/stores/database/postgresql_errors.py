"""What PostgreSQL's errors mean to a person. No value of a row and no password gets into them."""

from __future__ import annotations

import psycopg

from truing.domain.errors import (
    ConflictError,
    DamagedError,
    InvalidInputError,
    NotFoundError,
    TruingError,
    UnavailableError,
)

_BUSY = (
    "another program is writing to it and does not let go",
    "wait until the other command is done, then try again",
)
_RIGHTS = (
    "the server refuses this user access",
    "let its owner grant it, or use the user who made the database",
)
_ENDED = ("the server ended the connection", "look at the server's log, then try again")
_READ_ONLY = (
    "the server lets nobody write to it",
    "give the address of the primary server, not of a copy; see default_transaction_read_only",
)
_PASSWORD = (
    "the server refuses the user or the password",
    "check the user's name in the address; the password goes into ~/.pgpass or PGPASSWORD",
)
_NO_DATABASE = (
    "the server has no such database",
    "make it: createdb --encoding UTF8 --template template0 NAME",
)

_UNAVAILABLE = {
    "25006": _READ_ONLY,
    "25P03": ("the server ended a transaction that was left open", "try again"),
    "28000": _PASSWORD,
    "28P01": _PASSWORD,
    "3D000": _NO_DATABASE,
    "40001": _BUSY,
    "40P01": _BUSY,
    "42501": _RIGHTS,
    "53100": ("the server's disk is full", "free some space there and try again"),
    "53200": ("the server is out of memory", "try again when less is going on there"),
    "53300": (
        "the server has no connection left",
        "end other programs, or raise max_connections on the server",
    ),
    "55P03": _BUSY,
    "57014": ("the server broke the statement off", "raise statement_timeout for this user"),
    "57P01": _ENDED,
    "57P02": _ENDED,
    "57P03": ("the server is starting or stopping", "try again in a moment"),
    "58030": ("the server's disk reports an error", "check the disk of the server"),
}
"""SQLSTATE -> what is wrong, what to do."""
_UNREACHABLE = (
    "the server cannot be reached",
    "check that it runs and that address and port are right: psql tells more",
)
# Before a connection stands there is no SQLSTATE: the fixed English of server and library.
_BY_TEXT = (
    (("password authentication failed", "no password supplied"), _PASSWORD),
    (("authentication failed", "no pg_hba.conf entry"), _PASSWORD),
    (("too many clients", "remaining connection slots"), _UNAVAILABLE["53300"]),
    (("starting up", "shutting down"), _UNAVAILABLE["57P03"]),
    (("terminating connection", "closed the connection", "connection is lost"), _ENDED),
)
_DAMAGED = ("XX001", "XX002")
_NUL = "cannot contain NUL"


def explain(error: BaseException, place: str) -> TruingError | None:
    """What a driver's exception means; None for a fault in our own SQL."""
    if not isinstance(error, psycopg.Error):
        return None
    code = error.sqlstate
    if _NUL in str(error):
        return InvalidInputError(
            "a text holds a zero byte, which PostgreSQL cannot keep",
            hint="take the character out of the text",
        )
    if code is None:
        if not isinstance(error, psycopg.OperationalError):
            return None
        what, hint = _without_code(str(error))
        return UnavailableError(f"`{place}`: {what}", hint=hint)
    if code in _UNAVAILABLE:
        what, hint = _UNAVAILABLE[code]
        return UnavailableError(f"`{place}`: {what}", hint=hint)
    if code.startswith("08"):
        return UnavailableError(f"`{place}`: {_ENDED[0]}", hint=_ENDED[1])
    if code in _DAMAGED:
        return DamagedError(
            f"`{place}` is damaged: {error.diag.message_primary}",
            hint="restore it from a backup; `truing verify` says what else is touched",
        )
    return _of_value(code, error, place)


def _of_value(code: str, error: psycopg.Error, place: str) -> TruingError | None:
    """What is wrong with a value; the server's own words are left out where they quote it."""
    if code == "23503":
        return NotFoundError(
            "what this belongs to is not there any more", hint="it was forgotten meanwhile"
        )
    if code == "23502":
        return InvalidInputError(
            f"a value is missing or no number: `{error.diag.column_name}`",
            hint="give a finite one",
        )
    if code == "23505":
        return ConflictError(
            f"stored already: `{error.diag.constraint_name}`", hint="read it instead"
        )
    if code.startswith("54"):
        return InvalidInputError(
            f"a text is too long for `{place}`",
            hint="keep names and keys below 2,600 bytes and texts below 250 MB",
        )
    if code.startswith("22"):
        return InvalidInputError(f"`{place}` cannot hold a value", hint="give a smaller one")
    return None


def _without_code(text: str) -> tuple[str, str]:
    lowered = text.lower()
    if 'database "' in lowered and "does not exist" in lowered:
        return _NO_DATABASE
    for words, meaning in _BY_TEXT:
        if any(one in lowered for one in words):
            return meaning
    return _UNREACHABLE
