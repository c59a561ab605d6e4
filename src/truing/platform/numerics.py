"""Where and how precisely the arithmetic of a run happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from truing.domain.errors import SettingError

PRECISIONS = ("auto", "fp32", "bf16", "fp16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Numerics:
    """Where and how precisely the arithmetic runs."""

    device: Any
    autocast: Callable[[], Any]
    scaler: Any


def choose_numerics(device: str, precision: str) -> Numerics:
    """The device and precision to use; half precision on CUDA only.

    Raises:
        SettingError: the device is not there, or cannot compute in that precision.
    """
    import torch

    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.mps.is_available()}
    kind = next(k for k in ("cuda", "mps", "cpu") if present[k]) if device == "auto" else device
    name = kind.partition(":")[0]
    if not present.get(name, False):
        raise SettingError(
            f"There is no device `{device}`.",
            hint=f"Use one of {', '.join(k for k, there in present.items() if there)}, or auto.",
        )
    if precision == "auto" and name == "cuda":
        precision = "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    half = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
    if half is not None and name != "cuda":
        raise SettingError(
            f"`{precision}` is for CUDA; the device is `{name}`, where it is slower than fp32.",
            hint="Set `precision` to fp32 or auto.",
        )
    return Numerics(
        device=torch.device(kind),
        autocast=lambda: torch.autocast(name, dtype=half, enabled=half is not None),
        scaler=torch.amp.GradScaler(name, enabled=precision == "fp16"),
    )
