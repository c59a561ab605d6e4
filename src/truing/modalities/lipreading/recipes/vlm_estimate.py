"""What `vlm-lora` will need of disk and memory, told from the base's files alone.

Memory is that of the weights in the precision in which they will be held, of the adapter with its
gradients and AdamW's two moments in float32, and of the program. *Scope*: activations are not
reckoned, since they depend on how many tokens a picture becomes; what is told is the least that a
run needs, enough to refuse one that cannot fit.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.errors import TruingError
from truing.domain.recipe import Need
from truing.modalities.lipreading.vlm_folder import DEFAULT_BASE, find
from truing.training.base_files import cached_folder, shapes_in

if TYPE_CHECKING:
    from truing.modalities.lipreading.recipes.vlm_lora import VlmLoraOptions

PROGRAM = 600 * 2**20
"""Of Python, torch, transformers and TRL, or of a CUDA context, before a model is loaded."""
SENSES = re.compile(r"vision|visual|audio|connector|projector")
"""In the names of weights that are not of the language model."""
NF4 = 0.56
"""Bytes of a weight in 4 bits with its share of the doubly quantised scales; norms and embeddings
stay as they are (Dettmers et al., "QLoRA", 2023)."""
CHECKPOINTS = 3
"""Two that are kept and one that is being written."""


def need_of(base: str | None, options: VlmLoraOptions) -> Need | None:
    """The need of a run; None for a base that is not on this machine yet."""
    from truing.platform.memory import free_accelerator_memory

    shapes = shapes_of(base or DEFAULT_BASE)
    if not shapes:
        return None
    on_accelerator = options.device.startswith("cuda") or (
        options.device == "auto" and free_accelerator_memory() is not None
    )
    held = _held(shapes, options, on_accelerator=on_accelerator)
    adapter = 4 * adapter_size(shapes, options)
    return Need(
        disk={"checkpoints": CHECKPOINTS * 3 * adapter, "model": adapter},
        memory={"program": PROGRAM, "weights": held, "adapter and moments": 4 * adapter},
        on_accelerator=on_accelerator,
        remedies=[] if options.quantize_4bit else ["--set quantize_4bit=true on a GPU"],
    )


def adapter_size(shapes: dict[str, tuple[int, ...]], options: VlmLoraOptions) -> int:
    """Numbers in the adapter: rank times the sum of both sides of each layer it stands beside."""
    leaves = {one.strip() for one in options.targets.split(",")}
    return sum(
        options.rank * sum(shape)
        for name, shape in shapes.items()
        if name.endswith(".weight")
        and name.split(".")[-2] in leaves
        and not SENSES.search(name)
        and len(shape) == 2
    )


def _held(
    shapes: dict[str, tuple[int, ...]], options: VlmLoraOptions, *, on_accelerator: bool
) -> int:
    """Bytes of all weights in memory."""
    size = (
        2 if options.precision == "bf16" or (on_accelerator and options.precision == "auto") else 4
    )
    total = 0.0
    for name, shape in shapes.items():
        packed = options.quantize_4bit and len(shape) == 2 and "embed" not in name
        total += math.prod(shape) * (NF4 if packed else size)
    return round(total)


def shapes_of(base: str) -> dict[str, tuple[int, ...]]:
    """The shapes of a model's weights by name, from the headers of its safetensors.

    Empty for a model that is not on this machine, or whose files cannot be read: the recipe
    explains what is wrong with it when it loads it.
    """
    try:
        place = Path(find(base).base)
        if not place.is_dir():
            cached = cached_folder(str(place), "config.json")
            if cached is None:
                return {}
            place = cached
        return shapes_in(sorted(place.glob("*.safetensors")))
    except (TruingError, OSError, ValueError, KeyError, TypeError):
        return {}
