"""How alike two pictures are: in pixels, in colour, in structure, and whether one is of the other.

Pictures are compared at one size: `together` brings the second to the size of the first.
"""

from __future__ import annotations

import importlib
import math
from typing import TYPE_CHECKING, Any

from truing.domain.errors import MissingDependencyError
from truing.modalities.image_edit.pixels import EXTRA, pillow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    Pixels = NDArray[np.uint8]
    Numbers = NDArray[np.float64]

MOST_PSNR = 100.0
"""Decibels given for pictures that do not differ at all, in place of infinity."""
WINDOW_SIGMA, WINDOW_SIDE = 1.5, 11
"""Of the Gaussian window of SSIM, in pixels."""
SAME_SHAPE = 0.03
"""Relative difference of aspect ratios that rounding to whole pixels explains."""
EDGE_SIGMA = 1.5
FLAT = 1e-6
CELL_VIEW, CELL = 256, 16
"""Pixels of the longer side, and of a cell of it, at which it is looked for a change."""
DETAIL = 3.0
"""Coding anew takes so many times more from the detail of a cell than from its mean colour."""


def shrunk(image: Image, longest: int) -> Image:
    """A picture whose longer side has at most so many pixels; the same one if it is small."""
    width, height = image.size
    share = longest / max(width, height)
    if share >= 1:
        return image
    return _scaled(image, (max(1, round(width * share)), max(1, round(height * share))))


def _scaled(image: Image, size: tuple[int, int]) -> Image:
    return image.resize(size, pillow().Resampling.LANCZOS, reducing_gap=3.0)


def together(one: Image, other: Image, *, longest: int | None = None) -> tuple[Pixels, Pixels]:
    """Two RGB pictures as uint8 arrays of one shape (height, width, 3), that of the first.

    Args:
        one: sets the size.
        other: is scaled to it; where the shapes differ, it is stretched.
        longest: most pixels of the longer side of both.
    """
    import numpy as np

    first = one if longest is None else shrunk(one, longest)
    second = other if other.size == first.size else _scaled(other, first.size)
    return np.asarray(first), np.asarray(second)


def shape_change(one: tuple[int, int], other: tuple[int, int]) -> float:
    """By what share the aspect ratios of two sizes (width, height) differ, 0 for the same."""
    ratio = (one[0] * other[1]) / (one[1] * other[0])
    return max(ratio, 1 / ratio) - 1


def psnr(one: Pixels, other: Pixels) -> float:
    """Peak signal-to-noise ratio in decibels over all channels, at most `MOST_PSNR`.

    Args:
        one: shape (height, width, 3), uint8.
        other: of the same shape.
    """
    import numpy as np

    difference = one.astype(np.float32) - other.astype(np.float32)
    error = float(np.square(difference).mean(dtype=np.float64))
    return min(MOST_PSNR, 10 * math.log10(255**2 / error)) if error > 0 else MOST_PSNR


def ssim(one: Pixels, other: Pixels) -> float:
    """Structural similarity, -1 to 1, the mean over the channels.

    Wang, Bovik, Sheikh & Simoncelli, "Image quality assessment: from error visibility to structural
    similarity", 2004, with its Gaussian window; pictures smaller than the window get a smaller one.

    Args:
        one: shape (height, width, 3), uint8.
        other: of the same shape.

    Raises:
        MissingDependencyError: scikit-image is not installed.
    """
    metrics = library("skimage.metrics")
    side = min(*one.shape[:2])
    if side < WINDOW_SIDE:
        one, other = _enlarged(one), _enlarged(other)
    found = metrics.structural_similarity(
        one,
        other,
        channel_axis=2,
        data_range=255,
        gaussian_weights=True,
        sigma=WINDOW_SIGMA,
        use_sample_covariance=False,
    )
    return float(found)


def colour_distance(one: Pixels, other: Pixels) -> float:
    """Mean distance of the pixels' colours in CIE Lab (ΔE of 1976); about 2 can just be seen.

    Args:
        one: shape (height, width, 3), uint8, sRGB.
        other: of the same shape.

    Raises:
        MissingDependencyError: scikit-image is not installed.
    """
    import numpy as np

    color = library("skimage.color")
    first, second = color.rgb2lab(one), color.rgb2lab(other)
    return float(np.sqrt(np.square(first - second).sum(axis=2)).mean())


def largest_change(one: Image, other: Image) -> float:
    """What changed most in any place, of 255; coding anew and scaling stay below 2.5.

    Both pictures are cut into cells of a sixteenth of their longer side. The change of a cell is
    that of its mean, or a third of that of its contrast; each over the three channels together,
    for JPEG moves single channels of glaring colours.

    Args:
        one: RGB.
        other: RGB; scaled to the size of the first.
    """
    import numpy as np

    view = min(CELL_VIEW, max(one.size), max(other.size))
    cells = [_cells(pixels) for pixels in together(one, other, longest=view)]
    means, contrasts = ([one(cell) for cell in cells] for one in (_mean, _contrast))
    moved = np.abs(means[0] - means[1]).mean(axis=2).max()
    return float(max(moved, np.abs(contrasts[0] - contrasts[1]).mean(axis=2).max() / DETAIL))


def _cells(one: Pixels) -> Numbers:
    """Shape (rows, CELL, columns, CELL, 3); what does not fill a cell at the far edges is cut."""
    import numpy as np

    side = min(CELL, *one.shape[:2])
    rows, columns = (length // side for length in one.shape[:2])
    whole = one[: rows * side, : columns * side].astype(np.float64)
    return np.asarray(whole.reshape(rows, side, columns, side, 3))


def _mean(cells: Numbers) -> Numbers:
    import numpy as np

    return np.asarray(cells.mean(axis=(1, 3)))


def _contrast(cells: Numbers) -> Numbers:
    import numpy as np

    return np.asarray(cells.std(axis=(1, 3)))


def blur(image: Image) -> float:
    """How blurred an RGB picture looks, 0 to 1; photos in focus 0.2 to 0.4.

    How little a picture changes when it is blurred once more: Crété-Roffet, Dolmiere, Ladret &
    Nicolas, "The blur effect: perception and estimation with a new no-reference perceptual blur
    metric", 2007.

    Raises:
        MissingDependencyError: scikit-image is not installed.
    """
    import numpy as np

    return float(library("skimage.measure").blur_effect(luma(np.asarray(image)) / 255))


def colourfulness(one: Pixels) -> float:
    """The mean spread of the three channels in a pixel, of 255; 0 for a grey picture."""
    import numpy as np

    return float((one.max(axis=2).astype(np.int16) - one.min(axis=2)).mean())


def structure_distance(one: Pixels, other: Pixels) -> float:
    """How differently the edges of two pictures lie: 0 the same places, 1 unrelated.

    One minus the correlation of the lengths of their smoothed gradients; colour, brightness and
    contrast do not count.

    Args:
        one: shape (height, width, 3), uint8.
        other: of the same shape.
    """
    found = correlation(edges(luma(one)), edges(luma(other)))
    return 1.0 - max(0.0, found)


def luma(one: Pixels) -> Numbers:
    """Brightness, shape (height, width), 0 to 255 (ITU-R BT.601)."""
    import numpy as np

    return np.asarray(one @ np.array([0.299, 0.587, 0.114]))


def edges(grey: Numbers) -> Numbers:
    """Length of the smoothed gradient at each pixel, shape as given."""
    import numpy as np

    ndimage = library("scipy.ndimage")
    found = ndimage.gaussian_gradient_magnitude(grey, EDGE_SIGMA, mode="nearest")
    return np.asarray(found, dtype=np.float64)


def correlation(one: Numbers, other: Numbers) -> float:
    """Pearson's, -1 to 1; 0 where one of them does not vary."""
    import numpy as np

    first, second = one - one.mean(), other - other.mean()
    scale = math.sqrt(float(np.square(first).sum()) * float(np.square(second).sum()))
    return float((first * second).sum()) / scale if scale > FLAT else 0.0


def _enlarged(one: Pixels) -> Any:
    import numpy as np

    wanted = WINDOW_SIDE
    pads = [(0, max(0, wanted - length)) for length in one.shape[:2]]
    return np.pad(one, (*pads, (0, 0)), mode="edge")


def library(name: str) -> Any:
    """A module of scikit-image or of SciPy, which it brings.

    Raises:
        MissingDependencyError: scikit-image is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingDependencyError(
            "pictures are compared by scikit-image, which is not installed", hint=EXTRA
        ) from error
