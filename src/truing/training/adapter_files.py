"""Writing an adapter alone, in the format of peft."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def write_adapter(folder: Path, wrapped: Any, base: str) -> None:
    """Writes the adapter into `folder`.

    Args:
        folder: where to.
        wrapped: the model as peft holds it.
        base: folder or hub id of its base; of a folder only the name is told to others.
    """
    wrapped.save_pretrained(str(folder), safe_serialization=True)
    # A card that says nothing, and a path of this machine.
    (folder / "README.md").unlink(missing_ok=True)
    settings = folder / "adapter_config.json"
    said = json.loads(settings.read_text(encoding="utf-8"))
    said["base_model_name_or_path"] = Path(base).name if Path(base).is_dir() else base
    settings.write_text(json.dumps(said, indent=2, sort_keys=True) + "\n", encoding="utf-8")
