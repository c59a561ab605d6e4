"""Figures of what can be seen, on real faces and mouths."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from truing.modalities.lipreading.encode import encoded
from truing.modalities.lipreading.frames import read_frames
from truing.modalities.lipreading.observation import Glance, Observation, observe

GRID = Path(__file__).parents[2] / "data" / "lipreading" / "grid"


def test_a_face_is_looked_at_in_a_dozen_frames_spread_over_the_film() -> None:
    seen = observe(GRID / "swwp2s.mpg", framing="face")
    assert (seen.frames, seen.damaged, seen.unmeshed) == (75, 0, None)
    assert len(seen.glances) == 12
    assert [seen.glances[0].time, seen.glances[-1].time] == pytest.approx([0, 2.96])
    assert all(one.faces == 1 and one.inside for one in seen.glances)
    assert all(30 < float(one.mouth_width or 0) < 50 for one in seen.glances)
    assert seen.lost == (0, 0)
    assert seen.frozen < 0.1


def test_a_mouth_clip_has_no_faces_but_the_same_figures() -> None:
    face = observe(GRID / "bbaf2n.mpg", framing="face")
    mouth = observe(GRID / "bbaf2n_mouth.mp4", framing="mouth")
    assert all(one.faces is None for one in mouth.glances)
    for figure in ("brightness", "sharpness", "contrast", "rows"):
        one, other = (
            np.median([getattr(glance, figure) for glance in seen.glances])
            for seen in (face, mouth)
        )
        assert one == pytest.approx(other, rel=0.15), figure


def test_sharpness_falls_with_blur_and_noise_does_not_hide_it() -> None:
    frames = [one.image for one in read_frames(GRID / "bbaf2n_mouth.mp4", last=9)]
    rng = np.random.default_rng(4)

    def sharpness(sigma: float, noise: float) -> float:
        blurred = [cv2.GaussianBlur(one, (0, 0), sigma) if sigma else one for one in frames]
        spoiled = [np.clip(one + rng.normal(0, noise, one.shape), 0, 255) for one in blurred]
        film = encoded(np.stack(spoiled).astype(np.uint8), [n / 25 for n in range(len(frames))])
        glances = observe(film, framing="mouth").glances
        return float(np.median([float(one.sharpness or 0) for one in glances]))

    sharp, soft, very_soft = sharpness(0, 0), sharpness(1.5, 0), sharpness(3, 0)
    assert sharp > 2 * soft > 4 * very_soft
    assert sharpness(3, 4) < sharp / 2


def test_a_span_is_all_that_is_looked_at() -> None:
    seen = observe(GRID / "pbio7a.mpg", framing="face", start=2.6, end=2.9)
    assert seen.frames == 8
    assert seen.times[0] == pytest.approx(0, abs=1e-6)
    assert seen.lost[0] == 0
    assert observe(GRID / "pbio7a.mpg", framing="face", start=0.0, end=0.4).lost[0] == 1


def test_the_longest_loss_is_counted_in_seconds() -> None:
    pattern = [1, 0, 0, 0, 1, 0, 1, 1, 1, 1, 1]
    glances = tuple(Glance(time=n * 0.3, faces=faces) for n, faces in enumerate(pattern))
    seen = Observation(
        frames=76,
        times=tuple(n * 0.04 for n in range(76)),
        damaged=0,
        glances=glances,
        frozen=0,
        repeated=0,
        unmeshed=None,
    )
    share, longest = seen.lost
    assert share == pytest.approx(4 / 11)
    assert longest == pytest.approx(0.9)
