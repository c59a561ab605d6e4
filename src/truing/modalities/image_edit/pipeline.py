"""Diffusion pipelines in memory: their parts loaded from a folder, put together, and quiet."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truing.domain.errors import (
    DamagedError,
    InvalidInputError,
    MissingDependencyError,
)
from truing.modalities.image_edit.pipeline_folder import EXTRA, check_pipeline


@dataclass(slots=True, kw_only=True)
class Parts:
    """What a pipeline of Stable Diffusion's make consists of; weights in float32, on the CPU."""

    unet: Any
    vae: Any
    text_encoder: Any
    tokenizer: Any
    scheduler: Any

    def to(self, device: Any) -> None:
        """Moves everything with weights to a device."""
        for part in (self.unet, self.vae, self.text_encoder):
            part.to(device)


def load_parts(folder: Path) -> Parts:
    """The parts of a pipeline in evaluation mode.

    Raises:
        NotFoundError, InvalidInputError: no such pipeline there.
        DamagedError: weights that cannot be read.
        MissingDependencyError: diffusers or transformers is not installed.
    """
    check_pipeline(folder)
    with quietly(), _explained(folder):
        import diffusers
        import torch
        from transformers import CLIPTextModel, CLIPTokenizer

        def weights(kind: Any, part: str, **more: Any) -> Any:
            return kind.from_pretrained(
                folder, subfolder=part, local_files_only=True, use_safetensors=True, **more
            )

        full = {"torch_dtype": torch.float32}
        schedule = diffusers.DiffusionPipeline.load_config(folder, local_files_only=True)
        kind = getattr(diffusers, schedule["scheduler"][1])
        return Parts(
            unet=weights(diffusers.UNet2DConditionModel, "unet", **full).eval(),
            vae=weights(diffusers.AutoencoderKL, "vae", **full).eval(),
            text_encoder=weights(CLIPTextModel, "text_encoder", dtype=torch.float32).eval(),
            tokenizer=CLIPTokenizer.from_pretrained(
                folder, subfolder="tokenizer", local_files_only=True
            ),
            scheduler=kind.from_pretrained(folder, subfolder="scheduler", local_files_only=True),
        )


def pipeline_of(parts: Parts) -> Any:
    """A `StableDiffusionInstructPix2PixPipeline` over the parts, without a safety checker.

    Raises:
        MissingDependencyError: diffusers is not installed.
    """
    with quietly():
        from diffusers import StableDiffusionInstructPix2PixPipeline

        made = StableDiffusionInstructPix2PixPipeline(
            unet=parts.unet,
            vae=parts.vae,
            text_encoder=parts.text_encoder,
            tokenizer=parts.tokenizer,
            scheduler=parts.scheduler,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        made.set_progress_bar_config(disable=True)
        return made


@contextmanager
def quietly() -> Iterator[None]:
    """No bars in a log, no report home, and no warnings of libraries about each other.

    Raises:
        MissingDependencyError: torch, transformers or diffusers is not installed.
    """
    os.environ.setdefault("DISABLE_TELEMETRY", "1")
    # Without torchvision transformers tells at import that it takes its other processors.
    loud = logging.getLogger("transformers")
    before = loud.level
    loud.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            import diffusers
            import transformers
        except ImportError as error:
            raise MissingDependencyError(
                f"pictures are edited by diffusers, and `{error.name}` is not installed",
                hint=EXTRA,
            ) from error
        kinds = (diffusers.utils.logging, transformers.utils.logging)
        levels = [kind.get_verbosity() for kind in kinds]
        for kind in kinds:
            kind.set_verbosity_error()
            kind.disable_progress_bar()
        try:
            yield
        finally:
            for kind, level in zip(kinds, levels, strict=True):
                kind.set_verbosity(level)
            loud.setLevel(before)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turns what libraries raise while they load into errors that say what to do."""
    try:
        from safetensors import SafetensorError
    except ImportError as error:
        raise MissingDependencyError(
            "weights are read by `safetensors`, which is not installed", hint=EXTRA
        ) from error
    try:
        yield
    except SafetensorError as error:
        raise DamagedError(
            f"the weights in `{folder}` cannot be read: {_first_line(error)}",
            hint="copy or download the model again",
        ) from error
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RuntimeError) as error:
        raise InvalidInputError(
            f"the pipeline in `{folder}` cannot be loaded: {_first_line(error)}",
            hint="it needs the folders unet, vae, text_encoder, tokenizer and scheduler, with "
            "their weights as safetensors",
        ) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
