"""Writes a model where a dictation app looks for it: CTranslate2, in the next numbered folder.

The app loads the highest all-digit sub-folder of its model folder when it starts, so publishing
`<target>/<N+1>/` is the promotion, and publishing older weights once more is the rollback. The
folder is written beside under a name the app ignores, synced, and renamed in one step.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from truing.domain.errors import (
    DamagedError,
    InvalidInputError,
    MissingDependencyError,
)
from truing.modalities.speech.decoding import FRAME
from truing.modalities.speech.model_folder import find_model, is_ctranslate2
from truing.modalities.speech.transformers_runtime import without_progress_bars
from truing.modalities.speech.vocabulary import read_json
from truing.platform.numbered import add_numbered

COPIED = ("tokenizer.json", "generation_config.json")
QUANTIZATIONS = (
    "float32",
    "float16",
    "bfloat16",
    "int8",
    "int8_float32",
    "int8_float16",
    "int8_bfloat16",
    "int16",
)


def publish(model: Path, target: Path, options: Mapping[str, object]) -> Path:
    """Converts a Whisper folder and returns the new `<target>/<N>`.

    Args:
        model: a Whisper folder in the format of transformers.
        target: the app's model folder; made when it is not there.
        options: `quantization`, one of `QUANTIZATIONS`; default: the precision of the weights.

    Raises:
        NotFoundError: no model in the folder.
        InvalidInputError: an unknown option, or a folder that is CTranslate2 already.
        MissingDependencyError: the extras for torch or CTranslate2 are not installed.
        DamagedError: the model cannot be converted.
        UnavailableError: the target cannot be written.
        ConflictError: other programs keep taking the next number.
    """
    quantization = _quantization(options)
    folder = find_model(str(model))
    if is_ctranslate2(folder):
        raise InvalidInputError(
            f"`{folder}` is a CTranslate2 folder already",
            hint="give the folder with `model.safetensors` it was made from",
        )
    return add_numbered(target.expanduser(), lambda place: convert(folder, place, quantization))


def _quantization(options: Mapping[str, object]) -> str | None:
    unknown = sorted(set(options) - {"quantization"})
    if unknown:
        raise InvalidInputError(
            f"publishing speech has no option `{unknown[0]}`", hint="it has `quantization`"
        )
    wanted = options.get("quantization")
    if wanted in (None, ""):
        return None
    if wanted not in QUANTIZATIONS:
        raise InvalidInputError(
            f"`quantization` cannot be `{wanted}`", hint=f"use one of {', '.join(QUANTIZATIONS)}"
        )
    return str(wanted)


def convert(folder: Path, output: Path, quantization: str | None = None) -> None:
    """Writes the CTranslate2 form of a Whisper folder into `output`, which must not exist.

    Besides what CTranslate2 writes there are `tokenizer.json`, `generation_config.json` (language
    and task the model was trained for) and `preprocessor_config.json`, which faster-whisper needs
    and transformers 5 no longer writes.

    Raises:
        MissingDependencyError, DamagedError: see `publish`.
    """
    converter = _converter()
    from safetensors import SafetensorError

    present = [name for name in COPIED if (folder / name).is_file()]
    try:
        with without_progress_bars():
            made = converter(str(folder), copy_files=present)
            made.convert(str(output), quantization=quantization)
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError) as error:
        raise DamagedError(
            f"the model in `{folder}` cannot be converted: {error}",
            hint="it must be a whole Whisper model in the format of transformers",
        ) from error
    config = read_json(folder / "config.json")
    (output / "preprocessor_config.json").write_text(
        json.dumps(_preprocessor(config), indent=2, sort_keys=True) + "\n", encoding="utf-8"
    )


def _converter() -> Any:
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            f"converting a model needs `{error.name}`", hint='pip install "truing[train]"'
        ) from error
    try:
        from ctranslate2.converters import TransformersConverter
    except ImportError as error:
        raise MissingDependencyError(
            "publishing a model needs `ctranslate2`", hint='pip install "truing[serve-models]"'
        ) from error
    return TransformersConverter


def _preprocessor(config: Mapping[str, Any]) -> dict[str, object]:
    """The feature extractor that belongs to a model of this shape."""
    seconds = math.ceil(config.get("max_source_positions", 1500) * FRAME)
    return {
        "chunk_length": seconds,
        "feature_extractor_type": "WhisperFeatureExtractor",
        "feature_size": config.get("num_mel_bins", 80),
        "hop_length": 160,
        "n_fft": 400,
        "n_samples": seconds * 16_000,
        "nb_max_frames": seconds * 100,
        "padding_side": "right",
        "padding_value": 0.0,
        "processor_class": "WhisperProcessor",
        "return_attention_mask": False,
        "sampling_rate": 16_000,
    }
