"""Rules of retention: every word of them, and what is said of those that nobody can understand."""

from __future__ import annotations

import pytest

from truing.domain.clock import MICROSECONDS
from truing.domain.errors import SettingError
from truing.domain.outline import Outline
from truing.domain.retention import KEY, Deed, Measure, Rule, check, read_rule, read_rules
from truing.domain.review import LIVE, State
from truing.domain.settings import resolve
from truing.domain.settings_table import SETTINGS

DAY = 86_400 * MICROSECONDS
NOW = 1_000 * DAY


def outline(number: int = 1, **different: object) -> Outline:
    given = {
        "uid": f"u{number}",
        "modality": "speech",
        "state": State.REJECTED,
        "source": "app",
        "added_at": NOW - 40 * DAY,
    }
    return Outline(id=number, **{**given, **different})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rejected older than 30 days", {"older_than": 30 * DAY}),
        ("older than 36 hours", {"states": frozenset(), "older_than": 36 * DAY // 24}),
        ("delete rejected older than 2 weeks", {"older_than": 14 * DAY}),
        ("erase rejected older than 1 year", {"deed": Deed.ERASE, "older_than": 365 * DAY}),
        ("archive rejected older than 1.5 months", {"deed": Deed.ARCHIVE, "older_than": 45 * DAY}),
        ("rejected beyond the newest 5000", {"newest": 5000}),
        ("rejected beyond 1.5 GB", {"newest_bytes": 1_500_000_000}),
        ("rejected larger than 20MB", {"larger_than": 20_000_000}),
        ("Rejected samples of speech beyond 1 TB", {"modality": "speech", "newest_bytes": 10**12}),
        ('rejected from "my app" larger than 1 kb', {"source": "my app", "larger_than": 1000}),
        ("rejected larger than 1 MB even frozen", {"larger_than": 10**6, "even_frozen": True}),
        (
            "rejected larger than 1 MB even the champion's",
            {"larger_than": 10**6, "even_frozen": True, "even_champion": True},
        ),
        (
            "pending, rejected or skipped older than 1 day",
            {
                "states": frozenset({State.PENDING, State.REJECTED, State.SKIPPED}),
                "older_than": DAY,
            },
        ),
        (
            "undecided and accepted older than 1 day beyond the newest 3",
            {
                "states": frozenset({State.PENDING, State.SKIPPED, State.ACCEPTED}),
                "older_than": DAY,
                "newest": 3,
            },
        ),
    ],
)
def test_a_rule_says_what_it_says(text: str, expected: dict[str, object]) -> None:
    usual = {"text": text, "deed": Deed.DELETE, "states": frozenset({State.REJECTED})}
    assert read_rule(text) == Rule(**{**usual, **expected})


@pytest.mark.parametrize("state", LIVE)
def test_every_state_can_be_named(state: State) -> None:
    assert read_rule(f"{state.value} older than 1 day").states == {state}


def test_rules_stand_one_behind_the_other() -> None:
    text = " rejected older  than 1 day ;\n\n skipped beyond 1 GB;"
    assert [rule.text for rule in read_rules(text)] == [
        "rejected older than 1 day",
        "skipped beyond 1 GB",
    ]
    assert read_rules("") == ()


@pytest.mark.parametrize(
    ("text", "word", "repair"),
    [
        ("rejectd older than 3 days", "`rejectd`", "`rejected`"),
        ("purge rejected older than 3 days", "`purge`", "rejected older than 30 days"),
        ("rejected", "no limit", "older than 30 days"),
        ("delete", "no limit", "older than 30 days"),
        ("trashed older than 3 days", "`trashed`", "rejected older than 30 days"),
        ("rejected older than many days", "`many`", "older than 30 days"),
        ("rejected older than 3", "ends too early", "days"),
        ("rejected older than 3 moons", "`moon`", "weeks"),
        ("rejected older then 3 days", "`then`", "older than 30 days"),
        ("rejected older than 0 days", "0 is no limit", "above 0"),
        ("rejected older than -3 days", "`-3`", "older than 30 days"),
        ("rejected beyond 1000", "ends too early", "GB"),
        ("rejected beyond 1000 samples", "`samples`", "the newest 1000"),
        ("rejected beyond the oldest 5", "`oldest`", "the newest 1000"),
        ("rejected beyond the newest 2.5", "`2.5`", "round it"),
        ("rejected larger than 5 m", "`m`", "MB"),
        ("older than 3 days older than 4 days", "twice", "two rules"),
        ('from "x older than 3 days', "quotation mark", "from"),
        ("older than 3 days even so", "`even` what", "even frozen"),
        ("older than 3 days even", "ends too early", "frozen"),
        ("of", "ends too early", "of speech"),
    ],
)
def test_a_rule_that_cannot_be_understood_is_named_with_the_repair(
    text: str, word: str, repair: str
) -> None:
    with pytest.raises(SettingError) as raised:
        check(f"skipped older than 1 day; {text}")
    assert KEY in raised.value.message
    assert f"`{text}`" in raised.value.message
    assert word in raised.value.message
    assert repair in (raised.value.hint or "")


def test_the_setting_is_refused_with_its_rule() -> None:
    def resolved(text: str) -> str:
        values = {KEY: text}
        found = resolve(SETTINGS, flags={}, environ={}, file_values=values, file_origin="t.toml")
        return found.text(KEY)

    assert resolved("rejected older than 1 day") == "rejected older than 1 day"
    with pytest.raises(SettingError, match="no limit"):
        resolved("rejected")


def test_what_a_rule_covers() -> None:
    rule = read_rule("rejected or skipped of speech from audiofolder older than 1 day")
    assert rule.covers(outline(source="audiofolder"))
    assert rule.covers(outline(source="audiofolder:talks-1a2b3c", state=State.SKIPPED))
    assert not rule.covers(outline(source="audiofolders"))
    assert not rule.covers(outline(source="audiofolder", state=State.PENDING))
    assert not rule.covers(outline(source="audiofolder", modality="image_edit"))


def test_limits_are_passed_together() -> None:
    measure = Measure(read_rule("older than 30 days beyond the newest 2 beyond 1 KB"), NOW)
    young, old = {"added_at": NOW - 10 * DAY}, {"added_at": NOW - 31 * DAY}
    sizes = [(young, 400), (young, 400), (young, 400), (old, 400), (old, 400)]
    passed = [measure.passes(outline(n, **age), size) for n, (age, size) in enumerate(sizes)]
    # The third is beyond number and bytes, but too young.
    assert passed == [False, False, False, True, True]


def test_the_limit_itself_is_not_beyond_it() -> None:
    exact = outline(added_at=NOW - 30 * DAY)
    assert not Measure(read_rule("older than 30 days"), NOW).passes(exact, 0)
    assert not Measure(read_rule("larger than 1 KB"), NOW).passes(exact, 1000)
    assert Measure(read_rule("larger than 1 KB"), NOW).passes(exact, 1001)
    assert not Measure(read_rule("beyond the newest 1"), NOW).passes(exact, 0)
