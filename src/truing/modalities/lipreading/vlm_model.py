"""Vision-language models in memory: loaded from a folder or the hub, with or without an adapter."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from truing.domain.errors import (
    ConflictError,
    DamagedError,
    InvalidInputError,
    MissingDependencyError,
    NotFoundError,
    SettingError,
    UnavailableError,
)
from truing.modalities.lipreading.vlm_folder import (
    ADAPTER_FILES,
    EXTRA,
    Found,
    VlmNote,
    find,
    is_adapter,
)

GATED = re.compile(r"gated|awaiting a review|access to (this )?(model|repo)|401|403", re.IGNORECASE)


def load(found: Found, *, device: str, precision: str, four_bit: bool) -> tuple[Any, Any]:
    """The whole model on its device and its processor; an adapter is not put in yet.

    Args:
        found: which, see `vlm_folder.find`.
        device: `cpu`, `cuda` or `cuda:1`, see `device_of`.
        precision: `fp32` or `bf16`, see `precision_of`.
        four_bit: weights as NF4, see Dettmers et al., "QLoRA" (2023).

    Raises:
        MissingDependencyError: a package is missing; which one the hint says.
        UnavailableError: a hub that cannot be reached, or a gated model without permission.
        DamagedError, InvalidInputError: files that cannot be read.
    """
    torch = _torch()
    from transformers import AutoModelForImageTextToText, AutoProcessor

    settings: dict[str, Any] = {}
    if four_bit:
        settings = {"quantization_config": _nf4(torch, precision), "device_map": {"": device}}
    local = Path(found.base).is_dir()
    own = found.adapter is not None and (found.adapter / "processor_config.json").is_file()
    with _explained(found.base, local=local), quietly():
        model = AutoModelForImageTextToText.from_pretrained(
            found.base,
            local_files_only=local,
            use_safetensors=True,  # never unpickle a downloaded file
            dtype=torch.bfloat16 if precision == "bf16" else torch.float32,
            **settings,
        )
        place = str(found.adapter) if own else found.base
        processor = AutoProcessor.from_pretrained(place, local_files_only=local or own)
    if not four_bit:
        model.to(device)
    return model, processor


def with_adapter(model: Any, adapter: Path, *, trainable: bool = False) -> Any:
    """The model with an adapter beside its weights, as peft holds it.

    Raises:
        ConflictError: the adapter does not fit the model.
        DamagedError: its weights cannot be read.
        MissingDependencyError: peft is not installed.
    """
    from safetensors import SafetensorError

    try:
        import peft
    except ImportError as error:
        raise MissingDependencyError("adapters need `peft`", hint=EXTRA) from error
    try:
        with quietly(), warnings.catch_warnings():
            # What peft only warns of here would be a model that reads as if untrained.
            warnings.filterwarnings("error", message="Found missing adapter keys")
            return peft.PeftModel.from_pretrained(model, str(adapter), is_trainable=trainable)
    except (SafetensorError, OSError) as error:
        raise DamagedError(
            f"the adapter in `{adapter}` cannot be read: {error}",
            hint="copy it again from where it was made",
        ) from error
    except (ValueError, RuntimeError, KeyError, UserWarning) as error:
        raise ConflictError(
            f"the adapter in `{adapter}` does not fit its base: {_first_line(error)}",
            hint="give the model it was trained beside; `vlm.json` in its folder names it",
        ) from error


def locate(model: str) -> Path:
    """The folder of a whole vision-language model on this machine; see `CanCombine.locate`.

    Raises:
        NotFoundError: no such folder, no model in it.
        InvalidInputError: an adapter, or a model that sees nothing.
    """
    folder = Path(model).expanduser()
    if folder.is_dir() and is_adapter(folder):
        raise InvalidInputError(
            f"`{folder}` holds an adapter, not a whole model",
            hint="name the model it was trained beside first, then the adapter's folder",
        )
    from truing.modalities.lipreading.recognize import find_model

    return find_model(model)


def merge_adapter(base: Path, adapter: Path, target: Path) -> None:
    """Writes into `target` the model in `base` with an adapter added to its weights.

    The weights keep the precision they have on disk.

    Raises:
        NotFoundError: `adapter` holds none in the format of peft.
        ConflictError: it does not fit the base.
        MissingDependencyError: torch, transformers or peft is not installed.
    """
    for name in ADAPTER_FILES:
        if not (adapter / name).is_file():
            raise NotFoundError(
                f"there is no adapter in `{adapter}`: it lacks `{name}`",
                hint="give the folder of a model that `vlm-lora` trained",
            )
    found = find(str(adapter), base=str(base))
    model, processor = load(found, device="cpu", precision=_kept(base), four_bit=False)
    with quietly():
        with_adapter(model, adapter).merge_and_unload().save_pretrained(target)
        processor.save_pretrained(target)
    if found.note is not None:
        VlmNote(base=base.name, form=found.note.form, span=found.note.span).write(target)


def _kept(base: Path) -> str:
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    return "bf16" if config.get("dtype", config.get("torch_dtype")) == "bfloat16" else "fp32"


def ends_of(model: Any) -> list[int]:
    """Tokens at which the model stops writing, by its own settings."""
    ends = model.generation_config.eos_token_id
    return [] if ends is None else [ends] if isinstance(ends, int) else list(ends)


def device_of(wanted: str) -> str:
    """The device to use: `auto` is the first GPU when there is one.

    Raises:
        SettingError: no such device here.
    """
    torch = _torch()
    name, _, number = wanted.partition(":")
    cuda = torch.cuda.is_available()
    if wanted == "auto":
        return "cuda:0" if cuda else "cpu"
    there = name == "cpu" or (cuda and name == "cuda")
    if not there or (number and int(number) >= torch.cuda.device_count()):
        raise SettingError(
            f"There is no device `{wanted}`.",
            hint="Use cpu, or auto; `truing doctor --gpu` looks for a GPU.",
        )
    return wanted


def precision_of(wanted: str, device: str) -> str:
    """`auto` is bf16 where the device computes with it, else fp32.

    Raises:
        SettingError: bf16 on a GPU that cannot.
    """
    torch = _torch()
    able = device.startswith("cuda") and torch.cuda.is_bf16_supported()
    if wanted == "auto":
        return "bf16" if able else "fp32"
    if wanted == "bf16" and device.startswith("cuda") and not able:
        raise SettingError(
            f"The device `{device}` cannot compute with bf16.", hint="Set `precision` to fp32."
        )
    return wanted


@contextmanager
def quietly() -> Iterator[None]:
    """No bars in a log, no report home, and no warnings about names that changed between versions.

    Libraries that count their users ask `huggingface_hub` to send it; it keeps still meanwhile.
    """
    from huggingface_hub import constants
    from transformers.utils import logging

    sends, shown = constants.HF_HUB_DISABLE_TELEMETRY, logging.is_progress_bar_enabled()
    constants.HF_HUB_DISABLE_TELEMETRY = True
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        constants.HF_HUB_DISABLE_TELEMETRY = sends
        if shown:
            logging.enable_progress_bar()


@contextmanager
def _explained(base: str, *, local: bool) -> Iterator[None]:
    """Turns what transformers raises while it loads into errors that say what to do."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        raise DamagedError(
            f"the weights of `{base}` cannot be read: {error}",
            hint="copy or download the model again",
        ) from error
    except ImportError as error:
        raise MissingDependencyError(
            f"the model `{base}` cannot be loaded: {_first_line(error).partition('. ')[0]}",
            hint="install what it names (Qwen-VL, SmolVLM and Gemma 3n need torchvision in the "
            "version that belongs to your torch), or take Gemma 3 or Idefics3",
        ) from error
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        if local:
            raise InvalidInputError(
                f"the model in `{base}` cannot be loaded: {_first_line(error)}",
                hint="it needs config.json, safetensors, and the files of its tokenizer and "
                "image processor",
            ) from error
        if GATED.search(str(error)):
            raise UnavailableError(
                f"the hub does not hand out `{base}`: {_first_line(error)}",
                hint=f"accept its licence at https://huggingface.co/{base} and set the variable "
                "HF_TOKEN, or give the folder of a downloaded model",
            ) from error
        raise UnavailableError(
            f"the model `{base}` cannot be fetched from the hub: {_first_line(error)}",
            hint="check its name and the network, or give the folder of a downloaded model",
        ) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]


def _nf4(torch: Any, precision: str) -> Any:
    if find_spec("bitsandbytes") is None:
        raise MissingDependencyError(
            "weights of 4 bits need `bitsandbytes`, which is not installed",
            hint="pip install bitsandbytes",
        )
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16 if precision == "bf16" else torch.float32,
    )


def _torch() -> Any:
    try:
        import torch
        import transformers  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            f"vision-language models run on torch and transformers, and `{error.name}` is not "
            "installed",
            hint=EXTRA,
        ) from error
    return torch
