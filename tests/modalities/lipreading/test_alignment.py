"""Word alignments: real ones as they are, and what is not one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truing.domain.errors import InvalidInputError
from truing.domain.prediction import Word
from truing.modalities.lipreading.alignment import as_align, frames_of, parse, read, text_of
from truing.modalities.lipreading.grammar import sentence_of

DATA = Path(__file__).parents[2] / "data" / "lipreading"
REAL = sorted(DATA.rglob("*.align"))


def test_real_alignments_say_what_their_names_spell() -> None:
    assert len(REAL) > 160
    for file in REAL:
        words = read(file)
        assert text_of(words) == sentence_of(file.stem), file.name
        times = [time for word in words for time in (word.start, word.end)]
        assert times == sorted(times, key=lambda one: one or 0.0)
        assert parse(as_align(words, 2.98)) == words


def test_times_are_samples_of_25_khz() -> None:
    first = read(DATA / "grid" / "bbaf2n.align")[0]
    assert (first.text, first.start, first.end) == ("bin", 0.95, 1.18)


def test_frames_are_those_of_the_reference() -> None:
    golden = json.loads((DATA / "golden" / "grid_alignment_golden.json").read_text())
    looked = 0
    for key, told in golden.items():
        file = DATA / "grid" / f"{key.partition('/')[2] or key}.align"
        if file.is_file() and "words" in told:
            found = frames_of(read(file), 75)
            assert [list(one) for one in found] == told["words"]
            looked += 1
    assert looked >= 1


def test_frames_stay_inside_the_video() -> None:
    words = parse("0 1000 sil\n1000 29000 bin\n29000 75000 blue\n")
    assert frames_of(words, 74) == [(1, 29, "bin"), (29, 73, "blue")]
    assert frames_of(words, 75, rate=50.0) == [(2, 58, "bin"), (58, 74, "blue")]
    assert frames_of([Word(text="bin")], 75) == []


def test_pauses_marks_and_line_endings_do_not_matter() -> None:
    plain = parse("0 1000 sil\n1000 2000 bin\n2000 3000 sp\n3000 4000 blue\n")
    assert text_of(plain) == "bin blue"
    assert parse(b"\xef\xbb\xbf0 1000 sil\r\n\r\n1000 2000 bin\r\n3000 4000 blue\r\n") == plain
    assert parse("0 1000 SIL\n1000 2000 bin\n2000 3000 SP\n3000 4000 blue\n") == plain
    assert parse("") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 1000 sil\nbin 1000 2000\n", "line 2"),
        ("0 1000\n", "line 1"),
        ("0 1000 sil extra\n", "line 1"),
        ("0 0.5 bin\n", "line 1"),
        ("2000 1000 bin\n", "line 1"),
        ("0 2000 bin\n1000 3000 blue\n", "line 2"),
        (b"\xff\xfe0\x00", "not UTF-8"),
    ],
)
def test_what_is_no_alignment_names_its_line(text: str | bytes, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said) as told:
        parse(text)
    assert told.value.hint


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bbaf2n.align"
    file.write_text("nonsense")
    with pytest.raises(InvalidInputError, match=r"bbaf2n\.align: line 1"):
        read(file)


def test_words_without_times_cannot_be_written() -> None:
    with pytest.raises(InvalidInputError, match="`bin` has no times"):
        as_align([Word(text="bin")], 1.0)


@given(st.lists(st.integers(0, 75_000), min_size=2, max_size=16, unique=True))
def test_what_is_written_comes_back(times: list[int]) -> None:
    places = sorted(times)
    words = tuple(
        Word(text=f"w{number}", start=start / 25_000, end=end / 25_000)
        for number, (start, end) in enumerate(zip(places[::2], places[1::2], strict=False))
    )
    assert parse(as_align(words, 3.0)) == words
