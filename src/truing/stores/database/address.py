"""Addresses of databases: read, and written for people without their password."""

from __future__ import annotations

import sqlalchemy as sa
import sqlalchemy.exc

from truing.domain.errors import InvalidInputError

_SECRET = frozenset({"password", "sslpassword"})


def read_url(text: str) -> sa.URL:
    """A URL such as `postgresql://ann@localhost/truing`.

    Raises:
        InvalidInputError: it cannot be read; the message does not quote it, for its password.
    """
    try:
        return sa.make_url(text)
    except (sqlalchemy.exc.ArgumentError, ValueError) as error:
        raise InvalidInputError(
            "the database's address cannot be read", hint="write postgresql://USER@HOST/NAME"
        ) from error


def has_password(text: str) -> bool:
    """Whether a URL holds a password."""
    url = read_url(text)
    return url.password is not None or not _SECRET.isdisjoint(url.query)


def place_of(url: sa.URL) -> str:
    """A URL for messages: without password, and without the driver's name."""
    system = url.drivername.partition("+")[0]
    bare = url.set(drivername=system, password=None).difference_update_query(_SECRET)
    return bare.render_as_string(hide_password=True)
