"""Answers: JSON written once, straight to bytes, and bodies of which a player asks for parts."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import Request, Response

FOR_EVER = "private, max-age=31536000, immutable"
"""Of what never changes under its address: media, and what is drawn of them."""
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def json_bytes(data: object) -> bytes:
    """JSON as it is sent; numbers that JSON does not know become null."""
    try:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        text = json.dumps(_finite(data), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def _finite(data: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {name: _finite(value) for name, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_finite(value) for value in data]
    return data


def json_answer(
    data: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer without a second look at what is in it."""
    return Response(
        json_bytes(data), status_code=status, media_type="application/json", headers=headers
    )


def shown(example: object, *, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """How an answer looks, for the description of the API."""
    return {
        status: {"description": "as told", "content": {"application/json": {"example": example}}}
    }


def is_known(request: Request, tag: str) -> bool:
    """Whether the asker holds what bears this ETag already."""
    named = request.headers.get("if-none-match", "")
    return named == "*" or tag in _tags(named)


def _tags(header: str) -> Iterable[str]:
    return (one.strip().removeprefix("W/") for one in header.split(","))


def not_changed(tag: str) -> Response:
    """The answer to whom `is_known`."""
    return Response(status_code=304, headers={"ETag": tag, "Cache-Control": FOR_EVER})


def part_answer(
    request: Request, data: bytes, media_type: str, headers: dict[str, str]
) -> Response:
    """A body in memory, or the part of it that is asked for (RFC 9110, one range)."""
    headers = {**headers, "Accept-Ranges": "bytes"}
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    condition = request.headers.get("if-range")
    if asked is None or asked.group(0) == "bytes=-" or condition not in (None, headers.get("ETag")):
        return Response(data, media_type=media_type, headers=headers)
    first, last = _span(asked, len(data))
    if first > last:
        headers["Content-Range"] = f"bytes */{len(data)}"
        return Response(status_code=416, headers=headers)
    headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
    body = data[first : last + 1]
    return Response(body, status_code=206, media_type=media_type, headers=headers)


def _span(asked: re.Match[str], size: int) -> tuple[int, int]:
    begin, end = asked.groups()
    if not begin:
        return max(0, size - int(end)), size - 1
    return int(begin), min(size - 1, int(end)) if end else size - 1
