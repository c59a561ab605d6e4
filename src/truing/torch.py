"""Truing's data as PyTorch datasets: `ImageEditDataset`, for any `DataLoader`.

    from truing.torch import ImageEditDataset

    data = ImageEditDataset("exports/mine-1-imagefolder", size=256)
    loader = torch.utils.data.DataLoader(data, batch_size=8, shuffle=True)

Neither importing this module nor making a dataset loads torch; asking for an example does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.errors import MissingDependencyError
from truing.image_edits import Augment, ImageEdits

if TYPE_CHECKING:
    from truing.workspace import Workspace

__all__ = ["Augment", "ImageEditDataset"]


class ImageEditDataset:
    """Pairs of pictures with their instruction, a map-style dataset of PyTorch.

    An example is a dict: `original_pixel_values` and `edited_pixel_values`, float32 tensors of
    shape (3, size, size) in [-1, 1], as diffusers names and scales them; `edit_prompt`, a str;
    and `input_ids` where `tokenize` is given.

    Args:
        source: a folder written by `truing export imagefolder` or `truing export parquet`, a
            Parquet file, or an open workspace.
        version: with a workspace, the frozen version: `name@number`.
        split: `train`, `validation` or `test`.
        size: pixels of both sides.
        augment: what may happen to a pair, to both pictures alike; None for nothing.
        tokenize: makes `input_ids` of the instruction.
        seed: of the augmentation.

    Raises:
        NotFoundError: nothing there, or nothing of that split.
        InvalidInputError: what is there is no export, or a size that is not possible.
        MissingDependencyError: pyarrow (Parquet) is not installed.
    """

    def __init__(
        self,
        source: str | Path | Workspace,
        *,
        version: str | None = None,
        split: str = "train",
        size: int = 256,
        augment: Augment | None = None,
        tokenize: Callable[[str], Any] | None = None,
        seed: int = 0,
    ) -> None:
        self._edits = ImageEdits(
            source, version=version, split=split, size=size, augment=augment, seed=seed
        )
        self._tokenize = tokenize

    def set_epoch(self, epoch: int) -> None:
        """To be called before each epoch, so that its augmentation differs from the last one's.

        Workers that outlive an epoch (`persistent_workers`) do not hear of it.
        """
        self._edits.epoch = epoch

    def __len__(self) -> int:
        """How many examples there are."""
        return len(self._edits)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One example.

        Raises:
            IndexError: there is none of that number.
            DamagedError: a picture cannot be decoded.
            MissingDependencyError: torch or Pillow is not installed.
        """
        try:
            import torch
        except ImportError as error:
            raise MissingDependencyError(
                "tensors need torch, which is not installed", hint='pip install "truing[train]"'
            ) from error
        found = self._edits[index]
        example: dict[str, Any] = {
            "original_pixel_values": torch.from_numpy(
                found["original_image"].transpose(2, 0, 1).copy()
            ),
            "edited_pixel_values": torch.from_numpy(
                found["edited_image"].transpose(2, 0, 1).copy()
            ),
            "edit_prompt": found["edit_prompt"],
        }
        if self._tokenize is not None:
            example["input_ids"] = self._tokenize(found["edit_prompt"])
        return example
