"""What is told from other errors as a shortage of memory."""

from __future__ import annotations

import torch

from truing.training.shortage import out_of_memory


def test_what_is_a_shortage() -> None:
    said = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096 bytes."
    assert out_of_memory(MemoryError())
    assert out_of_memory(torch.OutOfMemoryError("anything"))
    assert out_of_memory(RuntimeError(said))
    assert out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 17.86 GB)"))
    assert not out_of_memory(RuntimeError("The size of tensor a (3) must match"))
    assert not out_of_memory(ValueError("out of memory"))
