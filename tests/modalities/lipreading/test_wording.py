"""How much a text says, and how near it is to a sentence of the GRID corpus."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truing.modalities.lipreading.grammar import GRID
from truing.modalities.lipreading.wording import grid_slip, letters, plain_words


@pytest.mark.parametrize(
    ("text", "slip"),
    [
        ("bin blue at f two now", None),
        ("bin blue at f too now", "`too` is no digit"),
        ("pin blue at f 2 now", "`pin` is no command and `2` is no digit"),
        ("bin blue at two now", "the letter is missing"),
        ("bin blue at the f two now", "`the` is one word too many"),
        ("we went there by car today", None),
        ("", None),
    ],
)
def test_slips_of_the_grid_grammar(text: str, slip: str | None) -> None:
    assert grid_slip(text) == slip


@given(st.tuples(*(st.sampled_from(slot.words) for slot in GRID.slots)))
def test_no_sentence_of_the_corpus_has_a_slip_but_losing_or_changing_a_word_is_one(
    words: tuple[str, ...],
) -> None:
    assert grid_slip(" ".join(words)) is None
    assert grid_slip(" ".join(words).upper() + ".") is None
    for place in range(len(words)):
        rest = [*words[:place], *words[place + 1 :]]
        assert grid_slip(" ".join(rest)) == f"the {GRID.slots[place].name} is missing"
        odd = [*words[:place], "quux", *words[place + 1 :]]
        assert grid_slip(" ".join(odd)) == f"`quux` is no {GRID.slots[place].name}"


def test_letters_of_scripts_without_spaces_count_more() -> None:
    assert letters("ab 1!") == 3
    assert letters("日本") == 6
    assert letters(" … ") == 0


def test_words_without_the_punctuation_around_them() -> None:
    assert plain_words("Don't stop, 'now' -- please!") == ["don't", "stop", "now", "please"]
