"""Where an object store is, how it is reached, and what it means when it refuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from truing.domain.errors import (
    InvalidInputError,
    MissingDependencyError,
    NotFoundError,
    TruingError,
    UnavailableError,
)
from truing.stores.blobs_local import missing

if TYPE_CHECKING:
    from obstore.store import S3Store

TIMES = {"timeout": "60s", "connect_timeout": "5s"}
RETRIES: dict[str, Any] = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
_SWITCHES = ("allow_http", "instance_role", "versioned")
_CREDENTIALS = (
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE",),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the blobs are, as the URL and the environment say."""

    bucket: str
    prefix: str
    region: str
    endpoint: str | None = None
    allow_http: bool = False
    instance_role: bool = False
    versioned: bool = False

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


def place_of(url: str, environ: Mapping[str, str]) -> Place:
    """Reads `s3://bucket/prefix?endpoint=…&region=…&allow_http=yes`.

    Raises:
        InvalidInputError: another kind of URL, no bucket, a password in it, plain HTTP to another
            machine, or something this version does not know.
    """
    split = _split(url)
    if split is None or split.scheme != "s3" or not split.netloc:
        raise InvalidInputError(
            f"`{url}` names no bucket", hint="write s3://BUCKET/PREFIX, such as s3://ours/voices"
        )
    if "@" in split.netloc:
        raise InvalidInputError(
            "the URL of an object store must not hold a password: it is kept in the settings",
            hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead",
        )
    given = dict(parse_qsl(split.query, keep_blank_values=True))
    known = ("endpoint", "region", *_SWITCHES)
    if unknown := sorted(given.keys() - set(known)):
        raise InvalidInputError(
            f"`{unknown[0]}` means nothing in the URL of an object store",
            hint=f"there are {', '.join(known)}",
        )
    switches = {name: given.get(name, "").lower() in ("yes", "true", "1") for name in _SWITCHES}
    switches["allow_http"] |= environ.get("AWS_ALLOW_HTTP", "").lower() in ("true", "1")
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    endpoint = given.get("endpoint") or next(filter(None, map(environ.get, names)), None)
    place = Place(
        bucket=split.netloc,
        prefix=split.path.strip("/"),
        region=given.get("region")
        or environ.get("AWS_REGION")
        or environ.get("AWS_DEFAULT_REGION")
        or "us-east-1",
        endpoint=endpoint,
        **switches,
    )
    _refuse_open_line(place)
    return place


def _refuse_open_line(place: Place) -> None:
    if place.endpoint is None:
        return
    split = _split(place.endpoint)
    if split is None or split.scheme not in ("http", "https") or not split.hostname:
        raise InvalidInputError(
            f"`{place.endpoint}` is no address of an object store",
            hint="write https://HOST or http://127.0.0.1:PORT",
        )
    if split.scheme == "http" and not (place.allow_http or _is_this_machine(split.hostname)):
        raise InvalidInputError(
            f"`{place.endpoint}` would send recordings in the clear",
            hint="use https, or add ?allow_http=yes to the URL if that network is yours alone",
        )


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def connect(place: Place, environ: Mapping[str, str]) -> S3Store:
    """The way to a bucket; reaches out to nothing yet.

    Raises:
        MissingDependencyError: obstore is not installed.
        UnavailableError: the environment holds no credentials.
    """
    try:
        from obstore.store import S3Store
    except ImportError as error:
        raise MissingDependencyError(
            f"`{place}` needs `obstore`, which is not installed", hint='pip install "truing[s3]"'
        ) from error
    named = any(all(environ.get(name) for name in group) for group in _CREDENTIALS)
    if not (named or place.instance_role):
        raise UnavailableError(
            f"there are no credentials for `{place}`",
            hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or add ?instance_role=yes to "
            "the URL on a machine that has a role of its own",
        )
    config: dict[str, Any] = {
        "aws_" + name.removeprefix("AWS_").lower(): environ[name]
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        if environ.get(name)
    }
    if place.endpoint is not None:
        config["aws_endpoint"] = place.endpoint
    http = place.endpoint is not None and place.endpoint.startswith("http:")
    make: Callable[..., S3Store] = S3Store
    return make(
        place.bucket,
        prefix=place.prefix or None,
        config={**config, "aws_region": place.region},
        client_options={**TIMES, "allow_http": http},
        retry_config=RETRIES,
    )


_REFUSALS = (
    "PermissionDenied", "Unauthenticated", "AccessDenied", "InvalidAccessKeyId",
    "SignatureDoesNotMatch", "169.254.169.254", "403 Forbidden", "401 Unauthorized",
)  # fmt: skip


def meaning(error: Exception, place: Place, digest: str | None) -> TruingError:
    """What a failed call means: no bucket, no blob, not allowed, not there."""
    says = str(error)
    if "NoSuchBucket" in says:
        return NotFoundError(
            f"there is no bucket `{place.bucket}`", hint="make it first, or check its name"
        )
    if isinstance(error, FileNotFoundError) and digest is not None:
        return missing(digest)
    kind = type(error).__name__
    if any(word in says or kind.startswith(word) for word in _REFUSALS):
        return UnavailableError(
            f"`{place}` refuses access",
            hint="check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they may do",
        )
    # The first line names what was asked of whom; the rest is the library's own bookkeeping.
    line = says.partition("\n")[0].partition(": <?xml")[0].removeprefix("Generic S3 error: ")
    line = re.sub(r", after \d+ retries, max_retries: \d+, retry_timeout: \w+", "", line)[:300]
    return UnavailableError(
        f"`{place}` cannot be reached: {line}", hint="check the network and the endpoint"
    )
