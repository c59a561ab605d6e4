"""Short of memory: tells it from other errors, and says into how many pieces a batch is cut."""

from __future__ import annotations

import gc
from typing import Any

from truing.domain.errors import RunFailedError

HINT = (
    "Set `gradient_checkpointing` to true, a smaller `size`, or `adapter` to lora; or use a "
    "machine with more memory."
)
_SIGNS = (
    "out of memory",  # CUDA and MPS
    "can't allocate memory",  # torch's allocator on the CPU
    "not enough memory",  # the same on Windows
    "alloc_failed",  # cuBLAS and cuDNN
    "could not create a primitive",  # oneDNN, whose only word it is
)


def out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on the CPU or an accelerator."""
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(s in str(error).lower() for s in _SIGNS)


def more_parts(parts: int, rows: int) -> int:
    """Twice as many pieces of a batch of `rows`.

    Raises:
        RunFailedError: the pieces hold one row each already.
    """
    if parts >= rows:
        raise RunFailedError("There is not enough memory for one pair at a time.", hint=HINT)
    return 2 * parts


def release(device: Any) -> None:
    """Gives back what the failed attempt held."""
    import torch

    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
