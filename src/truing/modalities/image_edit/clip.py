"""Pictures judged by a CLIP model in a local folder: whether an edit goes the way that was wanted.

*The direction of the edit.* From the input to what was made of it leads a direction in CLIP's space
of pictures, and another from the input to what people wanted; the figure is the cosine between the
two. Directions in that space: Gal et al., "StyleGAN-NADA: CLIP-guided domain adaptation of image
generators", 2021; between the two pictures of a pair: Nguyen et al., "Visual instruction
inversion", 2023. It does not ask for equal pixels. An unchanged picture has no direction and scores
nothing.

*The likeness to the target.* The cosine between the two pictures (CLIP-I in Zhang et al.,
"MagicBrush", 2023).

Pictures are prepared as the model's own note says (Radford et al., "Learning transferable visual
models from natural language supervision", 2021): the shorter side scaled, the middle cut out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.digest import digest_bytes
from truing.domain.errors import DamagedError, MissingDependencyError, NotFoundError
from truing.domain.evaluation import Measure
from truing.modalities.image_edit.pixels import pillow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL.Image import Image

CONFIG, PREPARED, WEIGHTS = "config.json", "preprocessor_config.json", "*.safetensors"
MEAN = (0.48145466, 0.4578275, 0.40821073)
SPREAD = (0.26862954, 0.26130258, 0.27577711)
"""Of the channels of CLIP's training pictures, where the folder does not say."""
LOOKED_AT = 1 << 20
"""Bytes at each end of the weights by which one model is told from another."""
NO_WAY = 1e-6
"""Shorter directions are rounding."""


def measures(folder: Path) -> tuple[Measure, ...]:
    """The direction of the edit, which decides, and the likeness to the target.

    Raises:
        NotFoundError: there is no CLIP model with weights as safetensors in the folder.
        DamagedError: its description cannot be read.
    """
    _config_of(folder)
    version = f"clip-1-{_fingerprint(folder)[7:19]}"
    return (
        Measure(
            name="clip_direction",
            version=version,
            higher_is_better=True,
            title="CLIP direction",
        ),
        Measure(
            name="clip_similarity",
            version=version,
            higher_is_better=True,
            title="CLIP likeness",
            proves=False,
        ),
    )


class Clip:
    """A CLIP model in memory, on the CPU.

    Args:
        folder: with its configuration and weights.

    Raises:
        NotFoundError: there is no CLIP model with weights as safetensors in the folder.
        DamagedError: it cannot be loaded.
        MissingDependencyError: PyTorch or Transformers is not installed.
    """

    def __init__(self, folder: Path) -> None:
        config = _config_of(folder)
        model = _loaded(folder)
        # The half that reads texts is not needed.
        self._sees, self._projects = model.vision_model, model.visual_projection
        self._side = int(config["vision_config"].get("image_size", 224))
        prepared = _json_of(folder / PREPARED) if (folder / PREPARED).is_file() else {}
        self._mean = tuple(prepared.get("image_mean", MEAN))
        self._spread = tuple(prepared.get("image_std", SPREAD))

    def judge(self, original: Image, target: Image, made: Image) -> Mapping[str, float]:
        """The figures of `measures` for one row; all pictures RGB, of any size."""
        import torch

        with torch.inference_mode():
            batch = torch.stack([self._prepared(one) for one in (original, target, made)])
            seen = self._projects(self._sees(pixel_values=batch).pooler_output)
            before, wanted, came = torch.nn.functional.normalize(seen.double(), dim=-1)
            way, other = came - before, wanted - before
            lengths = float(way.norm()), float(other.norm())
            direction = (
                float(way @ other) / (lengths[0] * lengths[1]) if min(lengths) > NO_WAY else 0.0
            )
        return {"clip_direction": direction, "clip_similarity": float(came @ wanted)}

    def _prepared(self, image: Image) -> Any:
        import numpy as np
        import torch

        side = self._side
        share = side / min(image.size)
        size = [max(side, round(length * share)) for length in image.size]
        scaled = image.resize((size[0], size[1]), pillow().Resampling.BICUBIC)
        left, top = (size[0] - side) // 2, (size[1] - side) // 2
        middle = np.asarray(scaled.crop((left, top, left + side, top + side)), dtype=np.float32)
        numbers = (middle / 255 - np.array(self._mean)) / np.array(self._spread)
        return torch.from_numpy(numbers.astype(np.float32).transpose(2, 0, 1).copy())


def _loaded(folder: Path) -> Any:
    try:
        from transformers import CLIPModel
        from transformers.utils import logging
    except ImportError as error:
        raise MissingDependencyError(
            "a CLIP model needs PyTorch and Transformers, which are not installed",
            hint='pip install "truing[train]"',
        ) from error
    logging.disable_progress_bar()
    try:
        model, told = CLIPModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except Exception as error:
        # Whatever the readers of damaged files raise.
        raise DamagedError(
            f"the CLIP model in `{folder}` cannot be loaded: {error}",
            hint="fetch its folder anew",
        ) from error
    if told["missing_keys"]:
        raise DamagedError(
            f"the CLIP model in `{folder}` lacks `{min(told['missing_keys'])}`",
            hint="fetch its folder anew",
        )
    return model.eval()


def _config_of(folder: Path) -> Mapping[str, Any]:
    if not (folder / CONFIG).is_file() or not any(folder.glob(WEIGHTS)):
        raise NotFoundError(
            f"there is no CLIP model in `{folder}`: it needs `{CONFIG}` and `model.safetensors`",
            hint="truing config set image_edit.clip_model FOLDER, or an empty text for none",
        )
    config = _json_of(folder / CONFIG)
    if "vision_config" not in config:
        raise NotFoundError(
            f"the model in `{folder}` is a `{config.get('model_type', 'model of no named type')}`, "
            "no CLIP",
            hint="truing config set image_edit.clip_model FOLDER, or an empty text for none",
        )
    return config


def _json_of(file: Path) -> Mapping[str, Any]:
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedError(f"`{file}` cannot be read: {error}", hint="fetch it anew") from error
    if not isinstance(held, dict):
        raise DamagedError(f"`{file}` is no object of JSON", hint="fetch it anew")
    return held


def _fingerprint(folder: Path) -> str:
    """Tells one model from another without reading hundreds of megabytes each time."""
    told = [(folder / CONFIG).read_bytes()]
    for file in sorted(folder.glob(WEIGHTS)):
        size = file.stat().st_size
        with file.open("rb") as stream:
            told += [str(size).encode(), stream.read(LOOKED_AT)]
            stream.seek(max(0, size - LOOKED_AT))
            told.append(stream.read(LOOKED_AT))
    return digest_bytes(b"\0".join(told))
