"""Rows for a vision-language model: pictures, batches with labels, and the look at the first one.

The loss must cover the answer and nothing else, and the batch must carry the picture: a dataset
that a trainer takes for plain text trains without pictures and says nothing. `check_batch` makes
sure of both before the first step.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from truing.domain.errors import InvalidInputError, NothingToDoError, TruingError
from truing.modalities.lipreading.vlm_picture import Pictures
from truing.modalities.lipreading.vlm_prompt import asked_of

if TYPE_CHECKING:
    from truing.domain.recipe import Example
    from truing.modalities.lipreading.vlm_prompt import Dialogue

IGNORED = -100
"""Label that cross-entropy passes over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A picture, as the bytes of its JPEG, and what was said."""

    jpeg: bytes
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of one split, and what a person should know about those that are not among them."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def gather(
    examples: Sequence[Example], pictures: Pictures, *, name: str, should_stop: Callable[[], bool]
) -> Rows | None:
    """Makes the pictures of all examples, in memory: some 20 kB each.

    Args:
        examples: of one split.
        pictures: makes them.
        name: of the split, for the notes.
        should_stop: asked before each picture.

    Returns:
        None when it was to stop.
    """
    rows, faceless, wrong = [], 0, list[str]()
    for example in examples:
        if should_stop():
            return None
        try:
            jpeg = pictures.jpeg(example.media)
        except (TruingError, OSError) as error:
            if not isinstance(error, OSError) and not _of_the_row(error):
                raise
            wrong.append(str(error))
            continue
        if jpeg is None:
            faceless += 1
        else:
            rows.append(Row(jpeg=jpeg, text=" ".join(example.truth.split())))
    return Rows(rows=tuple(rows), notes=tuple(_notes(name, faceless, wrong)))


def _of_the_row(error: TruingError) -> bool:
    """Whether an error is about one video, not about this machine."""
    from truing.domain.errors import DamagedError

    return isinstance(error, (DamagedError, InvalidInputError))


def _notes(name: str, faceless: int, wrong: Sequence[str]) -> list[str]:
    found = []
    if faceless:
        found.append(f"{faceless} {name} rows were left out: too few frames show a mouth.")
    if wrong:
        found.append(f"{len(wrong)} {name} rows were left out: {wrong[0]}")
    return found


def mixed(own: Sequence[Row], replay: Sequence[Row], share: float, seed: int) -> list[Row]:
    """Own rows with so many replayed ones among them that these are `share` of all."""
    if not replay or not share:
        return list(own)
    chance = random.Random(seed)
    wanted = max(1, round(len(own) * share / (1 - share)))
    whole, rest = divmod(wanted, len(replay))
    again = list(replay)
    return [*own, *(again * whole), *chance.sample(again, rest)]


class Batches:
    """Turns rows into what the model is fed; the `data_collator` of the trainer.

    Args:
        processor: of the model.
        dialogue: what is asked and how answers are written.
    """

    def __init__(self, processor: Any, dialogue: Dialogue) -> None:
        self._processor, self._dialogue = processor, dialogue

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """A batch of rows with the keys `image` (bytes of a JPEG) and `text`.

        Returns:
            what the processor makes of prompt and picture, with the answers' tokens behind, and
            `labels` of the same shape as `input_ids`: the answer and its end, else -100.
        """
        import torch

        asked = asked_of(self._processor, self._dialogue, [row["image"] for row in rows])
        answers = [self._dialogue.answer(row["text"]) for row in rows]
        longest = max(map(len, answers))
        prompts = asked["input_ids"]
        padding = self._processor.tokenizer.pad_token_id
        ids = torch.full((len(rows), longest), padding, dtype=prompts.dtype)
        labels = torch.full_like(ids, IGNORED)
        for place, answer in enumerate(answers):
            ids[place, : len(answer)] = torch.tensor(answer)
            labels[place, : len(answer)] = torch.tensor(answer)
        told = (labels != IGNORED).to(prompts.dtype)
        behind = {"input_ids": ids, "attention_mask": told}
        batch = dict(asked)
        for name, tensor in asked.items():
            if per_token(tensor, prompts):
                # Kinds of tokens (picture or text) are 0 for text.
                added = behind.get(name, torch.zeros_like(ids)).to(tensor.dtype)
                batch[name] = torch.cat((tensor, added), dim=1)
        batch["labels"] = torch.cat((torch.full_like(prompts, IGNORED), labels), dim=1)
        return batch


def per_token(tensor: Any, ids: Any) -> bool:
    """Whether a tensor says something of each token, as `token_type_ids` do."""
    return bool(tensor.shape == ids.shape and not tensor.is_floating_point())


def check_pictures(batch: Mapping[str, Any]) -> None:
    """Makes sure that a batch shows pictures.

    Raises:
        InvalidInputError: it has none.
    """
    if not any(name.startswith("pixel_values") and len(batch[name]) for name in batch):
        raise InvalidInputError(
            "a batch has no `pixel_values`: the model would be trained without pictures",
            hint="the processor of the base ignores images; take an image-text-to-text model",
        )


def check_batch(batch: dict[str, Any], texts: Sequence[str], dialogue: Dialogue) -> None:
    """Makes sure that a batch shows pictures and that the loss covers the answers only.

    Args:
        batch: as the trainer is about to see it.
        texts: the answer of each row.
        dialogue: how answers are written.

    Raises:
        InvalidInputError: it has no pictures, the prompt carries no place for one, or the labels
            are not exactly the answers and their ends.
        NothingToDoError: there is nothing to learn in it.
    """
    check_pictures(batch)
    for place, text in enumerate(texts):
        labels = batch["labels"][place]
        covered = labels[labels != IGNORED].tolist()
        if not covered:
            raise NothingToDoError(
                f"row {place} of the first batch has nothing to learn", hint="look at its text"
            )
        expected = dialogue.answer(text)
        if covered != expected:
            raise InvalidInputError(
                f"the loss covers {len(covered)} tokens of row {place}, not the {len(expected)} of "
                "its answer and end",
                hint="the tokenizer of the base does not fit its chat template",
            )
        kept = batch["attention_mask"][place].bool()
        if batch["input_ids"][place][kept].tolist()[-len(expected) :] != expected:
            raise InvalidInputError(
                f"the tokens of row {place} do not end with its answer",
                hint="the tokenizer of the base does not fit its chat template",
            )
