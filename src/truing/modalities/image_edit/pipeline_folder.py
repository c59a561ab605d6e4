"""Folders of models that edit pictures: a diffusers pipeline, and how Truing trained it.

`edits.json` beside `model_index.json` says at which size and with which guidance a model was
trained, so that whoever opens it edits alike. Only safetensors are read: a downloaded pickle could
run code.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError
from truing.platform.hub import local_folder, read_json

DEFAULT_BASE = "timbrooks/instruct-pix2pix"
EXTRA = 'pip install "truing[diffusion]"'
INDEX = "model_index.json"
NOTE = "edits.json"
PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
"""Subfolders without which there is no editor."""
KINDS = (
    "StableDiffusionInstructPix2PixPipeline",
    "StableDiffusionPipeline",
    "StableDiffusionImg2ImgPipeline",
)
"""What a recipe can start from; the first one edits as it is."""
WEIGHTS = ("unet", "vae")
FETCHED = (
    INDEX,
    NOTE,
    "*/config.json",
    "*/diffusion_pytorch_model.safetensors*",
    "*/diffusion_pytorch_model-*-of-*.safetensors",
    "text_encoder/model.safetensors*",
    "text_encoder/model-*-of-*.safetensors",
    "tokenizer/*",
    "scheduler/*",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditNote:
    """How a model edits best; what a caller does not set comes from here."""

    size: int = 512
    """Pixels of the side of a square picture that the model was trained on."""
    steps: int = 20
    """Denoising steps of an edit."""
    text_guidance: float = 7.5
    """How strongly the instruction is followed; 1 = as the model itself would."""
    image_guidance: float = 1.5
    """How strongly the result keeps to the original; 1 = as the model itself would."""
    base: str = ""
    """What it was trained from: the name of a folder, or a hub id."""

    @staticmethod
    def read(folder: Path) -> EditNote | None:
        """The note in a folder, None where there is none.

        Raises:
            DamagedError: it cannot be read.
        """
        if not (folder / NOTE).is_file():
            return None
        said = read_json(folder / NOTE)
        known = {field.name: field.type for field in fields(EditNote)}
        try:
            return EditNote(
                **{
                    name: {"int": int, "float": float, "str": str}[str(known[name])](value)
                    for name, value in said.items()
                    if name in known
                }
            )
        except (TypeError, ValueError) as error:
            raise DamagedError(
                f"`{folder / NOTE}` cannot be read: {error}",
                hint="copy the model again from where it was made",
            ) from error

    def write(self, folder: Path) -> None:
        """Writes the note into a model's folder."""
        text = json.dumps(asdict(self), indent=2, sort_keys=True)
        (folder / NOTE).write_text(text + "\n", encoding="utf-8")


def find_pipeline(model: str) -> Path:
    """The folder of a pipeline, fetched into the hub's cache where it is given as an id.

    Raises:
        NotFoundError: no such folder, or no pipeline in it.
        InvalidInputError: a pipeline of a kind that edits no pictures.
        UnavailableError: the hub cannot be reached.
        MissingDependencyError: an id was given and `huggingface_hub` is not installed.
    """
    folder = local_folder(model, FETCHED, example=DEFAULT_BASE, extra="diffusion")
    check_pipeline(folder)
    return folder


def check_pipeline(folder: Path) -> None:
    """Refuses a folder that holds no pipeline of Stable Diffusion's make.

    Raises:
        NotFoundError: parts of it are missing.
        InvalidInputError: it is of another kind.
    """
    if not (folder / INDEX).is_file():
        raise NotFoundError(
            f"there is no pipeline in `{folder}`: it lacks `{INDEX}`",
            hint="give a folder in the format of diffusers",
        )
    kind = read_json(folder / INDEX).get("_class_name")
    if kind not in KINDS:
        raise InvalidInputError(
            f"the pipeline in `{folder}` is a `{kind}`, which edits no pictures",
            hint=f"give one of {', '.join(KINDS)}",
        )
    for part in PARTS:
        if not (folder / part).is_dir():
            raise NotFoundError(
                f"the pipeline in `{folder}` lacks its part `{part}`",
                hint="copy or download the whole folder again",
            )


def edits_as_it_is(folder: Path) -> bool:
    """Whether the pipeline takes a picture and an instruction without being trained for it."""
    channels = read_json(folder / "unet" / "config.json").get("in_channels")
    latents = read_json(folder / "vae" / "config.json").get("latent_channels", 4)
    return bool(channels == 2 * int(latents))
