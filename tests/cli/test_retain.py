"""`truing retain`, and where the commands tell of a disk that fills up."""

from __future__ import annotations

from truing import Workspace
from truing.testing.factories import START, make_media, make_sample


def add(count: int, folder: str = "ws") -> list[int]:
    """Samples that came years ago."""
    new = [
        make_sample(added_at=START, text=f"word {n}", media=(make_media(n, size=1_500_000),))
        for n in range(count)
    ]
    with Workspace.open(folder, environ={}) as workspace:
        return [one.id for one in workspace.store.samples.add(new)]


def test_without_rules_it_says_how_to_write_one(truing) -> None:
    said = truing("retain")
    assert said.code == 5
    assert 'truing config set retention.rules "rejected older than 30 days"' in said.err


def test_a_dry_run_shows_what_would_go(truing) -> None:
    numbers = add(5)
    assert truing("config", "set", "retention.rules", "pending older than 30 days").code == 0
    said = truing("retain")
    assert said.code == 0
    line = next(one for one in said.out.splitlines() if one.startswith("pending older"))
    assert line.split()[-3:] == ["5", "7.5", "MB"]
    assert "to the trash" in line
    assert "word 4" in said.out
    assert "truing retain --apply" in said.err
    told = truing("retain", "--json").json
    assert (told["applied"], told["samples"], told["bytes"]) == (False, 5, 7_500_000)
    assert told["rules"][0]["examples"][0]["id"] == numbers[-1]
    assert truing("trash", "list", "--json").json["count"] == 0


def test_applied_rules_can_be_taken_back(truing) -> None:
    numbers = add(3)
    said = truing("retain", "--rule", "pending older than 30 days", "--apply")
    assert said.code == 0
    assert "in the trash" in said.out
    assert "truing trash restore --last" in said.err
    assert truing("retain", "--rule", "older than 1 day").err.strip() == (
        "no sample is beyond its limit"
    )
    assert sorted(truing("trash", "restore", "--last", "--json").json["restored"]) == numbers


def test_a_rule_that_nobody_understands_is_named(truing) -> None:
    said = truing("retain", "--rule", "rejected older than soon")
    assert said.code == 2
    assert "`rejected older than soon`" in said.err
    assert truing("config", "set", "retention.rules", "rejected").code == 2


def test_stats_and_doctor_warn_of_a_quota_that_fills_up(truing) -> None:
    add(2)
    used = truing("stats", "--json").json["disk"]["total"]
    assert truing("config", "set", "storage.quota_gb", str(used * 1.1 / 1e9)).code == 0
    said = truing("stats")
    assert "storage.quota_gb allows" in said.err
    assert truing("stats", "--json").json["disk"]["warnings"]
    checks = {one["name"]: one for one in truing("doctor", "--json").json["checks"]}
    assert (checks["quota"]["ok"], checks["quota"]["warns"]) == (True, True)
    row = next(one for one in truing("doctor").out.splitlines() if " quota " in f" {one} ")
    assert row.startswith("warning")
    assert "truing retain" in row


def test_housekeeping_after_a_command_says_what_the_rules_took(truing, filled) -> None:
    add(3)
    truing("config", "set", "retention.rules", "pending older than 30 days")
    filled(1)
    assert truing("trash", "list", "--json").json["count"] == 3


def test_a_capture_that_does_not_fit_says_so(truing, filled, tmp_path) -> None:
    filled(1)
    file = next((tmp_path / "source").glob("*.flac"))
    used = truing("stats", "--json").json["disk"]["total"]
    truing("config", "set", "storage.quota_gb", str(used / 1e9))
    said = truing("capture", "speech", file)
    assert said.code == 8
    assert "do not fit" in said.err
    assert "truing retain" in said.err
