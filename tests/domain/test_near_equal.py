"""Which texts count as nearly equal, and which words tell something of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truing.domain.near_equal import IDLE, JOINING, key_of, words_of

SAME = (
    (
        "make the sky blue",
        "Make the sky blue.",
        "please make sky BLUE!",
        "blue sky",
        "sky, so blue",
    ),
    ("add a hat", "Add hats", "add some hats, please", "add hat"),
    ("turn this photo into a sketch", "Turn the picture into a sketch", "turn into sketch"),
    ("don’t crop", "don’t CROP the image"),
    ("the picture", "The picture!"),
)
DIFFERENT = (
    ("make the sky blue", "make the wall blue"),
    ("add a hat", "remove a hat"),
    ("add a hat", "add no hat"),
    ("make it brighter", "make it darker"),
    ("the picture", "the photo, please"),
    ("rot", "röt"),
)


def test_the_same_wish_in_other_letters_is_nearly_equal() -> None:
    told = [{key_of(text) for text in group} for group in SAME]
    assert [len(keys) for keys in told] == [1] * len(told)
    assert len({key for keys in told for key in keys}) == len(told)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_another_wish_is_another_group(one: str, other: str) -> None:
    assert key_of(one) != key_of(other)


def test_a_text_without_a_word_has_no_group() -> None:
    assert [key_of(text) for text in ("", " \n", "?!", "…", "_")] == [None] * 5
    assert key_of("42") is not None
    assert key_of("赤くして") is not None


def test_words_that_tell_nothing_are_left_out() -> None:
    assert words_of("Please make the SKY of the photo blue, blue and a bit brighter!") == (
        "blue",
        "brighter",
        "sky",
    )
    assert words_of("don't zoom in x") == ("don't", "zoom")
    assert words_of("") == ()
    assert max(map(len, words_of("w" * 500))) == 60
    assert not IDLE & JOINING


WORDS = ("sky", "wall", "blue", "hats", "glass", "bus", "the", "please")


@given(st.lists(st.sampled_from(WORDS), min_size=1))
def test_order_repetition_and_case_change_nothing(words: list[str]) -> None:
    key = key_of(" ".join(words))
    assert key is not None
    assert key == key_of(" ".join(sorted(words)).upper())
    assert key == key_of("  " + "!? ".join(words + words[:1]))


@given(st.text(max_size=200))
def test_any_text_has_words_that_can_be_kept(text: str) -> None:
    assert list(words_of(text)) == sorted(set(words_of(text)))
    assert not set(words_of(text)) & (IDLE | JOINING)
    assert (key_of(text) is None) or len(key_of(text) or "") == 16
