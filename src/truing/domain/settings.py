"""Settings: what one is, and one frozen set of values that knows where each came from.

Precedence: flag > `TRUING_*` > `truing.toml` > default. An unknown key is an error that names the
nearest known one. A modality brings its own settings (`speech.min_duration`) through the same type.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from truing.domain.errors import SettingError

Value = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One thing that can be set. The default's type is the setting's type."""

    key: str
    """`section.name`."""
    default: Value
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] | None = None
    check: Callable[[str], None] | None = None
    """Raises `SettingError` when a text cannot be used."""

    @property
    def variable(self) -> str:
        """Its environment variable: `split.test_share` is `TRUING_SPLIT_TEST_SHARE`."""
        return "TRUING_" + self.key.upper().replace(".", "_").replace("-", "_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A value and where it came from: `flag`, the variable, the file or `default`."""

    setting: Setting
    value: Value
    origin: str


class Settings:
    """All values of one workspace, read once and never changed."""

    __slots__ = ("_chosen",)

    def __init__(self, chosen: Iterable[Chosen]) -> None:
        self._chosen: Mapping[str, Chosen] = MappingProxyType(
            {one.setting.key: one for one in chosen}
        )

    def __iter__(self) -> Iterator[Chosen]:
        return iter(self._chosen.values())

    def chosen(self, key: str) -> Chosen:
        """The value with its origin.

        Raises:
            SettingError: no such setting.
        """
        if key not in self._chosen:
            raise unknown_setting(key, self._chosen)
        return self._chosen[key]

    def text(self, key: str) -> str:
        """A text setting."""
        return str(self.chosen(key).value)

    def number(self, key: str) -> float:
        """A number setting."""
        return float(self.chosen(key).value)

    def whole(self, key: str) -> int:
        """A whole-number setting."""
        return int(self.chosen(key).value)

    def flag(self, key: str) -> bool:
        """A yes/no setting."""
        return bool(self.chosen(key).value)


def unknown_setting(key: str, known: Iterable[str]) -> SettingError:
    """The error for a key that does not exist, naming the nearest that does."""
    near = difflib.get_close_matches(key, list(known), n=1, cutoff=0.4)
    hint = f"did you mean `{near[0]}`?" if near else "`truing config show` lists every setting"
    return SettingError(f"`{key}` is not a setting", hint=hint)


def without_password(text: str) -> str:
    """A value; of an address without the password that somebody wrote into it."""
    if "://" not in text:
        return text
    bare = re.sub(r"(://[^/?#:@]*):[^@]*@", r"\1@", text)
    return re.sub(r"(?i)([?&][a-z]*password)=[^&]*", r"\1=…", bare)


def read_toml(text: str, origin: str) -> dict[str, Value]:
    """Flattens the sections of a settings file to `section.name` keys.

    Raises:
        SettingError: not TOML, or a value that is no text, number or yes/no.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingError(
            f"`{origin}` is not valid TOML: {error}", hint="mend that line"
        ) from error
    return dict(_flatten(document, "", origin))


def _flatten(table: Mapping[str, object], prefix: str, origin: str) -> Iterable[tuple[str, Value]]:
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from _flatten(value, f"{key}.", origin)
        elif isinstance(value, (str, bool, int, float)):
            yield key, value
        else:
            raise SettingError(
                f"`{key}` in `{origin}` is a {type(value).__name__}",
                hint="settings are texts, numbers or true/false",
            )


def resolve(
    table: Iterable[Setting],
    *,
    flags: Mapping[str, str],
    environ: Mapping[str, str],
    file_values: Mapping[str, Value],
    file_origin: str,
) -> Settings:
    """Chooses each value by precedence and checks it.

    Raises:
        SettingError: an unknown key in a flag or the file, or a value out of range.
    """
    known = {setting.key: setting for setting in table}
    for key in (*flags, *file_values):
        if key not in known:
            raise unknown_setting(key, known)
    chosen = []
    for setting in known.values():
        if setting.key in flags:
            raw: Value = flags[setting.key]
            origin = "flag"
        elif setting.variable in environ:
            raw, origin = environ[setting.variable], setting.variable
        elif setting.key in file_values:
            raw, origin = file_values[setting.key], file_origin
        else:
            raw, origin = setting.default, "default"
        chosen.append(Chosen(setting=setting, value=checked(setting, raw, origin), origin=origin))
    return Settings(chosen)


def checked(setting: Setting, raw: Value, origin: str) -> Value:
    """Converts a text from a flag or variable, and checks type, range and choices.

    Raises:
        SettingError: the value does not fit; the message names it and its origin.
    """
    value = _converted(setting, raw, origin)
    if setting.check is not None:
        setting.check(str(value))
    if setting.choices is not None and value not in setting.choices:
        raise SettingError(
            f"`{setting.key}` cannot be `{value}` ({origin})",
            hint=f"choose one of {', '.join(setting.choices)}",
        )
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        low, high = setting.minimum, setting.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            raise SettingError(
                f"`{setting.key}` cannot be {value} ({origin})",
                hint=f"give a value from {low if low is not None else '-∞'} "
                f"to {high if high is not None else '∞'}",
            )
    return value


def _converted(setting: Setting, raw: Value, origin: str) -> Value:
    kind = type(setting.default)
    value: Value | None = None
    if kind is bool:
        value = _yes_or_no(raw)
    elif kind is int:
        value = _whole(raw)
    elif kind is float:
        value = _number(raw)
    elif isinstance(raw, str):
        value = raw
    if value is None:
        wanted = {bool: "true or false", int: "a whole number", float: "a number"}
        raise SettingError(
            f"`{setting.key}` must be {wanted.get(kind, 'a text in quotes')}, "
            f"not `{raw}` ({origin})",
            hint=f"the default is `{setting.default}`",
        )
    return value


def _yes_or_no(raw: Value) -> bool | None:
    if isinstance(raw, bool):
        return raw
    words = {"true": True, "yes": True, "on": True, "1": True}
    words |= {"false": False, "no": False, "off": False, "0": False}
    return words.get(raw.lower()) if isinstance(raw, str) else None


def _whole(raw: Value) -> int | None:
    if isinstance(raw, str):
        text = raw.strip()
        return int(text) if text.lstrip("+-").isdecimal() else None
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else None


def _number(raw: Value) -> float | None:
    if isinstance(raw, bool):
        return None
    try:
        value = float(raw)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
