"""What a run needs, told beforehand, beside what a run of that shape was measured to need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from truing.domain.recipe import CanEstimate
from truing.modalities.speech.recipes.estimate import shape_of
from truing.modalities.speech.recipes.pretrained import load_base
from truing.modalities.speech.recipes.whisper import WhisperOptions, WhisperRecipe
from truing.training.checkpoints import weights_of

ON_CPU: dict[str, Any] = {"device": "cpu", "threads": 1}


def all_of(base: Path, **options: Any) -> tuple[int, int]:
    """(disk, memory) in bytes."""
    recipe = WhisperRecipe()
    assert isinstance(recipe, CanEstimate)
    need = recipe.estimate(str(base), WhisperOptions(**{**ON_CPU, **options}))
    assert need is not None
    return sum(need.disk.values()), sum(need.memory.values())


def test_the_weights_are_counted_from_the_files_alone(base: Path) -> None:
    model, _ = load_base(str(base), dropout=0.0)
    shape = shape_of(str(base))
    assert shape is not None
    assert shape.weights == {name: p.numel() for name, p in weights_of(model).items()}


@pytest.mark.parametrize("what", ["nothing", "torn", "no config", "huge header"])
def test_a_base_that_is_not_whole_is_not_estimated(what: str, base: Path, tmp_path: Path) -> None:
    if what != "no config":
        (tmp_path / "config.json").write_bytes((base / "config.json").read_bytes())
    whole = (base / "model.safetensors").read_bytes()
    data = {"nothing": None, "torn": whole[:100], "no config": whole, "huge header": b"\xff" * 9}
    if data[what] is not None:
        (tmp_path / "model.safetensors").write_bytes(data[what] or b"")
    assert shape_of(str(tmp_path)) is None


def test_a_model_that_is_not_here_is_not_estimated() -> None:
    assert shape_of("nobody/no-such-model") is None
    assert shape_of("/no/such/folder") is None
    assert WhisperRecipe().estimate(None, WhisperOptions()) is None


def test_less_is_needed_for_less(base: Path) -> None:
    disk, memory = all_of(base, batch_size=16)
    assert all_of(base, batch_size=8)[1] < memory
    assert all_of(base, batch_size=16, gradient_checkpointing=True)[1] < memory
    for less in ({"adapter": "lora"}, {"layers": "decoder"}, {"layers": "decoder:1"}):
        found = all_of(base, batch_size=16, **less)
        assert found[0] < disk
        assert found[1] < memory


MEASURE = """
import resource, sys
from pathlib import Path
import torch
from transformers import WhisperConfig, WhisperForConditionalGeneration
from truing.modalities.speech.recipes.descent import descend
from truing.platform.numerics import choose_numerics
from truing.modalities.speech.recipes.options import TrainingOptions, plan_of

folder, rows, tokens = sys.argv[1], int(sys.argv[2]), 64
torch.set_num_threads(1)
model = WhisperForConditionalGeneration.from_pretrained(folder, dtype="float32")
config = model.config

class Context:
    def report(self, step, metrics): pass
    def progress(self, done, total): pass
    def log(self, message): pass
    def should_stop(self): return False
    def save_checkpoint(self, step, write): pass
    def latest_checkpoint(self): return None

def batches(step):
    ids = torch.ones(rows, min(tokens, config.max_target_positions), dtype=torch.long)
    return [(torch.randn(rows, config.num_mel_bins, 2 * config.max_source_positions), ids, ids)]

plan = plan_of(TrainingOptions(), total=2, choosing=False, seed=1, rows=0)
descend(model, plan, choose_numerics("cpu", "fp32"), Context(), batches=batches, check=None)
status = Path("/proc/self/status")
if status.is_file():  # what getrusage says began with the peak of the process that started this one
    line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
    print(int(line.split()[1]) * 1024)
else:
    scale = 1 if sys.platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale)
"""


def measured(folder: Path, rows: int) -> int:
    """Peak resident memory of two steps of that many rows, in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(folder), str(rows)],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="no such measure of a process there")
def test_the_estimate_fits_the_tiny_model(base: Path) -> None:
    told = all_of(base, batch_size=16)[1]
    assert 0.7 < told / measured(base, 16) < 1.5


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no such measure of a process there")
@pytest.mark.parametrize("rows", [1, 4])
def test_the_estimate_fits_a_model_of_whisper_tinys_size(rows: int, tmp_path: Path) -> None:
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    shape = WhisperConfig(
        d_model=384,
        encoder_layers=4,
        decoder_layers=4,
        encoder_attention_heads=6,
        decoder_attention_heads=6,
        encoder_ffn_dim=1536,
        decoder_ffn_dim=1536,
    )
    WhisperForConditionalGeneration(shape).save_pretrained(tmp_path)
    told, found = all_of(tmp_path, batch_size=rows)[1], measured(tmp_path, rows)
    print(f"{rows} rows: estimate {told / 1e6:.0f} MB, measured {found / 1e6:.0f} MB")
    assert 0.8 < told / found < 1.5
