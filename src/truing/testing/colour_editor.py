"""An editor of pictures that is small enough for tests: a model folder that holds a colour matrix.

It is a model like any other: a folder with a description and safetensors, loaded, asked and
closed at the border `CanEdit`. `fill_with_pairs` makes pairs that such a model can learn by heart.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.errors import NotFoundError
from truing.domain.prediction import Edited
from truing.domain.recipe import MediaFile

if TYPE_CHECKING:
    from truing.workspace import Workspace

CUTS = 5
"""Pairs that come of one photo."""
DESCRIPTION, WEIGHTS = "config.json", "model.safetensors"
SAME = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0))
WARMER = ((0.9, 0.1, 0.1, 40.0), (0.05, 0.8, 0.05, 15.0), (0.0, 0.05, 0.6, 5.0))
HALFWAY = tuple(
    tuple((a + b) / 2 for a, b in zip(one, other, strict=True))
    for one, other in zip(SAME, WARMER, strict=True)
)
"""Rows give red, green and blue; the last column is added, of 255."""


def save_colour_editor(folder: Path, matrix: Sequence[Sequence[float]] = SAME) -> Path:
    """Writes a model that multiplies each pixel (red, green, blue, 1) by a matrix (3, 4)."""
    import numpy as np
    from safetensors.numpy import save_file

    folder.mkdir(parents=True)
    (folder / DESCRIPTION).write_text(json.dumps({"model_type": "colour-matrix"}))
    save_file({"matrix": np.array(matrix, dtype=np.float32)}, folder / WEIGHTS)
    return folder


class ColourEditor:
    """See `truing.domain.modality.LoadedEditor`; `asked` counts its edits.

    Args:
        folder: as `save_colour_editor` writes it.
    """

    def __init__(self, folder: Path) -> None:
        from safetensors.numpy import load_file

        if not (folder / WEIGHTS).is_file():
            raise NotFoundError(f"there is no model in `{folder}`")
        self._matrix = load_file(folder / WEIGHTS)["matrix"]
        self.asked: list[str] = []

    def edit(self, original: MediaFile, instruction: str) -> Edited:
        """See `LoadedEditor.edit`."""
        import numpy as np
        from PIL import Image

        from truing.modalities.image_edit.pixels import load

        began = time.perf_counter()
        self.asked.append(instruction)
        pixels = np.asarray(load(original.path), dtype=np.float32)
        made = pixels @ self._matrix[:, :3].T + self._matrix[:, 3]
        kept = BytesIO()
        Image.fromarray(np.clip(made.round(), 0, 255).astype(np.uint8)).save(kept, format="PNG")
        return Edited(picture=kept.getvalue(), seconds=time.perf_counter() - began)

    def close(self) -> None:
        """See `LoadedEditor.close`."""


def open_colour_editor(model: str, options: Mapping[str, object]) -> ColourEditor:  # noqa: ARG001
    """See `CanEdit.open_editor`; it knows no options."""
    return ColourEditor(Path(model))


def fill_with_pairs(workspace: Workspace, photos: Sequence[Path], scratch: Path) -> list[int]:
    """Captures and accepts `CUTS` pairs of each photo: a cut of it, and the same cut `WARMER`.

    Args:
        workspace: where they go.
        photos: picture files.
        scratch: an empty folder.

    Returns:
        The numbers of the samples.
    """
    from PIL import Image

    warmer = ColourEditor(save_colour_editor(scratch / "truth", WARMER))
    numbers = []
    for photo in photos:
        image = Image.open(photo).convert("RGB").resize((300, 240))
        for place in range(CUTS):
            file = scratch / f"{photo.stem}-{place}.png"
            image.crop((place * 40, 20, place * 40 + 96, 84)).save(file)
            added = workspace.capture(
                "image_edit",
                original=file,
                edited=warmer.edit(MediaFile(path=file), "").picture,
                raw=f"Make cut {place} of {photo.stem} warmer",
                session=file.stem,
                sampling="wholesale",
                contact=f"person{place}@example.org",
            )
            if added is not None:
                workspace.review(added.id, "accepted")
                numbers.append(added.id)
    return numbers
