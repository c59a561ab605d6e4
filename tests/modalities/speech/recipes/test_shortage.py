"""Training goes on when memory is short: with allocations that really fail, and injected ones."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from truing.domain.errors import RunFailedError
from truing.domain.recipe import Example, TrainingInput
from truing.modalities.speech.recipes.shortage import pieces
from truing.modalities.speech.recipes.whisper import WhisperOptions, WhisperRecipe

OPTIONS = {
    "batch_size": 6, "accumulation": 2, "learning_rate": 1e-3, "warmup_steps": 1, "max_steps": 4,
    "words_to_choose": 0,
}  # fmt: skip


def given(base: Path, output: Path, rows: list[Example], **options: Any) -> TrainingInput:
    return TrainingInput(
        base=str(base),
        train=rows[:10],
        validation=rows[10:],
        replay=(),
        options=WhisperOptions(**{**OPTIONS, **options}),
        seed=5,
        output=output,
    )


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(folder / "model.safetensors"))


def narrow(
    monkeypatch: pytest.MonkeyPatch, most: int, *, only_step: int | None = None
) -> list[int]:
    """Memory for `most` rows with gradients at once; gives the rows of each pass that went well."""
    import torch
    from transformers import WhisperForConditionalGeneration

    whole = WhisperForConditionalGeneration.forward
    done: list[int] = []

    def forward(self: Any, input_features: Any = None, **rest: Any) -> Any:
        if torch.is_grad_enabled():
            if len(input_features) > most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            done.append(len(input_features))
        return whole(self, input_features, **rest)

    monkeypatch.setattr(WhisperForConditionalGeneration, "forward", forward)
    return done


def test_batches_are_halved_until_they_fit_and_the_result_is_the_same(
    english_base: Path, theo: list[Example], context: Any, fresh: Any, monkeypatch: Any
) -> None:
    import torch

    plain = WhisperRecipe().train(given(english_base, fresh("plain"), theo), context)
    done = narrow(monkeypatch, 2)
    out = fresh("out")
    other = dataclasses.replace(context, folder=fresh("kept"), lines=[], reports=[], done=(0, 0))
    result = WhisperRecipe().train(given(english_base, out, theo), other)

    assert done == [2, 2, 1, 1] * 2 * 4, "each of 4 steps: 2 batches of 6 rows in 4 pieces"
    assert result.figures["batch_parts"] == 4.0
    assert "batch_parts" not in plain.figures
    assert any("computed in 4 pieces" in note for note in result.notes)
    assert [line.partition(":")[0] for line in other.lines if "Memory" in line] == [
        "Memory was short at step 0"
    ] * 2
    alone = weights(out.parent / "plain")
    for name, value in weights(out).items():
        torch.testing.assert_close(value, alone[name], rtol=1e-3, atol=1e-5)
    assert result.figures["train_loss"] == pytest.approx(plain.figures["train_loss"], rel=1e-4)


def test_a_resumed_run_keeps_its_pieces_and_ends_in_the_same_bytes(
    english_base: Path, theo: list[Example], context: Any, fresh: Any, monkeypatch: Any
) -> None:
    done = narrow(monkeypatch, 3)
    whole, parted = fresh("whole"), fresh("parted")
    WhisperRecipe().train(given(english_base, whole, theo), context)
    stopping = dataclasses.replace(context, folder=fresh("kept"), stop_at=2, done=(0, 0))
    WhisperRecipe().train(given(english_base, fresh("first"), theo), stopping)
    stopping.stop_at = None
    done.clear()
    WhisperRecipe().train(given(english_base, parted, theo), stopping)

    assert done == [3] * 8, "no batch was tried whole again"
    names = ("model.safetensors", "generation_config.json")
    assert [(whole / n).read_bytes() for n in names] == [(parted / n).read_bytes() for n in names]


def test_not_even_one_row_fits(
    english_base: Path, theo: list[Example], context: Any, fresh: Any, monkeypatch: Any
) -> None:
    narrow(monkeypatch, 0)
    with pytest.raises(RunFailedError, match="one utterance at a time") as caught:
        WhisperRecipe().train(given(english_base, fresh("out"), theo), context)
    assert "gradient_checkpointing" in str(caught.value.hint)
    assert len([line for line in context.lines if "Memory was short" in line]) == 3


@pytest.mark.parametrize(("shortages", "rows"), [(1, [3]), (2, [2, 2, 1, 1]), (3, [1])])
def test_a_run_that_the_system_ended_for_want_of_memory_takes_smaller_bites(
    shortages: int,
    rows: list[int],
    english_base: Path,
    theo: list[Example],
    context: Any,
    fresh: Any,
    monkeypatch: Any,
) -> None:
    done = narrow(monkeypatch, 99)
    knowing = remembering(context, shortages)
    result = WhisperRecipe().train(given(english_base, fresh("out"), theo), knowing)
    assert done == rows * (48 // sum(rows))
    assert result.figures["batch_parts"] == 2.0**shortages


def test_a_run_that_was_ended_with_one_row_at_a_time_gives_up(
    english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    with pytest.raises(RunFailedError, match="one utterance at a time"):
        WhisperRecipe().train(given(english_base, fresh("out"), theo), remembering(context, 4))


def remembering(context: Any, shortages: int) -> Any:
    """A context that knows how often the run was ended for want of memory."""

    class Knowing(type(context)):  # type: ignore[misc]
        def memory_shortages(self) -> int:
            return shortages

    return Knowing(context.folder)


def test_the_moments_have_no_room(
    english_base: Path, theo: list[Example], context: Any, fresh: Any, monkeypatch: Any
) -> None:
    import torch

    def step(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    with pytest.raises(RunFailedError, match="the optimizer's moments"):
        WhisperRecipe().train(given(english_base, fresh("out"), theo), context)


def test_pieces_hold_every_row_once_in_order() -> None:
    import torch

    rows = torch.arange(5).reshape(5, 1)
    for parts in range(1, 9):
        cut = pieces([(rows, rows + 10, rows + 20)], parts)
        assert len(cut) == min(parts, 5)
        assert torch.equal(torch.cat([one for one, _, _ in cut]), rows)
        assert all(torch.equal(one + 20, three) for one, _, three in cut)


NARROW = """
import resource, sys
from pathlib import Path
import torch
from transformers import WhisperConfig, WhisperForConditionalGeneration
from truing.modalities.speech.recipes.descent import descend
from truing.platform.numerics import choose_numerics
from truing.modalities.speech.recipes.options import TrainingOptions, plan_of

torch.set_num_threads(1)
torch.manual_seed(1)
model = WhisperForConditionalGeneration(WhisperConfig(
    d_model=64, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2,
    decoder_attention_heads=2, encoder_ffn_dim=256, decoder_ffn_dim=64, vocab_size=200,
    max_source_positions=500, pad_token_id=0, bos_token_id=0, eos_token_id=0,
    decoder_start_token_id=1,
))

class Context:
    def report(self, step, metrics): pass
    def progress(self, done, total): print("step", done, flush=True)
    def log(self, message): print(message, flush=True)
    def should_stop(self): return False
    def save_checkpoint(self, step, write): pass
    def latest_checkpoint(self): return None

def batches(step):
    rows = 32
    return [(torch.randn(rows, 80, 1000), torch.ones(rows, 8, dtype=torch.long),
             torch.ones(rows, 8, dtype=torch.long))]

plan = plan_of(TrainingOptions(), total=2, choosing=False, seed=1, rows=0)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
most = used + int(sys.argv[1]) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (most, most))
run = descend(model, plan, choose_numerics("cpu", "fp32"), Context(), batches=batches, check=None)
print(run.notes, run.figures["batch_parts"])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory so")
def test_with_a_real_limit_of_memory_training_goes_on() -> None:
    """32 utterances of 10 s do not fit into 250 MiB; in pieces they do."""
    done = subprocess.run(
        [sys.executable, "-c", NARROW, "250"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    # Which allocation is the first too much depends on the allocator.
    assert re.search(
        r"Memory was short at step [01]: each batch is now computed in \d", done.stdout
    )
    assert "step 2\n" in done.stdout
