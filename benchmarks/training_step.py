"""What a training step costs beside a bare PyTorch loop: same batches, same process, in turns.

Ours is the loop of the recipes inside a worker as the product starts it: figures of each step, a
heartbeat, seeds per step, weights averaged at the end. The bare loop is a dozen lines of PyTorch on
a copy of the model: forward, loss, backward, clipping, AdamW. Both get batches that were prepared
before; blocks of both alternate, so that what else the machine does falls on both.

Budget: at most 3 % more CPU time per step, as the median over pairs of blocks that follow each
other, at a batch of 16 utterances of two seconds.

    python benchmarks/training_step.py [--blocks 24] [--steps 6] [--folder DIR]
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from truing.demo import shipped
from truing.domain.clock import SystemClock
from truing.domain.ids import Uuid7Source
from truing.domain.recipe import RunContext
from truing.domain.run import Run
from truing.jobs.worker import work
from truing.modalities.speech.recipes.descent import Batch, descend
from truing.modalities.speech.recipes.options import plan_of, prepare_torch
from truing.modalities.speech.recipes.pretrained import load_base
from truing.modalities.speech.recipes.transcripts import IGNORED, label_batch, prompt_for, text_ids
from truing.modalities.speech.recipes.waveforms import features_of
from truing.modalities.speech.recipes.whisper import WhisperOptions
from truing.modalities.speech.recording import read_mono
from truing.platform.numerics import choose_numerics
from truing.stores.database.store import open_database
from truing.testing.factories import make_request

BUDGET = 1.03
BATCH = 16
PREPARED = 8
"""Batches that are made beforehand and used in turn."""


class Bare:
    """The loop one would write without any of this."""

    def __init__(self, model: Any, options: WhisperOptions) -> None:
        self._model = model
        self._clip = options.clip_norm
        self._optimizer = torch.optim.AdamW(
            model.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
        )

    def run(self, batches: Sequence[Batch]) -> None:
        """One step per batch."""
        self._model.train()
        for features, inputs, labels in batches:
            logits = self._model(features, decoder_input_ids=inputs, use_cache=False).logits
            loss = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED
            )
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._clip)
            self._optimizer.step()
            self._optimizer.zero_grad(set_to_none=True)


class Turns:
    """Gives the loop its batches, and after each block of its steps runs the bare loop as long."""

    def __init__(self, bare: Bare, prepared: Sequence[Batch], steps: int) -> None:
        self._bare = bare
        self._prepared = prepared
        self._steps = steps
        self._began: tuple[float, float] | None = None
        self.pairs: list[tuple[tuple[float, float], tuple[float, float]]] = []
        """(CPU, wall) seconds of a block: ours, bare."""

    def __call__(self, step: int) -> list[Batch]:
        """The batches of a step."""
        if step % self._steps == 0:
            self.turn(step)
        return [self._prepared[step % len(self._prepared)]]

    def turn(self, step: int) -> None:
        """Ends a block of ours, and lets the bare loop have the same batches."""
        if self._began is not None:
            ours = _since(self._began)
            began = _now()
            places = range(step - self._steps, step)
            self._bare.run([self._prepared[place % len(self._prepared)] for place in places])
            self.pairs.append((ours, _since(began)))
        self._began = _now()


def _now() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()


def _since(began: tuple[float, float]) -> tuple[float, float]:
    cpu, wall = _now()
    return cpu - began[0], wall - began[1]


def prepare(model: Any, processor: Any) -> list[Batch]:
    """Batches of real recordings with their texts."""
    rows = [row for row in shipped.rows_of_others("nicolas", shipped.REPLAYED) if row.truth]
    prompt = prompt_for(processor.tokenizer, language=None, task="transcribe")
    found = []
    for first in range(0, PREPARED * BATCH, BATCH):
        chosen = rows[first : first + BATCH]
        sounds = [read_mono(Path(str(row.media["audio"]))) for row in chosen]
        seconds = model.config.max_source_positions / 50
        texts = [(prompt, text_ids(processor.tokenizer, row.truth)) for row in chosen]
        features = features_of(sounds, processor.feature_extractor, seconds)
        found.append((features, *label_batch(texts, model.config.eos_token_id)))
    return found


def measure(folder: Path, blocks: int, steps: int) -> Turns:
    """Runs both in turns inside a worker."""
    options = WhisperOptions(learning_rate=5e-4, dropout=0.1, average=0.4, threads=1)
    prepare_torch(options.threads)
    model, processor = load_base(str(shipped.base_without("nicolas")), dropout=options.dropout)
    bare = Bare(copy.deepcopy(model), options)
    prepared = prepare(model, processor)
    bare.run(prepared)  # memory is allocated and kernels are chosen before anything is measured
    turns = Turns(bare, prepared, steps)
    plan = plan_of(options, total=(blocks + 1) * steps, choosing=False, seed=1, rows=[])

    def execute(run: Run, context: RunContext) -> dict[str, object]:
        del run
        descend(model, plan, choose_numerics("cpu", "fp32"), context, batches=turns, check=None)
        return {}

    store = open_database(folder / "truing.db")
    clock = SystemClock()
    try:
        run = store.runs.add(Uuid7Source(clock).new(), make_request(), clock.now())
        work(store.runs, run.id, folder=folder, clock=clock, execute=execute)
    finally:
        store.close()
    turns.pairs = turns.pairs[1:]
    return turns


def ratio(pairs: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Median of ours over bare, with a 95 % interval by resampling pairs of blocks."""
    shares = np.array([ours / bare for ours, bare in pairs])
    rng = np.random.default_rng(0)
    medians = np.median(shares[rng.integers(0, len(shares), size=(5_000, len(shares)))], axis=1)
    low, high = np.quantile(medians, (0.025, 0.975))
    return {
        "median": round(float(np.median(shares)), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures as JSON; 1 when the budget is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--blocks", type=int, default=24)
    parser.add_argument("--steps", type=int, default=6, help="steps of a block")
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        turns = measure(Path(folder), given.blocks, given.steps)
    cpu = ratio([(ours[0], bare[0]) for ours, bare in turns.pairs])
    result = {
        "benchmark": "training_step",
        "batch": BATCH,
        "ours_cpu_ms": round(
            1e3 * statistics.median(ours[0] for ours, _ in turns.pairs) / given.steps, 2
        ),
        "bare_cpu_ms": round(
            1e3 * statistics.median(bare[0] for _, bare in turns.pairs) / given.steps, 2
        ),
        "cpu_ratio": cpu,
        "wall_ratio": ratio([(ours[1], bare[1]) for ours, bare in turns.pairs]),
        "budget": BUDGET,
        "met": cpu["median"] <= BUDGET,
    }
    print(json.dumps(result, indent=2))
    return 0 if result["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
