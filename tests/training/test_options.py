"""Options that explain themselves, and say what is wrong with a value."""

from __future__ import annotations

from dataclasses import dataclass, fields

import pytest

from truing.domain.errors import SettingError
from truing.training.options import option, refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    size: int = option(8, "side in pixels")
    way: str = option("up", "up or down", ("up", "down"))


def test_a_field_tells_its_meaning_and_its_choices() -> None:
    told = {one.name: (one.default, dict(one.metadata)) for one in fields(Options)}
    assert told["size"] == (8, {"help": "side in pixels", "choices": ()})
    assert told["way"] == ("up", {"help": "up or down", "choices": ("up", "down")})


def test_the_first_wrong_value_is_named_with_what_is_taken() -> None:
    options = Options(size=-1, way="left")
    refuse(options, {"size": False, "way": False})
    with pytest.raises(SettingError, match="The option `way` cannot be `left`") as caught:
        refuse(options, {"size": False, "way": True})
    assert caught.value.hint == "way: up or down."
