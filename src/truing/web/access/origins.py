"""Where a request may come from: the names the server answers to, and the pages that may ask it.

A name that leads here by a trick of DNS (rebinding) is refused because it is not in the list; a
page of another origin because its browser says so in `Origin` or `Sec-Fetch-Site`. Programs send
neither; they are not what these rules are for.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from truing.domain.errors import InvalidInputError, TruingError
from truing.web.errors import NotAllowedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from truing.domain.settings import Settings

OWN_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
    (
        b"access-control-allow-headers",
        b"authorization, content-type, idempotency-key, if-match, if-none-match, range",
    ),
    (b"access-control-max-age", b"600"),
)
EXPOSED = (b"access-control-expose-headers", b"etag, content-range, retry-after")
_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::\d{1,5})?")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9._\[\]:-]{1,260}")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """The rules of one server."""

    hosts: frozenset[str]
    """Names, in small letters."""
    any_address: bool
    """Whether a bare IP address is taken too: no trick of DNS leads to one."""
    trusted: frozenset[str]
    """Other pages that may use the API: `http://localhost:3000`."""

    def refusal(self, method: str, headers: Mapping[bytes, bytes]) -> TruingError | None:
        """Why a request is not answered; None when it is."""
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if not self._known(host):
            return NotAllowedError(
                f"this server is not called `{host[:100]}`",
                hint="list the name at the machine: truing config set serve.hosts NAME",
            )
        origin = headers.get(b"origin")
        if origin is not None:
            return None if self._same_or_trusted(origin, host) else _foreign(origin)
        site = headers.get(b"sec-fetch-site", b"none")
        if site in (b"none", b"same-origin"):
            return None
        # Following a link from elsewhere shows a page; nothing else may come from there.
        follows = headers.get(b"sec-fetch-mode") == b"navigate" and method in SAFE
        if follows and headers.get(b"sec-fetch-dest") == b"document":
            return None
        return _foreign(site)

    def allows(self, origin: bytes | None) -> bool:
        """Whether pages of this other origin may read answers."""
        return origin is not None and origin.decode("latin-1").lower() in self.trusted

    def _known(self, host: str) -> bool:
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found["name"].rstrip(".")
        if name in self.hosts:
            return True
        if not self.any_address:
            return False
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True

    def _same_or_trusted(self, origin: bytes, host: str) -> bool:
        # One address speaks one of http and https, so that its scheme says nothing.
        scheme, _, place = origin.decode("latin-1").lower().partition("://")
        return (scheme in ("http", "https") and place == host) or self.allows(origin)


def is_elsewhere(origin: str, host: str) -> bool:
    """Whether a page asks that is neither this server's own nor, on this machine, another's.

    Args:
        origin: the header `Origin`.
        host: the header `Host`.
    """
    place = origin.lower().partition("://")[2]
    if place == host.lower():
        return False
    names = [_HOST.fullmatch(one) for one in (place, host)]
    return not all(name is not None and is_loopback(name["name"]) for name in names)


def _foreign(said: bytes) -> TruingError:
    return NotAllowedError(
        f"requests from `{said.decode('latin-1')[:100]}` are refused",
        hint="if that page is yours: truing config set serve.origins http://HOST:PORT",
    )


def origins_of(settings: Settings, bound: str) -> Origins:
    """The rules that settings and the address make.

    Raises:
        InvalidInputError: a name or an origin that cannot be one.
    """
    hosts = {name.lower().rstrip(".") for name in _words(settings.text("serve.hosts"))}
    trusted = {origin.lower().rstrip("/") for origin in _words(settings.text("serve.origins"))}
    for name in hosts:
        if not _HOST.fullmatch(name):
            raise InvalidInputError(
                f"`serve.hosts` cannot hold `{name}`", hint="give names, such as nas.local"
            )
    for origin in trusted:
        if not _ORIGIN.fullmatch(origin):
            raise InvalidInputError(
                f"`serve.origins` cannot hold `{origin}`",
                hint="give scheme, host and port, such as http://localhost:3000",
            )
    name = f"[{bound}]" if ":" in bound else bound.lower()
    wide = not is_loopback(bound)
    return Origins(hosts=OWN_NAMES | hosts | {name}, any_address=wide, trusted=frozenset(trusted))


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()
