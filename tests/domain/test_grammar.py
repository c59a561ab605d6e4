"""Sentences of slots, and the names by which the GRID corpus spells them."""

import itertools

import pytest

from truing.domain.errors import InvalidInputError
from truing.domain.grammar import GRID, Grammar, Slot, clip_id_of, prefix_of, sentence_of


def test_grid_has_51_words_in_six_slots() -> None:
    assert [slot.name for slot in GRID.slots] == [
        *("command", "colour", "preposition"),
        *("letter", "digit", "adverb"),
    ]
    assert [len(slot.words) for slot in GRID.slots] == [4, 4, 4, 25, 10, 4]
    assert len(GRID.words) == 51
    assert "w" not in GRID.words
    assert pytest.approx(0.19) == GRID.chance


def test_every_name_spells_its_sentence_and_back() -> None:
    sentences = itertools.product(*(slot.words for slot in GRID.slots))
    names = set()
    for words in itertools.islice(sentences, 0, None, 7):
        name = clip_id_of(" ".join(words))
        assert len(name) == 6
        assert sentence_of(name) == " ".join(words)
        names.add(name)
    assert len(names) == -(-64000 // 7)


def test_known_names() -> None:
    assert sentence_of("bbaf2n") == "bin blue at f two now"
    assert sentence_of("SWWPZS") == "set white with p zero soon"
    assert clip_id_of("Lay Red In Q Nine Please") == "lriq9p"
    assert prefix_of("pbio7a") == "pbio"


@pytest.mark.parametrize("name", ["", "bbaf2", "bbaf2nn", "bbaw2n", "bbaf0n", "video1", "xbaf2n"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match="not the name of a GRID clip") as told:
        sentence_of(name)
    assert told.value.hint
    with pytest.raises(InvalidInputError):
        prefix_of(name)


def test_other_sentences_are_outside() -> None:
    assert GRID.split("bin blue at f two now") == ("bin", "blue", "at", "f", "two", "now")
    assert GRID.fits("BIN BLUE AT F TWO NOW")
    for text in ("", "bin blue at f two", "bin blue at w two now", "bin blue at f two now now"):
        assert GRID.split(text) is None
        assert not GRID.fits(text)
        with pytest.raises(InvalidInputError, match="not a GRID sentence"):
            clip_id_of(text)


def test_the_json_form_comes_back() -> None:
    assert Grammar.from_dict(GRID.as_dict()) == GRID
    own = Grammar(name="lights", slots=(Slot(name="what", words=("on", "off")),))
    assert Grammar.from_dict(own.as_dict()) == own


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"name": "x"},
        {"name": "x", "slots": None},
        {"name": "x", "slots": [{"name": "one"}]},
        {"name": "x", "slots": []},
        {"name": "x", "slots": [{"name": "one", "words": []}]},
    ],
)
def test_what_is_no_grammar_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError) as told:
        Grammar.from_dict(broken)
    assert told.value.hint
