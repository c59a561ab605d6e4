"""Split: which clips are learned from, chosen by, and tested on.

* `prefix`, the default: clips whose names share their first four letters share four of six words
  and stay together, whoever speaks; groups are drawn until test and validation have a tenth each. A
  random split reads letters better by a third than this one, by having nearly seen the sentence.
* `unseen-speaker`: s1, s2, s20 and s22 are the test set, as in Assael et al., "LipNet" (2016), and
  validation is by one speaker in ten of the others, or by prefix groups when there are too few.
* `lipagent`: LipAgent's own random split, row for row; it leaks, and `validate` says how much.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

from truing.domain.digest import digest_bytes
from truing.domain.errors import InvalidInputError, NothingToDoError
from truing.modalities.lipreading.grid.corpus import PARTS, Clip, by_number

SPLITS = ("prefix", "unseen-speaker", "lipagent")
SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}
UNSEEN = ("s1", "s2", "s20", "s22")
SEED = 42
MANY_SPEAKERS = 5
"""With so many speakers to learn from, one of them can be spared for validation."""

Parts = dict[str, list[Clip]]


def split(
    clips: Sequence[Clip], kind: str = "prefix", *, test_speakers: Sequence[str] = UNSEEN
) -> Parts:
    """Divides clips into train, val and test.

    Args:
        clips: all of them, in the order in which they shall count.
        kind: `prefix`, `unseen-speaker` or `lipagent`.
        test_speakers: who is unseen.

    Returns:
        each part by name; for `lipagent` in its random order, else in that of `clips`.

    Raises:
        InvalidInputError: no such kind.
        NothingToDoError: nothing to learn from, or to test on, is left.
    """
    if kind not in SPLITS:
        raise InvalidInputError(f"there is no split `{kind}`", hint=f"one of {', '.join(SPLITS)}")
    if kind == "lipagent":
        return _at_random(clips)
    if kind == "prefix":
        return _in_parts(clips, _drawn(_groups(clips, "prefix"), ("test", "val")))
    return _by_speaker(clips, test_speakers)


def group_of(clip: Clip) -> str:
    """The first four letters of its name."""
    return clip.name[:4]


def _at_random(clips: Sequence[Clip]) -> Parts:
    mixed = list(clips)
    random.Random(SEED).shuffle(mixed)
    train, val = int(len(mixed) * SHARES["train"]), int(len(mixed) * SHARES["val"])
    return {"train": mixed[:train], "val": mixed[train : train + val], "test": mixed[train + val :]}


def _by_speaker(clips: Sequence[Clip], test_speakers: Sequence[str]) -> Parts:
    tested = [clip for clip in clips if clip.speaker in test_speakers]
    others = [clip for clip in clips if clip.speaker not in test_speakers]
    if not tested or not others:
        there = ", ".join(sorted({clip.speaker for clip in clips}, key=by_number)) or "none"
        raise NothingToDoError(
            f"{'nobody' if not tested else 'everybody'} of {there} is a test speaker "
            f"({', '.join(test_speakers)}), and some must be and some not",
            hint="bring more speakers, name others with --test-speakers, or use --split prefix",
        )
    by = "speaker" if len({clip.speaker for clip in others}) >= MANY_SPEAKERS else "prefix"
    parts = _in_parts(others, _drawn(_groups(others, by), ("val",)))
    return {**parts, "test": tested}


def _groups(clips: Sequence[Clip], by: str) -> Mapping[str, list[Clip]]:
    groups: dict[str, list[Clip]] = {}
    for clip in clips:
        groups.setdefault(clip.speaker if by == "speaker" else group_of(clip), []).append(clip)
    return groups


def _drawn(groups: Mapping[str, list[Clip]], parts: Sequence[str]) -> Mapping[str, str]:
    """Clip key -> part: whole groups, in the order of their digests, until each part has its share.

    A group that would be too much gives way to one that fits, or to the smallest. A part takes its
    first group as long as one is left to learn from, and more only as long as there is one for each
    part after it.
    """
    order = sorted(groups, key=lambda name: digest_bytes(f"{SEED}/{name}".encode()))
    total = sum(map(len, groups.values()))
    drawn: dict[str, str] = {}
    for after, part in zip(range(len(parts))[::-1], parts, strict=True):
        count = 0
        while count < SHARES[part] * total and len(order) > (1 + after if count else 1):
            room = math.ceil(SHARES[part] * total - count)
            fitting = (name for name in order if len(groups[name]) <= room)
            taken = next(fitting, min(order, key=lambda name: len(groups[name])))
            order.remove(taken)
            drawn.update((clip.key, part) for clip in groups[taken])
            count += len(groups[taken])
    return drawn


def _in_parts(clips: Sequence[Clip], drawn: Mapping[str, str]) -> Parts:
    parts: Parts = {part: [] for part in PARTS}
    for clip in clips:
        parts[drawn.get(clip.key, "train")].append(clip)
    return parts
