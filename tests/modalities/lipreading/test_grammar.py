"""A grammar learned from texts: commands have one, open speech has none."""

from __future__ import annotations

import itertools

from truing.modalities.lipreading.grammar import GRID, MOST_WORDS, infer


def test_grid_sentences_give_grid_as_a_whole() -> None:
    found = infer(["bin blue at f two now", "Set White With P Zero Soon"])
    assert found is GRID


def test_commands_give_their_slots() -> None:
    rooms, deeds = ("kitchen", "hall", "attic"), ("on", "off")
    texts = [f"Lights {room} {deed}" for room, deed in itertools.product(rooms, deeds)] * 2
    found = infer(texts)
    assert found is not None
    assert [slot.words for slot in found.slots] == [
        ("lights",),
        ("attic", "hall", "kitchen"),
        ("off", "on"),
    ]
    assert all(found.fits(text) for text in texts)
    assert not found.fits("lights cellar on")


def test_open_speech_gives_none() -> None:
    assert infer([]) is None
    assert infer(["", ""]) is None
    assert infer(["call me", "call me back"] * 10) is None
    assert infer(["one two", "three four", "five six"]) is None, "each word occurs once"
    many = [f"say word{number}" for number in range(MOST_WORDS + 1)]
    assert infer(many * 5) is None
    assert infer(many[:MOST_WORDS] * 5) is not None
