"""How near a picture that a model made comes to the one people wanted, and to the one it was given.

*Sizes.* The target is scaled down to at most `COMPARED_SIDE` pixels, and the other picture to the
target's size and shape; so a model that works on squares of 512 pixels is not punished for it, and
a photo of twelve megapixels takes no longer than a small one.

*What decides.* With a CLIP in `image_edit.clip_model` the direction of the edit; else SSIM, which
is bounded, sees colours (it is the mean over the channels) as well as structure, and is less
generous than PSNR to a blurred mean of all answers. It is no proof: an edit that people like may
lie far from the one target there is, and an unchanged picture often lies near it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.errors import DamagedError
from truing.domain.evaluation import Measure, RowScore
from truing.domain.settings import Setting, Settings
from truing.modalities.image_edit.roles import EDITED, ORIGINAL

if TYPE_CHECKING:
    from PIL.Image import Image

    from truing.domain.recipe import Example
    from truing.modalities.image_edit.clip import Clip
    from truing.modalities.image_edit.lpips import Lpips

COMPARED_SIDE = 512
"""Pixels of the longer side, about what editors of pictures work at."""
MOST_PSNR = 60.0
"""Decibels; rounding to whole levels alone leaves 59. One equal pair must not carry the mean."""
VERSION = "pixels-1"
COPY = "copy-the-input"
CLIP_MODEL, LPIPS_MODEL = "image_edit.clip_model", "image_edit.lpips_model"

SETTINGS: tuple[Setting, ...] = (
    Setting(
        key=CLIP_MODEL,
        default="",
        help="a folder with a CLIP model, by which pictures are judged in evaluations; empty for "
        "none, and none is ever fetched",
    ),
    Setting(
        key=LPIPS_MODEL,
        default="",
        help="a folder with the weights of LPIPS (`alexnet` and `alex`), one more figure in "
        "evaluations; empty for none, and none is ever fetched",
    ),
)


def _pixel_measure(name: str, title: str, *, higher: bool, unit: str = "%") -> Measure:
    return Measure(
        name=name,
        version=VERSION,
        higher_is_better=higher,
        title=title,
        unit=unit,
        proves=False,
    )


_TO_TARGET = (
    _pixel_measure("ssim", "SSIM", higher=True),
    _pixel_measure("psnr", "PSNR", higher=True, unit="dB"),
    _pixel_measure("colour_distance", "Colour distance", higher=False, unit="ΔE"),
    _pixel_measure("structure_distance", "Structure distance", higher=False),
)
_TO_SOURCE = (
    _pixel_measure("source_ssim", "SSIM to the input", higher=True),
    _pixel_measure("source_psnr", "PSNR to the input", higher=True, unit="dB"),
    _pixel_measure(
        "source_colour_distance", "Colour distance to the input", higher=False, unit="ΔE"
    ),
    _pixel_measure("source_structure_distance", "Structure distance to the input", higher=False),
)


def measures(settings: Settings) -> tuple[Measure, ...]:
    """What pictures are judged by, the primary measure first. Reads no weights but a few bytes.

    Raises:
        NotFoundError: a setting names a folder in which no such model lies.
    """
    from truing.modalities.image_edit import clip, lpips

    by_clip, by_lpips = settings.text(CLIP_MODEL), settings.text(LPIPS_MODEL)
    first = clip.measures(Path(by_clip)) if by_clip else ()
    perceived = lpips.measures(Path(by_lpips)) if by_lpips else ()
    return (*first, *_TO_TARGET, *perceived, *_TO_SOURCE)


class Judge:
    """See `truing.domain.modality.LoadedJudge`.

    Args:
        clip: judges the direction of the edit; None leaves its measures out.
        lpips: judges how different the two look; None leaves its measure out.
    """

    def __init__(self, clip: Clip | None = None, lpips: Lpips | None = None) -> None:
        self._clip, self._lpips = clip, lpips

    def score(self, example: Example, picture: bytes) -> Mapping[str, RowScore]:
        """See `LoadedJudge.score`."""
        from truing.modalities.image_edit.pixels import load

        made = load(picture, longest=COMPARED_SIDE)
        original, target = (_given(example, role) for role in (ORIGINAL, EDITED))
        found = _apart(target, made)
        found |= {f"source_{name}": value for name, value in _apart(original, made).items()}
        if self._clip is not None:
            found |= self._clip.judge(original, target, made)
        if self._lpips is not None:
            found |= self._lpips.judge(target, made)
        return {name: RowScore(value, 1.0) for name, value in found.items()}

    def close(self) -> None:
        """See `LoadedJudge.close`."""
        self._clip = self._lpips = None


def open_judge(settings: Settings) -> Judge:
    """Gets ready to judge by all of `measures`.

    Raises:
        NotFoundError: a setting names a folder in which no such model lies.
        MissingDependencyError: PyTorch or Transformers is not installed.
    """
    from truing.modalities.image_edit.clip import Clip
    from truing.modalities.image_edit.lpips import Lpips

    by_clip, by_lpips = settings.text(CLIP_MODEL), settings.text(LPIPS_MODEL)
    return Judge(
        clip=Clip(Path(by_clip)) if by_clip else None,
        lpips=Lpips(Path(by_lpips)) if by_lpips else None,
    )


def _given(example: Example, role: str) -> Image:
    from truing.modalities.image_edit.pixels import load

    if role not in example.media:
        raise DamagedError(f"sample `{example.uid}` has no picture `{role}`")
    return load(example.media[role].path, longest=COMPARED_SIDE)


def _apart(wanted: Image, made: Image) -> dict[str, float]:
    """How far a picture is from the one that was wanted; see `similarity` for each figure."""
    from truing.modalities.image_edit import similarity

    one, other = similarity.together(wanted, made, longest=COMPARED_SIDE)
    return {
        "ssim": similarity.ssim(one, other),
        "psnr": min(MOST_PSNR, similarity.psnr(one, other)),
        "colour_distance": similarity.colour_distance(one, other),
        "structure_distance": similarity.structure_distance(one, other),
    }
