"""Tensors and training state on disk: safetensors and JSON, never pickle.

A checkpoint folder holds `model.safetensors`, `average.safetensors` (the running average of weights
and of normalisation), `best.safetensors` (when validation may choose), `optimizer.safetensors` and
`state.json`. Whoever calls seals the folder with a manifest; a torn or altered one is never offered
for resuming, so nothing here guesses at missing parts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from truing.domain.errors import DamagedError

Tensors = dict[str, Any]
"""Tensor by its name in the network: weights and the statistics of normalisation."""


def tensors_of(network: Any) -> Tensors:
    """A copy of all weights and statistics, on the CPU."""
    return {
        name: value.detach().to("cpu", copy=True).contiguous()
        for name, value in network.state_dict().items()
    }


def put_tensors(network: Any, tensors: Mapping[str, Any]) -> None:
    """Copies `tensors` into the network.

    Raises:
        DamagedError: names or shapes are not those of the network.
    """
    own = network.state_dict()
    wrong = own.keys() ^ tensors.keys() or {
        name for name, value in own.items() if value.shape != tensors[name].shape
    }
    if wrong:
        raise DamagedError(
            f"The weights do not fit the network: `{min(wrong)}` differs.",
            hint="Copy the model again from where it was made, or start a new run.",
        )
    network.load_state_dict(tensors)


def write_checkpoint(
    folder: Path, *, networks: Mapping[str, Tensors], optimizer: Tensors, state: Mapping[str, Any]
) -> None:
    """Fills `folder` with all that `read_checkpoint` needs."""
    from safetensors.torch import save_file

    for name, tensors in {**networks, "optimizer": optimizer}.items():
        save_file(tensors, folder / f"{name}.safetensors")
    (folder / "state.json").write_text(json.dumps(state, sort_keys=True), encoding="utf-8")


def read_checkpoint(folder: Path) -> tuple[Mapping[str, Tensors], Any]:
    """Returns (tensors by the name of their file, state).

    Raises:
        DamagedError: a file is missing or cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = {file.stem: load_file(file) for file in sorted(folder.glob("*.safetensors"))}
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        missing = {"model", "average", "optimizer"} - found.keys()
    except (OSError, ValueError, SafetensorError) as error:
        raise _unreadable(folder, str(error)) from error
    if missing:
        raise _unreadable(folder, f"`{min(missing)}.safetensors` is missing")
    return found, state


def _unreadable(folder: Path, why: str) -> DamagedError:
    return DamagedError(
        f"The checkpoint `{folder}` cannot be read: {why}",
        hint="Remove it; the run resumes from the one before.",
    )


def moments_of(network: Any, optimizer: Any) -> Tensors:
    """A copy of the optimizer's state, by the name of the weight and of the figure."""
    return {
        f"{name}/{key}": value.detach().to("cpu", copy=True).contiguous()
        for name, parameter in network.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def put_moments(network: Any, optimizer: Any, moments: Mapping[str, Any]) -> None:
    """Gives the optimizer back what `moments_of` took.

    Raises:
        DamagedError: of a weight that the network does not have.
    """
    import torch

    parameters = dict(network.named_parameters())
    for label, value in moments.items():
        name, _, key = label.rpartition("/")
        parameter = parameters.get(name)
        if parameter is None:
            raise DamagedError(
                f"The checkpoint does not fit the network: it has no `{name}`.",
                hint="Start a new run instead of resuming this one.",
            )
        if key == "step":  # Adam counts on the CPU
            optimizer.state[parameter][key] = value
        else:  # in the layout of the weight, so that sums come out the same to the last bit
            optimizer.state[parameter][key] = torch.empty_like(parameter).copy_(value)
