"""The S2S app's `configs/training.toml`: what it trains from and how, and where it finds models."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath

from truing.domain.errors import InvalidInputError, NotFoundError

FILE = Path("configs") / "training.toml"
"""Where it lies in the app's folder."""
OPTIONS = {
    "batch_size": "batch_size",
    "gradient_accumulation_steps": "accumulation",
    "learning_rate": "learning_rate",
    "warmup_steps": "warmup_steps",
    "num_train_epochs": "epochs",
    "eval_steps": "validate_every",
}
"""Its keys -> options of the recipe `whisper`. How often it saves and logs is left to Truing."""
LEVELS = 4
"""Folders above its pages in which the app's own is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S2STraining:
    """What the file says."""

    base: str | None = None
    """The folder of the Whisper model it starts from, if it is there."""
    target: str | None = None
    """The folder in whose numbered sub-folders the app looks for its model."""
    options: Mapping[str, str] = field(default_factory=dict)


def read_training(path: Path) -> S2STraining:
    """Reads the file; folders are relative to the one above it, as in the app.

    Raises:
        NotFoundError: it is not there.
        InvalidInputError: it is no TOML, or has no section `training`.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFoundError(
            f"there is no file `{path}`", hint="the setting train.s2s_config names it"
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInputError(
            f"`{path}` cannot be read: {error}", hint="mend it, or empty train.s2s_config"
        ) from error
    told = document.get("training")
    if not isinstance(told, dict):
        raise InvalidInputError(
            f"`{path}` has no section `training`", hint="it is not the app's training.toml"
        )
    root = path.resolve().parent.parent
    base = _folder(root, told.get("stt_model_path"))
    target = _folder(root, told.get("stt_faster_model_path"))
    return S2STraining(
        base=str(base) if base is not None and base.is_dir() else None,
        target=str(target) if target is not None else None,
        options={
            ours: str(told[theirs])
            for theirs, ours in OPTIONS.items()
            if isinstance(told.get(theirs), (int, float)) and not isinstance(told[theirs], bool)
        },
    )


def training_beside(pages: Path) -> Path | None:
    """The `training.toml` of the app whose pages lie in a folder; None when it has none."""
    place = pages.resolve()
    for folder in (place, *place.parents[:LEVELS]):
        if (folder / FILE).is_file():
            return folder / FILE
    return None


def _folder(root: Path, told: object) -> Path | None:
    if not isinstance(told, str) or not told:
        return None
    # The app is written on Windows: `.\\.models\\stt\\faster`.
    parts = Path(*PureWindowsPath(told).parts) if "\\" in told else Path(told)
    return root / parts.expanduser()
