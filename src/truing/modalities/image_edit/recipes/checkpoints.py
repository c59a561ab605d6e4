"""Training state on disk: safetensors and JSON, never pickle.

A checkpoint folder holds `model.safetensors` (the weights that are trained),
`optimizer.safetensors`, `average.safetensors` (when there is a running average) and `state.json`.
Whoever calls seals the folder with a manifest; a torn or altered one is never offered for resuming.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from truing.domain.errors import DamagedError

Tensors = dict[str, Any]
"""Tensor by parameter name."""
AGAIN = "Start a new run instead of resuming this one."


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
            f"The checkpoint does not fit the model: `{min(wrong)}` differs.", hint=AGAIN
        )
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(weights[name])


def write_checkpoint(
    folder: Path,
    *,
    model: Any,
    optimizer: Any,
    average: Tensors | None,
    state: Mapping[str, Any],
) -> None:
    """Fills `folder` with all that `read_checkpoint` needs."""
    from safetensors.torch import save_file

    parameters = trained(model)
    save_file(_copied(parameters), folder / "model.safetensors")
    moments = {
        f"{name}/{key}": value
        for name, parameter in parameters.items()
        for key, value in optimizer.state.get(parameter, {}).items()
    }
    save_file(_copied(moments), folder / "optimizer.safetensors")
    if average is not None:
        save_file(_copied(average), folder / "average.safetensors")
    (folder / "state.json").write_text(json.dumps(state, sort_keys=True), encoding="utf-8")


def _copied(tensors: Mapping[str, Any]) -> Tensors:
    return {name: one.detach().to("cpu", copy=True).contiguous() for name, one in tensors.items()}


def read_checkpoint(folder: Path, *, model: Any, optimizer: Any) -> tuple[Tensors | None, Any]:
    """Puts weights and optimizer state back; returns (running average, state).

    Raises:
        DamagedError: a file is missing, or does not fit the model.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        put_weights(model, load_file(folder / "model.safetensors"))
        moments = load_file(folder / "optimizer.safetensors")
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        beside = folder / "average.safetensors"
        average = load_file(beside) if beside.is_file() else None
    except (OSError, ValueError, SafetensorError) as error:
        raise DamagedError(
            f"The checkpoint `{folder}` cannot be read: {error}",
            hint="Remove it; the run resumes from the one before.",
        ) from error
    parameters = trained(model)
    for label, value in moments.items():
        name, _, key = label.rpartition("/")
        # Adam counts its steps on the CPU; its moments lie where the weights are.
        place = "cpu" if key == "step" else parameters[name].device
        optimizer.state[parameters[name]][key] = value.to(place)
    if average is not None:
        average = {name: one.to(parameters[name].device) for name, one in average.items()}
    return average, state
