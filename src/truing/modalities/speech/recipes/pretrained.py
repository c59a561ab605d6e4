"""The model that fine-tuning starts from: a folder, or an id on the Hugging Face hub.

Only safetensors are read: a downloaded pickle could run code.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError, UnavailableError


def width_of(base: str) -> float:
    """`d_model` of a local base, read without torch; infinite when it cannot be told."""
    try:
        config = json.loads((Path(base).expanduser() / "config.json").read_text(encoding="utf-8"))
        return float(config["d_model"])
    except (OSError, ValueError, KeyError):
        return float("inf")


def load_base(base: str | None, *, dropout: float) -> tuple[Any, Any]:
    """The base model in float32 and its processor, from a folder or, by id, from the hub.

    Raises:
        InvalidInputError: no base, no Whisper, or a folder that lacks files.
        NotFoundError: the folder does not exist.
        DamagedError: the weights cannot be read.
        UnavailableError: the hub cannot be reached or has no such model.
    """
    from safetensors import SafetensorError
    from transformers import WhisperForConditionalGeneration, WhisperProcessor

    if not base:
        raise InvalidInputError(
            "The recipe `whisper` needs a model to start from.",
            hint="Give a folder or a hub id such as `openai/whisper-tiny.en`.",
        )
    folder = Path(base).expanduser()
    local = folder.is_dir()
    if local:
        _require_whisper(folder)
    elif folder.is_absolute() or base.startswith((".", "~")) or base.count("/") > 1 or "\\" in base:
        raise NotFoundError(
            f"The base model folder `{base}` does not exist.",
            hint="Give the folder that holds `config.json` and `model.safetensors`.",
        )
    where = str(folder) if local else base
    try:
        model = WhisperForConditionalGeneration.from_pretrained(
            where,
            local_files_only=local,
            use_safetensors=True,  # never unpickle a downloaded file
            dtype="float32",
            dropout=dropout,
            apply_spec_augment=False,  # it would draw from numpy's global generator
        )
        processor = WhisperProcessor.from_pretrained(where, local_files_only=local)
    except SafetensorError as error:
        raise DamagedError(
            f"The weights of the base model `{base}` cannot be read: {error}",
            hint="Copy or download the base model again.",
        ) from error
    except (OSError, ValueError) as error:
        if local:
            raise InvalidInputError(
                f"The base model folder `{base}` is not complete: {error}",
                hint="It needs config.json, model.safetensors, tokenizer.json and "
                "processor_config.json (or preprocessor_config.json).",
            ) from error
        raise UnavailableError(
            f"The base model `{base}` cannot be fetched from the hub: {error}",
            hint="Check its name and the network, or give the folder of a downloaded model.",
        ) from error
    return model, processor


def _require_whisper(folder: Path) -> None:
    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError):
        kind = None
    if kind != "whisper":
        raise InvalidInputError(
            f"The folder `{folder}` holds no Whisper model (model_type `{kind}`).",
            hint="Give the folder of a Whisper model in the format of transformers.",
        )
