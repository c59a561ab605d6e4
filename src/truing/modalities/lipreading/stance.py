"""How a video stands: phones write pictures as the sensor saw them, and how to turn them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Stance:
    """How pictures as coded become those that are shown: exchanged first, then flipped."""

    exchanged: bool = False
    """Rows and columns."""
    mirrored: bool = False
    """Left and right."""
    upended: bool = False
    """Top and bottom."""

    def upright(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture as it is shown."""
        import numpy as np

        if not (self.exchanged or self.mirrored or self.upended):
            return image
        shown = image.swapaxes(0, 1) if self.exchanged else image
        shown = shown[:, ::-1] if self.mirrored else shown
        return np.ascontiguousarray(shown[::-1] if self.upended else shown)


def stance_of(frame: Any) -> Stance:
    """From FFmpeg's display matrix, by which a pixel (x, y) is shown at (a x + c y, b x + d y)."""
    import numpy as np

    for one in frame.side_data:
        if one.type.name == "DISPLAYMATRIX":
            (a, b), (c, d) = np.frombuffer(one, np.int32).reshape(3, 3)[:2, :2].tolist()
            exchanged = abs(b) > abs(a)
            return Stance(
                exchanged=exchanged,
                mirrored=(c if exchanged else a) < 0,
                upended=(b if exchanged else d) < 0,
            )
    return Stance()
