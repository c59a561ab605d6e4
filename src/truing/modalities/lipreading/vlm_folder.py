"""Folders of vision-language models: a whole model, or an adapter with what its reader needs.

An adapter's folder is in the format of peft, holds the processor of its base, and `vlm.json` says
which base it was trained beside and what the pictures and the prompt were. Only safetensors are
read: a downloaded pickle could run code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from truing.domain.errors import (
    DamagedError,
    InvalidInputError,
    NotFoundError,
)
from truing.platform.hub import HUB_ID, read_json

DEFAULT_BASE = "google/gemma-3n-E4B-it"
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
NOTE = "vlm.json"
FORMS = (2, 3)
SPANS = ("alignment", "clip")
EXTRA = 'pip install "truing[vlm]"'
FORMAT = "give a folder in the format of transformers"


@dataclass(frozen=True, slots=True, kw_only=True)
class VlmNote:
    """How a model was trained: whoever reads with it must show and ask the same."""

    base: str
    """Folder or hub id of the model that an adapter belongs to; of a whole model, what it was."""
    form: int = 2
    """Messages of a conversation: 2 (user, assistant), or 3 with a system message first."""
    span: str = "clip"
    """Frames of a picture: `alignment` (from the first word to the last, where an alignment says
    so) or `clip` (all)."""

    @staticmethod
    def read(folder: Path) -> VlmNote | None:
        """The note in a folder, None where there is none.

        Raises:
            DamagedError: it cannot be read.
        """
        file = folder / NOTE
        if not file.is_file():
            return None
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            note = VlmNote(base=str(said["base"]), form=int(said["form"]), span=str(said["span"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DamagedError(
                f"`{file}` cannot be read: {error!r}",
                hint="copy the model again from where it was made",
            ) from error
        if note.form not in FORMS or note.span not in SPANS:
            raise DamagedError(
                f"`{file}` asks for form {note.form} and span `{note.span}`",
                hint=f"forms are {FORMS}, spans {SPANS}; copy the model again",
            )
        return note

    def write(self, folder: Path) -> None:
        """Writes the note into a model's folder."""
        text = json.dumps(asdict(self), indent=2, sort_keys=True)
        (folder / NOTE).write_text(text + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A vision-language model as it lies there."""

    base: str
    """Folder or hub id of the whole model."""
    adapter: Path | None = None
    """The folder of the adapter beside it."""
    note: VlmNote | None = None


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter in the format of peft."""
    return (folder / ADAPTER_FILES[0]).is_file()


def find(model: str, base: str | None = None) -> Found:
    """Resolves a folder or hub id: a whole model, or an adapter and the base it belongs to.

    Args:
        model: as a person gives it.
        base: where an adapter's base lies now, if not where it was trained.

    Raises:
        NotFoundError: no such folder, no model in it, or an adapter whose base is gone.
        InvalidInputError: the folder holds a model that sees nothing.
        DamagedError: a file of the folder cannot be read.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir():
        _refuse_path(model, folder)
        return Found(base=model)
    if not is_adapter(folder):
        _require_eyes(folder)
        return Found(base=str(folder), note=VlmNote.read(folder))
    if not (folder / ADAPTER_FILES[1]).is_file():
        raise NotFoundError(
            f"there is no adapter in `{folder}`: it lacks `{ADAPTER_FILES[1]}`",
            hint="copy the whole folder as the training wrote it",
        )
    note = VlmNote.read(folder)
    return Found(base=base or _base_of(folder, note), adapter=folder, note=note)


def _refuse_path(model: str, folder: Path) -> None:
    if folder.exists() or not HUB_ID.fullmatch(model):
        raise NotFoundError(
            f"there is no model folder `{model}`",
            hint=f"give a folder, or a hub id such as `{DEFAULT_BASE}`",
        )


def _require_eyes(folder: Path) -> None:
    config = read_json(folder / "config.json", missing=FORMAT)
    if not any(config.get(key) for key in ("vision_config", "vision_tower", "mm_vision_tower")):
        raise InvalidInputError(
            f"the model in `{folder}` sees nothing (model_type `{config.get('model_type')}`)",
            hint="give an image-text-to-text model, such as Gemma 3, Gemma 3n or Idefics3",
        )


def _base_of(folder: Path, note: VlmNote | None) -> str:
    """The base of an adapter: a hub id, or a folder that is still there.

    Raises:
        NotFoundError: there is none any more, or the adapter names none.
    """
    settings = read_json(folder / ADAPTER_FILES[0], missing=FORMAT)
    said = settings.get("base_model_name_or_path") if note is None else note.base
    if not isinstance(said, str) or not said:
        raise NotFoundError(
            f"the adapter in `{folder}` does not say which model it belongs to",
            hint="name it with the option `base`",
        )
    if HUB_ID.fullmatch(said):
        return said
    for place in _places(folder, said):
        if is_adapter(place) and place != folder:
            return find(str(place)).base
        if (place / "config.json").is_file():
            return str(place)
    raise NotFoundError(
        f"the model `{said}`, to which the adapter in `{folder}` belongs, is not there any more",
        hint="name its new place with the option `base`, or merge them: truing model merge",
    )


def _places(folder: Path, said: str) -> Iterator[Path]:
    """Where the base of an adapter may lie: where it was, beside the adapter when both were moved,
    or where the model's description says; a run on another machine had its own copy.
    """
    place = Path(said).expanduser()
    yield place
    yield folder.parent / place.name
    description = folder / "model.json"
    base = read_json(description).get("base") if description.is_file() else None
    if isinstance(base, str):
        yield Path(base).expanduser()
        yield folder.parent / base.rpartition("/")[2]  # another model of the same workspace
