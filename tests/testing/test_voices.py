"""The voices that figures rest on: nothing tested was trained on, and chance is fixed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from truing.demo import shipped
from truing.testing.voices import material

HELD_OUT, REPLAYED = set(shipped.HELD_OUT), set(shipped.REPLAYED)


def takes(uid: str) -> list[int]:
    return [int(Path(part).stem.rpartition("_")[2]) for part in uid.split("+")]


def recordings(uids: list[str]) -> list[str]:
    return [part for uid in uids for part in uid.split("+")]


@pytest.mark.parametrize("speaker", ["theo", "nicolas"])
def test_nothing_that_is_judged_was_learned(speaker: str, tmp_path: Path) -> None:
    voice = material(speaker, tmp_path / "voice", 20)
    corrections = [one.uid for start in (1, 2) for one in voice.corrections(start)]
    test = [one.uid for one in voice.test.examples]
    assert not set(recordings(corrections)) & set(recordings(test))
    assert {one.subject for one in voice.test.examples} == {speaker}
    counted = Counter(recordings(test))
    assert set(counted.values()) == {2}, "once alone and once in a phrase"
    assert Counter(len(uid.split("+")) for uid in test).keys() == {1, 2, 3}
    others = [one.uid for one in voice.retention.examples]
    assert speaker not in {one.subject for one in (*voice.retention.examples, *voice.replay)}
    assert {take for uid in others for take in takes(uid)} == HELD_OUT, "no base heard them"
    assert {take for one in voice.replay for take in takes(one.uid)} == REPLAYED


def test_a_phrase_and_its_recordings_are_one_cluster(tmp_path: Path) -> None:
    test = material("jackson", tmp_path / "voice", 1).test
    homes: dict[str, set[str]] = {}
    for example, cluster in zip(test.examples, test.clusters, strict=True):
        for one in recordings([example.uid]):
            homes.setdefault(one, set()).add(cluster)
    assert {len(clusters) for clusters in homes.values()} == {1}
    assert 80 < len(set(test.clusters)) < 125


def test_chance_is_fixed_and_fewer_corrections_are_the_first_of_more(tmp_path: Path) -> None:
    one, two = (material("theo", tmp_path / name, most) for name, most in (("a", 8), ("b", 4)))
    first, second = one.corrections(1), two.corrections(1)
    assert [row.uid for row in first[:4]] == [row.uid for row in second]
    files = [row.media["audio"].path.read_bytes() for row in (first[0], second[0])]
    assert files[0] == files[1]
    assert [row.uid for row in first] != [row.uid for row in one.corrections(2)]
    assert [row.uid for row in one.test.examples] == [row.uid for row in two.test.examples]
