"""What `instruct-pix2pix` will need of disk and memory, told from the base's files alone.

Memory is the larger of two moments (P: all weights, T: those that are trained, 4 bytes each):

    a step            P + gradients T + AdamW's two moments 2 T + running average T + activations
    a checkpoint      P + moments 2 T + running average T + copies of the moments 2 T

plus the program. Latents are kept beside it, up to the option `cache_mb`. AdamW's 16 bytes for
each trained weight are those of Rajbhandari et al., "ZeRO" (2020), section 3.1. Activations are
counted as `PER_LATENT` values for each place of a latent picture and each channel of the UNet's
first level, which is what autograd keeps of the UNet of Stable Diffusion 1.5 at 256 pixels (638 MB
for a row; 74 MB with gradient checkpointing, to which a block that is computed again is added).
Tiny UNets keep a quarter of it. *Scope*: counted, not measured on an accelerator; attention that
keeps its matrix takes more at 512 pixels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.errors import TruingError
from truing.domain.recipe import Need
from truing.modalities.image_edit.pipeline_folder import (
    DEFAULT_BASE,
    INDEX,
    WEIGHTS,
    check_pipeline,
)
from truing.platform.hub import read_json
from truing.training.base_files import cached_folder, shapes_in

if TYPE_CHECKING:
    from truing.modalities.image_edit.recipes.options import InstructPix2PixOptions

BYTES = 4
"""Of a weight in memory and on disk: float32, also when the arithmetic is in half precision."""
PROGRAM = 700 * 2**20
"""Of Python, torch, transformers and diffusers, or of a CUDA context, before a model is loaded."""
PER_LATENT = 510
"""Values kept between forward and backward, for each place of a latent picture and channel of the
UNet's first level."""
CHECKPOINTED = 0.25
"""Share of them with gradient checkpointing."""
HALF = 0.6
"""Share of activations with half precision: some stay in float32."""
CHECKPOINTS = 3
"""Two that are kept and one that is being written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A pipeline as its files describe it."""

    weights: Mapping[str, Mapping[str, tuple[int, ...]]]
    """By part: name of a tensor -> its shape."""
    first_level: int
    """Channels of the UNet's first level."""
    factor: int
    """Pixels that a latent stands for along a side."""
    latents: int

    def size(self, part: str) -> int:
        """Weights of a part."""
        return sum(math.prod(shape) for shape in self.weights[part].values())


def need_of(base: str | None, options: InstructPix2PixOptions) -> Need | None:
    """The need of a run; None for a base that is not on this machine yet."""
    from truing.platform.memory import free_accelerator_memory

    outline = outline_of(base or DEFAULT_BASE)
    if outline is None:
        return None
    on_accelerator = options.device.startswith(("cuda", "mps")) or (
        options.device == "auto" and free_accelerator_memory() is not None
    )
    whole = sum(outline.size(part) for part in outline.weights)
    learnt = adapter_size(outline, options) if options.adapter == "lora" else outline.size("unet")
    held = whole + (learnt if options.adapter == "lora" else 0)
    averaged = learnt if options.ema else 0
    kept = {
        "weights": BYTES * held,
        "moments": 2 * BYTES * learnt,
        "running average": BYTES * averaged,
    }
    step = {**kept, "gradients": BYTES * learnt, "activations": _activations(outline, options)}
    saving = {**kept, "copies": 2 * BYTES * learnt}
    most = max(step, saving, key=lambda one: sum(one.values()))
    if on_accelerator:
        most = {**step, "activations": round(step["activations"] * _share(options))}
    return Need(
        disk={
            "checkpoints": CHECKPOINTS * BYTES * (3 * learnt + averaged),
            "model": BYTES * held,
        },
        memory={"program": PROGRAM, **most},
        on_accelerator=on_accelerator,
        remedies=_remedies(options),
    )


def adapter_size(outline: Outline, options: InstructPix2PixOptions) -> int:
    """Numbers in the adapter: rank times the sum of both sides of each layer it stands beside, and
    the first layer where it will be widened.
    """
    wanted = [one.strip() for one in options.adapter_targets.split(",") if one.strip()]
    total = 0
    for name, shape in outline.weights["unet"].items():
        layer = name.removesuffix(".weight")
        if name == "conv_in.weight" and shape[1] == outline.latents:
            total += 2 * math.prod(shape)
        elif layer != name and any(layer.endswith(f".{one}") for one in wanted):
            total += options.adapter_rank * sum(shape[:2])
    return total


def outline_of(base: str) -> Outline | None:
    """A pipeline on this machine; None for one that is not, or whose files cannot be read: the
    recipe explains what is wrong with it when it loads it.
    """
    folder = Path(base).expanduser()
    place = folder if folder.is_dir() else cached_folder(base, INDEX)
    if place is None:
        return None
    try:
        check_pipeline(place)
        unet, vae = (read_json(place / part / "config.json") for part in WEIGHTS)
        weights = {
            part: shapes_in(sorted((place / part).glob("*.safetensors")))
            for part in (*WEIGHTS, "text_encoder")
        }
        return Outline(
            weights=weights,
            first_level=int(unet["block_out_channels"][0]),
            factor=2 ** (len(vae["block_out_channels"]) - 1),
            latents=int(vae.get("latent_channels", 4)),
        )
    except (TruingError, OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def _activations(outline: Outline, options: InstructPix2PixOptions) -> int:
    places = (options.size / outline.factor) ** 2
    share = CHECKPOINTED if options.gradient_checkpointing else 1.0
    values = places * outline.first_level * PER_LATENT * share
    return round(BYTES * options.batch_size * values)


def _share(options: InstructPix2PixOptions) -> float:
    return 1.0 if options.precision == "fp32" else HALF


def _remedies(options: InstructPix2PixOptions) -> list[str]:
    found = []
    if options.batch_size > 1:
        half = options.batch_size // 2
        found.append(f"--set batch_size={half} --set accumulation={options.accumulation * 2}")
    if not options.gradient_checkpointing:
        found.append("--set gradient_checkpointing=true")
    if options.adapter == "none":
        found.append("--set adapter=lora")
    return found
