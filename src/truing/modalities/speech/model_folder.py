"""Where a model's files are: a folder on this machine, or a hub id fetched into the local cache.

Opening a folder never touches the network.
"""

from __future__ import annotations

import re
from pathlib import Path

from truing.domain.errors import (
    InvalidInputError,
    MissingDependencyError,
    NotFoundError,
    UnavailableError,
)
from truing.modalities.speech.vocabulary import read_json

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
FILES = (
    "*.json",
    "model.safetensors",
    "model-*-of-*.safetensors",
    "model.bin",
    "vocabulary.txt",
)
"""What is fetched: configuration and weights, never pickles."""


def find_model(model: str) -> Path:
    """The folder of a model given as a folder or hub id, with a Whisper model in it.

    Raises:
        NotFoundError: no such folder, or no model in it, or the hub does not know the id.
        UnavailableError: the hub cannot be reached.
        MissingDependencyError: an id was given and `huggingface_hub` is not installed.
        InvalidInputError: the folder holds another kind of model.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return _whisper(folder)
    if folder.exists() or not HUB_ID.fullmatch(model):
        raise NotFoundError(
            f"there is no model folder `{model}`",
            hint="give a folder, or a hub id such as `distil-whisper/distil-small.en`",
        )
    return _whisper(_fetched(model))


def is_ctranslate2(folder: Path) -> bool:
    """Whether the folder was written by CTranslate2."""
    return (folder / "model.bin").is_file()


def _whisper(folder: Path) -> Path:
    if is_ctranslate2(folder):
        return folder
    kind = read_json(folder / "config.json").get("model_type")
    if kind != "whisper":
        raise InvalidInputError(
            f"the model in `{folder}` is of the kind `{kind}`",
            hint="give the folder of a Whisper model",
        )
    return folder


def _fetched(model: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
        from huggingface_hub.errors import RepositoryNotFoundError as NoRepository
    except ImportError as error:
        raise MissingDependencyError(
            f"`{model}` is no folder, and fetching it needs `huggingface_hub`",
            hint='pip install "truing[train]"',
        ) from error
    try:
        return Path(snapshot_download(model, allow_patterns=list(FILES)))
    except NoRepository as error:
        raise NotFoundError(
            f"the hub has no model `{model}`, and there is no such folder",
            hint="check its name; for a private model set the variable HF_TOKEN",
        ) from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise UnavailableError(
            f"the model `{model}` cannot be fetched: {str(error).partition(chr(10))[0]}",
            hint="check the network, or give the folder of a downloaded model",
        ) from error
