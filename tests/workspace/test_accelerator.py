"""What `truing doctor --gpu` sees: the GPU, the libraries, the model; and whom it asks."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest
import torch

from truing.workspace.accelerator import look
from truing.workspace.keeping import Check

BASE = {"model_type": "idefics3", "vision_config": {"hidden_size": 8}}


def seen(model: str | None = None, *, online: bool = False) -> dict[str, Check]:
    return {one.name: one for one in look(model, online=online)}


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[object]:
    """Who was looked for on a network, which is out of reach; the hub's cache is empty."""
    from huggingface_hub import constants

    found: list[object] = []

    def refuse(*where: object, **_: object) -> None:
        found.append(where[0])
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return found


def test_without_a_gpu(asked: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    found = seen()
    assert not found["CUDA"].ok
    assert "built for the CPU" in found["CUDA"].says
    assert "google/gemma-3n-E4B-it" in found["model"].says
    assert found["trl"].ok
    assert found["peft"].says[0].isdigit()
    assert not asked

    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert "no driver" in seen()["CUDA"].says
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/nvidia-smi")
    assert "CUDA_VISIBLE_DEVICES" in (seen()["CUDA"].hint or "")


def test_with_two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """No accelerator is at hand where tests run, so torch's answers are given here."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: f"Card {number}")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda number: ((number + 3) << 30, 24 << 30))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    found = seen()
    assert (found["CUDA"].ok, found["CUDA"].says) == (True, "12.8")
    assert found["GPU 0"].says == "Card 0, 3.0 of 24.0 GiB free"
    assert found["GPU 1"].says == "Card 1, 4.0 of 24.0 GiB free"
    assert found["bf16"].says == "yes"


def test_a_model_on_this_machine(asked: list[object], tmp_path: Path) -> None:
    import json

    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(BASE), encoding="utf-8")
    assert "no safetensors" in seen(str(folder))["model"].says
    with (folder / "model.safetensors").open("wb") as weights:
        weights.truncate(3 << 29)
    assert seen(str(folder))["model"].says == f"{folder}, 1.5 GiB of weights"
    (folder / "config.json").write_text('{"model_type": "whisper"}', encoding="utf-8")
    blind = seen(str(folder))["model"]
    assert not blind.ok
    assert "sees nothing" in blind.says
    assert not seen(str(tmp_path / "nowhere"))["model"].ok
    assert not asked


def test_a_model_in_the_hubs_cache(asked: list[object], tmp_path: Path) -> None:
    place = tmp_path / "cache" / "models--some--eyes"
    snapshot = place / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("abc", encoding="utf-8")
    (snapshot / "config.json").write_text("{}", encoding="utf-8")
    assert "not on this machine" in seen("some/eyes")["model"].says  # no weights yet
    (snapshot / "model.safetensors").write_bytes(b"0" * 1000)
    assert str(snapshot) in seen("some/eyes")["model"].says
    assert not asked


def test_the_hub_is_asked_only_when_it_is_wanted(asked: list[object]) -> None:
    assert seen("some/eyes")["model"].ok
    assert not asked
    there = seen("some/eyes", online=True)["model"]
    assert not there.ok
    assert "cannot be asked" in there.says
    assert asked


def test_what_the_hub_says(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    # Made without the answer of a server, which each version wants in another form.
    said = [kind.__new__(kind) for kind in (GatedRepoError, RepositoryNotFoundError)]

    def check(*_: object, **__: object) -> None:
        if said:
            raise said.pop(0)

    monkeypatch.setattr(HfApi, "auth_check", check)
    gated, unknown, fine = (seen("some/eyes", online=True)["model"] for _ in range(3))
    assert (gated.ok, unknown.ok, fine.ok) == (False, False, True)
    assert "gated" in gated.says
    assert "huggingface.co/some/eyes" in (gated.hint or "")
    assert "no model `some/eyes`" in unknown.says
