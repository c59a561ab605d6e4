"""Samples of sound: what may be given as an array, how depths convert, and a digest of the sound.

Scope: blocks are arrays of shape (frames, channels). Depths are those of libsndfile: int16, int32
(left-aligned, whatever the true depth), float with full scale 1.0.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from truing.domain.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Block = NDArray[np.generic]

LOUDEST_FLOAT = 8.0
"""Floats beyond this are integers in disguise, not an overdriven recording (+18 dB)."""
RATES = (1_000, 768_000)
MOST_CHANNELS = 64


def as_block(samples: object, rate: object) -> tuple[Block, int, str | None]:
    """Checks an app's array and gives (frames, channels) of int16 or int32, its rate, its damage.

    int16 and int32 pass unchanged. Floats become int16, scaled by 32768, rounded and limited:
    floats that were read from 16 bits come out bit-exact.

    Raises:
        InvalidInputError: no array, an odd shape or type, or no sensible rate.
    """
    import numpy as np

    hertz = checked_rate(rate)
    try:
        block: NDArray[Any] = np.asarray(samples)
    except (TypeError, ValueError, RuntimeError) as error:
        raise _no_array(type(samples).__name__) from error
    if block.ndim == 1:
        block = block[:, None]
    if block.ndim != 2:
        raise InvalidInputError(
            f"sound cannot have the shape {block.shape}",
            hint="give one dimension, or (frames, channels)",
        )
    frames, channels = block.shape
    if channels > MOST_CHANNELS or channels == 0 or (channels > 8 and frames < channels):
        raise InvalidInputError(
            f"sound of shape {block.shape} would have {channels} channels",
            hint="the shape is (frames, channels); transpose the array",
        )
    if block.dtype in (np.int16, np.int32):
        return (
            np.ascontiguousarray(block.astype(block.dtype.newbyteorder("="), copy=False)),
            hertz,
            None,
        )
    if not np.issubdtype(block.dtype, np.floating):
        raise _no_array(str(block.dtype))
    return *_from_floats(block, hertz), _bad_floats(block)


def _no_array(kind: str) -> InvalidInputError:
    return InvalidInputError(
        f"sound cannot be made of `{kind}`",
        hint="give an array of float (full scale 1.0), int16 or int32 together with its rate",
    )


def _from_floats(block: NDArray[Any], hertz: int) -> tuple[Block, int]:
    import numpy as np

    clean = finite(block)
    peak = float(np.abs(clean).max(initial=0.0))
    if peak > LOUDEST_FLOAT:
        raise InvalidInputError(
            f"float sound reaches {peak:.6g}, full scale is 1.0",
            hint="divide the samples by 32768, or give them as int16",
        )
    return to_int16(clean), hertz


def checked_rate(rate: object) -> int:
    """The sample rate as a whole number of hertz.

    Raises:
        InvalidInputError: no number, not whole, or out of range.
    """
    try:
        hertz = float(rate)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"`{rate}` is no sample rate", hint="give samples per second, such as 16000"
        ) from error
    if hertz != int(hertz) or not RATES[0] <= hertz <= RATES[1]:
        raise InvalidInputError(
            f"`{rate}` is no sample rate",
            hint=f"give a whole number of samples per second from {RATES[0]} to {RATES[1]}",
        )
    return int(hertz)


def _bad_floats(block: NDArray[Any]) -> str | None:
    import numpy as np

    bad = int(block.size - np.count_nonzero(np.isfinite(block)))
    return f"{bad} of {block.size} samples are not numbers (NaN or infinity)" if bad else None


def finite(block: NDArray[Any]) -> NDArray[np.float64]:
    """Float64 with NaN and infinity replaced by silence."""
    import numpy as np

    return np.where(np.isfinite(block), block, 0.0).astype(np.float64)


def to_int16(block: NDArray[Any]) -> NDArray[np.int16]:
    """Any depth to 16 bits, rounded and limited."""
    import numpy as np

    if block.dtype == np.int16:
        return block
    if block.dtype == np.int32:
        return np.asarray(
            np.minimum((block.astype(np.int64) + 0x8000) >> 16, 0x7FFF), dtype=np.int16
        )
    return np.clip(np.rint(block.astype(np.float64) * 0x8000), -0x8000, 0x7FFF).astype(np.int16)


def to_24_bits(block: NDArray[Any]) -> NDArray[np.int32]:
    """int32 or float to 24 bits, left-aligned in int32, rounded and limited."""
    import numpy as np

    if block.dtype == np.int32:
        wide = (block.astype(np.int64) + 0x80) >> 8
    else:
        wide = np.rint(block.astype(np.float64) * 0x800000).astype(np.int64)
    return np.asarray(np.clip(wide, -0x800000, 0x7FFFFF) << 8, dtype=np.int32)


class PcmDigest:
    """Digest over the sound itself: equal for equal sound in whatever container or depth.

    Samples are taken at 16 bits, since nothing audible lies below; a file whose channels are all
    equal has the digest of one of them.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self._all = hashlib.sha256(f"{rate}/{channels};".encode())
        self._first = hashlib.sha256(f"{rate}/1;".encode())
        self._equal = True

    def update(self, block: Block) -> None:
        """Takes the next frames."""
        import numpy as np

        small = np.ascontiguousarray(to_int16(block), dtype="<i2")
        several = small.shape[1] > 1
        if several:
            self._all.update(small.data)
            self._equal = self._equal and bool((small == small[:, :1]).all())
        if self._equal:
            self._first.update(np.ascontiguousarray(small[:, 0]).data if several else small.data)

    def value(self) -> str:
        """`pcm:sha256:<64 hex digits>`."""
        state = self._first if self._equal else self._all
        return f"pcm:sha256:{state.hexdigest()}"
