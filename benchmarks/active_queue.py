"""What the order of the review queue is worth: 50 of 200 utterances corrected, by each queue.

A base model that never heard the speaker recognizes 200 of their utterances as they would come in,
into a real workspace. Each queue then says which 50 a person would correct; the product's recipe
learns from these, and the model is judged on recordings that were in none of the 200. The floor is
`chance`: 50 drawn blindly. Material, training and test are those of `personalisation.py`.

    python benchmarks/active_queue.py [--speakers theo …] [--starts 1] [--queues informative …]
        [--captured 200] [--corrected 50] [--output FILE]

About half a minute of one quiet core per queue, speaker and start.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from personalisation import judge, train

from truing import Workspace
from truing.demo import shipped
from truing.domain.recipe import Example
from truing.loop.train import resolve_options
from truing.modalities.speech.recipes.whisper import WhisperRecipe
from truing.modalities.speech.recognize import open_recognizer
from truing.testing.voices import Exam, Material, material

CHANCE = "chance"
QUEUES = ("least-confident", "uncertain", "diverse", "informative", "mixed")


def chosen(
    given: Material, spoken: Sequence[Example], queues: Sequence[str], count: int, folder: Path
) -> dict[str, list[Example]]:
    """The utterances that each queue shows first, after the base has heard all of them."""
    recognizer = open_recognizer(given.base, {"word_times": False})
    heard = recognizer.recognize_many([example.media for example in spoken])
    recognizer.close()
    with Workspace.create(folder, rng=random.Random(1), environ={}) as workspace:
        by_number: dict[int, Example] = {}
        for example, said in zip(spoken, heard, strict=True):
            added = workspace.capture("speech", audio=example.media["audio"].path, raw=said)
            if added is not None:
                by_number[added.id] = example
        picked = {
            queue: [by_number[one.sample.id] for one in islice(workspace.queue(queue), count)]
            for queue in queues
            if queue != CHANCE
        }
    return {CHANCE: random.Random(2).sample(list(spoken), count), **picked}


def wer(scores: Sequence[Sequence[float]]) -> float:
    """Errors over words."""
    return sum(errors for errors, _ in scores) / sum(words for _, words in scores)


def measure(speaker: str, given: argparse.Namespace, cells: dict[str, Any]) -> None:
    """WER before and after, by queue and start."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        stock = material(speaker, folder / "speech", given.captured)
        exams: Mapping[str, Exam] = {"test": stock.test, "retention": stock.retention}
        base = judge(stock.base, exams)
        cells[f"{speaker}/base"] = {name: wer(scores) for name, scores in base.items()}
        options = resolve_options(WhisperRecipe(), given.corrected, stock.base, {})
        for start in range(1, given.starts + 1):
            spoken = stock.corrections(start)
            picked = chosen(stock, spoken, given.queues, given.corrected, folder / f"ws{start}")
            for queue, examples in picked.items():
                output = Path(tempfile.mkdtemp(dir=folder)) / "model"
                train(stock.base, (examples, stock.replay), options, start, output)
                found = {name: wer(scores) for name, scores in judge(str(output), exams).items()}
                cells[f"{speaker}/{queue}/{start}"] = found
                said = f"{speaker}/{queue}/{start}: {found['test']:.1%}"
                print(said, file=sys.stderr, flush=True)
                if given.output is not None:
                    given.output.write_text(json.dumps(cells), encoding="utf-8")


def table(cells: Mapping[str, Any], given: argparse.Namespace) -> str:
    """Mean relative cut of WER by queue, and how often it beats chance in the same pair."""
    pairs = [(speaker, start) for speaker in given.speakers for start in range(1, given.starts + 1)]
    written = [
        "| queue | mean cut of WER | each speaker and start | better than chance | retention |",
        "|---|---|---|---|---|",
    ]
    for queue in (CHANCE, *given.queues):
        cuts, won, kept = [], 0, []
        for speaker, start in pairs:
            base, after = cells[f"{speaker}/base"], cells[f"{speaker}/{queue}/{start}"]
            cuts.append(1 - after["test"] / base["test"])
            won += after["test"] < cells[f"{speaker}/{CHANCE}/{start}"]["test"]
            kept.append(after["retention"] - base["retention"])
        each = " / ".join(f"{100 * cut:.0f}" for cut in cuts)
        written.append(
            f"| {queue} | {100 * statistics.mean(cuts):.0f} % | {each} | {won} of {len(pairs)} "
            f"| {100 * statistics.mean(kept):+.1f} points |"
        )
    return "\n".join(written)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--speakers", nargs="+", default=shipped.speakers())
    parser.add_argument("--queues", nargs="+", default=list(QUEUES), choices=QUEUES)
    parser.add_argument("--starts", type=int, default=1)
    parser.add_argument("--captured", type=int, default=200)
    parser.add_argument("--corrected", type=int, default=50)
    parser.add_argument("--output", type=Path, default=None)
    given = parser.parse_args(arguments)
    cells: dict[str, Any] = {}
    for speaker in given.speakers:
        measure(speaker, given, cells)
    print(table(cells, given))
    return 0


if __name__ == "__main__":
    sys.exit(main())
