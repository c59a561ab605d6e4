"""Views of a pair: both pictures turned into equal squares, cut and mirrored alike.

What is done to one picture is done to the other: else a model would learn the augmentation as part
of the edit. Colours are never changed, since colours may be the edit. A pair whose instruction
speaks of sides is not mirrored: what was on the left would be on the right. One that moves what is
in the picture, as mirroring does, is cut to its middle alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError
from truing.modalities.image_edit import pixels
from truing.training.draws import random_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PIL.Image import Image

    from truing.domain.recipe import Example

SIDES = re.compile(
    r"\b((left|right)(most|wards?|hand)?|(counter-?|anti-?)?clockwise|rotat\w*|tilt\w*|degrees?"
    r"|text|letter\w*|words?|writ\w*|say(s|ing)?|sign(s|age)?|caption\w*|logos?"
    r"|links|rechts|gauche|droite|izquierda|derecha)\b|[°左右]",
    re.IGNORECASE,
)
"""Instructions with these words are wrong for a mirrored pair: they name a side, a way of turning,
or what cannot be read in a mirror."""
MOVES = re.compile(
    r"\b(mirror\w*|flip\w*|revers\w*|rotat\w*|turn\w* (it )?(around|over|by)|upside|tilt\w*"
    r"|straighten\w*|degrees?|zoom\w*|crop\w*|clos(er|e-up)|shift\w*|spieg\w*|dreh\w*)\b|[°]",
    re.IGNORECASE,
)
"""Instructions with these words move what is in a picture: a part that is cut from both pictures at
the same place, other than the middle, would not show the same."""
DETAIL = 4
"""Pictures are decoded at most this many times larger than what is made of them."""
ROLES = ("original", "edited")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How a pair is looked at, in shares of its pictures."""

    cut: float = 0.0
    """Share of the shorter side that is left out."""
    across: float = 0.5
    """Where the square lies between left (0) and right (1)."""
    down: float = 0.5
    mirrored: bool = False


WHOLE = View()
"""The middle square, as large as can be: what validation looks at."""


def view_of(
    example: Example, place: int, number: int, *, seed: int, crop: float, mirror: bool
) -> View:
    """View `number` of the pair at `place`: always the same for the same arguments."""
    draw = random_for(seed, "view", place, number)
    cut, across, down, side = (float(value) for value in draw.random(4))
    able = mirror and not SIDES.search(example.truth)
    if MOVES.search(example.truth):
        across = down = 0.5
    return View(cut=crop * cut, across=across, down=down, mirrored=able and side < 0.5)


def squares(example: Example, view: View, size: int) -> tuple[Image, Image]:
    """Original and edited picture as RGB squares of `size` pixels.

    The square is cut in shares of the original's sides: an edited picture of another shape is laid
    over the original first.

    Raises:
        NotFoundError, DamagedError, InvalidInputError: a picture that is missing or unreadable.
    """
    pictures = [pixels.load(example.media[role].path, longest=DETAIL * size) for role in ROLES]
    box = _box(pictures[0].size, view)
    original, edited = (_cut(picture, box, view, size) for picture in pictures)
    return original, edited


def _box(sides: tuple[int, int], view: View) -> tuple[float, float, float, float]:
    width, height = sides
    side = min(sides) * (1.0 - view.cut)
    left, top = (width - side) * view.across, (height - side) * view.down
    return left / width, top / height, (left + side) / width, (top + side) / height


def _cut(image: Image, box: tuple[float, float, float, float], view: View, size: int) -> Image:
    width, height = image.size
    module = pixels.pillow()
    within = (
        box[0] * width,
        box[1] * height,
        min(box[2], 1.0) * width,
        min(box[3], 1.0) * height,
    )
    cut = image.resize((size, size), module.Resampling.LANCZOS, box=within)
    return cut.transpose(module.Transpose.FLIP_LEFT_RIGHT) if view.mirrored else cut


def usable(examples: Sequence[Example]) -> tuple[list[Example], list[str]]:
    """The pairs that can be trained on, and what to say of those left out.

    Only the headers of the pictures are read here: every pixel was decoded when they came in.
    """
    kept: list[Example] = []
    bare = broken = 0
    for place in range(len(examples)):
        example = examples[place]
        if not example.truth.strip() or any(role not in example.media for role in ROLES):
            bare += 1
        elif not all(_readable(example.media[role].path) for role in ROLES):
            broken += 1
        else:
            kept.append(example)
    notes = []
    if bare:
        notes.append(f"{bare} rows were left out: they lack a picture or an instruction.")
    if broken:
        notes.append(f"{broken} rows were left out: a picture of theirs cannot be read.")
    return kept, notes


def _readable(path: Path) -> bool:
    try:
        pixels.size_of(pixels.file_bytes(path), path.name)
    except (NotFoundError, DamagedError, InvalidInputError):
        return False
    return True
