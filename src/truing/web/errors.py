"""Errors over HTTP: the one place where an error becomes a status and the JSON envelope."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from truing.domain.errors import InvalidInputError, NotFoundError, TruingError

log = logging.getLogger(__name__)

STATUSES = {
    "invalid-input": 400,
    "setting": 400,
    "not-found": 404,
    "no-workspace": 404,
    "conflict": 409,
    "nothing-to-do": 409,
    "damaged": 422,
    "missing-dependency": 501,
    "unavailable": 503,
    "full": 507,
    "consent": 403,
    "not-proven": 409,
    "run-failed": 500,
}
"""Code of a `TruingError` -> HTTP status; a test holds that none is missing."""


class NotSignedInError(TruingError):
    """The request says not who sent it, or says it wrongly."""

    code = "not-signed-in"


class NotAllowedError(TruingError, PermissionError):
    """The visitor may not do this, or the request comes from a place that may not ask."""

    code = "not-allowed"


class TooManyError(TruingError):
    """More requests of this kind than the server takes from one visitor.

    Args:
        message: what there was too much of.
        hint: what to do.
        seconds: when it may be tried again.
    """

    code = "too-many"

    def __init__(self, message: str, *, hint: str | None = None, seconds: int = 60) -> None:
        super().__init__(message, hint=hint)
        self.seconds = seconds


class TooLargeError(TruingError):
    """A request body beyond what the server takes."""

    code = "too-large"


class TooSlowError(TruingError):
    """A request whose body does not come."""

    code = "too-slow"


WEB_STATUSES = {
    "not-signed-in": 401,
    "not-allowed": 403,
    "too-slow": 408,
    "too-large": 413,
    "too-many": 429,
}
"""The same for errors that only a server knows."""


def status_of(error: TruingError) -> int:
    """The HTTP status of an error."""
    return {**STATUSES, **WEB_STATUSES}.get(error.code, 500)


def envelope(error: TruingError) -> JSONResponse:
    """The answer that tells an error: `{"error": {"code", "message", "hint"}}`."""
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, NotSignedInError) else {}
    if isinstance(error, TooManyError):
        headers["Retry-After"] = str(error.seconds)
    told = {"error": error.as_dict()}
    return JSONResponse(told, status_code=status_of(error), headers=headers)


def install(app: FastAPI) -> None:
    """Makes the app answer every error with the envelope."""

    @app.exception_handler(TruingError)
    async def explained(_: Request, error: TruingError) -> JSONResponse:
        return envelope(error)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first.get("loc", ()) if part != "body") or "body"
        return envelope(
            InvalidInputError(
                f"`{place}`: {first.get('msg', 'not usable')}",
                hint="the form of each request is in /api/docs and /api/openapi.json",
            )
        )

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 404:
            return envelope(
                NotFoundError(f"there is no `{request.url.path}`", hint="/api/docs lists what is")
            )
        told = {"code": "http", "message": str(error.detail), "hint": None}
        return JSONResponse({"error": told}, status_code=error.status_code, headers=error.headers)

    @app.exception_handler(Exception)
    async def fault(request: Request, error: Exception) -> JSONResponse:
        log.error("a fault while answering %s", request.url.path, exc_info=error)
        told = {
            "code": "fault",
            "message": "this is a fault in Truing",
            "hint": "the workspace's log tells more; nothing was half-written",
        }
        return JSONResponse({"error": told}, status_code=500)
