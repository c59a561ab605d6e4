"""Options of a model at work, as a command line gives them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from truing.domain.errors import InvalidInputError
from truing.domain.runtime_options import like_usual, read_options


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    device: str = "auto"
    rows: int = 8
    threads: int = 0
    quick: bool = False


def converted(name: str, value: object, usual: object) -> object:
    return like_usual(name, value, usual, from_zero=("threads",))


def read(**given: object) -> Options:
    return read_options(given, Options(rows=2), converted, of="the reader")


def test_what_is_given_takes_the_place_of_what_is_usual() -> None:
    assert read() == Options(rows=2)
    found = read(device="cpu", rows="4", threads="0", quick="Yes")
    assert found == Options(device="cpu", rows=4, threads=0, quick=True)
    assert read(rows=3, quick=True) == Options(rows=3, quick=True)


def test_an_unknown_option_is_named_with_what_was_meant() -> None:
    with pytest.raises(InvalidInputError, match="the reader has no option `row`") as caught:
        read(row=3)
    assert caught.value.hint == "did you mean `rows`?"
    with pytest.raises(InvalidInputError, match="no option `xyz`") as caught:
        read(xyz=3)
    assert caught.value.hint == "it has device, rows, threads, quick"


@pytest.mark.parametrize(
    ("name", "value"),
    [("rows", 0), ("rows", "-1"), ("rows", "many"), ("threads", "1.5"), ("quick", "perhaps")],
)
def test_a_value_of_the_wrong_kind_is_named(name: str, value: object) -> None:
    with pytest.raises(InvalidInputError, match=f"`{name}` cannot be `{value}`"):
        read(**{name: value})
