"""Tensors and training state on disk: safetensors and JSON, never pickle.

A checkpoint folder holds `model.safetensors`, `optimizer.safetensors`, `best.safetensors` (when
validation chose one), `average.safetensors` (when the end is averaged) and `state.json`. Whoever
calls seals the folder with a manifest; a torn or altered one is never offered for resuming, so
nothing here guesses at missing parts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from truing.domain.errors import DamagedError

Tensors = dict[str, Any]
"""Tensor by parameter name. A tied weight appears once, under its first name."""


def weights_of(model: Any) -> Tensors:
    """A copy of every parameter that is trained, on the CPU, by name; tied weights once.

    What is frozen is the base's own and is not kept: an adapter's checkpoint is small.
    """
    return {name: p.detach().to("cpu", copy=True) for name, p in trained(model).items()}


def trained(model: Any) -> Tensors:
    """The parameters that are trained, by name: themselves, not copies."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def put_weights(model: Any, weights: Mapping[str, Any]) -> None:
    """Copies `weights` into the model's trained parameters, in place.

    Raises:
        DamagedError: names or shapes are not those of the model.
    """
    import torch

    parameters = trained(model)
    wrong = parameters.keys() ^ weights.keys() or {
        name for name, p in parameters.items() if p.shape != weights[name].shape
    }
    if wrong:
        raise DamagedError(
            f"The checkpoint does not fit the model: `{min(wrong)}` differs.",
            hint="Start a new run instead of resuming this one.",
        )
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(weights[name])


def write_checkpoint(
    folder: Path,
    *,
    model: Any,
    optimizer: Any,
    kept: Mapping[str, Tensors | None],
    state: Mapping[str, Any],
) -> None:
    """Fills `folder` with all that `read_checkpoint` needs.

    `kept` are weights beside those of the step, by name: the best and the averaged ones.
    """
    from safetensors.torch import save_file

    save_file(weights_of(model), folder / "model.safetensors")
    save_file(
        {
            f"{name}/{key}": value.detach().to("cpu", copy=True)
            for name, parameter in model.named_parameters()
            for key, value in optimizer.state.get(parameter, {}).items()
        },
        folder / "optimizer.safetensors",
    )
    for name, weights in kept.items():
        if weights is not None:
            save_file(weights, folder / f"{name}.safetensors")
    (folder / "state.json").write_text(json.dumps(state, sort_keys=True), encoding="utf-8")


def read_checkpoint(
    folder: Path, *, model: Any, optimizer: Any
) -> tuple[Mapping[str, Tensors], Any]:
    """Puts weights and optimizer state back; returns (the weights kept beside, state).

    Raises:
        DamagedError: a file is missing, or does not fit the model.
    """
    from safetensors.torch import load_file

    try:
        put_weights(model, load_file(folder / "model.safetensors"))
        moments = load_file(folder / "optimizer.safetensors")
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedError(
            f"The checkpoint `{folder}` cannot be read: {error}",
            hint="Remove it; the run resumes from the one before.",
        ) from error
    parameters = dict(model.named_parameters())
    for label, value in moments.items():
        name, _, key = label.rpartition("/")
        # Adam counts its steps on the CPU; its moments lie where the weights are.
        place = "cpu" if key == "step" else parameters[name].device
        optimizer.state[parameters[name]][key] = value.to(place)
    beside = {file.stem: file for file in folder.glob("*.safetensors")}
    own = ("model", "optimizer")
    return {name: load_file(file) for name, file in beside.items() if name not in own}, state


def write_model_folder(folder: Path, *, model: Any, processor: Any) -> None:
    """Writes a model that transformers, CTranslate2 and faster-whisper can read.

    `preprocessor_config.json` repeats what `processor_config.json` holds: transformers 5 no longer
    writes it, faster-whisper still asks for it.
    """
    model.save_pretrained(folder, safe_serialization=True)
    processor.save_pretrained(folder)
    processor.feature_extractor.save_pretrained(folder)
