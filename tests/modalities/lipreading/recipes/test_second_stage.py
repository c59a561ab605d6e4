"""The second look at the pixels of words: what it learns, keeps, says, and when it is left out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from tests.modalities.lipreading.conftest import Trained, clip, names

from truing.domain.errors import DamagedError
from truing.domain.grammar import GRID
from truing.domain.recipe import Example
from truing.modalities.lipreading.recipes.augmentation import window
from truing.modalities.lipreading.recipes.clips import Clips
from truing.modalities.lipreading.recipes.learn_second_stage import learn_second_stage
from truing.modalities.lipreading.recipes.numerics import choose_numerics
from truing.modalities.lipreading.recipes.rows import Rows
from truing.modalities.lipreading.recipes.second_stage import (
    LOOKS,
    SecondStage,
    cells_of,
    rows_of,
)
from truing.modalities.lipreading.recipes.sentence_model import Heard, SentenceModel
from truing.modalities.lipreading.recipes.tcn_folder import read_model, write_model
from truing.modalities.lipreading.recipes.tcn_options import VisualTcnOptions
from truing.modalities.lipreading.recipes.validate import calibrated, validate
from truing.modalities.lipreading.visual_tcn_runtime import VisualTcnReader

SIZES = [len(slot.words) for slot in GRID.slots]


def rows_from(
    clips: Clips, train: list[Example], validation: list[Example], replay: list[Example]
) -> Rows:
    found = [
        clips.gather(part, "some", fits=lambda *_: True, stopped=lambda: False) or []
        for part in (train, validation, replay)
    ]
    return Rows(
        clips,
        SentenceModel(GRID),
        VisualTcnOptions(),
        train=found[0],
        validation=found[1],
        replay=found[2],
    )


@pytest.fixture(scope="module")
def rows() -> Iterator[Rows]:
    """Whole prefix groups of others to validate on; half of the others replayed."""
    groups = sorted({name[:4] for name in names()})
    out = set(groups[::5])
    train = [clip(name) for name in names() if name[:4] not in out]
    held = [clip(name) for name in names() if name[:4] in out]
    with closing(Clips()) as clips:
        yield rows_from(clips, train[::2], held, train[1::2])


@pytest.fixture(scope="module")
def second(rows: Rows) -> SecondStage:
    found = learn_second_stage(rows, 1)
    assert found is not None
    return found


def evenly(rows: Rows, index: int) -> Heard:
    """A clip of which only the places of words are known."""
    known = Rows(
        rows.clips, rows.decoder, VisualTcnOptions(), train=[index], validation=[], replay=[]
    )
    edges = np.array(known.edges(index), dtype=np.float64)
    return Heard(edges=edges, slots=tuple(np.full(size, 1 / size) for size in SIZES))


def share_read(second: SecondStage, rows: Rows, indices: Sequence[int]) -> float:
    """Of the words, from their pixels alone."""
    right = []
    for index in indices:
        sums = second.sums(window(rows.clips.pictures(index)), evenly(rows, index))
        said = [slot.words[int(one.argmax())] for slot, one in zip(GRID.slots, sums, strict=True)]
        truth = rows.clips.rows[index].example.truth.split()
        right += [one == other for one, other in zip(said, truth, strict=True)]
    return float(np.mean(right))


def test_pixels_alone_tell_most_words_of_clips_never_seen(second: SecondStage, rows: Rows) -> None:
    assert share_read(second, rows, rows.train) > 0.9
    assert share_read(second, rows, rows.validation) > 0.5, "guessing tells 0.19"


def test_a_window_moves_with_the_word_and_does_not_see_the_light() -> None:
    random = np.random.default_rng(0)
    clip_frames = random.normal(size=(20, 48, 64)).astype(np.float32)
    brighter = clip_frames + random.normal(size=(1, 48, 64)).astype(np.float32)
    np.testing.assert_allclose(cells_of(clip_frames), cells_of(brighter), atol=1e-5)
    values = np.arange(20, dtype=np.float32)[:, None].repeat(3, axis=1)
    found = rows_of(values, np.array([[2.0, 11.0, 13.5]]))
    assert found.shape == (1, 2, LOOKS * 3 + 1)
    np.testing.assert_allclose(found[0, 0, :-1].reshape(LOOKS, 3)[:, 0], np.arange(2, 12))
    assert found[0, :, -1].tolist() == [27.0, 7.5]


def test_it_is_kept_in_half_precision_and_says_the_same(second: SecondStage, rows: Rows) -> None:
    kept = second.cooled(1.25).tensors()
    again = SecondStage.from_tensors(kept, SIZES)
    assert again.temperature == 1.25
    bytes_of = sum(value.nbytes for value in kept.values())
    assert bytes_of < 17_000 * (len(rows.train) + len(rows.replay)) + 100_000
    frames, heard = window(rows.clips.pictures(0)), evenly(rows, 0)
    for one, other in zip(second.sums(frames, heard), again.sums(frames, heard), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)
    with pytest.raises(ValueError, match="does not fit"):
        SecondStage.from_tensors(kept, [4] * 6)
    del kept["basis"]
    with pytest.raises(KeyError):
        SecondStage.from_tensors(kept, SIZES)


def test_the_seed_decides_what_is_learned(second: SecondStage, rows: Rows) -> None:
    again, other = learn_second_stage(rows, 1), learn_second_stage(rows, 2)
    assert again is not None
    assert other is not None
    for name, value in second.tensors().items():
        np.testing.assert_array_equal(value, again.tensors()[name])
    assert not np.array_equal(second.slots[3].weights, other.slots[3].weights)


def test_few_clips_or_none_with_alignment_have_no_second_stage() -> None:
    for found in (names()[:10], names()[:60]):
        with closing(Clips()) as clips:
            some = [clip(name, aligned=len(found) == 10) for name in found]
            assert learn_second_stage(rows_from(clips, some, [], []), 1) is None


def test_temperature_sharpens_or_flattens(second: SecondStage) -> None:
    sums = [np.array([0.0, 2.0, 1.0])]
    (plain,) = second.cooled(1.0).chances(sums)
    (flat,) = second.cooled(4.0).chances(sums)
    np.testing.assert_allclose(plain, np.exp(sums[0]) / np.exp(sums[0]).sum())
    assert plain.argmax() == flat.argmax() == 1
    assert 1 / 3 < flat.max() < plain.max()


def test_the_stage_is_calibrated_and_only_kept_where_it_reads_no_worse(
    trained: Trained, second: SecondStage, rows: Rows
) -> None:
    network, numerics = read_model(trained.folder).network, choose_numerics("cpu", "fp32", 1)
    alone = validate(network, rows, numerics)
    found = calibrated(second, network, rows, numerics)
    assert found is not None, "few clips, and a network of seconds: pixels help"
    stage, figures = found
    assert figures["validation_wer"] <= alone["validation_wer"]
    assert stage.temperature != second.temperature
    wrong = [dataclasses.replace(one, weights=-one.weights) for one in second.slots]
    spoiled = dataclasses.replace(second, slots=tuple(wrong))
    assert calibrated(spoiled, network, rows, numerics) is None


def test_it_lies_beside_the_network_which_reads_alone_without_it(
    trained: Trained, second: SecondStage, tmp_path: Path
) -> None:
    model = read_model(trained.folder)
    for name, stage in (("alone", None), ("both", second.cooled(1.5))):
        (tmp_path / name).mkdir()
        write_model(tmp_path / name, dataclasses.replace(model, second=stage))
    file = tmp_path / "both" / "second_stage.safetensors"
    assert not (tmp_path / "alone" / file.name).exists()
    media = [row.media for row in trained.held_out[:8]]
    found = {}
    for name in ("alone", "both"):
        reader = VisualTcnReader(tmp_path / name, {})
        found[name] = reader.recognize_many(media)
        for video, one in zip(media, found[name], strict=True):
            for text in (one.text, one.alternatives[0].text):
                sure = reader.confidence_in(video, text)
                told = one.confidence if text == one.text else one.alternatives[0].confidence
                assert sure == pytest.approx(told, abs=2e-3)
        assert reader.confidence_in(media[0], "say something else") is None
        reader.close()
    for one, other in zip(found["alone"], found["both"], strict=True):
        assert one.confidence != other.confidence
        assert [word.text for word in other.words] == other.text.split()
        assert (other.confidence or 0) >= (other.alternatives[0].confidence or 0)
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(DamagedError, match="second_stage"):
        read_model(tmp_path / "both")
    file.unlink()
    assert read_model(tmp_path / "both").second is None
