"""The sounds of GRID's words as shares of the outputs of a network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from truing.domain.grammar import GRID
from truing.modalities.lipreading.recipes.network import LipNetwork, Shape
from truing.modalities.lipreading.recipes.pronunciation import SOUNDS, sounds_in
from truing.modalities.lipreading.recipes.sentence_model import SentenceModel


def test_every_word_of_grid_has_sounds_and_no_two_the_same() -> None:
    assert set(SOUNDS) == set(GRID.words)
    assert len(set(SOUNDS.values())) == len(GRID.words) == 51
    assert sounds_in(["bin", "soufflé"]) is None


def test_each_output_consists_of_the_sounds_of_its_part_of_the_word() -> None:
    model = SentenceModel(GRID)
    shares = sounds_in(model.words)
    assert shares is not None
    assert len(shares) == model.outputs
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-6)
    place, lay = (
        [shares[model.state_of(model.word_index(word) or 0, part)] for part in (0.0, 0.4, 0.9)]
        for word in ("place", "lay")
    )
    p = int(place[0].argmax())  # p l ey s: the first third is p and a third of l
    assert place[0][p] == pytest.approx(0.75)
    el, ey = int(lay[0].argmax()), int(lay[2].argmax())
    assert place[0][el] == pytest.approx(0.25)
    assert place[1][[el, ey]] == pytest.approx([0.5, 0.5])
    assert lay[1][[el, ey]] == pytest.approx([0.5, 0.5])
    silent = shares[[0, -1]]
    assert silent[:, 0].tolist() == [1.0, 1.0]
    assert not shares[1:-1, 0].any()


def test_a_network_without_its_sounds_says_the_same() -> None:
    """What it learned of sounds is in its outputs, and its weights have the usual names."""
    model = SentenceModel(GRID)
    shares = sounds_in(model.words)
    assert shares is not None
    torch.manual_seed(0)
    network = LipNetwork(Shape(outputs=model.outputs, hidden=16), torch.from_numpy(shares)).eval()
    assert network.voice is not None
    clips = torch.randn(2, 7, 48, 64)
    with torch.no_grad():
        before = network(clips)
        np.testing.assert_array_equal(before, network.plain()(clips))
    torch.nn.init.normal_(network.voice.weight)
    torch.nn.init.normal_(network.voice.bias)
    with torch.no_grad():
        scores, heard = network.both(clips)
        plain = network.plain()
        np.testing.assert_allclose(plain(clips), scores, atol=1e-4)
    assert heard is not None
    assert heard.shape == (2, 7, shares.shape[1])
    assert not torch.allclose(scores, before, atol=0.1)
    assert plain.state_dict().keys() == LipNetwork(network.shape).state_dict().keys()
    assert plain.voice is None
