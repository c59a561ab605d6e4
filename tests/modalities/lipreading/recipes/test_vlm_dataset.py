"""Batches for a vision-language model: what the loss covers, and that pictures are there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from truing.domain.errors import InvalidInputError, NothingToDoError
from truing.modalities.lipreading.recipes.vlm_dataset import (
    IGNORED,
    Batches,
    Row,
    check_batch,
    mixed,
)
from truing.modalities.lipreading.vlm_folder import Found
from truing.modalities.lipreading.vlm_model import ends_of, load
from truing.modalities.lipreading.vlm_prompt import Dialogue
from truing.testing.tiny_vlm import SEEN, tiny_gemma3, tiny_idefics3

GOLDEN = Path(__file__).parents[3] / "data" / "lipreading" / "golden" / "bbaf2n_mosaic_q95.jpg"
TEXTS = ["bin blue at f two now", "set white with p four please"]


@pytest.fixture(scope="module", params=[tiny_gemma3, tiny_idefics3])
def speaking(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, Any, Dialogue]:
    base = request.param(tmp_path_factory.mktemp("base"), TEXTS[:1])
    found = Found(base=str(base))
    model, processor = load(found, device="cpu", precision="fp32", four_bit=False)
    return model, processor, Dialogue(processor, 3, ends_of(model))


def batch_of(speaking: tuple[Any, Any, Dialogue]) -> dict[str, Any]:
    _, processor, dialogue = speaking
    image = GOLDEN.read_bytes()
    return Batches(processor, dialogue)([{"image": image, "text": text} for text in TEXTS])


def test_the_loss_covers_the_answer_and_its_end(speaking: tuple[Any, Any, Dialogue]) -> None:
    _, processor, dialogue = speaking
    batch = batch_of(speaking)
    ids, labels = batch["input_ids"], batch["labels"]
    assert ids.shape == labels.shape == batch["attention_mask"].shape
    for place, text in enumerate(TEXTS):
        covered = labels[place] != IGNORED
        said = processor.tokenizer.decode(labels[place][covered])
        end = processor.tokenizer.decode([dialogue.end])
        assert said.strip() == f"{text}{end}"
        assert (ids[place][covered] == labels[place][covered]).all()
        assert not covered[: len(covered) - len(dialogue.answer(text)) - 10].any()
    assert len(dialogue.answer(TEXTS[1])) > len(dialogue.answer(TEXTS[0]))  # one row is padded
    assert not batch["attention_mask"][0][-1]
    check_batch(batch, TEXTS, dialogue)


def test_the_prompt_has_a_place_for_each_part_of_the_picture(
    speaking: tuple[Any, Any, Dialogue],
) -> None:
    model, _, _ = speaking
    batch = batch_of(speaking)
    token = getattr(model.config, "image_token_id", None) or model.config.image_token_index
    places = batch["input_ids"] == token
    assert places.sum(dim=1).tolist() == [SEEN, SEEN]
    assert (batch["labels"][places] == IGNORED).all()


def test_an_answer_follows_its_prompt_at_once(speaking: tuple[Any, Any, Dialogue]) -> None:
    import torch

    model, processor, dialogue = speaking
    together = batch_of(speaking)
    alone = Batches(processor, dialogue)([{"image": GOLDEN.read_bytes(), "text": TEXTS[0]}])
    with torch.no_grad():
        padded = model(**{k: v for k, v in together.items() if k != "labels"}).logits[0]
        plain = model(**{k: v for k, v in alone.items() if k != "labels"}).logits[0]
    # What stands behind in a batch of other lengths changes nothing.
    torch.testing.assert_close(padded[: len(plain)], plain, atol=1e-4, rtol=1e-4)


def test_a_batch_without_pictures_is_refused(speaking: tuple[Any, Any, Dialogue]) -> None:
    batch = {k: v for k, v in batch_of(speaking).items() if not k.startswith("pixel")}
    with pytest.raises(InvalidInputError, match="pixel_values"):
        check_batch(batch, TEXTS, speaking[2])


def test_a_loss_over_the_prompt_is_refused(speaking: tuple[Any, Any, Dialogue]) -> None:
    batch = batch_of(speaking)
    batch["labels"] = batch["input_ids"].clone()  # as a trainer does that takes it for plain text
    with pytest.raises(InvalidInputError, match="the loss covers"):
        check_batch(batch, TEXTS, speaking[2])


def test_a_loss_over_nothing_is_refused(speaking: tuple[Any, Any, Dialogue]) -> None:
    batch = batch_of(speaking)
    batch["labels"][:] = IGNORED
    with pytest.raises(NothingToDoError, match="nothing to learn"):
        check_batch(batch, TEXTS, speaking[2])


def test_an_answer_without_its_end_is_refused(speaking: tuple[Any, Any, Dialogue]) -> None:
    batch = batch_of(speaking)
    dialogue = speaking[2]
    batch["labels"][batch["labels"] == dialogue.end] = IGNORED
    with pytest.raises(InvalidInputError, match="its answer and end"):
        check_batch(batch, TEXTS, dialogue)


def test_tokens_that_are_not_the_answer_are_refused(speaking: tuple[Any, Any, Dialogue]) -> None:
    batch = batch_of(speaking)
    covered = batch["labels"] != IGNORED
    batch["input_ids"][covered] = speaking[2].end
    with pytest.raises(InvalidInputError, match="do not end with its answer"):
        check_batch(batch, TEXTS, speaking[2])


def rows(prefix: str, count: int) -> list[Row]:
    return [Row(jpeg=b"", text=f"{prefix}{place}") for place in range(count)]


def test_replayed_rows_are_their_share_of_all() -> None:
    own, general = rows("own", 6), rows("general", 4)
    mixture = mixed(own, general, 0.5, seed=1)
    assert len(mixture) == 12
    assert mixture[:6] == own
    assert {row.text for row in mixture[6:]} == {row.text for row in general}
    assert mixed(own, general, 0.5, seed=1) == mixture
    assert len(mixed(own, general, 0.25, seed=1)) == 8
    assert mixed(own, [], 0.5, seed=1) == own
    assert mixed(own, general, 0.0, seed=1) == own
