"""Image edits as arrays for any trainer: decoded, cut to size, and augmented pair by pair.

    edits = ImageEdits("exports/mine-1-parquet", size=256, augment=Augment(flip=0.5, crop=0.8))
    edits[0]["original_image"]  # float32 (256, 256, 3) in [-1, 1]

`truing.torch` has the same as tensors. For `tf.data`, `generate` is the iterator:

    picture = tf.TensorSpec((256, 256, 3), tf.float32)
    tf.data.Dataset.from_generator(
        lambda: edits.generate(epochs=10, shuffle=True),
        output_signature={"original_image": picture, "edited_image": picture,
                          "edit_prompt": tf.TensorSpec((), tf.string)})
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from truing.domain.errors import InvalidInputError
from truing.image_pairs import Pair, Pairs, VersionPairs, exported_pairs
from truing.modalities.image_edit.recipes.views import MOVES, SIDES

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

    from truing.workspace import Workspace

LUMA = (0.299, 0.587, 0.114)
"""How bright red, green and blue look (ITU-R BT.601)."""
DETAIL = 4
"""Pictures are decoded at most this many times larger than what is made of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Augment:
    """What may happen to a pair, always to both pictures alike.

    Mirroring and cutting both alike follows InstructPix2Pix (Brooks et al. 2023, section 3).
    """

    flip: float = 0.0
    """Chance of a mirrored pair, 0 to 1; none where the instruction names a side."""
    crop: float = 1.0
    """Least share of the side that stays, above 0; 1 keeps the middle as it is. What stays is the
    middle where the instruction moves things, as mirroring does."""
    brightness: float = 0.0
    """Most by which colours are scaled, 0 to below 1: 0.1 means 0.9 to 1.1."""
    contrast: float = 0.0
    saturation: float = 0.0

    def __post_init__(self) -> None:
        """Refuses what cannot be meant.

        Raises:
            InvalidInputError: a number out of range.
        """
        jitter = (self.brightness, self.contrast, self.saturation)
        possible = (
            0 <= self.flip <= 1 and 0 < self.crop <= 1 and all(0 <= one < 1 for one in jitter)
        )
        if not possible:
            raise InvalidInputError(
                f"{self} is not possible",
                hint="flip 0 to 1, crop above 0 to 1, the others 0 to below 1",
            )


class Arrays(TypedDict):
    """One example. Pictures are float32 of shape (size, size, 3) in [-1, 1]."""

    original_image: npt.NDArray[np.float32]
    edited_image: npt.NDArray[np.float32]
    edit_prompt: str


class ImageEdits:
    """The examples of one split; the same number, epoch and seed give the same arrays.

    Args:
        source: a folder written by `truing export imagefolder` or `truing export parquet`, a
            Parquet file, or an open workspace.
        version: with a workspace, the frozen version: `name@number`.
        split: `train`, `validation` or `test`.
        size: pixels of both sides of what is made.
        augment: what may happen to a pair; None for nothing, as in an evaluation.
        seed: of the augmentation and of the order of `generate`.

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
        seed: int = 0,
    ) -> None:
        if not 1 <= size <= 4096:
            raise InvalidInputError(f"a size of {size} is not possible", hint="give 1 to 4096")
        self._pairs = _pairs(source, version, split)
        self._size, self._augment, self._seed = size, augment or Augment(), seed
        self.epoch = 0
        """Set it before each epoch: the augmentation of a row differs from epoch to epoch."""

    def __len__(self) -> int:
        """How many examples there are."""
        return len(self._pairs)

    def __getitem__(self, index: int) -> Arrays:
        """One example.

        Raises:
            IndexError: there is none of that number.
            DamagedError: a picture cannot be decoded.
            MissingDependencyError: Pillow is not installed.
        """
        return self._example(index, self.epoch)

    def generate(self, *, epochs: int = 1, shuffle: bool = False) -> Iterator[Arrays]:
        """The examples of some epochs, one after the other; what `tf.data` and others iterate.

        Args:
            epochs: how often each example comes, augmented anew each time, from `epoch` on.
            shuffle: in another order in each epoch, by the seed.
        """
        import numpy as np

        for epoch in range(self.epoch, self.epoch + epochs):
            order = np.arange(len(self))
            if shuffle:
                np.random.default_rng((self._seed, epoch)).shuffle(order)
            for index in order.tolist():
                yield self._example(index, epoch)

    def _example(self, index: int, epoch: int) -> Arrays:
        import numpy as np

        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        change = _drawn(np.random.default_rng((self._seed, epoch, index)), self._augment)
        return _made(self._pairs[index], change, self._size)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What happens to one pair."""

    flip: bool
    share: float
    """Of the side of the largest square."""
    left: float
    top: float
    """Where the square lies in what is left over, 0 to 1."""
    brightness: float
    contrast: float
    saturation: float


def _pairs(source: str | Path | Workspace, version: str | None, split: str) -> Pairs:
    if isinstance(source, (str, Path)):
        if version is not None:
            raise InvalidInputError(
                f"`{source}` is a path, of which there are no versions",
                hint="give Workspace.open(FOLDER) and version=NAME@NUMBER, or a path alone",
            )
        return exported_pairs(Path(source), split)
    if version is None:
        raise InvalidInputError("a workspace needs a version", hint="give version=NAME@NUMBER")
    return VersionPairs(source, version, split)


def _drawn(random: np.random.Generator, augment: Augment) -> _Change:
    flip, share, left, top, *jitter = random.random(7).tolist()
    most = (augment.brightness, augment.contrast, augment.saturation)
    brightness, contrast, saturation = (
        1 + (2 * drawn - 1) * reach for drawn, reach in zip(jitter, most, strict=True)
    )
    still = augment.crop == 1
    return _Change(
        flip=flip < augment.flip,
        share=augment.crop + (1 - augment.crop) * share,
        left=0.5 if still else left,
        top=0.5 if still else top,
        brightness=brightness,
        contrast=contrast,
        saturation=saturation,
    )


def _made(pair: Pair, change: _Change, size: int) -> Arrays:
    from truing.modalities.image_edit.pixels import load

    original = load(pair.original, longest=DETAIL * size)
    edited = load(pair.edited, longest=DETAIL * size)
    if MOVES.search(pair.prompt):
        change = replace(change, left=0.5, top=0.5)
    box = _box(original.width, original.height, change)
    flip = change.flip and SIDES.search(pair.prompt) is None
    before, after = (_cut(image, box, size, flip=flip) for image in (original, edited))
    before, after = _jittered(before, after, change)
    return {"original_image": before, "edited_image": after, "edit_prompt": pair.prompt}


def _box(width: int, height: int, change: _Change) -> tuple[float, float, float, float]:
    """A square of the original as shares of its sides, so that it means the same of the other."""
    side = min(width, height) * change.share
    left, top = change.left * (width - side), change.top * (height - side)
    return left / width, top / height, (left + side) / width, (top + side) / height


def _cut(
    image: Image, box: tuple[float, float, float, float], size: int, *, flip: bool
) -> npt.NDArray[np.float32]:
    """The box of a picture, shape (size, size, 3), in [0, 1]."""
    import numpy as np
    from PIL.Image import Resampling

    left, top, right, bottom = box
    within = (
        left * image.width,
        top * image.height,
        min(right, 1.0) * image.width,
        min(bottom, 1.0) * image.height,
    )
    pixels = np.asarray(image.resize((size, size), Resampling.LANCZOS, box=within))
    scaled = pixels.astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(scaled[:, ::-1]) if flip else scaled


def _jittered(
    before: npt.NDArray[np.float32], after: npt.NDArray[np.float32], change: _Change
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Both in [-1, 1], changed by the same numbers: the original's grey is the pivot of both."""
    import numpy as np

    luma = np.asarray(LUMA, np.float32)
    pivot = np.float32((before @ luma).mean() * change.brightness)

    def changed(pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        if change.brightness != 1:
            pixels = pixels * np.float32(change.brightness)
        if change.contrast != 1:
            pixels = (pixels - pivot) * np.float32(change.contrast) + pivot
        if change.saturation != 1:
            grey = np.matmul(pixels, luma, dtype=np.float32)[..., None]
            pixels = grey + (pixels - grey) * np.float32(change.saturation)
        return np.clip(pixels, 0, 1) * np.float32(2) - np.float32(1)

    return changed(before), changed(after)
