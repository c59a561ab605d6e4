"""Packed texts and ties say the same as lists, dictionaries and sets would."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truing.domain import packed
from truing.domain.packed import Finder, PackedMapping, PackedTexts, Ties

names = st.lists(st.text(max_size=8), unique=True, max_size=40)


def made(texts: list[str]) -> PackedTexts:
    found = PackedTexts()
    for text in texts:
        found.append(text)
    return found


@given(names)
def test_texts_come_back_and_sort_as_text_does(texts: list[str]) -> None:
    found = made(texts)
    assert list(found) == texts
    assert found[1:3] == texts[1:3]
    assert [found[number] for number in found.order()] == sorted(texts)


def test_many_runs_are_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "RUN", 7)
    texts = [f"{number * 37 % 101:03d} é" for number in range(100)]
    found = made(texts)
    assert [found[number] for number in found.order()] == sorted(texts)


def test_there_is_no_text_beyond_the_last() -> None:
    with pytest.raises(IndexError):
        made(["a"])[1]


@given(names, st.lists(st.text(max_size=8), max_size=20))
def test_a_finder_finds_what_is_there(texts: list[str], others: list[str]) -> None:
    found = made(texts)
    finder = Finder(found, found.order())
    for text in [*others, *sorted(texts), *others]:
        number = finder.find(text)
        assert (found[number] if number is not None else None) == (text if text in texts else None)


@given(names)
def test_a_mapping_holds_the_texts_whose_code_means_something(texts: list[str]) -> None:
    found = made(texts)
    codes = [len(text) % 3 for text in texts]
    mapping = PackedMapping(found, found.order(), codes, {0: "none", 2: "two"})
    wanted = {text: "none" if len(text) % 3 == 0 else "two" for text in texts if len(text) % 3 != 1}
    assert dict(mapping) == wanted
    assert list(mapping) == sorted(wanted)
    assert len(mapping) == len(wanted)
    assert mapping == wanted
    assert "no such text" not in mapping


@given(st.lists(st.sets(st.integers(0, 12), max_size=3), max_size=30), st.integers(1, 4))
def test_things_that_share_a_key_are_one_group(keys: list[set[int]], at_once: int) -> None:
    ties = Ties()
    for given_keys in keys:
        number = ties.new()
        for key in given_keys:
            ties.tie(number, hashlib.sha256(b"%d" % key).hexdigest()[:24])
    before, packed.KEYS_AT_ONCE = packed.KEYS_AT_ONCE, at_once
    try:
        ties.join()
    finally:
        packed.KEYS_AT_ONCE = before
    groups = [{number} for number in range(len(keys))]
    for first in range(len(keys)):
        for second in range(first):
            if keys[first] & keys[second]:
                joined = groups[first] | groups[second]
                for member in joined:
                    groups[member] = joined
    for first in range(len(keys)):
        same = {second for second in range(len(keys)) if ties.group(second) == ties.group(first)}
        assert same == groups[first]
