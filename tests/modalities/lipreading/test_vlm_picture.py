"""The picture a vision-language model is shown, of real videos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from truing.domain.errors import DamagedError, InvalidInputError
from truing.domain.recipe import MediaFile
from truing.modalities.lipreading.mosaic import encoded, mosaic_of
from truing.modalities.lipreading.vlm_picture import Pictures, opened

DATA = Path(__file__).parents[2] / "data" / "lipreading"


def media(name: str, **span: float) -> dict[str, MediaFile]:
    return {
        "video": MediaFile(path=DATA / "grid" / f"{name}.mpg", **span),
        "alignment": MediaFile(path=DATA / "grid" / f"{name}.align"),
    }


def mouth(name: str) -> MediaFile:
    return MediaFile(path=next((DATA / "grid_s1" / "mouth").glob(f"{name}.*")))


def test_it_is_the_mosaic_of_the_spoken_frames() -> None:
    with Pictures("alignment") as pictures:
        made = pictures.jpeg(media("bbaf2n"))
    whole = mosaic_of(DATA / "grid" / "bbaf2n.mpg", (23, 53))  # as in golden/
    assert whole is not None
    assert made == encoded(whole.image)
    picture = opened(made)
    assert (picture.size, picture.mode) == ((400, 240), "RGB")
    blue, red = (float(whole.image[..., place].mean()) for place in (0, 2))
    seen = np.asarray(picture).mean(axis=(0, 1))
    assert seen[0] == pytest.approx(red, abs=2)  # colours in the order that models expect
    assert seen[2] == pytest.approx(blue, abs=2)
    assert red > blue + 20  # lips


def test_without_an_alignment_all_frames_count() -> None:
    aligned = {
        "video": mouth("bbas1s"),
        "alignment": MediaFile(path=DATA / "grid_s1" / "align" / "bbas1s.align"),
    }
    alone = {"video": aligned["video"]}
    with Pictures("alignment") as spoken, Pictures("clip") as whole:
        assert spoken.jpeg(alone) == whole.jpeg(alone) == whole.jpeg(aligned)
        assert spoken.jpeg(aligned) != whole.jpeg(aligned)


def test_a_span_of_a_video_is_shown_alone() -> None:
    video = mouth("bbas1s")
    part = MediaFile(path=video.path, start=1.0, end=2.0)
    with Pictures("clip") as pictures:
        assert pictures.jpeg({"video": part}) != pictures.jpeg({"video": video})


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "clip.mp4"
    text.write_text("no video", encoding="utf-8")
    with Pictures("clip") as pictures:
        with pytest.raises((DamagedError, InvalidInputError)):
            pictures.jpeg({"video": MediaFile(path=text)})
        with pytest.raises(InvalidInputError, match="only audio"):
            pictures.jpeg({"audio": MediaFile(path=text)})
