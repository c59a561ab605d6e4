"""What a pair of pictures is recognised by: marks to find copies of it, a sketch, a likeness.

*Marks.* Each picture has a perceptual hash: the signs of 64 low frequencies of its cosine transform
(`phash` of the library ImageHash, after Zauner, "Implementation and benchmarking of perceptual
image hash functions", 2010). Copies that were coded anew or scaled differ in a few bits. A quarter
of the original's bits joined with the same quarter of the result's is a key: four are kept, and
those with one bit turned over are asked for besides, so that copies are found up to seven bits
apart (locality-sensitive hashing in bands, after Indyk & Motwani, 1998). One original with several
results shares no key with itself unless the results are alike, too.

*Likeness.* A candidate is compared by the pictures themselves, the original with the original and
the result with the result, where they differ most; the less alike of the two counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from truing.domain.errors import MissingDependencyError
from truing.domain.media import Media
from truing.domain.modality import Marks
from truing.modalities.image_edit import pixels, similarity
from truing.modalities.image_edit.roles import EDITED, ORIGINAL
from truing.modalities.image_edit.view import LOOK, SMALL, Reduced

if TYPE_CHECKING:
    from PIL.Image import Image

BITS, QUARTERS = 64, 4
QUARTER = BITS // QUARTERS
VERSION = "~i1"
"""Begins every key; another number for bits that are made in another way."""
NUMBERS = 16
"""Of the sketch of one picture."""
APART = 30.0
"""Of 255: what changed this much in any place is no copy in any way."""


def described(picture: Reduced) -> dict[str, object]:
    """The facts that are kept of an RGB picture: `phash` (16 hexadecimal digits), `sketch`."""
    small = picture.at(SMALL)
    return {"phash": phash(small), "sketch": _sketch(small)}


def phash(image: Image) -> str:
    """The perceptual hash of a picture, 64 bits in hexadecimal.

    Raises:
        MissingDependencyError: ImageHash is not installed.
    """
    try:
        import imagehash
    except ImportError as error:
        raise MissingDependencyError(
            "copies are found by ImageHash, which is not installed", hint=pixels.EXTRA
        ) from error
    return str(imagehash.phash(image))


def bits_apart(one: str, other: str) -> int:
    """How many of the 64 bits of two hashes differ; about 32 by chance."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def marks(media: Sequence[Media]) -> Marks:
    """The keys of a pair; of a sample without a result those of its original alone."""
    original, edited = (_hash(media, role) for role in (ORIGINAL, EDITED))
    if original is None:
        return Marks()
    joined = [
        (place, _quarter(original, place) << QUARTER | _quarter(edited or 0, place))
        for place in range(QUARTERS)
    ]
    kept = tuple(_key(place, bits) for place, bits in joined)
    width = 2 * QUARTER if edited is not None else QUARTER
    shift = 2 * QUARTER - width
    near = (
        _key(place, bits ^ 1 << shift + turned) for turned in range(width) for place, bits in joined
    )
    return Marks(kept=kept, asked=(*kept, *near))


def likeness(one: Mapping[str, bytes], other: Mapping[str, bytes]) -> float:
    """How nearly two pairs show the same, 0 to 1, from the bytes of each role.

    Raises:
        DamagedError: a picture that cannot be decoded.
    """
    if one.keys() != other.keys():
        return 0.0
    return min(_alike(one[role], other[role]) for role in one)


def sketch(media: Sequence[Media]) -> tuple[float, ...] | None:
    """32 numbers: the sketch of the original, and how the result's differs from it."""
    by_role = {medium.role: medium.facts.get("sketch") for medium in media}
    before, after = by_role.get(ORIGINAL), by_role.get(EDITED)
    if not isinstance(before, (list, tuple)) or len(before) != NUMBERS:
        return None
    if not isinstance(after, (list, tuple)) or len(after) != NUMBERS:
        after = before
    changed = (float(b) - float(a) for a, b in zip(before, after, strict=True))
    return (*map(float, before), *changed)


def _hash(media: Sequence[Media], role: str) -> int | None:
    found = next((medium.facts.get("phash") for medium in media if medium.role == role), None)
    return int(found, 16) if isinstance(found, str) else None


def _quarter(bits: int, place: int) -> int:
    return bits >> place * QUARTER & (1 << QUARTER) - 1


def _key(place: int, bits: int) -> str:
    return f"{VERSION}{place}{bits:08x}"


def _alike(one: bytes, other: bytes) -> float:
    if one == other:
        return 1.0
    first, second = (pixels.load(data, longest=LOOK) for data in (one, other))
    if similarity.shape_change(first.size, second.size) > similarity.SAME_SHAPE:
        return 0.0
    return max(0.0, 1.0 - similarity.largest_change(first, second) / APART)


def _sketch(image: Image) -> list[float]:
    """Mean colours of the four quarters of a picture, 0 to 1, and the contrast of each."""
    import numpy as np

    colours = np.asarray(image.resize((2, 2), pixels.pillow().Resampling.BOX), dtype=np.float64)
    luma = np.asarray(image.convert("L").resize((32, 32)), dtype=np.float64)
    contrast = [
        luma[top : top + 16, left : left + 16].std() / 128 for top in (0, 16) for left in (0, 16)
    ]
    return [round(float(one), 3) for one in (*(colours / 255).ravel(), *contrast)]
