"""Training state on disk comes back to the bit, or says what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from truing.domain.errors import ConflictError, DamagedError
from truing.training.checkpoints import (
    read_checkpoint,
    refuse_another,
    trained,
    weights_of,
    write_checkpoint,
)


def learnt(seed: int) -> tuple[Any, Any]:
    """A network of which one layer is frozen, after one step."""
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 1))
    model[1].requires_grad_(requires_grad=False)
    optimizer = torch.optim.AdamW(trained(model).values())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return model, optimizer


def written(folder: Path) -> tuple[Any, Any]:
    model, optimizer = learnt(1)
    kept = {"best": {"0.bias": torch.tensor([1.5, 2.5])}, "average": None}
    write_checkpoint(folder, model=model, optimizer=optimizer, kept=kept, state={"step": 1})
    return model, optimizer


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    model, optimizer = written(tmp_path)
    files = {file.name for file in tmp_path.iterdir()}
    assert files == {f"{n}.safetensors" for n in ("model", "optimizer", "best")} | {"state.json"}
    again, moments = learnt(2)
    kept, state = read_checkpoint(tmp_path, model=again, optimizer=moments)
    assert state == {"step": 1}
    assert {name: one.tolist() for name, one in kept["best"].items()} == {"0.bias": [1.5, 2.5]}
    assert list(kept) == ["best"]
    assert weights_of(again).keys() == {"0.weight", "0.bias"}
    for name, one in trained(model).items():
        assert torch.equal(one, trained(again)[name])
        for key, value in optimizer.state[one].items():
            assert torch.equal(value, moments.state[trained(again)[name]][key])


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "state.json"])
@pytest.mark.parametrize("data", [None, b"\0" * 20])
def test_a_checkpoint_that_cannot_be_read(tmp_path: Path, name: str, data: bytes | None) -> None:
    written(tmp_path)
    (tmp_path / name).unlink()
    if data is not None:
        (tmp_path / name).write_bytes(data)
    model, optimizer = learnt(2)
    with pytest.raises(DamagedError, match="cannot be read") as caught:
        read_checkpoint(tmp_path, model=model, optimizer=optimizer)
    assert str(tmp_path) in str(caught.value)


def test_a_checkpoint_of_another_model(tmp_path: Path) -> None:
    written(tmp_path)
    other = torch.nn.Sequential(torch.nn.Linear(4, 2))
    with pytest.raises(DamagedError, match=r"`0\.weight` differs"):
        read_checkpoint(tmp_path, model=other, optimizer=torch.optim.AdamW(other.parameters()))


def test_a_checkpoint_of_another_run() -> None:
    refuse_another(3, {"seed": 1}, {"seed": 1})
    with pytest.raises(ConflictError, match="step 3 belongs to other settings or data"):
        refuse_another(3, {"seed": 1}, {"seed": 2})
