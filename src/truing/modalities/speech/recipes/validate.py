"""How well a model writes the validation rows: teacher-forced loss and greedy WER."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from truing.domain.evaluation import RowScore
from truing.domain.recipe import Example
from truing.metrics.words import WER, rate
from truing.modalities.speech.recipes.transcripts import (
    IGNORED,
    label_batch,
    text_ids,
    transcribe,
)
from truing.modalities.speech.recipes.waveforms import Pool, features_of

SLACK = 10
"""Tokens that a transcript may be longer than the longest truth of its batch before it is cut."""


def validate(
    model: Any,
    pool: Pool,
    *,
    processor: Any,
    prompt_of: Callable[[Example], list[int]],
    batch_size: int,
    autocast: Callable[[], Any],
) -> dict[str, float]:
    """`validation_loss` (nats per token) and `validation_wer` over all rows, without dropout.

    The WER is that of `truing.metrics.words` under its neutral normaliser. A transcript is cut a
    few tokens after the longest truth of its batch, so that one that repeats itself costs little.
    """
    import torch

    model.eval()
    end, device = model.config.eos_token_id, model.device
    loss_sum, tokens = 0.0, 0
    scores: list[RowScore] = []
    for first in range(0, len(pool), batch_size):
        chosen = range(first, min(first + batch_size, len(pool)))
        examples = [pool.example(index) for index in chosen]
        rows = [(prompt_of(e), text_ids(processor.tokenizer, e.truth)) for e in examples]
        inputs, labels = label_batch(rows, end)
        features = features_of(
            [pool.waveform(index) for index in chosen],
            processor.feature_extractor,
            pool.longest,
        ).to(device)
        with torch.no_grad(), autocast():
            encoded = model.get_encoder()(features)
            heard = {"encoder_outputs": encoded, "decoder_input_ids": inputs.to(device)}
            logits = model(**heard, use_cache=False).logits
            prompts = torch.tensor([prompt for prompt, _ in rows], device=device)
            longest = max(len(text) for _, text in rows) + SLACK
            room = model.config.max_target_positions - prompts.shape[1]
            guesses = transcribe(model, encoded, prompts, longest=min(longest, room))
        loss_sum += cross_entropy_sum(logits, labels.to(device)).item()
        tokens += int((labels != IGNORED).sum())
        for example, guess in zip(examples, guesses, strict=True):
            written = processor.tokenizer.decode(guess, skip_special_tokens=True)
            scores.append(WER.score(example.truth, written))
    return {"validation_loss": loss_sum / max(1, tokens), "validation_wer": rate(scores)}


def cross_entropy_sum(logits: Any, labels: Any) -> Any:
    """Summed cross-entropy in nats over all labels that count; a scalar tensor."""
    import torch

    return torch.nn.functional.cross_entropy(
        logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum"
    )
