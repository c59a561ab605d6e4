"""What a vision-language model is asked about a picture of lips, and how an answer is written.

The prompt is that of `grid.messages`, put into the words of the model by its own chat template.
An answer is the text as the template places it behind the prompt, up to the token that ends a turn:
no more, so that nothing is learnt that the model is not to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from truing.domain.errors import InvalidInputError
from truing.modalities.lipreading.grid.messages import messages
from truing.modalities.lipreading.vlm_picture import opened

PROBE = "bin blue at f two now"


class Dialogue:
    """The conversation of one model.

    Args:
        processor: of the model, with a tokenizer and a chat template.
        form: 2 or 3 messages.
        ends: tokens that end an answer according to the model's generation settings.

    Raises:
        InvalidInputError: no chat template, or one that does not put answers behind the prompt.
    """

    def __init__(self, processor: Any, form: int, ends: Sequence[int] = ()) -> None:
        if not getattr(processor, "chat_template", None):
            raise InvalidInputError(
                f"the model has no chat template (its processor is {type(processor).__name__})",
                hint="take the instruction-tuned variant of the model, such as `…-it`",
            )
        self._processor, self._tokenizer = processor, processor.tokenizer
        self._form = form
        self.prompt = self._rendered(None)
        tail = self._behind(PROBE).partition(PROBE)
        if not tail[1]:
            raise _misplaced()
        self._lead = tail[0]
        known = {*ends, self._tokenizer.eos_token_id, *self._tokenizer.all_special_ids}
        tokens = self._ids(tail[2])
        self.end: int = next((one for one in tokens if one in known), self._tokenizer.eos_token_id)
        """The token that ends an answer."""
        self.ends = sorted({*ends, self.end})
        """All tokens at which writing stops."""

    def answer(self, text: str) -> list[int]:
        """Token ids of an answer, its end included."""
        return [*self._ids(self._lead + " ".join(text.split())), self.end]

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False).input_ids)

    def _behind(self, answer: str) -> str:
        """What the template puts behind the prompt for an answer."""
        whole = self._rendered(answer)
        if not whole.startswith(self.prompt):
            raise _misplaced()
        return whole.removeprefix(self.prompt)

    def _rendered(self, answer: str | None) -> str:
        *asked, replied = messages("", answer or "", self._form)
        turns = [_parted(turn) for turn in (asked if answer is None else [*asked, replied])]
        text: str = self._processor.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=answer is None
        )
        return text


def asked_of(processor: Any, dialogue: Dialogue, jpegs: Sequence[bytes]) -> Any:
    """Prompt and picture of each row, padded on the left, so that answers follow at once."""
    return processor(
        text=[dialogue.prompt] * len(jpegs),
        images=[[opened(jpeg)] for jpeg in jpegs],
        padding=True,
        padding_side="left",
        add_special_tokens=False,  # the template has written them
        return_tensors="pt",
    )


def _parted(turn: Any) -> dict[str, object]:
    """A message whose content is a list of parts, as every template takes it."""
    content = turn["content"]
    if isinstance(content, str):
        return {"role": turn["role"], "content": [{"type": "text", "text": content}]}
    parts = [{"type": "image"} if part["type"] == "image" else part for part in content]
    return {"role": turn["role"], "content": parts}


def _misplaced() -> InvalidInputError:
    return InvalidInputError(
        "the model's chat template does not put an answer behind the prompt",
        hint="take an instruction-tuned model with a plain template, such as Gemma 3 or Idefics3",
    )
