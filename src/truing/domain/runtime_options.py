"""Options that a caller gives to a model at work, as values or as texts of a command line."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, Protocol, TypeVar

from truing.domain.errors import InvalidInputError


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


Options = TypeVar("Options", bound=_Dataclass)
_WORDS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


def read_options(
    given: Mapping[str, object],
    usual: Options,
    converted: Callable[[str, object, object], object],
    *,
    of: str,
) -> Options:
    """The options of a model, what is given in place of what is usual.

    Args:
        given: by name.
        usual: a dataclass with the values of those that are not given.
        converted: makes a value of the name, what was given and what is usual.
        of: the model in words, such as `the editor`.

    Raises:
        InvalidInputError: an unknown option, or a value of the wrong kind.
    """
    known = {field.name: getattr(usual, field.name) for field in dataclasses.fields(usual)}
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise InvalidInputError(
                f"{of} has no option `{name}`",
                hint=f"did you mean `{near[0]}`?" if near else f"it has {', '.join(known)}",
            )
    values = {name: converted(name, value, known[name]) for name, value in given.items()}
    return dataclasses.replace(usual, **values)


def like_usual(
    name: str, value: object, usual: object, *, from_zero: Collection[str] = ()
) -> object:
    """The value as a truth value, whole number or text, whichever the usual one is.

    Whole numbers begin at 1, those of the options `from_zero` at 0.

    Raises:
        InvalidInputError: it is of another kind.
    """
    text = str(value)
    if isinstance(usual, bool):
        found: object = _WORDS.get(text.lower())
    elif isinstance(usual, int):
        lowest = 0 if name in from_zero else 1
        found = int(text) if text.isdecimal() and int(text) >= lowest else None
    else:
        return text
    if found is None:
        raise cannot_be(name, value, usual)
    return found


def cannot_be(name: str, value: object, usual: object) -> InvalidInputError:
    """The error for a value that an option cannot have."""
    return InvalidInputError(f"`{name}` cannot be `{value}`", hint=f"its default is `{usual}`")
