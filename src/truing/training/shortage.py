"""Short of memory: tells it from other errors, and gives back what the failed attempt held."""

from __future__ import annotations

import gc
from typing import Any

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


def release(device: Any) -> None:
    """Gives back what the failed attempt held."""
    import torch

    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
