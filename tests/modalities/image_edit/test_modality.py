"""The modality as the loop sees it."""

from __future__ import annotations

import subprocess
import sys

from truing.domain.modality import CanConvert, CanPreview, CanSketch, CanSpotCopies, Modality
from truing.modalities.image_edit.modality import ImageEdit


def test_it_has_the_abilities_it_claims() -> None:
    modality = ImageEdit()
    for ability in (Modality, CanConvert, CanPreview, CanSketch, CanSpotCopies):
        assert isinstance(modality, ability)
    assert modality.roles[0] == "original"
    assert [metric.name for metric in modality.metrics] == ["sentence_accuracy", "wer"]
    assert modality.least_likeness in {setting.key for setting in modality.settings}
    assert all(setting.key.startswith("image_edit.") for setting in modality.settings)


def test_cleaning_is_a_proposal() -> None:
    assert ImageEdit().tidy("  make it brigther ") == "make it brighter"


def test_naming_it_loads_nothing_heavy() -> None:
    code = (
        "import sys; import truing.modalities.image_edit.modality; "
        "print(*({'PIL', 'numpy', 'scipy', 'skimage', 'imagehash', 'mediapipe', 'torch'} "
        "& sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
