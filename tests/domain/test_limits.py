"""Limits: a modality's numbers by short name, and findings that name the setting."""

import pytest

from truing.domain.errors import SettingError
from truing.domain.finding import Finding, Severity
from truing.domain.limits import Limits
from truing.domain.settings import Setting, resolve

TABLE = (Setting(key="morse.most_dots", default=3, minimum=0, help="x"),)


def limits(**flags: str) -> Limits:
    settings = resolve(TABLE, flags=flags, environ={}, file_values={}, file_origin="")
    return Limits("morse", settings)


def test_a_limit_goes_by_its_short_name() -> None:
    assert limits()["most_dots"] == 3
    assert limits(**{"morse.most_dots": "5"})["most_dots"] == 5
    with pytest.raises(SettingError, match=r"morse\.least_dots"):
        limits()["least_dots"]


def test_a_finding_names_the_setting_and_what_it_was() -> None:
    found = limits().finding("dotty", Severity.INFO, 4.12345678, "most_dots", "too many")
    assert found == Finding(
        check="dotty",
        severity=Severity.INFO,
        reason="too many",
        value=4.123457,
        threshold=3.0,
        setting="morse.most_dots",
    )
