"""Ways to train models that edit pictures."""

from __future__ import annotations

from collections.abc import Mapping

RECIPES: Mapping[str, str] = {
    "instruct-pix2pix": (
        "truing.modalities.image_edit.recipes.instruct_pix2pix:InstructPix2PixRecipe"
    ),
}
