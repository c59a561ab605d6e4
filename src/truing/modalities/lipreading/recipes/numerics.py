"""Where and how precisely the arithmetic of a network happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from truing.domain.errors import SettingError

PRECISIONS = ("auto", "fp32", "bf16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Numerics:
    """The device, and what surrounds a forward pass."""

    device: Any
    autocast: Callable[[], Any]


def choose_numerics(device: str = "auto", precision: str = "auto", threads: int = 0) -> Numerics:
    """The device and precision to use; half precision where the processor has it built in.

    Args:
        device: cpu, cuda, mps, or auto for an accelerator when there is one.
        precision: of `PRECISIONS`.
        threads: of torch on the CPU; 0 leaves the number.

    Raises:
        SettingError: the device is not there.
    """
    import torch

    if threads:
        torch.set_num_threads(threads)
    present = {"cuda": torch.cuda.is_available(), "mps": torch.mps.is_available(), "cpu": True}
    kind = next(k for k, there in present.items() if there) if device == "auto" else device
    name = kind.partition(":")[0]
    if not present.get(name, False):
        raise SettingError(
            f"There is no device `{device}`.",
            hint=f"Use one of {', '.join(k for k, there in present.items() if there)}, or auto.",
        )
    half = precision == "bf16" or (precision == "auto" and _has_bf16(name))
    return Numerics(
        device=torch.device(kind),
        autocast=lambda: torch.autocast(name, dtype=torch.bfloat16, enabled=half),
    )


def _has_bf16(name: str) -> bool:
    import torch

    if name == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    known: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)() if name == "cpu" else {}
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))
