"""`truing stats` of pairs of pictures: the figures of the page, in a terminal and as JSON."""

from __future__ import annotations

from pathlib import Path

from truing.cli.training_figures import outlook
from truing.workspace.disk import Forecast

NEXVISION = Path(__file__).parents[1] / "data" / "clients" / "nexvision"
GIGA = 10**9


def test_pairs_are_told_as_on_the_page(truing):
    assert "no samples yet" in truing("stats", "--modality", "image_edit").err
    assert truing("import", "nexvision", NEXVISION).code == 0
    first = truing("samples", "--limit", 1, "--json").json["samples"][0]["id"]
    assert truing("rate", first, 4).code == 0
    shown = truing("stats").out
    for part in (
        "sessions   27",
        "media      54, 5.5 MB",
        "12 different, in 12 groups",
        "1, mean 4.0",
        "increase the contrast",
        "source nexvision",
        "week 2026-11-16",
        "face_present",
    ):
        assert part in shown, part
    assert "hours" not in shown
    told = truing("stats", "--json").json
    assert told["total"] == told["training_data"]["samples"] == 27
    assert told["training_data"]["ratings"]["distribution"]["4"] == 1
    assert told["training_data"]["forecast"]["per_day"] > 0


def test_speech_keeps_its_own_figures(truing, filled):
    filled(3)
    assert "training_data" not in truing("stats", "--json").json
    assert "hours" in truing("stats").out


def test_an_outlook_is_as_exact_as_a_forecast():
    def told(days: float | None, per_day: float = GIGA, *, by_quota: bool = False) -> str:
        return outlook(
            Forecast(
                per_day=per_day, room=GIGA, by_quota=by_quota, days=days, full_at=None, weeks=()
            )
        )

    assert told(None, 0.0) == "nothing came in the last four weeks"
    assert "more than a hundred years" in told(None)
    assert told(3.9).endswith("the disk is full in about 3 days")
    assert told(100.0, by_quota=True).endswith("the quota is full in about 3 months")
    assert told(4000.0).endswith("about 11 years")
