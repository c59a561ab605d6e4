"""Modalities: one folder each, with the same file names inside."""

from __future__ import annotations

MODALITIES: dict[str, str] = {
    "speech": "truing.modalities.speech.modality:Speech",
    "lipreading": "truing.modalities.lipreading.modality:LipReading",
    "image_edit": "truing.modalities.image_edit.modality:ImageEdit",
}
"""Built-in modalities, `name -> "module:attribute"`; nothing is imported to list them."""
