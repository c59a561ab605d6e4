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
GAP = 3.0
"""A picture is averaged over whole pixels first, down to so many times the size that is wanted."""
FLAT = 1e-6
CELL_VIEW, CELL = 256, 16
"""Pixels of the longer side, and of a cell of it, at which it is looked for a change."""
DETAIL = 3.0
"""Coding anew takes so many times more from the detail of a cell than from its mean colour."""
SOFTENING = 11
"""Pixels of the mean that a picture is blurred with to see how blurred it was before."""
BLUR_SIDE = 4
"""Pixels of a side from which its blur can be told."""
STRIP = 48
"""Rows that are worked on at once."""


def shrunk(image: Image, longest: int) -> Image:
    """A picture whose longer side has at most so many pixels; the same one if it is small."""
    size = shrunk_size(image.size, longest)
    return image if size == image.size else _scaled(image, size)


def shrunk_size(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Width and height when the longer side has at most so many pixels."""
    share = longest / max(size)
    if share >= 1:
        return size
    width, height = size
    return max(1, round(width * share)), max(1, round(height * share))


def _scaled(image: Image, size: tuple[int, int]) -> Image:
    return image.resize(size, pillow().Resampling.LANCZOS, reducing_gap=GAP)


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
    moved, roughened = (np.abs(a - b).mean(axis=2).max() for a, b in zip(*cells, strict=True))
    return float(max(moved, roughened / DETAIL))


def _cells(one: Pixels) -> tuple[Numbers, Numbers]:
    """The mean and the standard deviation of each cell, shape (rows, columns, 3); what does not
    fill a cell at the far edges is cut.
    """
    import numpy as np

    side = min(CELL, *one.shape[:2])
    rows, columns = (length // side for length in one.shape[:2])
    # Integers, which add up without an error and many times faster; 255 squared fits into 16 bits.
    whole = one[: rows * side, : columns * side].astype(np.uint16)

    def summed(numbers: NDArray[np.uint16]) -> NDArray[np.int64]:
        bands = numbers.reshape(rows, side, -1).sum(axis=1, dtype=np.uint32)
        return np.asarray(bands.reshape(rows, columns, side, 3).sum(axis=2, dtype=np.int64))

    total, squares, count = summed(whole), summed(whole * whole), side * side
    return total / count, np.sqrt(count * squares - total * total) / count


def blur(image: Image) -> float:
    """How blurred an RGB picture looks, 0 to 1; photos in focus 0.2 to 0.4.

    How little a picture changes when it is blurred once more: Crété-Roffet, Dolmiere, Ladret &
    Nicolas, "The blur effect: perception and estimation with a new no-reference perceptual blur
    metric", 2007.

    The larger figure of the two directions, as scikit-image's `blur_effect` has it, whose figures
    these are; 0 for a picture of too few pixels to tell.
    """
    import numpy as np

    # Thousandths: whole numbers, of which no sum below is beyond 32 bits.
    red, green, blue = (np.asarray(band, np.int32) for band in image.split())
    grey = red * 299 + green * 587 + blue * 114
    if min(grey.shape) < BLUR_SIDE:
        return 0.0
    return max(_blur_down(grey), _blur_down(np.ascontiguousarray(grey.T)))


def _blur_down(grey: NDArray[np.int32]) -> float:
    """The share of the steps from row to row that is left when the rows are blurred once more.

    Strip by strip, which stay in the processor's cache; the outermost rows and columns do not
    count.
    """
    import numpy as np

    reach = SOFTENING // 2
    mirrored = np.pad(grey, ((reach, reach), (0, 0)), mode="symmetric")
    left = whole = 0
    for top in range(0, len(grey) - 3, STRIP):
        part = mirrored[top + 1 : min(top + STRIP, len(grey) - 3) + 2 * reach + 3]
        # Sobel's: a step counts with half of those beside it.
        rows = part[:, 1:-2] + 2 * part[:, 2:-1] + part[:, 3:]
        sharp = np.abs(rows[reach + 2 : -reach] - rows[reach : -reach - 2]) * SOFTENING
        # The mean over 11 rows one row ahead, less that one row back: they differ at their ends.
        soft = np.abs(rows[12:] + rows[11:-1] - rows[1:-11] - rows[:-12])
        whole += int(sharp.sum(dtype=np.int64))
        left += int(np.minimum(sharp, soft).sum(dtype=np.int64))
    return left / whole if whole else 1.0


def contrast(image: Image) -> float:
    """The standard deviation of the most varied channel of an RGB picture, of 255."""
    import numpy as np

    counts = np.asarray(image.histogram(), np.int64).reshape(3, 256)
    values = np.arange(256)
    total, squares = counts @ values, counts @ values**2
    count = image.width * image.height
    return float(np.sqrt(squares / count - (total / count) ** 2).max())


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
