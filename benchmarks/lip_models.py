"""How well the lip-reading recipes read one speaker: same clips, same test, no alignments there.

The GRID clips of a speaker are split by the first four letters of their names, which tie together
sentences that share four words: 150 to test, 98 to validate, the others to train. Each recipe is
trained as a person would train it, and judged with the product's recogniser on videos alone.

    python benchmarks/lip_models.py --data FOLDER [--output FOLDER] [--starts 3] [--recipes …]
        [--curve] [--active] [--vocabulary characters] [--effort quick|standard|long]
        [--set OPTION=VALUE …] [--sizes 25 50 …]

`FOLDER` holds `mouth/*.mp4` and `align/*.align`. With `--output` each finished run is one JSON file
there; the same command goes on where an interrupted one stopped. `--curve` trains on ever more
clips, drawn at random; `--active` lets each model choose the next clips, those it doubts most, as
the review queue does. `--vocabulary characters` reads without a grammar. Ends with 1 when
`visual-tcn` reads less than 0.87 of the words, or takes more than 900 CPU seconds for each start of
its networks (`--set starts=3`), in the mean.
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from truing.domain.grammar import GRID, prefix_of, sentence_of
from truing.domain.prediction import Recognition
from truing.domain.recipe import Example, MediaFile, TrainingInput
from truing.loop.train import resolve_options
from truing.metrics.informativeness import uncertainty
from truing.metrics.significance import bootstrap_interval, cluster_sums
from truing.metrics.words import SENTENCE, WER, rate
from truing.modalities.lipreading.recipes import RECIPES
from truing.modalities.lipreading.recognize import open_recognizer

TEST, VALIDATION, SPLIT_SEED = 150, 98, 7
SIZES = (25, 50, 100, 200, 400, 600)
BUDGET = {"words": 0.87, "cpu_seconds": 900.0}


class Unwatched:
    """A run context that keeps nothing but the time at which each epoch was validated."""

    def report(self, step: int, metrics: Mapping[str, float]) -> None: ...
    def progress(self, done: int, total: int) -> None: ...
    def log(self, message: str) -> None:
        print(f"    {message}", file=sys.stderr)

    def should_stop(self) -> bool:
        return False

    def save_checkpoint(self, step: int, write: Callable[[Path], None]) -> None: ...
    def latest_checkpoint(self) -> tuple[int, Path] | None:
        return None


@dataclass(frozen=True)
class Split:
    """Names of clips."""

    train: list[str]
    validation: list[str]
    test: list[str]


def split(folder: Path) -> Split:
    """Whole prefix groups: to test until it is full, then to validation, then to train."""
    names = sorted(path.stem for path in (folder / "mouth").glob("*.mp4"))
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(prefix_of(name), []).append(name)
    order = sorted(groups)
    random.Random(SPLIT_SEED).shuffle(order)
    parts: list[list[str]] = [[], [], []]
    for prefix in order:
        group = groups[prefix]
        place = next(
            (i for i, most in enumerate((TEST, VALIDATION)) if len(parts[i]) + len(group) <= most),
            2,
        )
        parts[place] += group
    return Split(test=parts[0], validation=parts[1], train=parts[2])


def example(folder: Path, name: str, *, aligned: bool) -> Example:
    """One clip; without its alignment as a webcam gives it."""
    media = {"video": MediaFile(path=folder / "mouth" / f"{name}.mp4")}
    if aligned:
        media["alignment"] = MediaFile(path=folder / "align" / f"{name}.align")
    return Example(uid=name, media=media, truth=sentence_of(name), subject="s1")


@dataclass
class Bench:
    """The data, the settings, and the runs that are finished."""

    data: Path
    output: Path
    parts: Split
    settings: Mapping[str, Any]

    def run(self, name: str, recipe: str, seed: int, train: Sequence[str]) -> dict[str, Any]:
        """Trains on these clips and tests, unless it was done before."""
        file = self.output / f"{name}.json"
        asked = {"recipe": recipe, "seed": seed, "settings": self.settings, "train": sorted(train)}
        if file.exists():
            found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            if found["asked"] != asked:
                raise SystemExit(
                    f"error: {file} holds a run of other settings\nhint: remove it, or give "
                    "another --output"
                )
            return found
        print(f"{name}: {len(train)} clips", file=sys.stderr)
        found = {"asked": asked, **self._trained(name, recipe, seed, train)}
        file.write_text(json.dumps(found, indent=1), encoding="utf-8")
        print(f"    {brief(found)}", file=sys.stderr)
        return found

    def _trained(self, name: str, recipe: str, seed: int, train: Sequence[str]) -> dict[str, Any]:
        module, _, attribute = RECIPES[recipe].partition(":")
        trainer = getattr(importlib.import_module(module), attribute)()
        folder = self.output / "models" / name
        with tempfile.TemporaryDirectory() as scratch:
            started = time.process_time()
            result = trainer.train(
                TrainingInput(
                    base=None,
                    train=[example(self.data, one, aligned=True) for one in train],
                    validation=[
                        example(self.data, one, aligned=True) for one in self.parts.validation
                    ],
                    replay=(),
                    options=self._options(trainer, len(train)),
                    seed=seed,
                    output=Path(scratch),
                ),
                Unwatched(),
            )
            spent = time.process_time() - started
            folder.parent.mkdir(parents=True, exist_ok=True)
            if not folder.exists():
                Path(scratch).rename(folder)
                Path(scratch).mkdir()
        said, reading = self.read(name, self.parts.test)
        return {
            "cpu_seconds": round(spent, 1),
            "cpu_seconds_per_clip_read": round(reading / len(said), 4),
            "figures": dict(result.figures),
            **judged(self.parts.test, said),
        }

    def _options(self, trainer: Any, clips: int) -> Any:
        own = trainer.options.__dataclass_fields__
        told = {key: value for key, value in self.settings.items() if key in own}
        return trainer.options(**resolve_options(trainer, clips, None, told))

    def read(self, name: str, clips: Sequence[str]) -> tuple[list[Recognition], float]:
        """What the model of a run says of clips without their alignments, and CPU seconds."""
        recognizer: Any = open_recognizer(str(self.output / "models" / name), {})
        media = [example(self.data, one, aligned=False).media for one in clips]
        started = time.process_time()
        said = list(recognizer.recognize_many(media))
        spent = time.process_time() - started
        recognizer.close()
        return said, spent


def judged(names: Sequence[str], said: Sequence[Recognition]) -> dict[str, Any]:
    """Words, sentences and slots that were read right, with 95 % over prefix groups."""
    truths = [sentence_of(name) for name in names]
    groups = [prefix_of(name) for name in names]
    pairs = list(zip(truths, (one.text for one in said), strict=True))
    words = [WER.score(*pair) for pair in pairs]
    whole = [SENTENCE.score(*pair) for pair in pairs]
    errors = bootstrap_interval(cluster_sums(groups, words), seed=0)
    slots = {
        slot.name: statistics.fmean(
            truth.split()[i : i + 1] == text.split()[i : i + 1] for truth, text in pairs
        )
        for i, slot in enumerate(GRID.slots)
    }
    return {
        "words": 1.0 - rate(words),
        "words_low": 1.0 - errors.high if errors else None,
        "words_high": 1.0 - errors.low if errors else None,
        "sentences": rate(whole),
        "slots": slots,
        "rows": [
            {"clip": name, "text": one.text, "confidence": one.confidence}
            for name, one in zip(names, said, strict=True)
        ],
    }


def shuffled(names: Sequence[str], seed: int) -> list[str]:
    """Clips in an order of whole prefix groups, as they would be recorded."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(prefix_of(name), []).append(name)
    order = sorted(groups)
    random.Random(seed).shuffle(order)
    return [name for prefix in order for name in groups[prefix]]


def curve(bench: Bench, recipe: str, seed: int, sizes: Sequence[int]) -> None:
    """Ever more clips of one random order."""
    order = shuffled(bench.parts.train, seed)
    for size in sizes:
        bench.run(f"curve-{recipe}-{size}-{seed}", recipe, seed, order[:size])


def active(bench: Bench, seed: int, sizes: Sequence[int]) -> None:
    """From the curve's smallest model on, each model chooses the clips that it doubts most."""
    recipe = "visual-tcn"
    chosen = shuffled(bench.parts.train, seed)[: sizes[0]]
    last = f"curve-{recipe}-{sizes[0]}-{seed}"
    bench.run(last, recipe, seed, chosen)
    for size in sizes[1:]:
        rest = [name for name in bench.parts.train if name not in set(chosen)]
        if size >= len(bench.parts.train):
            break  # nothing is left to choose
        name = f"active-{recipe}-{size}-{seed}"
        if not (bench.output / f"{name}.json").exists():
            said, _ = bench.read(last, rest)
            doubts = {one: doubt(found) for one, found in zip(rest, said, strict=True)}
            picked = sorted(rest, key=lambda one: (-doubts[one], one))[: size - len(chosen)]
            chosen = [*chosen, *picked]
        else:
            done = json.loads((bench.output / f"{name}.json").read_text(encoding="utf-8"))
            chosen = list(done["asked"]["train"])
        bench.run(name, recipe, seed, chosen)
        last = name


def doubt(said: Recognition) -> float:
    """How much the review queue expects of correcting this."""
    found = uncertainty(SimpleNamespace(raw=SimpleNamespace(recognition=said)))  # type: ignore[arg-type]
    return 1.0 if found is None else found


def brief(run: Mapping[str, Any]) -> str:
    """One line of figures."""
    slots = " ".join(f"{name} {value:.2f}" for name, value in run["slots"].items())
    low, high = run["words_low"], run["words_high"]
    return (
        f"words {run['words']:.3f} ({low:.3f} to {high:.3f}), sentences {run['sentences']:.3f}, "
        f"{slots}; {run['cpu_seconds']:.0f} CPU s to train"
    )


def summary(output: Path) -> dict[str, Any]:
    """All runs in the folder: the mean over starts, each start, and the slots."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for file in sorted(output.glob("*.json")):
        kinds.setdefault(file.stem.rpartition("-")[0], []).append(
            json.loads(file.read_text(encoding="utf-8"))
        )
    return {
        kind: {
            "clips": len(runs[0]["asked"]["train"]),
            "words": round(statistics.fmean(run["words"] for run in runs), 4),
            "words_each": [round(run["words"], 4) for run in runs],
            "words_interval": [[round(run[f"words_{end}"], 3) for end in ("low", "high")]
                               for run in runs],
            "sentences": round(statistics.fmean(run["sentences"] for run in runs), 4),
            "slots": {
                slot: round(statistics.fmean(run["slots"][slot] for run in runs), 3)
                for slot in runs[0]["slots"]
            },
            "cpu_seconds": round(statistics.fmean(run["cpu_seconds"] for run in runs), 1),
        }
        for kind, runs in kinds.items()
    }  # fmt: skip


def value_of(text: str) -> tuple[str, str]:
    """`OPTION=VALUE`."""
    name, found, value = text.partition("=")
    if not found:
        raise argparse.ArgumentTypeError(f"`{text}` is not OPTION=VALUE")
    return name, value


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--recipes", nargs="+", default=["pixel-ridge", "visual-tcn"])
    parser.add_argument("--starts", type=int, default=1)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--curve", action="store_true")
    parser.add_argument("--active", action="store_true")
    parser.add_argument("--vocabulary", default="auto")
    parser.add_argument("--effort", default="standard")
    parser.add_argument("--set", type=value_of, action="append", default=[], dest="options")
    asked = parser.parse_args()
    output = asked.output or Path(tempfile.mkdtemp())
    output.mkdir(parents=True, exist_ok=True)
    settings = {
        "vocabulary": asked.vocabulary, "effort": asked.effort, **dict(asked.options)
    }  # fmt: skip
    bench = Bench(data=asked.data, output=output, parts=split(asked.data), settings=settings)
    for seed in range(1, asked.starts + 1):
        if asked.curve or asked.active:
            for recipe in asked.recipes if asked.curve else ():
                curve(bench, recipe, seed, asked.sizes)
            if asked.active:
                active(bench, seed, asked.sizes)
            continue
        for recipe in asked.recipes:
            bench.run(f"whole-{recipe}-{seed}", recipe, seed, bench.parts.train)
    found = summary(output)
    print(json.dumps(found, indent=2))
    whole = found.get("whole-visual-tcn")
    if whole is None or asked.vocabulary not in ("auto", "grammar"):
        return 0
    most = BUDGET["cpu_seconds"] * int(settings.get("starts", 1))
    kept = whole["words"] >= BUDGET["words"] and whole["cpu_seconds"] <= most
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
