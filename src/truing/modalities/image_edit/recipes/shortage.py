"""Short of memory: says into how many pieces a batch is cut."""

from __future__ import annotations

from truing.domain.errors import RunFailedError

HINT = (
    "Set `gradient_checkpointing` to true, a smaller `size`, or `adapter` to lora; or use a "
    "machine with more memory."
)


def more_parts(parts: int, rows: int) -> int:
    """Twice as many pieces of a batch of `rows`.

    Raises:
        RunFailedError: the pieces hold one row each already.
    """
    if parts >= rows:
        raise RunFailedError("There is not enough memory for one pair at a time.", hint=HINT)
    return 2 * parts
