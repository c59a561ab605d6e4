"""What two texts may differ in and still count as the same."""

import sys

import pytest

from truing.domain.errors import InvalidInputError, MissingDependencyError
from truing.metrics.normalise import (
    NEUTRAL,
    VERBATIM,
    _any_script,
    _ascii,
    neutral,
    normaliser,
    verbatim,
    whisper_english,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Seven, three... NINE!", "seven three nine"),
        ("739", "739"),
        ("Don't stop; it's 'quoted'", "don't stop it's quoted"),
        ("It\u2019s don\u00b4t", "it's don't"),
        ("a well-known dash - and -- more", "a well-known dash and more"),
        ("M&A, R & D", "m&a r d"),
        ("3.5 or 1,289 at 12:30.", "3.5 or 1,289 at 12:30"),
        ("e.g. Monro.com/x", "e g monro com x"),
        ("snake_case (x) [y] {z}", "snake case x y z"),
        ("caf\u00e9 cafe\u0301", "caf\u00e9 caf\u00e9"),
        ("STRASSE Straße", "strasse strasse"),
        ("¿Qué tal? — «bien»", "qué tal bien"),
        ("yes\u2014no", "yes no"),
        ("你好，世界。", "你好 世界"),
        ("ＡＢＣ１２３", "abc123"),
        ("שלום, צה״ל!", "שלום צה״ל"),
        ("مرحبا، كيف؟", "مرحبا كيف"),
        ("कैसे हो?", "कैसे हो"),
        ("co\u00adop\u200eeration", "cooperation"),
        ("3.\u200e5", "3.5"),
        ("\u2764\ufe0f ok\u2026 👍🏽", "\u2764 ok 👍🏽"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("  a\t\nb\u3000c\x00d ", "a b c d"),
        ("$5 + 5%", "$5 + 5"),
        ("", ""),
        ("...", ""),
    ],
)
def test_neutral_1_says_the_same_of_every_script(text: str, expected: str) -> None:
    assert neutral(text) == expected


@pytest.mark.parametrize("text", ["Don't `stop` -- it's 3.5, (1,000) 12:30 a_b & R&D e.g. 'x-'"])
def test_the_fast_path_for_ascii_agrees_with_the_general_one(text: str) -> None:
    assert _ascii(text) == _any_script(text) != text


def test_verbatim_keeps_all_but_white_space() -> None:
    assert verbatim("  It's  \n5! ") == "It's 5!"


def test_whisper_english_turns_spelled_digits_into_one_word() -> None:
    pytest.importorskip("transformers")
    found = whisper_english()
    assert found.apply("Seven three nine, don't!") == "739 do not"
    assert found.apply(found.apply("Twenty-five percent")) == found.apply("Twenty-five percent")
    assert found.label.startswith("whisper-english-")
    assert normaliser(found.label).label == found.label


def test_names_and_labels_lead_to_normalisers() -> None:
    assert normaliser("neutral") is NEUTRAL
    assert normaliser("neutral-1") is NEUTRAL
    assert normaliser("verbatim-1") is VERBATIM


@pytest.mark.parametrize("name", ["neutral-2", "english", "", "neutral-"])
def test_an_unknown_normaliser_is_named_with_those_there_are(name: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        normaliser(name)
    assert f"`{name}`" in caught.value.message
    assert "neutral, verbatim" in str(caught.value.hint)


def test_whisper_english_without_its_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "transformers.models.whisper.english_normalizer", None)
    with pytest.raises(MissingDependencyError, match="needs transformers") as caught:
        normaliser("whisper-english")
    assert "truing[train]" in str(caught.value.hint)
