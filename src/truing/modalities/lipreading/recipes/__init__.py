"""Ways of training a lip-reading model, by name; nothing is imported to list them."""

from __future__ import annotations

RECIPES: dict[str, str] = {
    "pixel-ridge": "truing.modalities.lipreading.recipes.pixel_ridge:PixelRidgeRecipe",
    "visual-tcn": "truing.modalities.lipreading.recipes.visual_tcn:VisualTcnRecipe",
    "vlm-lora": "truing.modalities.lipreading.recipes.vlm_lora:VlmLoraRecipe",
}
