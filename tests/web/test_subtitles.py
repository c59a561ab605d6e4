"""Subtitles: where lines end, how times are written, and what cannot break out of a cue."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truing.domain.prediction import Recognition, Word
from truing.web.subtitles import LONGEST, MOST_LETTERS, Cue, cues, srt, vtt


def said(*words, text=None):
    timed = tuple(Word(text=one, start=begin, end=end) for one, begin, end in words)
    return Recognition(text=text or " ".join(one for one, _, _ in words), words=timed)


def test_a_line_ends_at_a_pause_and_at_the_end_of_a_sentence():
    heard = said(("Well.", 0.0, 0.4), ("one", 0.5, 0.8), ("two", 0.9, 1.1), ("three", 2.5, 3.0))

    assert [(cue.start, cue.end, cue.text) for cue in cues(heard, 3.2)] == [
        (0.0, 0.4, "Well."),
        (0.5, 1.1, "one two"),
        (2.5, 3.0, "three"),
    ]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=60))
def test_every_word_is_in_one_line_and_no_line_is_too_long(lengths):
    words = [("w" * size, at * 0.5, at * 0.5 + 0.45) for at, size in enumerate(lengths)]
    lines = cues(said(*words), None)

    assert " ".join(cue.text for cue in lines).split() == [one for one, _, _ in words]
    for cue in lines:
        assert cue.end - cue.start <= LONGEST
        assert len(cue.text) <= MOST_LETTERS
    assert all(one.end <= following.start for one, following in itertools.pairwise(lines))


def test_without_times_there_is_one_line_for_the_whole():
    heard = Recognition(
        text="one two", words=(Word(text="one", start=0.0, end=0.4), Word(text="two"))
    )

    assert cues(heard, 1.5) == [Cue(start=0.0, end=1.5, text="one two")]
    assert cues(Recognition(text=""), 1.5) == []


def test_a_language_without_blanks_keeps_none():
    heard = said(("你", 0.0, 0.2), ("好", 0.2, 0.4), text="你好")

    assert [cue.text for cue in cues(heard, 0.5)] == ["你好"]


def test_times_are_written_to_the_millisecond():
    lines = [Cue(start=3661.0015, end=36000.25, text="late")]

    assert srt(lines) == "1\n01:01:01,002 --> 10:00:00,250\nlate\n\n"
    assert vtt(lines) == "WEBVTT\n\n01:01:01.002 --> 10:00:00.250\nlate\n\n"


@pytest.mark.parametrize("text", ["a\n\n2\n00:00:00,000 --> 00:00:01,000\nb", "<b>&lt;</b>", "-->"])
def test_what_was_said_cannot_begin_another_cue(text):
    lines = [Cue(start=0.0, end=1.0, text=text)]

    for written in (srt(lines), vtt(lines)):
        assert len(re.findall("-->", written)) == 1
        assert len(written.rstrip("\n").split("\n")) <= 4
    assert "<" not in vtt(lines).replace("-->", "")
