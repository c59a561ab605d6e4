"""Cleaned instructions: what is proposed, and that nothing else is."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from truing.modalities.image_edit.cleaning import MISSPELLED, MODEL, clean


@pytest.mark.parametrize(
    ("raw", "text", "changes"),
    [
        ("make it brighter", "make it brighter", ()),
        ("make the colors warmer ", "make the colors warmer", ("blanks at the ends left out",)),
        ("  add  a\n red\tframe", "add a red frame", None),
        ("make it brigther", "make it brighter", ("brigther → brighter",)),
        ("Brigther, more contrats!", "Brighter, more contrast!", None),
        ("ADD A RED FRAME", "Add a red frame", ("capitals made a sentence",)),
        ("REMVOE THE SOFA", "Remove the sofa", None),
        ("USA map in HDR", "USA map in HDR", ()),
        ("HDR", "HDR", ()),
        ("4K HDR", "4K HDR", ()),
        ("cafe\u0301 in Paris", "café in Paris", ("characters composed",)),
        ("a\u200bdd a frame", "add a frame", ("invisible characters left out",)),
        ("   ", "", ("blanks at the ends left out",)),
        ("", "", ()),
        ("把背景换成蓝色", "把背景换成蓝色", ()),
        ("paint the colour grey", "paint the colour grey", ()),
    ],
)
def test_proposals(raw: str, text: str, changes: tuple[str, ...] | None) -> None:
    found = clean(raw)
    assert found.text == text
    if changes is not None:
        assert found.changes == changes
    assert bool(found.changes) == (raw != text)


def test_each_change_is_told_once() -> None:
    assert clean("teh sofa and teh lamp").changes == ("teh → the",)


@given(st.text(max_size=60))
@example("ŉ ABCDEFG")
@example("İSTANBULDA")
@example("TEH TEH TEH")
def test_cleaning_again_changes_nothing(raw: str) -> None:
    once = clean(raw)
    again = clean(once.text)
    assert again.text == once.text
    assert again.changes == ()
    assert once.text == unicodedata.normalize("NFC", once.text)
    assert (once.text != raw) == bool(once.changes)


@given(st.lists(st.sampled_from(["make", "the", "whit", "lightning", "gren", "Yello"]), min_size=1))
def test_words_that_might_be_meant_stay(words: list[str]) -> None:
    assert clean(" ".join(words)).text == " ".join(words)


def test_the_table_is_sound() -> None:
    for wrong, right in MISSPELLED.items():
        assert wrong != right
        assert wrong == wrong.lower()
        assert wrong.isalpha()
        assert right not in MISSPELLED
    assert MODEL == "truing/cleaning"
