"""A camera that is unplugged while it records."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

FACE = Path(__file__).parents[1] / "data" / "lipreading" / "grid" / "bbaf2n.mpg"


class Unplugged:
    """A camera at the border to OpenCV that is gone after so many pictures."""

    def __init__(self, pictures):
        self._pictures = iter(pictures)

    def isOpened(self):  # noqa: N802
        return True

    def read(self):
        time.sleep(0.002)
        image = next(self._pictures, None)
        return image is not None, image

    def get(self, _what):
        return 0.0

    def release(self):
        pass


@pytest.mark.parametrize(("given", "code", "kept"), [(40, 0, 1), (20, 8, 0)])
def test_a_camera_that_is_lost_leaves_what_it_gave(truing, monkeypatch, given, code, kept):
    import cv2

    file = cv2.VideoCapture(str(FACE))
    pictures = [file.read()[1] for _ in range(given)]
    monkeypatch.setattr(cv2, "VideoCapture", lambda _: Unplugged(pictures))
    said = truing("record", "--camera", "0", "--seconds", "5", "--once", typed="\ns\n")
    assert said.code == code
    assert "the camera has sent nothing" in said.err
    assert (f"{given} frames in" in said.out) == bool(kept)
    assert len(truing("samples", "--json").json["samples"]) == kept
