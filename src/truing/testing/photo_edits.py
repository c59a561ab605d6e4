"""Edits of photos by formula, with an instruction each: pairs whose right answer is known."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.recipe import Example, MediaFile

if TYPE_CHECKING:
    from PIL.Image import Image

SEPIA = ((0.393, 0.769, 0.189), (0.349, 0.686, 0.168), (0.272, 0.534, 0.131))
"""Red, green and blue of the result, each in shares of those of the photo."""
LEAST = 0.4
"""Side of the smallest window into a photo, in shares of its shorter side."""


def edits() -> Mapping[str, Callable[[Image], Image]]:
    """Instruction -> what it does to an RGB picture."""
    from PIL import ImageEnhance, ImageOps

    return {
        "make the picture brighter": lambda one: ImageEnhance.Brightness(one).enhance(1.5),
        "make it darker, like late evening": lambda one: ImageEnhance.Brightness(one).enhance(0.5),
        "increase the contrast": lambda one: one.point(_steeper),
        "turn it black and white": lambda one: one.convert("L").convert("RGB"),
        "give it an old sepia look": _sepia,
        "make the colors warmer": _warm,
        "invert the colors": ImageOps.invert,
        "mirror the picture": ImageOps.mirror,
    }


def windows(photo: Image, count: int, *, size: int, rng: random.Random) -> list[Image]:
    """Squares of `size` pixels cut from a photo at random, each of at least `LEAST` of it."""
    from PIL import Image as Module

    found = []
    width, height = photo.size
    for _ in range(count):
        side = rng.uniform(LEAST, 1.0) * min(width, height)
        left, top = rng.uniform(0, width - side), rng.uniform(0, height - side)
        box = (left, top, left + side, top + side)
        found.append(photo.resize((size, size), Module.Resampling.LANCZOS, box=box))
    return found


def edited_pairs(
    folder: Path,
    photos: Mapping[str, Image],
    count: int,
    *,
    size: int,
    seed: int = 0,
    instructions: Sequence[str] = (),
    recoloured: bool = False,
) -> list[Example]:
    """Writes every edit of `count` windows into each photo as PNG files; one row for each.

    Args:
        folder: where the files go.
        photos: by name, RGB; the name becomes the row's subject.
        count: windows into each photo.
        size: side of the squares in pixels.
        seed: decides the windows.
        instructions: which of `edits`; empty = all.
        recoloured: give each window other colours and brightness before it is edited, so that few
            photos show many colours.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen = {text: edit for text, edit in edits().items() if text in (instructions or edits())}
    rows = []
    for name, photo in photos.items():
        rng = random.Random(f"{seed} {name}")
        for number, cut in enumerate(windows(photo.convert("RGB"), count, size=size, rng=rng)):
            window = _recoloured(cut, rng) if recoloured else cut
            original = folder / f"{name}-{number}.png"
            window.save(original)
            for place, (text, edit) in enumerate(chosen.items()):
                edited = folder / f"{name}-{number}-{place}.png"
                edit(window).save(edited)
                media = {
                    "original": MediaFile(path=original),
                    "edited": MediaFile(path=edited),
                }
                rows.append(Example(uid=edited.stem, media=media, truth=text, subject=name))
    return rows


def _recoloured(window: Image, rng: random.Random) -> Image:
    """Channels in another order, each with a strength and a lift of its own."""
    from PIL import Image as Module

    channels = list(window.split())
    rng.shuffle(channels)
    changed = []
    for channel in channels:
        strength, lift = rng.uniform(0.5, 1.1), rng.uniform(-20, 60)
        table = [max(0, min(255, round(value * strength + lift))) for value in range(256)]
        changed.append(channel.point(table))
    return Module.merge("RGB", changed)


def _steeper(value: int) -> int:
    return max(0, min(255, round(128 + (value - 128) * 1.6)))


def _sepia(photo: Image) -> Image:
    return _mixed(photo, SEPIA)


def _warm(photo: Image) -> Image:
    return _mixed(photo, ((1.15, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 0.8)))


def _mixed(photo: Image, rows: Sequence[Sequence[float]]) -> Image:
    """Each channel of the result as shares of the photo's three."""
    return photo.convert("RGB", tuple(share for row in rows for share in (*row, 0.0)))
