"""`truing check`: faults in the sound, and labels that models doubt."""

from __future__ import annotations

from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.prediction import Recognition

QUALITY = Path(__file__).parents[1] / "data" / "speech" / "quality"


@pytest.fixture
def doubted(truing, tmp_path):
    """Six labelled recordings; an app's model is sure that the labels of 2 and 5 are wrong."""
    clips = ["sb_clean", "grid_clean", "sb_quiet", "grid_dc", "grid_phoneband", "sb_hum50"]
    for clip in clips:
        assert truing("capture", "speech", QUALITY / f"{clip}.flac", "--raw", "mend").code == 0
    with Workspace.open(tmp_path / "ws", environ={}) as workspace:
        for number in range(1, 7):
            workspace.review(number, "accepted")
            said = {2: "jump the fence", 5: "mind it"}.get(number, "mend")
            heard = Recognition(text=said, confidence=0.95)
            workspace.add_prediction(number, heard, model="app-2")
    return truing


def test_check_counts_what_it_found(truing):
    truing("capture", "speech", QUALITY / "sb_quiet.flac", QUALITY / "sb_clean.flac")
    said = truing("check", "--json").json
    assert said["samples"] == 2
    assert said["changed"] == 0
    assert said["findings"]["too_quiet"] == 1
    assert "2 samples checked" in truing("check").out
    assert truing("check", "--after", 1, "--json").json["samples"] == 1
    assert "no sample fits" in truing("check", "--after", 2).err


def test_labels_in_doubt_are_ranked_and_listed(doubted):
    said = doubted("check", "--labels", "--json").json
    assert (said["labels"], said["judged"]) == (6, 6)
    assert [one["sample"] for one in said["suspects"]] == [2, 5]
    assert said["suspects"][0]["said"] == "jump the fence"
    assert said["agreement"] == {"app-2": 1.0}
    shown = doubted("check", "--labels")
    assert "6 labels, 6 judged, 2 in doubt" in shown.out
    assert "--finding suspect_label" in shown.err
    listed = doubted("samples", "--finding", "suspect-label", "--json").json["samples"]
    assert [one["id"] for one in listed] == [2, 5]
    assert "suspect_label" in doubted("samples", "--finding", "suspect_label").out
    newest = doubted("samples", "--finding", "suspect-label", "--order", "newest", "--json").json
    assert [one["id"] for one in newest["samples"]] == [5, 2]


def test_a_review_of_the_doubted_settles_them(doubted):
    doubted("check", "--labels")
    words = ("review", "--queue", "findings", "--finding", "suspect_label", "--no-play")
    said = doubted(*words, "--state", "accepted,corrected", typed="n jump the fence\ny\n")
    assert said.code == 0
    assert doubted("samples", "--finding", "suspect_label", "--json").json["samples"] == []
    assert doubted("show", 2, "--json").json["truth"] == "jump the fence"
    assert doubted("check", "--labels", "--json").json["suspects"] == []


def test_nothing_to_judge_by(truing):
    assert "no sample has a label yet" in truing("check", "--labels").err
    truing("capture", "speech", QUALITY / "sb_clean.flac", "--raw", "mend")
    truing("label", 1, "--accept")
    assert "ask one: truing check --labels --model" in truing("check", "--labels").err


@pytest.mark.parametrize(
    "words", [("--model", "champion"), ("--labels", "--after", "3"), ("--after", "0")]
)
def test_flags_that_do_not_go_together(truing, words):
    assert truing("check", *words).code == 2
