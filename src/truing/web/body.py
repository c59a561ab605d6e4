"""The body of a request on its way in: never more than allowed, and never slower than patience."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.formparsers import MultiPartException, MultiPartParser

from truing.domain.errors import InvalidInputError
from truing.web.errors import TooLargeError, TooSlowError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.datastructures import FormData, State
    from starlette.requests import Request
    from starlette.types import Message, Receive

    from truing.domain.errors import TruingError

PATIENCE_SECONDS = 30.0
"""How long a sender may be silent while its body is not complete."""
LARGE = 4_000_000
"""Bytes from which a body waits until few others so large are in memory."""
AT_ONCE = 4


class BoundedBody:
    """Hands on the parts of a body and stops where it breaks a rule.

    Args:
        receive: gives the parts.
        limit: most bytes in all.
        patience: most seconds between two parts.
    """

    def __init__(self, receive: Receive, limit: int, *, patience: float = PATIENCE_SECONDS) -> None:
        self._receive = receive
        self._left = limit
        self._limit = limit
        self._patience = patience
        self._whole = False
        self.broken: TruingError | None = None
        """What the sender did; it is the answer, whatever the app makes of it."""

    async def __call__(self) -> Message:
        """The next part.

        Raises:
            TooLargeError: more than the limit.
            TooSlowError: nothing came for too long.
        """
        if self._whole:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), self._patience)
        except TimeoutError as error:
            self.broken = TooSlowError(
                f"nothing came for {self._patience:.0f} s", hint="send the request again"
            )
            raise self.broken from error
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._left < 0:
                self.broken = too_large(self._limit)
                raise self.broken
        return message


@asynccontextmanager
async def whole_form(
    request: Request, *, max_files: int, max_fields: int, max_part_size: int
) -> AsyncIterator[FormData]:
    """A body of multipart/form-data; its files lie on the disk, and are gone at the end.

    Args:
        request: whose body it is.
        max_files: most parts with the name of a file.
        max_fields: most other parts.
        max_part_size: bytes of a part that is no file.

    Raises:
        InvalidInputError: it is none, or breaks off: its last part may be what is missing.
    """
    parser = _Watched(
        request.headers,
        request.stream(),
        max_files=max_files,
        max_fields=max_fields,
        max_part_size=max_part_size,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise InvalidInputError(
            f"the body is no form: {error.message}", hint="the form is in /api/docs"
        ) from error
    try:
        if not parser.ended:
            raise InvalidInputError("the form breaks off", hint="send it again")
        yield form
    finally:
        await form.close()


class _Watched(MultiPartParser):
    """A parser that knows whether the end of the form has come; it does not miss it by itself."""

    ended = False

    def on_end(self) -> None:
        self.ended = True


@asynccontextmanager
async def room(state: State, size: int | None, kind: str) -> AsyncIterator[None]:
    """Held while a body is in memory: of large ones there are few at once, small ones never wait.

    Args:
        state: the app's; each server has an event loop of its own, and so its own room.
        size: bytes; None where the sender did not say.
        kind: those who wait on the disk do not wait for those who are still sending.
    """
    if size is not None and size < LARGE:
        yield
        return
    name = f"room_of_{kind}"
    if not hasattr(state, name):
        setattr(state, name, asyncio.Semaphore(AT_ONCE))
    async with getattr(state, name):
        yield


def too_large(limit: int) -> TooLargeError:
    """The error for a body beyond the limit, in bytes."""
    return TooLargeError(
        f"the request is larger than {limit / 1e6:g} MB",
        hint="cut the recording, send FLAC or Ogg, or raise serve.upload_mb",
    )
