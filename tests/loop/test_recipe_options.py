"""Options of recipes as people write them: read by the type of each, or named and refused."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from truing.domain.errors import SettingError
from truing.loop.train import resolve_options


@dataclass(frozen=True)
class Options:
    rate: float = 0.1
    epochs: int | None = 3
    mixed: bool = False


class Recipe:
    name = "toy"
    options = Options

    def presets(self, examples, base):
        return {"epochs": 5} if examples > 10 else {}


def resolved(**given):
    return resolve_options(Recipe(), 20, None, given)


def test_values_are_read_by_their_type() -> None:
    assert resolved() == {"rate": 0.1, "epochs": 5, "mixed": False}
    told = resolved(rate="2e-4", epochs="none", mixed="yes")
    assert told == {"rate": 2e-4, "epochs": None, "mixed": True}


@pytest.mark.parametrize(
    ("name", "text"),
    [("rate", "nan"), ("rate", "inf"), ("rate", "-1e999"), ("rate", "fast"), ("epochs", "1.5")],
)
def test_what_is_no_number_is_named(name: str, text: str) -> None:
    with pytest.raises(SettingError, match=f"`{name}` cannot be `{text}`") as caught:
        resolved(**{name: text})
    assert "now it is" in caught.value.hint


def test_an_unknown_option_names_the_nearest() -> None:
    with pytest.raises(SettingError, match="no option `epoch`") as caught:
        resolved(epoch="3")
    assert caught.value.hint == "did you mean `epochs`?"
