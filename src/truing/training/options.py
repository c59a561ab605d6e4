"""Options of recipes: fields that explain themselves, and the refusal of what cannot work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from truing.domain.errors import SettingError


def option(default: Any, text: str, choices: Sequence[str] = ()) -> Any:
    """A dataclass field with a default, and the help text and the choices that forms show."""
    return field(default=default, metadata={"help": text, "choices": tuple(choices)})


def refuse(options: Any, wrong: Mapping[str, bool]) -> None:
    """Raises for the first option whose value cannot work.

    Args:
        options: a dataclass of `option` fields.
        wrong: whether the value is one that cannot work, by the name of the option.

    Raises:
        SettingError: names the option, its value and what it takes.
    """
    for name in (name for name, bad in wrong.items() if bad):
        told = type(options).__dataclass_fields__[name].metadata["help"]
        raise SettingError(
            f"The option `{name}` cannot be `{getattr(options, name)}`.", hint=f"{name}: {told}."
        )
