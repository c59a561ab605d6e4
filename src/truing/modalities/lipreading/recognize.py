"""Video to text with a lip-reading model: which runtime serves it follows from its folder.

`config.json` tells the kind by its `model_type`; a LoRA adapter, and a model of transformers with
eyes, are both served by the runtime of vision-language models.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from truing.domain.errors import InvalidInputError
from truing.platform.hub import local_folder, read_json

if TYPE_CHECKING:
    from truing.domain.modality import LoadedRecognizer

RUNTIMES: dict[str, str] = {
    "pixel-ridge": "truing.modalities.lipreading.recipes.pixel_ridge:PixelRidgeReader",
    "visual-tcn": "truing.modalities.lipreading.visual_tcn_runtime:VisualTcnReader",
    "vlm": "truing.modalities.lipreading.vlm_runtime:VlmReader",
    "external": "truing.modalities.lipreading.external:ExternalReader",
}
"""Kind of model -> `module:attribute` of the class that reads it."""
EXAMPLE = "google/gemma-3n-E4B-it"
FILES = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")
"""What is fetched from a hub: configuration and weights, never pickles."""
VISION = ("vision_config", "vision_tower", "mm_vision_tower")
"""A configuration of transformers with one of these belongs to a model that sees."""


def open_recognizer(model: str, options: Mapping[str, object]) -> LoadedRecognizer:
    """Loads a lip-reading model from a folder or hub id, warm enough for the first call.

    Args:
        model: a folder that a recipe of this modality wrote, a LoRA adapter or an
            image-text-to-text model of transformers (folder or hub id), or a folder whose
            `config.json` describes an external recogniser (see `external`).
        options: those of the runtime. Every one understands `text_only`: only text and confidence
            are asked for.

    Raises:
        NotFoundError: no such folder, or no model in it.
        UnavailableError: a hub that cannot be reached, or no such device.
        MissingDependencyError: the extra that brings the runtime is not installed.
        DamagedError: model files that cannot be read.
        InvalidInputError: another kind of model, or an unknown option.
    """
    folder = find_model(model)
    module, _, attribute = RUNTIMES[kind_of(folder)].partition(":")
    reader = getattr(importlib.import_module(module), attribute)
    return cast("LoadedRecognizer", reader(folder, dict(options)))


def find_model(model: str) -> Path:
    """The folder of a lip-reading model given as a folder or hub id.

    Raises:
        NotFoundError: no such folder, no model in it, or the hub does not know the id.
        UnavailableError: the hub cannot be reached.
        MissingDependencyError: an id was given and `huggingface_hub` is not installed.
        InvalidInputError: the folder holds another kind of model.
    """
    folder = local_folder(model, FILES, example=EXAMPLE, extra="vlm")
    was_fetched = not Path(model).expanduser().is_dir()
    if kind_of(folder) == "external" and was_fetched:
        raise InvalidInputError(
            f"the model `{model}` of the hub would run a program of this machine",
            hint="write its config.json yourself, into a folder: docs/how-to/chaplin.md",
        )
    return folder


def kind_of(folder: Path) -> str:
    """Which of `RUNTIMES` reads the model in a folder.

    Raises:
        NotFoundError: there is neither `config.json` nor `adapter_config.json`.
        DamagedError: it is no JSON object.
        InvalidInputError: it describes another kind of model.
    """
    if (folder / "adapter_config.json").is_file():
        return "vlm"
    config = read_json(folder / "config.json", missing="`truing models` lists those there are")
    kind = config.get("model_type")
    if isinstance(kind, str) and kind in RUNTIMES:
        return kind
    if any(config.get(key) for key in VISION):
        return "vlm"
    raise InvalidInputError(
        f"the model in `{folder}` is of the kind `{kind}`, which cannot read lips",
        hint=f"give a folder with a model of the kind {', '.join(RUNTIMES)}",
    )
