"""Settings: precedence, types, ranges, and errors that name the nearest key."""

from __future__ import annotations

import pytest

from truing.domain.errors import SettingError
from truing.domain.settings import Setting, Settings, Value, read_toml, resolve
from truing.domain.settings_table import SETTINGS

TABLE = (
    *SETTINGS,
    Setting(key="toy.count", default=3, help="a count", minimum=1, maximum=9),
    Setting(key="toy.yes", default=False, help="a switch"),
)


def resolved(
    flags: dict[str, str] | None = None,
    environ: dict[str, str] | None = None,
    file_values: dict[str, Value] | None = None,
) -> Settings:
    return resolve(
        TABLE,
        flags=flags or {},
        environ=environ or {},
        file_values=file_values or {},
        file_origin="truing.toml",
    )


def test_a_flag_beats_the_environment_beats_the_file_beats_the_default() -> None:
    key, variable = "split.test_share", "TRUING_SPLIT_TEST_SHARE"
    layers: list[tuple[dict[str, object], float, str]] = [
        ({}, 0.2, "default"),
        ({"file_values": {key: 0.3}}, 0.3, "truing.toml"),
        ({"file_values": {key: 0.3}, "environ": {variable: "0.4"}}, 0.4, variable),
        (
            {"file_values": {key: 0.3}, "environ": {variable: "0.4"}, "flags": {key: "0.5"}},
            0.5,
            "flag",
        ),
    ]
    for given, value, origin in layers:
        chosen = resolved(**given).chosen(key)  # type: ignore[arg-type]
        assert (chosen.value, chosen.origin) == (value, origin)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("split.test_share", "much"),
        ("split.test_share", "nan"),
        ("split.test_share", "1.5"),
        ("toy.count", "2.5"),
        ("toy.count", "0"),
        ("toy.yes", "perhaps"),
        ("capture.mode", "sometimes"),
    ],
)
def test_a_value_that_does_not_fit_is_named(key: str, text: str) -> None:
    with pytest.raises(SettingError) as caught:
        resolved(flags={key: text})
    assert key in caught.value.message
    assert text in caught.value.message
    assert caught.value.hint


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(SettingError) as caught:
        resolved(file_values={"split.test_shares": 0.1})
    assert caught.value.hint == "did you mean `split.test_share`?"


def test_types_from_a_file_are_checked() -> None:
    for key, value in [("toy.count", True), ("toy.yes", 1), ("capture.mode", 3)]:
        with pytest.raises(SettingError):
            resolved(file_values={key: value})


def test_a_malformed_file_is_an_error_that_names_it() -> None:
    with pytest.raises(SettingError, match=r"truing\.toml"):
        read_toml("[split\n", "truing.toml")
    with pytest.raises(SettingError, match="list"):
        read_toml("[a]\nb = [1]\n", "truing.toml")


def test_reading_by_type() -> None:
    found = resolved(flags={"toy.count": "7", "toy.yes": "on"})
    assert (found.whole("toy.count"), found.flag("toy.yes")) == (7, True)
    assert found.number("gate.alpha") == 0.05
    with pytest.raises(SettingError):
        found.text("toy.nothing")
