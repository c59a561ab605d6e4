"""Short of memory: cuts batches into pieces that fit.

A batch in pieces gives the same gradient as the whole, since every loss is divided by the tokens
of the whole step: half the batch with twice the accumulation, over the same rows in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from truing.domain.errors import RunFailedError

HINT = (
    "Start from a smaller model, train less of it (`truing recipes whisper` names the options), "
    "set `gradient_checkpointing` to true, or use a machine with more memory."
)


def no_memory_left(what: str) -> RunFailedError:
    """The error when there is nothing left to halve; `what` does not fit."""
    return RunFailedError(f"There is not enough memory for {what}.", hint=HINT)


def pieces(batches: Sequence[Any], parts: int) -> list[Any]:
    """Each batch cut into `parts` pieces of nearly equal size along its rows, at least one row."""
    if parts == 1:
        return list(batches)
    found: list[Any] = []
    for batch in batches:
        cut = min(parts, len(batch[0]))
        found += zip(*(tensor.tensor_split(cut) for tensor in batch), strict=True)
    return found


def more_parts(batches: Sequence[Any], parts: int) -> int:
    """Twice as many pieces.

    Raises:
        RunFailedError: the pieces hold one row each already.
    """
    refuse_more(batches, 2 * parts)
    return 2 * parts


def refuse_more(batches: Sequence[Any], parts: int) -> None:
    """Raises when half as many pieces, which did not fit, held one row each.

    Raises:
        RunFailedError: it says that not even one row fits.
    """
    if parts // 2 >= max(len(batch[0]) for batch in batches):
        raise no_memory_left("one utterance at a time")
