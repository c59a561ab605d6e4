"""Writes a model where an app looks for it: the next numbered folder, with plain weights.

The app loads the highest all-digit sub-folder of its model folder, so publishing `<target>/<N+1>/`
is the promotion, and publishing older weights once more is the rollback. A folder holds what its
runtime reads and nothing else: `config.json` with `model.safetensors`, or for an adapter
`adapter_config.json` with `adapter_model.safetensors`. Who was trained on stays at home.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from truing.domain.errors import InvalidInputError, NotFoundError
from truing.modalities.lipreading.recognize import find_model, kind_of
from truing.platform.numbered import add_numbered

ENDINGS = frozenset({".json", ".safetensors", ".txt", ".model", ".jinja"})
"""Configurations, weights, vocabularies and templates; never pickles."""
PRIVATE = frozenset({"model.json"})
"""The workspace's own description: it names datasets and runs."""
WEIGHTS = {"vlm": "*.safetensors", "pixel-ridge": "*.safetensors", "visual-tcn": "*.safetensors"}
"""What a model of a kind must hold beside its configuration; an external one holds no weights."""


def publish(model: Path, target: Path, options: Mapping[str, object]) -> Path:
    """Copies a lip-reading model and returns the new `<target>/<N>`.

    Args:
        model: a folder that a recipe wrote: plain weights, or a LoRA adapter.
        target: the app's model folder; made when it is not there.
        options: there are none.

    Raises:
        NotFoundError: no model in the folder, or one without weights.
        InvalidInputError: an option was given, or the folder holds another kind of model.
        UnavailableError: the target cannot be written.
        ConflictError: other programs keep taking the next number.
    """
    if options:
        raise InvalidInputError(
            f"publishing lip-reading has no option `{min(options)}`", hint="leave it out"
        )
    folder = find_model(str(model))
    wanted = WEIGHTS.get(kind_of(folder))
    if wanted is not None and not any(folder.glob(wanted)):
        raise NotFoundError(
            f"the model in `{folder}` is not whole: it has no {wanted}",
            hint="copy the model again, or train it again",
        )

    def write(place: Path) -> None:
        place.mkdir()
        for file in sorted(folder.iterdir()):
            if file.suffix in ENDINGS and file.name not in PRIVATE and file.is_file():
                shutil.copyfile(file, place / file.name)

    return add_numbered(target.expanduser(), write)
