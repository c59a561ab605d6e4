"""A picture and an instruction become a picture: the editor behind evaluations and previews.

Which model it is, its folder says (`pipeline_folder`); how it edits unless told otherwise, the
note in that folder. One seed gives one picture, on one machine with the same number of threads.

*Scope.* Pipelines of Stable Diffusion's make with twice as many input channels as latents
(Brooks, Holynski and Efros, "InstructPix2Pix", 2023). Models of other makes may come as modalities
of their own.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.errors import InvalidInputError
from truing.domain.prediction import Edited
from truing.domain.runtime_options import cannot_be, read_options
from truing.modalities.image_edit import pixels
from truing.modalities.image_edit.media import as_png
from truing.modalities.image_edit.pipeline import load_parts, pipeline_of, quietly
from truing.modalities.image_edit.pipeline_folder import (
    EditNote,
    edits_as_it_is,
    find_pipeline,
)
from truing.platform.numerics import Numerics, choose_numerics

if TYPE_CHECKING:
    from PIL.Image import Image

    from truing.domain.recipe import MediaFile

NARROW = 128
"""A UNet whose widest layer has at most so many channels takes one thread: more only slow it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditorOptions:
    """What a caller may set; 0 means what the model's note says."""

    steps: int = 0
    """Denoising steps of an edit."""
    text_guidance: float = 0.0
    """How strongly the instruction is followed; 1 = as the model itself would."""
    image_guidance: float = 0.0
    """How strongly the result keeps to the original, at least 1."""
    size: int = 0
    """Side in pixels of a square of which the edited picture has the area."""
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    threads: int = 0
    """Of torch on a CPU; 0 = as it is, one for a narrow model."""

    @staticmethod
    def of(options: Mapping[str, object]) -> EditorOptions:
        """Reads a mapping, converting texts from a command line.

        Raises:
            InvalidInputError: an unknown option or a value of the wrong kind.
        """
        return read_options(options, EditorOptions(), _converted, of="the editor")


def _converted(name: str, value: object, usual: object) -> object:
    if isinstance(usual, str):
        return str(value)
    try:
        found = float(str(value)) if isinstance(usual, float) else int(str(value))
    except ValueError:
        found = -1
    if found < 0 or (name == "image_guidance" and 0 < found < 1):
        raise cannot_be(name, value, usual)
    return found


def open_editor(model: str, options: Mapping[str, object]) -> DiffusionEditor:
    """Loads a model that edits pictures, from a folder or hub id.

    Args:
        model: a folder in the format of diffusers, or a hub id.
        options: see `EditorOptions`.

    Raises:
        NotFoundError: no such folder, or no pipeline in it.
        UnavailableError: a hub that cannot be reached.
        MissingDependencyError: the extra `diffusion` is not installed.
        DamagedError: model files that cannot be read.
        InvalidInputError: an unknown option, or a pipeline that edits no pictures.
        SettingError: no such device, or one that cannot compute in that precision.
    """
    chosen = EditorOptions.of(options)
    folder = find_pipeline(model)
    if not edits_as_it_is(folder):
        raise InvalidInputError(
            f"the pipeline in `{model}` makes pictures from text alone",
            hint="train it to edit first: truing train image_edit --recipe instruct-pix2pix",
        )
    return DiffusionEditor(folder, chosen)


class DiffusionEditor:
    """A pipeline in memory; see `open_editor`. Not to be shared between threads."""

    def __init__(self, folder: Path, options: EditorOptions) -> None:
        parts = load_parts(folder)
        self._numerics = choose_numerics(options.device, options.precision)
        _set_threads(parts.unet, options.threads, self._numerics)
        parts.to(self._numerics.device)
        self._pipeline: Any = pipeline_of(parts)
        self._note = _decided(EditNote.read(folder) or EditNote(), options)
        self._seed = options.seed

    @property
    def note(self) -> EditNote:
        """How it edits: what was asked for, and what the model's note said of the rest."""
        return self._note

    def edit(self, original: MediaFile, instruction: str) -> Edited:
        """The edited picture of one original.

        Returns:
            PNG in RGB, of the original's proportions and about `size` x `size` pixels in area;
            an original that is smaller is not made larger.

        Raises:
            NotFoundError: no such file.
            DamagedError: a picture that cannot be decoded.
            InvalidInputError: no picture, or the editor was closed.
        """
        if self._pipeline is None:
            raise InvalidInputError("the editor was closed", hint="open it again")
        given = pixels.load(original.path)
        started = time.perf_counter()
        made = edit_with(self._pipeline, given, instruction, self._note, self._seed, self._numerics)
        return Edited(picture=as_png(made), seconds=time.perf_counter() - started)

    def close(self) -> None:
        """Frees the model's memory; a second call does nothing."""
        self._pipeline = None
        gc.collect()


def edit_with(
    pipeline: Any, given: Image, instruction: str, note: EditNote, seed: int, numerics: Numerics
) -> Image:
    """One edit by a pipeline that is in memory: as an editor makes it, and a run for its samples.

    Args:
        pipeline: a `StableDiffusionInstructPix2PixPipeline`.
        given: the original, RGB.
        instruction: what is asked for.
        note: size, steps and guidance.
        seed: of the noise from which the picture is made; drawn on the CPU, so that every device
            begins alike.
        numerics: device and precision.
    """
    import torch

    fitted = fit(given, note.size, pipeline.vae_scale_factor * _halvings(pipeline.unet))
    with quietly(), torch.inference_mode(), numerics.autocast():
        found = pipeline(
            instruction,
            image=fitted,
            num_inference_steps=note.steps,
            guidance_scale=note.text_guidance,
            image_guidance_scale=note.image_guidance,
            generator=torch.Generator("cpu").manual_seed(seed),
        )
    made: Image = found.images[0]
    return made.convert("RGB")


def fit(image: Image, size: int, multiple: int) -> Image:
    """The picture with the area of a square of this side, at most, and sides that the model takes.

    Args:
        image: RGB.
        size: pixels.
        multiple: sides are rounded to whole multiples of this.
    """
    width, height = image.size
    scale = min(1.0, size / (width * height) ** 0.5)
    sides = (max(1, round(side * scale / multiple)) * multiple for side in (width, height))
    new_width, new_height = sides
    if (new_width, new_height) == image.size:
        return image
    return image.resize((new_width, new_height), pixels.pillow().Resampling.LANCZOS)


def _halvings(unet: Any) -> int:
    """The UNet's own factor: between blocks it halves the latents."""
    return int(2 ** (len(unet.config.block_out_channels) - 1))


def _decided(note: EditNote, options: EditorOptions) -> EditNote:
    return EditNote(
        size=options.size or note.size,
        steps=options.steps or note.steps,
        text_guidance=options.text_guidance or note.text_guidance,
        image_guidance=options.image_guidance or note.image_guidance,
        base=note.base,
    )


def _set_threads(unet: Any, threads: int, numerics: Numerics) -> None:
    import torch

    if numerics.device.type == "cpu" and not threads:
        threads = 1 if max(unet.config.block_out_channels) <= NARROW else 0
    if threads:
        torch.set_num_threads(threads)
