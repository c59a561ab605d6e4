"""Open speech: search against enumeration, a lexicon, times, and a loss that can be descended."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from truing.domain.errors import DamagedError
from truing.modalities.lipreading.recipes.ctc import (
    CtcModel,
    best_path,
    ctc_from,
    ctc_of,
    greedy,
    units_of,
)


def logs_of(seed: int, frames: int, outputs: int) -> np.ndarray:
    scores = 2.0 * np.random.default_rng(seed).normal(size=(frames, outputs))
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def collapsed(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(label for label, _ in itertools.groupby(path) if label)


def chances(logs: np.ndarray) -> dict[tuple[int, ...], float]:
    """The probability of every row of labels, over all paths."""
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(logs.shape[1]), repeat=len(logs)):
        chance = math.exp(sum(logs[t, label] for t, label in enumerate(path)))
        found[collapsed(path)] = found.get(collapsed(path), 0.0) + chance
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_search_finds_the_likeliest_labels_and_their_probability(seed: int) -> None:
    logs = logs_of(seed, 4, 3)
    expected = sorted(chances(logs).items(), key=lambda item: -item[1])
    model = CtcModel("characters", "ab")
    found = model.search(logs, 3)
    assert [labels for labels, _ in found] == [labels for labels, _ in expected[:3]]
    for (_, log), (_, chance) in zip(found, expected, strict=False):
        assert math.exp(log) == pytest.approx(chance, abs=1e-4), "but for what is too faint"


def test_the_loss_is_minus_the_log_probability() -> None:
    logs = np.stack([logs_of(1, 4, 3), logs_of(2, 4, 3)])
    model = CtcModel("characters", "ab")
    loss, known = model.loss(torch.from_numpy(logs), [4, 3], [[1, 2], [2]])
    expected = -math.log(chances(logs[0])[1, 2]) - math.log(chances(logs[1][:3])[(2,)])
    assert float(loss) == pytest.approx(expected, abs=1e-9)
    assert known is None


def test_training_on_the_loss_makes_the_text_readable() -> None:
    torch.manual_seed(0)
    model = ctc_of(["see you"], "characters", lexicon=False)
    logits = torch.zeros((1, 24, model.outputs), requires_grad=True)
    labels = [model.labels("see you", 24) or []]
    optimizer = torch.optim.Adam([logits], lr=0.3)
    before = after = float(model.loss(logits, [24], labels)[0].detach())
    for _ in range(60):
        optimizer.zero_grad()
        loss, _ = model.loss(logits, [24], labels)
        loss.backward()
        optimizer.step()
        after = float(loss.detach())
    assert after < before / 20
    (said,) = model.read(logits.detach().numpy(), [24], best=2)
    assert said.text == "see you"
    assert (said.confidence or 0) > 0.8
    assert [word.text for word in said.words] == ["see", "you"]
    starts = [word.start or 0.0 for word in said.words]
    ends = [word.end or 0.0 for word in said.words]
    assert 0 <= starts[0] < ends[0] <= starts[1] < ends[1] <= 24 / 25
    assert all(0.5 < (word.confidence or 0) <= 1 for word in said.words)


def test_a_lexicon_confines_the_search_to_its_words() -> None:
    free = CtcModel("characters", " aclt")
    bound = CtcModel("characters", " aclt", ["cat", "tac"])
    place = {unit: rank for rank, unit in enumerate(" aclt", 1)}
    logs = np.full((7, 6), -8.0)
    for t, unit in enumerate("cal tac"):
        logs[t, place[unit]] = -0.2
    logs[2, place["t"]] = -2.0  # seen, but less well than the l
    assert free.text_of(free.search(logs)[0][0]) == "cal tac"
    assert bound.text_of(bound.search(logs)[0][0]) == "cat tac"


def test_whole_words_are_labels_too() -> None:
    model = ctc_of(["stop go", "go left go"], "words", lexicon=True)
    assert model.units == ("go", "left", "stop")
    assert model.lexicon == ()
    scores = np.full((1, 6, 4), -9.0)
    for t, label in enumerate([0, 3, 0, 1, 1, 0]):
        scores[0, t, label] = 3.0
    (said,) = model.read(scores, [6], best=1)
    assert said.text == "stop go"
    assert [(word.start, word.end) for word in said.words] == [(0.04, 0.08), (0.12, 0.2)]
    assert model.read_open(scores[0, :2]).text == "stop"


def test_the_best_path_gives_every_label_its_frames() -> None:
    logs = np.log(np.full((6, 3), 0.05))
    for t, label in enumerate([0, 1, 1, 0, 1, 2]):
        logs[t, label] = math.log(0.9)
    assert best_path(logs, [1, 1, 2]) == [(1, 3), (4, 5), (5, 6)]
    assert greedy(logs) == [1, 1, 2]


def test_texts_that_cannot_be_labels_are_known() -> None:
    model = ctc_of(["hello"], "characters", lexicon=False)
    assert model.labels("", 10) is None
    assert model.labels("yellow", 10) is None
    assert model.labels("hello", 5) is None, "two l in a row need a blank between them"
    assert model.labels("hello", 6) is not None
    assert units_of("  Two   Words! ", "characters") == list("two words")


def test_weighing_a_text_agrees_with_reading_it() -> None:
    model = CtcModel("characters", "ab")
    logs = logs_of(3, 5, 3)
    (said,) = model.read(logs[None], [5])
    assert model.weigh(logs, said.text) == pytest.approx(said.confidence, abs=1e-5)
    assert model.weigh(logs, "abc") is None


def test_units_are_kept_in_json() -> None:
    model = ctc_of(["a cat", "a dog"], "characters", lexicon=True)
    again = ctc_from(model.as_dict())
    assert again.as_dict() == model.as_dict()
    assert again.lexicon == ("a", "cat", "dog")
    with pytest.raises(DamagedError, match="units"):
        ctc_from({"vocabulary": "characters"})
