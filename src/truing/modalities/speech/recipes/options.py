"""Options of a recipe: fields that explain themselves, and one way to refuse a wrong value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from truing.domain.errors import SettingError

PACKAGES = {"torch": "truing[train]", "transformers": "truing[train]"}
"""What training Whisper imports, and the extra that brings it."""


def option(default: Any, text: str) -> Any:
    """A dataclass field with a default and the help text that forms and `--help` show."""
    return field(default=default, metadata={"help": text})


def refuse(options: Any, wrong: Mapping[str, bool]) -> None:
    """Raises for the first option whose value is wrong.

    Raises:
        SettingError: names the option, its value and what it takes.
    """
    for name in (name for name, bad in wrong.items() if bad):
        told = type(options).__dataclass_fields__[name].metadata["help"]
        raise SettingError(
            f"The option `{name}` cannot be `{getattr(options, name)}`.", hint=f"{name}: {told}."
        )


def prepare_torch(threads: int) -> None:
    """Lets torch use this many CPU threads (0 leaves the number); no bars in a run's log."""
    import torch
    from transformers.utils import logging

    if threads:
        torch.set_num_threads(threads)
    logging.disable_progress_bar()
