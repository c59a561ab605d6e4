"""What fine-tuning a Whisper will need of disk and memory, told from its files alone.

Memory is the larger of two moments (P: all weights, T: those that are trained, 4 bytes each):

    a step            P + gradients T + AdamW's two moments 2 T + best weights T + activations
    a checkpoint      P + moments 2 T + best weights T + a copy of the moments 2 T

plus the program itself. AdamW's 16 bytes for each trained weight are those of Rajbhandari et al.,
"ZeRO" (2020), section 3.1. Activations are counted in the manner of Korthikanti et al., "Reducing
activation recomputation" (2022), for attention that does not keep its matrix: an encoder layer
keeps 8 tensors of (positions, width) and 2 of (positions, feed-forward), a decoder layer the keys
and values of what was heard, the front end 6 of (positions, width), the loss 4 of (tokens,
vocabulary). `OVERHEAD` is what was measured beyond that: gradients of activations and room the
allocator leaves unused.

Measured on a CPU in float32 against the estimate: see the table in docs/design/jobs.md.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from truing.domain.recipe import Need
from truing.training.base_files import cached_folder, shapes_in

BYTES = 4
"""Of a weight in memory and on disk: float32, also when the arithmetic is in half precision."""
PROGRAM = 450 * 2**20
"""Of Python, torch and transformers before the model is loaded."""
PROGRAM_ON_ACCELERATOR = 600 * 2**20
"""Of a CUDA context with its libraries."""
OVERHEAD = 1.6
TOKENS = 64
"""Tokens of an utterance that the estimate reckons with; few are longer."""
CHECKPOINTS = 3
"""Two that are kept and one that is being written."""
HALF = 0.6
"""Share of activations with half precision: some stay in float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A model as its files describe it."""

    config: Mapping[str, Any]
    weights: Mapping[str, int]
    """Name of a tensor -> its elements."""

    @property
    def total(self) -> int:
        """Elements of all weights."""
        return sum(self.weights.values())


def shape_of(base: str) -> Shape | None:
    """The shape of a local model, or of one from the hub that is here already; else None."""
    folder = Path(base).expanduser()
    place = folder if folder.is_dir() else cached_folder(base, "config.json")
    if place is None:
        return None
    try:
        config = json.loads((place / "config.json").read_text(encoding="utf-8"))
        shapes = shapes_in(sorted(place.glob("model*.safetensors")))
        weights = {name: math.prod(shape) for name, shape in shapes.items()}
    except (OSError, ValueError, KeyError, TypeError):
        # The recipe explains what is wrong with it when it loads it.
        return None
    return Shape(config=config, weights=weights) if weights and "d_model" in config else None


def need_of(
    shape: Shape,
    options: Any,
    *,
    trained: Callable[[str], bool] = lambda _: True,
    added: int = 0,
    on_accelerator: bool = False,
) -> Need:
    """The need of a run.

    Args:
        shape: the model.
        options: `TrainingOptions` of the recipe.
        trained: tells by its name whether a weight is trained.
        added: elements of adapters, which are trained too.
        on_accelerator: whether the arithmetic runs there.
    """
    held = shape.total + added
    learnt = sum(count for name, count in shape.weights.items() if trained(name)) + added
    encoder = any(trained(name) for name in shape.weights if ".encoder." in name) or added > 0
    activations = _activations(shape.config, options, encoder=encoder)
    if on_accelerator and options.precision != "fp32":
        activations = round(activations * HALF)
    states = {"weights": BYTES * held, "moments": 2 * BYTES * learnt, "best": BYTES * learnt}
    step = {**states, "gradients": BYTES * learnt, "activations": activations}
    # Copies for a checkpoint are always in the computer's own memory.
    saving = {**states, "copies": 2 * BYTES * learnt}
    most = max(step, saving, key=lambda one: sum(one.values()))
    if on_accelerator:
        most = {name: size for name, size in step.items() if name != "best"}
    program = PROGRAM_ON_ACCELERATOR if on_accelerator else PROGRAM
    return Need(
        disk={
            "checkpoints": CHECKPOINTS * 4 * BYTES * learnt,
            "model": BYTES * shape.total,
        },
        memory={"program": program, **most},
        on_accelerator=on_accelerator,
        remedies=_remedies(options),
    )


def _activations(config: Mapping[str, Any], options: Any, *, encoder: bool) -> int:
    """Bytes kept between forward and backward of one batch."""
    width, positions = int(config["d_model"]), int(config["max_source_positions"])
    one = positions * width
    tokens = min(TOKENS, int(config["max_target_positions"]))
    layers, layers_out = int(config["encoder_layers"]), int(config["decoder_layers"])
    layer = 8 * one + 2 * positions * int(config["encoder_ffn_dim"])
    layer_out = 2 * one + tokens * (14 * width + 2 * int(config["decoder_ffn_dim"]))
    loss = 4 * tokens * int(config["vocab_size"])
    if getattr(options, "gradient_checkpointing", False):
        # Each layer's input is kept; what is within is there for one layer at a time.
        inside = layers * one + layer + layers_out * (tokens * width) + layer_out
    elif encoder:
        inside = layers * layer + layers_out * layer_out
    else:
        inside = layer + layers_out * layer_out
    rows: int = options.batch_size
    return round(rows * BYTES * OVERHEAD * (6 * one + inside + loss))


def _remedies(options: Any) -> list[str]:
    found = []
    if options.batch_size > 1:
        half = options.batch_size // 2
        twice = getattr(options, "accumulation", 1) * 2
        more = f" --set accumulation={twice}" if hasattr(options, "accumulation") else ""
        found.append(f"--set batch_size={half}{more}")
    if getattr(options, "gradient_checkpointing", True) is False:
        found.append("--set gradient_checkpointing=true")
    if getattr(options, "adapter", "") == "none":
        found.append("--set adapter=lora")
    return found


def need_of_whisper(base: str, options: Any) -> Need | None:
    """The need of the recipe `whisper`; None for a base that is not here yet.

    Raises:
        SettingError: layers that the model does not have.
    """
    from truing.modalities.speech.recipes.adapters import (
        FEEDFORWARD,
        IA3_TARGETS,
        PROJECTIONS,
        choose_layers,
    )
    from truing.platform.memory import free_accelerator_memory

    shape = shape_of(base)
    if shape is None:
        return None
    chosen = choose_layers(_Outline(shape), options.layers)
    on_accelerator = options.device.startswith("cuda") or (
        options.device == "auto" and free_accelerator_memory() is not None
    )
    if options.adapter == "none":
        return need_of(shape, options, trained=chosen, on_accelerator=on_accelerator)
    usual = IA3_TARGETS if options.adapter == "ia3" else (*PROJECTIONS, *FEEDFORWARD)
    wanted = [one.strip() for one in options.adapter_targets.split(",") if one.strip()] or usual
    width, wide = int(shape.config["d_model"]), int(shape.config["encoder_ffn_dim"])
    rank = 1 if options.adapter == "ia3" else options.adapter_rank
    places = (name.split(".") for name in shape.weights if chosen(name))
    added = sum(
        rank * (width + (wide if place[-2] in FEEDFORWARD else width))
        for place in places
        if place[-1] == "weight" and place[-2] in wanted
    )
    return need_of(
        shape, options, trained=lambda _: False, added=added, on_accelerator=on_accelerator
    )


class _Outline:
    """As much of a model as `choose_layers` asks for."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self.model = self
        self.encoder = SimpleNamespace(layers=range(int(shape.config["encoder_layers"])))
        self.decoder = SimpleNamespace(layers=range(int(shape.config["decoder_layers"])))

    def named_parameters(self) -> Iterator[tuple[str, None]]:
        """Names without weights."""
        yield from ((name, None) for name in self._shape.weights)
