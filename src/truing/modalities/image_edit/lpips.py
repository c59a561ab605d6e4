"""LPIPS from weights in a local folder: how different two pictures look to people.

Both pictures go through AlexNet; at five depths the features are scaled to length one at each
place, and their squared differences are weighed channel by channel as people weighed them: Zhang,
Isola, Efros, Shechtman & Wang, "The unreasonable effectiveness of deep features as a perceptual
metric", 2018 (version 0.1, AlexNet). 0 is the same picture.

The folder holds AlexNet's own weights in a file whose name begins with `alexnet` (keys
`features.0.weight` and so on) and those of the comparison in one named `alex` (keys
`lin0.model.1.weight` and so on); both as published, `.pth`, or as `.safetensors`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.digest import digest_file
from truing.domain.errors import DamagedError, MissingDependencyError, NotFoundError
from truing.domain.evaluation import Measure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL.Image import Image

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Of the channels, for pictures from -1 to 1."""
CHANNELS = (64, 192, 384, 256, 256)
LAYERS = (
    {"at": 0, "stride": 4, "padding": 2, "pool": False},
    {"at": 3, "stride": 1, "padding": 2, "pool": True},
    {"at": 6, "stride": 1, "padding": 1, "pool": True},
    {"at": 8, "stride": 1, "padding": 1, "pool": False},
    {"at": 10, "stride": 1, "padding": 1, "pool": False},
)
"""Number of each convolution among AlexNet's features, and whether a pooling comes before it."""
LEAST_SIDE = 64
"""Pixels: smaller pictures would leave nothing after the poolings."""
TINY = 1e-10


def measures(folder: Path) -> tuple[Measure, ...]:
    """The one figure; it proves nothing by itself, for it too asks for one certain picture.

    Raises:
        NotFoundError: the weights are not in the folder.
    """
    trunk, heads = _files_of(folder)
    # The small file is told by all its bytes, the large one by its size.
    version = f"lpips-1-{digest_file(heads)[7:15]}-{trunk.stat().st_size:x}"
    return (
        Measure(
            name="lpips",
            version=version,
            higher_is_better=False,
            title="LPIPS",
            unit="",
            proves=False,
        ),
    )


class Lpips:
    """The network in memory, on the CPU.

    Args:
        folder: with the weights.

    Raises:
        NotFoundError: the weights are not in the folder.
        DamagedError: they are others than AlexNet's and those of LPIPS.
        MissingDependencyError: PyTorch is not installed.
    """

    def __init__(self, folder: Path) -> None:
        trunk, heads = _files_of(folder)
        features, weights = _read(trunk), _read(heads)
        self._layers: list[tuple[Any, Any]] = []
        self._heads: list[Any] = []
        for depth, (layer, channels) in enumerate(zip(LAYERS, CHANNELS, strict=True)):
            key = f"features.{layer['at']}"
            weight = _tensor(features, f"{key}.weight", trunk, channels)
            self._layers.append((weight, _tensor(features, f"{key}.bias", trunk, channels)))
            head = _tensor(weights, f"lin{depth}.model.1.weight", heads, 1)
            self._heads.append(head.reshape(1, channels, 1, 1))

    def judge(self, target: Image, made: Image) -> Mapping[str, float]:
        """`lpips` of two RGB pictures; the second is scaled to the size of the first."""
        import torch

        from truing.modalities.image_edit.similarity import together

        with torch.inference_mode():
            one, other = (self._features(_prepared(side)) for side in together(target, made))
            parts = [
                float((head * (_unit(a) - _unit(b)).square()).sum(dim=1).mean())
                for head, a, b in zip(self._heads, one, other, strict=True)
            ]
        return {"lpips": sum(parts)}

    def _features(self, pixels: Any) -> list[Any]:
        from torch.nn import functional

        found, here = [], pixels
        for (weight, bias), layer in zip(self._layers, LAYERS, strict=True):
            if layer["pool"]:
                here = functional.max_pool2d(here, kernel_size=3, stride=2)
            here = functional.conv2d(
                here, weight, bias, stride=layer["stride"], padding=layer["padding"]
            ).relu()
            found.append(here)
        return found


def _prepared(pixels: Any) -> Any:
    import torch
    from torch.nn import functional

    values = torch.tensor(pixels, dtype=torch.float32).permute(2, 0, 1)[None] / 127.5 - 1
    shift, scale = (torch.tensor(one).reshape(1, 3, 1, 1) for one in (SHIFT, SCALE))
    prepared = (values - shift) / scale
    short = min(prepared.shape[2:])
    if short >= LEAST_SIDE:
        return prepared
    return functional.interpolate(prepared, scale_factor=LEAST_SIDE / short, mode="bilinear")


def _unit(features: Any) -> Any:
    return features / (features.square().sum(dim=1, keepdim=True).sqrt() + TINY)


def _files_of(folder: Path) -> tuple[Path, Path]:
    kinds = ("pth", "safetensors")
    trunks = [file for kind in kinds for file in sorted(folder.glob(f"alexnet*.{kind}"))]
    heads = [folder / f"alex.{kind}" for kind in kinds if (folder / f"alex.{kind}").is_file()]
    if not trunks or not heads:
        raise NotFoundError(
            f"the weights of LPIPS are not in `{folder}`: a file `alexnet….pth` and `alex.pth` are "
            "looked for",
            hint="truing config set image_edit.lpips_model FOLDER, or an empty text for none",
        )
    return trunks[0], heads[0]


def _read(file: Path) -> Mapping[str, Any]:
    try:
        import torch
        from safetensors.torch import load_file
    except ImportError as error:
        raise MissingDependencyError(
            "LPIPS needs PyTorch, which is not installed", hint='pip install "truing[train]"'
        ) from error
    try:
        if file.suffix == ".safetensors":
            return dict(load_file(file))
        # Numbers only: no code in the file is run.
        held = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        # Whatever the readers of damaged files raise.
        raise DamagedError(f"`{file}` cannot be read: {error}", hint="fetch it anew") from error
    if not isinstance(held, dict):
        raise DamagedError(f"`{file}` holds no weights by name", hint="fetch it anew")
    return held


def _tensor(weights: Mapping[str, Any], key: str, file: Path, rows: int) -> Any:
    found = weights.get(key)
    if found is None or found.shape[0] != rows:
        raise DamagedError(
            f"`{file}` holds no `{key}` of {rows} rows",
            hint="AlexNet's own weights and those of LPIPS 0.1 are needed",
        )
    return found.float()
