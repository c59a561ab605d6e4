"""The model hub: a model given as a folder or hub id becomes a folder on this machine.

Opening a folder never touches the network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from truing.domain.errors import (
    DamagedError,
    MissingDependencyError,
    NotFoundError,
    UnavailableError,
)

AGAIN = "copy or download the model again"
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def local_folder(model: str, files: Sequence[str], *, example: str, extra: str) -> Path:
    """The folder of a model, fetched into the hub's cache where it is given as an id.

    Args:
        model: a folder, or a hub id.
        files: patterns of what is fetched; never pickles.
        example: a hub id that a person might have meant.
        extra: of Truing, which brings `huggingface_hub`.

    Raises:
        NotFoundError: no such folder, or the hub does not know the id.
        UnavailableError: the hub cannot be reached.
        MissingDependencyError: an id was given and `huggingface_hub` is not installed.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists() or not HUB_ID.fullmatch(model):
        raise NotFoundError(
            f"there is no model folder `{model}`",
            hint=f"give a folder, or a hub id such as `{example}`",
        )
    return _fetched(model, files, extra)


def read_json(file: Path, *, missing: str = AGAIN) -> dict[str, Any]:
    """A JSON object from a model's folder; `missing` is the hint where there is no such file.

    Raises:
        NotFoundError: no such file.
        DamagedError: it is no JSON object.
    """
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFoundError(
            f"there is no model in `{file.parent}`: it has no `{file.name}`", hint=missing
        ) from error
    except (OSError, ValueError) as error:
        raise DamagedError(f"`{file}` cannot be read: {error}", hint=AGAIN) from error
    if not isinstance(said, dict):
        raise DamagedError(f"`{file}` is no JSON object", hint=AGAIN)
    return said


def _fetched(model: str, files: Sequence[str], extra: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
        from huggingface_hub.errors import RepositoryNotFoundError as NoRepository
    except ImportError as error:
        raise MissingDependencyError(
            f"`{model}` is no folder, and fetching it needs `huggingface_hub`",
            hint=f'pip install "truing[{extra}]"',
        ) from error
    try:
        return Path(snapshot_download(model, allow_patterns=list(files)))
    except NoRepository as error:
        raise NotFoundError(
            f"the hub has no model `{model}`, and there is no such folder",
            hint="check its name; for a private or gated model set the variable HF_TOKEN",
        ) from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise UnavailableError(
            f"the model `{model}` cannot be fetched: {str(error).partition(chr(10))[0]}",
            hint="check the network, or give the folder of a downloaded model",
        ) from error
