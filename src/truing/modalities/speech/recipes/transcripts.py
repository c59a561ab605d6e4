"""Text as a Whisper model reads and writes it: prompts, labels, greedy decoding.

Scope: the decoder is always asked for one segment without timestamps, which is what dictation
needs: `<|startoftranscript|>`, language and task when the model knows several, `<|notimestamps|>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from truing.domain.errors import SettingError

IGNORED = -100
"""Label that cross-entropy passes over."""
FIRST_MULTILINGUAL_SIZE = 51_865
"""Vocabulary from which OpenAI's checkpoints are multilingual; English-only ones have 51 864."""
TASKS = ("transcribe", "translate")


def is_multilingual(model: Any) -> bool:
    """Whether the decoder expects a language and a task in its prompt."""
    said = getattr(model.generation_config, "is_multilingual", None)
    return bool(model.config.vocab_size >= FIRST_MULTILINGUAL_SIZE if said is None else said)


def prompt_for(tokenizer: Any, *, language: str | None, task: str) -> list[int]:
    """Token ids that open each transcript; `language` None stands for an English-only model.

    Args:
        tokenizer: a Whisper tokenizer.
        language: a code such as `de` or a name such as `german`.
        task: `transcribe` or `translate`; without a language there is none.

    Raises:
        SettingError: no such language or task.
    """
    from transformers.models.whisper.tokenization_whisper import TO_LANGUAGE_CODE

    words = ["<|startoftranscript|>"]
    if language is not None:
        code = TO_LANGUAGE_CODE.get(language.lower(), language.lower())
        if f"<|{code}|>" not in tokenizer.get_vocab():
            raise SettingError(
                f"The model knows no language `{language}`.",
                hint="Give `language` as a code such as `en` or `de`, or leave it empty.",
            )
        if task not in TASKS:
            raise SettingError(
                f"There is no task `{task}`.", hint=f"Use one of {', '.join(TASKS)}."
            )
        words += [f"<|{code}|>", f"<|{task}|>"]
    words.append("<|notimestamps|>")
    return [int(tokenizer.convert_tokens_to_ids(word)) for word in words]


def text_ids(tokenizer: Any, text: str) -> list[int]:
    """Token ids of a transcript without specials; it starts with a space, as in Whisper's data.

    An empty transcript has no ids: the model learns to write nothing where nothing was said.
    """
    plain = text.strip()
    return list(tokenizer(" " + plain, add_special_tokens=False).input_ids) if plain else []


def label_batch(rows: Sequence[tuple[list[int], list[int]]], end: int) -> tuple[Any, Any]:
    """Decoder inputs and labels, both int64 of shape (rows, longest), from (prompt, text ids).

    The loss covers the text and the end token: the prompt is given, so nothing is learnt from it.
    """
    import torch

    longest = max(len(prompt) + len(text) for prompt, text in rows)
    inputs = torch.full((len(rows), longest), end)
    labels = torch.full((len(rows), longest), IGNORED)
    for row, (prompt, text) in enumerate(rows):
        inputs[row, : len(prompt) + len(text)] = torch.tensor(prompt + text)
        labels[row, len(prompt) - 1 : len(prompt) + len(text)] = torch.tensor([*text, end])
    return inputs, labels


def transcribe(model: Any, encoded: Any, prompts: Any, *, longest: int) -> list[list[int]]:
    """Greedy transcripts as token ids without prompt and end token.

    Args:
        model: a Whisper in evaluation mode.
        encoded: what `model.get_encoder()` made of the rows' log-mel features.
        prompts: int64 of shape (rows, prompt length), on the same device.
        longest: most tokens to write per row; bounds a model that repeats itself.
    """
    import torch

    end = model.config.eos_token_id
    never = torch.tensor(model.generation_config.suppress_tokens or [], dtype=torch.long)
    at_first = torch.tensor(model.generation_config.begin_suppress_tokens or [], dtype=torch.long)
    with torch.no_grad():
        tokens, cache, written = prompts, None, []
        for place in range(longest):
            out = model(
                encoder_outputs=encoded,
                decoder_input_ids=tokens,
                past_key_values=cache,
                use_cache=True,
            )
            scores, cache = out.logits[:, -1].float(), out.past_key_values
            scores[:, never] = -torch.inf
            if place == 0:
                scores[:, at_first] = -torch.inf
            tokens = scores.argmax(dim=-1, keepdim=True)
            written.append(tokens)
            if bool((torch.cat(written, dim=1) == end).any(dim=1).all()):
                break
    rows = torch.cat(written, dim=1).tolist()
    return [row[: row.index(end)] if end in row else row for row in rows]
