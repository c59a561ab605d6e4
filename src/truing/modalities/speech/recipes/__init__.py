"""Ways of training a speech model, by name; nothing is imported to list them."""

from __future__ import annotations

RECIPES: dict[str, str] = {
    "whisper": "truing.modalities.speech.recipes.whisper:WhisperRecipe",
    "whisper-scratch": "truing.modalities.speech.recipes.whisper_scratch:WhisperScratchRecipe",
}
