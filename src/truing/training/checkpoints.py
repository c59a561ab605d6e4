"""Training state on disk: safetensors and JSON, never pickle.

A checkpoint folder holds `model.safetensors` (the weights that are trained),
`optimizer.safetensors`, a file for each of the weights kept beside them (`best.safetensors`,
`average.safetensors`) and `state.json`. Whoever calls seals the folder with a manifest; a torn or
altered one is never offered for resuming, so nothing here guesses at missing parts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from truing.domain.errors import ConflictError, DamagedError

Tensors = dict[str, Any]
"""Tensor by parameter name. A tied weight appears once, under its first name."""
AGAIN = "Start a new run instead of resuming this one."


def trained(model: Any) -> Tensors:
    """The parameters that are trained, by name: themselves, not copies."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def weights_of(model: Any) -> Tensors:
    """A copy of every parameter that is trained, on the CPU, by name; tied weights once.

    What is frozen is the base's own and is not kept: an adapter's checkpoint is small.
    """
    return _copied(trained(model))


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
    kept: Mapping[str, Tensors | None],
    state: Mapping[str, Any],
) -> None:
    """Fills `folder` with all that `read_checkpoint` needs.

    `kept` are weights beside those of the step, by name: the best and the averaged ones.
    """
    from safetensors.torch import save_file

    parameters = trained(model)
    moments = {
        f"{name}/{key}": value
        for name, parameter in parameters.items()
        for key, value in optimizer.state.get(parameter, {}).items()
    }
    for name, tensors in {"model": parameters, "optimizer": moments, **kept}.items():
        if tensors is not None:
            save_file(_copied(tensors), folder / f"{name}.safetensors")
    (folder / "state.json").write_text(json.dumps(state, sort_keys=True), encoding="utf-8")


def _copied(tensors: Mapping[str, Any]) -> Tensors:
    return {name: one.detach().to("cpu", copy=True).contiguous() for name, one in tensors.items()}


def read_checkpoint(
    folder: Path,
    *,
    model: Any,
    optimizer: Any,
) -> tuple[Mapping[str, Tensors], Any]:
    """Puts weights and optimizer state back; returns (the weights kept beside, state).

    Raises:
        DamagedError: a file is missing, or does not fit the model.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = {file.stem: load_file(file) for file in sorted(folder.glob("*.safetensors"))}
        put_weights(model, found.pop("model"))
        moments = found.pop("optimizer")
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    except KeyError as error:
        raise unreadable(folder, f"`{error.args[0]}.safetensors` is missing") from error
    except (OSError, ValueError, SafetensorError) as error:
        raise unreadable(folder, str(error)) from error
    parameters = trained(model)
    for label, value in moments.items():
        name, _, key = label.rpartition("/")
        # Adam counts its steps on the CPU; its moments lie where the weights are.
        place = "cpu" if key == "step" else parameters[name].device
        optimizer.state[parameters[name]][key] = value.to(place)
    return found, state


def unreadable(folder: Path, why: str) -> DamagedError:
    """The error for a checkpoint that cannot be read."""
    return DamagedError(
        f"The checkpoint `{folder}` cannot be read: {why}",
        hint="Remove it; the run resumes from the one before.",
    )


def refuse_another(step: int, identity: object, own: object) -> None:
    """Raises unless the checkpoint of a step has the `identity` of the run itself.

    Raises:
        ConflictError: it belongs to a run with other settings or data.
    """
    if identity != own:
        raise ConflictError(
            f"The checkpoint of step {step} belongs to other settings or data.", hint=AGAIN
        )
