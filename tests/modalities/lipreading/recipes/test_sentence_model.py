"""Loss, gradient, posteriors and times of a grammar, against enumeration and finite differences."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from truing.domain.errors import InvalidInputError
from truing.domain.grammar import GRID, Grammar, Slot
from truing.modalities.lipreading.recipes.sentence_model import SentenceModel, sentence_model_from

TINY = Grammar(
    name="tiny",
    slots=(Slot(name="verb", words=("go", "stop")), Slot(name="where", words=("left", "go"))),
)
"""`go` stands in both slots."""
SENTENCES = ["go left", "go go", "stop left", "stop go"]


def logits_of(seed: int, clips: int, frames: int, outputs: int) -> torch.Tensor:
    random = np.random.default_rng(seed)
    return torch.from_numpy(2.0 * random.normal(size=(clips, frames, outputs)))


def value(
    model: SentenceModel, logits: torch.Tensor, lengths: list[int], texts: list[str]
) -> float:
    labels = [model.labels(text, 99) or [] for text in texts]
    return float(model.loss(logits, lengths, labels)[0])


def test_the_losses_of_all_sentences_make_a_distribution() -> None:
    model = SentenceModel(TINY)
    logits = logits_of(0, 1, 7, model.outputs)
    chances = [math.exp(-value(model, logits, [7], [text])) for text in SENTENCES]
    assert sum(chances) == pytest.approx(1.0, abs=1e-12)
    assert all(value(model, logits, [7], [text]) > 0 for text in SENTENCES), "Z is the larger"


def test_the_gradient_is_that_of_finite_differences() -> None:
    model = SentenceModel(TINY)
    logits = logits_of(1, 2, 6, model.outputs).requires_grad_()
    texts, lengths = ["go go", "stop left"], [6, 4]
    labels = [model.labels(text, 6) or [] for text in texts]
    model.loss(logits, lengths, labels)[0].backward()
    assert logits.grad is not None
    plain = logits.detach()
    for clip, frame, output in itertools.product(range(2), range(6), range(model.outputs)):
        step = torch.zeros_like(plain)
        step[clip, frame, output] = 1e-5
        slope = value(model, plain + step, lengths, texts) - value(
            model, plain - step, lengths, texts
        )
        assert float(logits.grad[clip, frame, output]) == pytest.approx(slope / 2e-5, abs=1e-6)
    assert not logits.grad[1, 4:].any(), "held frames teach nothing"


def test_what_is_known_of_a_sentence_is_a_soft_alignment() -> None:
    model = SentenceModel(TINY)
    logits = logits_of(2, 1, 9, model.outputs)
    _, known = model.loss(logits, [9], [model.labels("stop left", 9) or []])
    np.testing.assert_allclose(known.sum(axis=2), 1.0, atol=1e-12)
    stop, left = (model.word_index(word) for word in ("stop", "left"))
    silent = {0, model.outputs - 1}
    allowed = silent | {model.state_of(w, p) for w in (stop or 0, left or 0) for p in (0, 0.4, 0.9)}
    assert {int(i) for i in known.sum(axis=(0, 1)).nonzero()[0]} == allowed


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([1.0, 100.0, 1e5]))
def test_no_scores_are_too_extreme(seed: int, size: float) -> None:
    model = SentenceModel(GRID)
    logits = (size * logits_of(seed, 2, 30, model.outputs)).float().requires_grad_()
    labels = [model.labels("bin blue at f two now", 30) or []] * 2
    loss, _ = model.loss(logits, [30, 12], labels)
    loss.backward()
    assert logits.grad is not None
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()
    for said in model.read(logits.detach().numpy(), [30, 12], best=3):
        assert GRID.fits(said.text)
        assert 0.0 <= (said.confidence or 0.0) <= 1.0


def shown(model: SentenceModel, spans: list[tuple[str, int, int]], frames: int) -> np.ndarray:
    """Scores of a clip whose words are plain to see."""
    scores = np.zeros((1, frames, model.outputs))
    end = max(end for _, _, end in spans)
    for t in range(frames):
        best = 0 if t < spans[0][1] else model.outputs - 1
        for word, first, last in spans:
            if first <= t < last:
                best = model.state_of(model.word_index(word) or 0, (t - first) / (last - first))
        assert t < end or best == model.outputs - 1
        scores[0, t, best] = 8.0
    return scores


GRID_SPANS = [("bin", 14, 20), ("blue", 20, 26), ("at", 26, 29), ("f", 29, 34), ("two", 34, 40),
              ("now", 40, 50)]  # fmt: skip


def test_words_are_read_with_their_times_and_chances() -> None:
    model = SentenceModel(GRID)
    scores = shown(model, GRID_SPANS, 75)
    (said,) = model.read(scores, [75], best=4)
    assert said.text == "bin blue at f two now"
    assert (said.confidence or 0) > 0.99
    for word, (text, first, end) in zip(said.words, GRID_SPANS, strict=True):
        assert word.text == text
        assert (word.confidence or 0) > 0.99
        assert word.start == pytest.approx(first / 25, abs=0.03)
        assert word.end == pytest.approx(end / 25, abs=0.03)
    assert len(said.alternatives) == 4
    assert len({other.text for other in said.alternatives} | {said.text}) == 5
    chances = [other.confidence or 0 for other in said.alternatives]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] <= (said.confidence or 0)


def test_confidence_is_the_posterior_of_the_sentence_per_word() -> None:
    model = SentenceModel(TINY)
    scores = logits_of(5, 1, 8, model.outputs).numpy()
    (said,) = model.read(scores, [8], best=3)
    told = {said.text: said.confidence} | {o.text: o.confidence for o in said.alternatives}
    assert sorted(told) == sorted(SENTENCES)
    assert sum((chance or 0.0) ** 2 for chance in told.values()) == pytest.approx(1.0, abs=1e-4)
    for text in SENTENCES:
        assert model.weigh(scores[0], text) == pytest.approx(told[text], abs=1e-5)
    assert model.weigh(scores[0], "go home") is None
    for slot, word in enumerate(said.words):
        alike = [t for t in SENTENCES if t.split()[slot] == word.text]
        expected = sum((told[text] or 0.0) ** 2 for text in alike)
        assert word.confidence == pytest.approx(expected, abs=1e-4)


def test_the_losses_of_words_are_minus_the_log_of_their_chance() -> None:
    model = SentenceModel(TINY)
    scores = logits_of(6, 2, 8, model.outputs).numpy()
    said = model.read(scores, [8, 8])
    labels = [model.labels(one.text, 8) for one in said]
    losses = model.word_losses(scores, [8, 8], labels)
    for row, one in zip(losses, said, strict=True):
        expected = [-math.log(word.confidence or 0) for word in one.words]
        assert row == pytest.approx(expected, abs=1e-4)


def test_while_a_clip_goes_on_only_what_was_reached_is_said() -> None:
    model = SentenceModel(GRID)
    scores = shown(model, GRID_SPANS, 75)[0]
    texts = [model.read_open(scores[:end]).text for end in (10, 18, 28, 75)]
    assert texts == ["", "bin", "bin blue at", "bin blue at f two now"]


def test_a_clip_of_few_frames_says_nothing() -> None:
    model = SentenceModel(GRID)
    assert model.read(np.zeros((1, 5, model.outputs)), [5])[0].text == ""
    assert model.labels("bin blue at f two now", 5) is None
    assert model.labels("bin blue at f two now", 6) is not None
    assert model.labels("place the order", 75) is None
    assert model.labels("Bin blue, at F two now.", 75) == model.labels("bin blue at f two now", 75)


def test_a_grammar_is_kept_in_json() -> None:
    model = SentenceModel(TINY)
    again = sentence_model_from(model.as_dict())
    assert again.as_dict() == model.as_dict()
    assert again.outputs == 2 + 3 * 3
    with pytest.raises(InvalidInputError, match="grammar"):
        sentence_model_from({})
