"""Which clips are learned from and which are tested on."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from truing.domain.errors import InvalidInputError, NothingToDoError
from truing.modalities.lipreading.grid.corpus import Clip
from truing.modalities.lipreading.grid.split import split

NAMES = sorted(
    path.stem
    for path in (Path(__file__).parents[3] / "data" / "lipreading" / "grid_s1" / "align").iterdir()
)


def clips(*speakers: str) -> list[Clip]:
    """All names of the test data, said by each."""
    return [Clip(speaker=speaker, name=name) for speaker in speakers for name in NAMES]


def test_sentences_stay_together() -> None:
    given = clips("s1", "s2")
    parts = split(given)
    assert sorted(clip.key for part in parts.values() for clip in part) == sorted(
        clip.key for clip in given
    )
    prefixes = {part: {clip.name[:4] for clip in members} for part, members in parts.items()}
    assert not prefixes["train"] & prefixes["test"]
    assert not prefixes["train"] & prefixes["val"]
    assert not prefixes["val"] & prefixes["test"]
    for part, share in (("train", 0.8), ("val", 0.1), ("test", 0.1)):
        assert abs(len(parts[part]) / len(given) - share) < 0.03
    assert split(given) == parts
    assert split(list(reversed(given)))["test"] == list(reversed(parts["test"]))


def test_few_groups() -> None:
    three = [Clip(speaker="s1", name=name) for name in ("bbaf2n", "swwp2s", "lrae3s", "lrae4s")]
    assert all(split(three).values())
    two = split(three[:2])
    assert [len(two[part]) for part in ("train", "val", "test")] == [1, 0, 1]
    one = split(three[:1])
    assert [len(one[part]) for part in ("train", "val", "test")] == [1, 0, 0]


def test_lipagents_split_row_for_row() -> None:
    given = clips("s1")
    mixed = list(given)
    random.Random(42).shuffle(mixed)
    parts = split(given, "lipagent")
    assert parts["train"] == mixed[: int(160 * 0.8)]
    assert parts["val"] == mixed[128:144]
    assert parts["test"] == mixed[144:]
    sizes = {n: [len(p) for p in split(given[:n], "lipagent").values()] for n in (1, 5)}
    assert sizes == {1: [0, 0, 1], 5: [4, 0, 1]}


def test_unseen_speakers() -> None:
    few = split(clips("s1", "s3", "s20"), "unseen-speaker")
    assert {clip.speaker for clip in few["test"]} == {"s1", "s20"}
    assert {clip.speaker for clip in few["train"]} == {"s3"} == {c.speaker for c in few["val"]}
    assert not {c.name[:4] for c in few["train"]} & {c.name[:4] for c in few["val"]}
    many = split(clips("s1", "s3", "s4", "s5", "s6", "s7"), "unseen-speaker")
    validated = {clip.speaker for clip in many["val"]}
    assert len(validated) == 1
    assert not validated & {clip.speaker for clip in many["train"]}
    named = split(clips("s1", "s3"), "unseen-speaker", test_speakers=["s3"])
    assert {clip.speaker for clip in named["test"]} == {"s3"}
    for whose, word in ((("s3", "s4"), "nobody"), (("s1", "s2"), "everybody")):
        with pytest.raises(NothingToDoError, match=word):
            split(clips(*whose), "unseen-speaker")


def test_unknown_split() -> None:
    with pytest.raises(InvalidInputError, match="no split `random`"):
        split(clips("s1"), "random")
