"""The body of a request on its way in: never more than allowed, and never slower than patience."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from truing.web.errors import TooLargeError, TooSlowError

if TYPE_CHECKING:
    from starlette.types import Message, Receive

    from truing.domain.errors import TruingError

PATIENCE_SECONDS = 30.0
"""How long a sender may be silent while its body is not complete."""


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


def too_large(limit: int) -> TooLargeError:
    """The error for a body beyond the limit, in bytes."""
    return TooLargeError(
        f"the request is larger than {limit / 1e6:g} MB",
        hint="cut the recording, send FLAC or Ogg, or raise serve.upload_mb",
    )
