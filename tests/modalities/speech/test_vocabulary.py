"""Tokens as words: prompts, languages, characters spread over tokens."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from truing.domain.errors import InvalidInputError
from truing.modalities.speech.vocabulary import Vocabulary


@pytest.fixture(scope="session")
def english(base: Path) -> Vocabulary:
    return Vocabulary(base, 506)


@pytest.fixture(scope="session")
def multilingual(many_languages: Path) -> Vocabulary:
    return Vocabulary(many_languages, 51_865)


def spelt(vocabulary: Vocabulary, text: str) -> list[int]:
    """Tokens of a text, byte by byte: the random vocabulary has no merges."""
    return list(vocabulary._tokenizer.encode(text, add_special_tokens=False).ids)


def test_an_english_only_prompt(english: Vocabulary) -> None:
    assert not english.multilingual
    assert english.language(None) is None
    assert english.language("en") is None
    assert english.prompt(None, "transcribe") == [english.start, english._plain]


def test_a_multilingual_prompt(multilingual: Vocabulary) -> None:
    assert multilingual.multilingual
    assert len(multilingual.languages) == 99
    assert multilingual.language(None) is None
    assert multilingual.language("German") == multilingual.language("<|de|>") == "de"
    prompt = multilingual.prompt("de", "translate")
    names = [multilingual._tokenizer.id_to_token(token) for token in prompt]
    assert names == ["<|startoftranscript|>", "<|de|>", "<|translate|>", "<|notimestamps|>"]


def test_a_language_nobody_taught_it_names_the_nearest(multilingual: Vocabulary) -> None:
    with pytest.raises(InvalidInputError) as error:
        multilingual.language("dee")
    assert "`de`" in str(error.value.hint)


def test_words_begin_at_blanks_and_keep_their_punctuation(multilingual: Vocabulary) -> None:
    tokens = spelt(multilingual, " Hello, old world - yes!")
    words = multilingual.words(tokens, "en")
    assert [text for text, _, _ in words] == ["Hello,", "old", "world -", "yes!"]
    assert words[0][1] == 0
    assert words[-1][2] == len(tokens)
    for (_, _, after), (_, first, _) in itertools.pairwise(words):
        assert after == first
    assert multilingual.text(tokens) == "Hello, old world - yes!"


def test_letters_of_several_tokens_stay_whole(multilingual: Vocabulary) -> None:
    tokens = spelt(multilingual, " Grüße 🙂 né")
    assert [text for text, _, _ in multilingual.words(tokens, "de")] == ["Grüße 🙂", "né"]


def test_without_spaces_each_character_is_a_word(multilingual: Vocabulary) -> None:
    tokens = spelt(multilingual, "你好。")
    assert [text for text, _, _ in multilingual.words(tokens, "zh")] == ["你", "好。"]


def test_specials_are_no_text(multilingual: Vocabulary) -> None:
    marked = [multilingual.start, *spelt(multilingual, " a"), multilingual.end, 51_864]
    assert multilingual.text(marked) == "a"
    assert all(not multilingual.is_text(token) for token in multilingual.marks)
    assert multilingual.words([], "en") == []
