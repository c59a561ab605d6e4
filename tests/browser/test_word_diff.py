"""The word diff of the pages, called in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from truing.workspace import Workspace

CASES = [
    ("one two", "one two", [("same", "one two")]),
    (
        "one two three",
        "one too three",
        [("same", "one"), ("out", "two"), ("in", "too"), ("same", "three")],
    ),
    ("", "one", [("in", "one")]),
    ("one", "", [("out", "one")]),
    ("", "", []),
    ("one  two\n", " one two", [("same", "one two")]),
    ("今日は雨", "今日も雨", [("same", "今日"), ("out", "は"), ("in", "も"), ("same", "雨")]),
    (
        "it's 5 o'clock",
        "it's 6 o'clock",
        [("same", "it's"), ("out", "5"), ("in", "6"), ("same", "o'clock")],
    ),
]


@pytest.fixture
def page(tmp_path: Any, served: Callable[..., str], browser_page: Callable[..., Any]) -> Any:
    with Workspace.create(tmp_path / "ws", environ={}) as workspace:
        yield browser_page(served(workspace) + "/settings")


def test_runs_of_words_say_what_was_taken_away_and_put_in(page: Any) -> None:
    found = page.evaluate(
        """async (cases) => {
          const {wordDiff} = await import('#/components/word_diff.js');
          const pairs = (runs) => runs.map((run) => [run.kind, run.text]);
          return cases.map(([before, after]) => pairs(wordDiff(before, after)));
        }""",
        [[before, after] for before, after, _ in CASES],
    )
    assert found == [[list(run) for run in runs] for _, _, runs in CASES]


def test_three_thousand_words_are_compared_at_once(page: Any) -> None:
    counts = page.evaluate(
        """async () => {
          const {changedWords} = await import('#/components/word_diff.js');
          const words = Array.from({length: 3000}, (_, at) => `w${at % 97}`);
          const other = words.map((word, at) => (at % 100 ? word : 'new'));
          return changedWords(words.join(' '), other.join(' '));
        }"""
    )
    assert counts == {"out": 30, "in": 30}
