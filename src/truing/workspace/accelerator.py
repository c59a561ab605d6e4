"""A look at what training a vision-language model needs: the GPU, the libraries, the model.

Nobody is asked anything over the network unless the caller wants it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.errors import TruingError
from truing.modalities.lipreading.vlm_folder import DEFAULT_BASE, find
from truing.workspace.keeping import Check

if TYPE_CHECKING:
    from types import ModuleType

EXTRA = 'pip install "truing[vlm]"'
LIBRARIES = ("trl", "peft", "datasets", "pillow")
GIB = 1 << 30


def look(model: str | None = None, *, online: bool = False) -> list[Check]:
    """The lines of `truing doctor --gpu`.

    Args:
        model: a folder or hub id; the base of the recipe `vlm-lora` when left out.
        online: ask the hub whether it hands the model out; else only this machine is looked at.
    """
    return [
        *_device_checks(),
        *map(_library, LIBRARIES),
        _four_bits(),
        *_model_checks(model or DEFAULT_BASE, online=online),
    ]


def _device_checks() -> Iterator[Check]:
    try:
        import torch
    except ImportError:
        yield Check(name="CUDA", ok=False, says="torch is not installed", hint=EXTRA)
        return
    if not torch.cuda.is_available():
        yield _no_gpu(torch)
        return
    yield Check(name="CUDA", ok=True, says=f"{torch.version.cuda}")
    for number in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(number)
        says = (
            f"{torch.cuda.get_device_name(number)}, {free / GIB:.1f} of {total / GIB:.1f} GiB free"
        )
        yield Check(name=f"GPU {number}", ok=True, says=says)
    able = torch.cuda.is_bf16_supported()
    says = "yes" if able else "no: fp32 takes twice the memory"
    yield Check(name="bf16", ok=True, says=says)


def _no_gpu(torch: ModuleType) -> Check:
    """Why torch sees none, as far as it can be told."""
    if torch.version.cuda is None:
        says = f"this torch ({torch.__version__}) was built for the CPU"
        hint = "install the torch that is built for your CUDA: see pytorch.org, Get started"
    elif shutil.which("nvidia-smi") is None:
        says = "no driver: there is no `nvidia-smi`"
        hint = "install the driver of the GPU, or train on a machine that has one"
    else:
        says = "torch sees no GPU although there is a driver"
        hint = "look at `nvidia-smi` and at the variable CUDA_VISIBLE_DEVICES"
    return Check(name="CUDA", ok=False, says=says, hint=hint)


def _library(name: str) -> Check:
    try:
        return Check(name=name, ok=True, says=version(name))
    except PackageNotFoundError:
        return Check(name=name, ok=False, says="not installed", hint=EXTRA)


def _four_bits() -> Check:
    try:
        return Check(name="bitsandbytes", ok=True, says=version("bitsandbytes"))
    except PackageNotFoundError:
        # Only `quantize_4bit` needs it.
        hint = "pip install bitsandbytes"
        return Check(name="bitsandbytes", ok=True, says="not installed", hint=hint)


def _model_checks(model: str, *, online: bool) -> Iterator[Check]:
    try:
        found = find(model)
    except TruingError as error:
        yield Check(name="model", ok=False, says=error.message, hint=error.hint)
        return
    folder = Path(found.base)
    if folder.is_dir():
        yield _folder_check(folder)
        return
    cached = _cached(found.base)
    if cached is not None:
        yield _folder_check(cached)
    elif online:
        yield _asked(found.base)
    else:
        says = f"`{found.base}` is not on this machine; --online asks the hub for it"
        yield Check(name="model", ok=True, says=says)


def _folder_check(folder: Path) -> Check:
    weights = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    if not weights:
        hint = "copy or download the whole model: config, tokenizer, processor and safetensors"
        return Check(name="model", ok=False, says=f"`{folder}` has no safetensors", hint=hint)
    return Check(name="model", ok=True, says=f"{folder}, {weights / GIB:.1f} GiB of weights")


def _cached(model: str) -> Path | None:
    """The folder of a model in the hub's cache; None when it is not there, or not in full."""
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    config = try_to_load_from_cache(model, "config.json")
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    return folder if any(folder.glob("*.safetensors")) else None


def _asked(model: str) -> Check:
    """What the hub says of a model."""
    try:
        from huggingface_hub import HfApi, get_token
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
    except ImportError:
        return _library("huggingface_hub")
    try:
        HfApi().auth_check(model)
    except GatedRepoError:
        token = "and a token is set" if get_token() else "and no token is set (HF_TOKEN)"
        return Check(
            name="model",
            ok=False,
            says=f"`{model}` is gated, {token}",
            hint=f"accept its licence at https://huggingface.co/{model}, then set HF_TOKEN",
        )
    except RepositoryNotFoundError:
        hint = "check its name; a private model needs the variable HF_TOKEN"
        return Check(name="model", ok=False, says=f"the hub has no model `{model}`", hint=hint)
    except Exception as error:  # noqa: BLE001 - whatever a network may raise
        said: Any = str(error).partition("\n")[0] or type(error).__name__
        hint = "check the network, or give the folder of a downloaded model with --model"
        return Check(name="model", ok=False, says=f"the hub cannot be asked: {said}", hint=hint)
    return Check(name="model", ok=True, says=f"`{model}` can be fetched from the hub")
