"""What 10, 20, 50 and 100 corrections are worth: four speakers left out in turn.

Each speaker is learned by a shipped base model that never heard them, with the product's recipe and
presets, and judged with the product's recognizer and metric. Beside each figure stands a control:
the same training with the replayed speech alone, without anything of the person. What the control
gains comes from more training, not from knowing the person.

A speaker's takes are halved. From the later half come corrections: phrases of one to three digits.
From the earlier half comes the test: each recording once alone and once in a phrase of two or three
digits. Retention is the same from recordings of the base's own speakers that no model learned from.
A phrase and its recordings are resampled together.

    python benchmarks/personalisation.py [--speakers theo …] [--corrections 10 20 50 100]
        [--starts 2] [--output FILE] [--set OPTION=VALUE …]

With `--output`, each result is written as it is found, and the same command goes on where an
interrupted one stopped. About a quarter of a minute of one quiet core per training.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from truing.demo import shipped
from truing.domain.evaluation import RowScore
from truing.domain.recipe import Example, TrainingInput
from truing.loop.train import resolve_options
from truing.metrics.significance import cluster_sums
from truing.metrics.words import WER
from truing.modalities.speech.recipes.whisper import WhisperRecipe
from truing.modalities.speech.recognize import open_recognizer
from truing.testing.voices import PROTOCOL, Exam, material

RESAMPLES = 10_000
Draws = tuple[Any, Any]
"""Resampled cuts of WER, against the base and against the control."""
BUDGETS = {"cut": 0.66, "retention": 0.01}
"""At 50 corrections: mean relative cut of WER at least, WER of the others worse by at most."""


class Unwatched:
    """A run context that keeps nothing: the training is short and its figures are returned."""

    def report(self, step: int, metrics: Mapping[str, float]) -> None: ...
    def progress(self, done: int, total: int) -> None: ...
    def log(self, message: str) -> None: ...
    def should_stop(self) -> bool:
        return False

    def save_checkpoint(self, step: int, write: Callable[[Path], None]) -> None: ...
    def latest_checkpoint(self) -> tuple[int, Path] | None:
        return None


def train(
    base: str,
    rows: tuple[Sequence[Example], Sequence[Example]],
    options: Mapping[str, Any],
    seed: int,
    output: Path,
) -> float:
    """Trains on (train, replay) into `output`; returns CPU seconds."""
    recipe = WhisperRecipe()
    output.mkdir()
    started = time.process_time()
    recipe.train(
        TrainingInput(
            base=base,
            train=rows[0],
            validation=(),
            replay=rows[1],
            options=recipe.options(**options),
            seed=seed,
            output=output,
        ),
        Unwatched(),
    )
    return time.process_time() - started


def judge(model: str, exams: Mapping[str, Exam]) -> dict[str, list[list[float]]]:
    """Errors and words of each utterance, by exam."""
    recognizer = open_recognizer(model, {"text_only": True, "batch_size": 32})
    found: dict[str, list[list[float]]] = {}
    for name, one in exams.items():
        heard = recognizer.recognize_many([example.media for example in one.examples])
        scores = [
            WER.score(example.truth, said.text)
            for example, said in zip(one.examples, heard, strict=True)
        ]
        found[name] = [[score.numerator, score.denominator] for score in scores]
    recognizer.close()
    return found


class Results:
    """Cells by name, written to a file after each; a second run with the same file goes on."""

    def __init__(self, path: Path | None, settings: Mapping[str, object]) -> None:
        self._path = path
        self.cells: dict[str, Any] = {}
        self.clusters: dict[str, dict[str, Sequence[str]]] = {}
        self._settings = {"protocol": PROTOCOL, **settings}
        if path is not None and path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["settings"] != self._settings:
                raise SystemExit(f"error: {path} holds results of other settings\nhint: remove it")
            self.cells, self.clusters = found["cells"], found["clusters"]

    def of(self, name: str, make: Callable[[], dict[str, Any]]) -> None:
        """Makes a cell unless it is there."""
        if name in self.cells:
            return
        self.cells[name] = make()
        print(f"{name}: {_wer(self.cells[name]['test']):.1%}", file=sys.stderr, flush=True)
        self.save({})

    def save(self, summary: Mapping[str, object]) -> None:
        """Writes everything so far; a reader never sees half of it."""
        if self._path is None:
            return
        whole = {
            "benchmark": "personalisation",
            "settings": self._settings,
            **summary,
            "clusters": self.clusters,
            "cells": self.cells,
        }
        draft = self._path.with_suffix(".part")
        draft.write_text(json.dumps(whole), encoding="utf-8")
        draft.replace(self._path)


def _wer(scores: Sequence[Sequence[float]]) -> float:
    return sum(errors for errors, _ in scores) / sum(words for _, words in scores)


def measure(
    speaker: str, counts: Sequence[int], starts: int, chosen: Mapping[str, str], results: Results
) -> None:
    """All cells of one speaker: the base, and per start the controls and the trained models."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        given = material(speaker, folder / "speech", max(counts))
        exams = {"test": given.test, "retention": given.retention}
        results.clusters[speaker] = {name: list(one.clusters) for name, one in exams.items()}
        results.of(f"{speaker}/base", lambda: judge(given.base, exams))

        def cell(
            rows: tuple[Sequence[Example], Sequence[Example]],
            options: Mapping[str, Any],
            start: int,
        ) -> dict[str, Any]:
            output = Path(tempfile.mkdtemp(dir=folder)) / "model"
            seconds = train(given.base, rows, options, start, output)
            return {"cpu_seconds": seconds, **judge(str(output), exams)}

        for start in range(1, starts + 1):
            spoken = given.corrections(start)
            for count in counts:
                options = resolve_options(WhisperRecipe(), count, given.base, chosen)
                personal = (spoken[:count], given.replay)
                control = control_name(speaker, options, start)
                results.of(
                    f"{speaker}/{count}/{start}",
                    lambda rows=personal, options=options, start=start, control=control: {
                        **cell(rows, options, start),
                        "control": control,
                    },
                )
                # The same options and so the same steps: the control differs in the data alone.
                results.of(
                    control,
                    lambda options=options, start=start: cell((given.replay, ()), options, start),
                )


def control_name(speaker: str, options: Mapping[str, Any], start: int) -> str:
    """Counts that train by the same options share one control."""
    usual = asdict(WhisperRecipe.options())
    chosen = {name: value for name, value in options.items() if value != usual[name]}
    digest = hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()
    return f"{speaker}/control-{digest[:8]}/{start}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of the table: one or all speakers at one number of corrections; rates are shares."""

    speaker: str
    corrections: int
    base: float
    after: Sequence[float]
    control: Sequence[float]
    cut: float
    """Mean relative cut of WER against the base, over starts."""
    cut_interval: tuple[float, float]
    cut_control: float
    cut_control_interval: tuple[float, float]
    retention_before: float
    """WER of the base's own speakers; so is the next."""
    retention_after: Sequence[float]
    cpu_seconds: float


def lines(results: Results, speakers: Sequence[str], counts: Sequence[int]) -> list[Line]:
    """Per count each speaker of whom something was found, then their mean."""
    found: list[Line] = []
    for count in counts:
        pairs = [made for speaker in speakers if (made := _line(results, speaker, count))]
        found += [line for line, _ in pairs]
        if len(pairs) > 1:
            found.append(_mean(count, [line for line, _ in pairs], [draws for _, draws in pairs]))
    return found


def _line(results: Results, speaker: str, count: int) -> tuple[Line, Draws] | None:
    """A row of the table and the resampled cuts beneath its intervals."""
    cells, prefix = results.cells, f"{speaker}/{count}/"
    after = [cells[name] for name in sorted(cells) if name.startswith(prefix)]
    after = [one for one in after if one["control"] in cells]
    if not after:
        return None
    before, control = cells[f"{speaker}/base"], [cells[one["control"]] for one in after]
    clusters = results.clusters[speaker]["test"]

    def sums(parts: Sequence[Mapping[str, Any]]) -> Any:
        """Errors, averaged over starts, and words of each cluster."""
        each = [[RowScore(*pair) for pair in part["test"]] for part in parts]
        return sum(cluster_sums(clusters, scores) for scores in each) / len(each)

    columns = [sums(parts)[:, 0] for parts in ([before], after, control)]
    rng = np.random.default_rng(0)
    errors = np.stack(columns, axis=1)
    drawn = errors[rng.integers(0, len(errors), size=(RESAMPLES, len(errors)))].sum(axis=1)
    old, new, beside = errors.sum(axis=0)
    draws = (1 - drawn[:, 1] / drawn[:, 0], 1 - drawn[:, 1] / drawn[:, 2])
    line = Line(
        speaker=speaker,
        corrections=count,
        base=_wer(before["test"]),
        after=[_wer(one["test"]) for one in after],
        control=[_wer(one["test"]) for one in control],
        cut=float(1 - new / old),
        cut_interval=_middle(draws[0]),
        cut_control=float(1 - new / beside),
        cut_control_interval=_middle(draws[1]),
        retention_before=_wer(before["retention"]),
        retention_after=[_wer(one["retention"]) for one in after],
        cpu_seconds=statistics.mean(one["cpu_seconds"] for one in after),
    )
    return line, draws


def _middle(draws: Any) -> tuple[float, float]:
    low, high = np.quantile(draws, (0.025, 0.975))
    return float(low), float(high)


def _mean(count: int, rows: Sequence[Line], draws: Sequence[Draws]) -> Line:
    """Speakers count equally; each is resampled by itself."""

    def over(value: Callable[[Line], float]) -> float:
        return statistics.mean(value(row) for row in rows)

    return Line(
        speaker="mean",
        corrections=count,
        base=over(lambda row: row.base),
        after=[over(lambda row: statistics.mean(row.after))],
        control=[over(lambda row: statistics.mean(row.control))],
        cut=over(lambda row: row.cut),
        cut_interval=_middle(sum(first for first, _ in draws) / len(draws)),
        cut_control=over(lambda row: row.cut_control),
        cut_control_interval=_middle(sum(second for _, second in draws) / len(draws)),
        retention_before=over(lambda row: row.retention_before),
        retention_after=[over(lambda row: statistics.mean(row.retention_after))],
        cpu_seconds=over(lambda row: row.cpu_seconds),
    )


def table(rows: Sequence[Line]) -> str:
    """Rates in percent, as a Markdown table."""

    def percents(values: Sequence[float]) -> str:
        return " / ".join(f"{100 * value:.1f}" for value in values)

    def cut(value: float, ends: tuple[float, float]) -> str:
        return f"{100 * value:.0f} % ({100 * ends[0]:.0f} to {100 * ends[1]:.0f})"

    head = (
        "corrections", "speaker", "base WER", "after", "cut against base", "control",
        "cut against control", "retention before", "after", "CPU s",
    )  # fmt: skip
    written = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        values = (
            str(row.corrections), row.speaker, percents([row.base]), percents(row.after),
            cut(row.cut, row.cut_interval), percents(row.control),
            cut(row.cut_control, row.cut_control_interval), percents([row.retention_before]),
            percents(row.retention_after), f"{row.cpu_seconds:.1f}",
        )  # fmt: skip
        written.append("| " + " | ".join(values) + " |")
    return "\n".join(written)


def met(rows: Sequence[Line]) -> bool | None:
    """Whether 50 corrections keep the budgets; None when they were not measured."""
    fifty = [row for row in rows if row.corrections == 50]
    if not fifty:
        return None
    worst = max(statistics.mean(row.retention_after) - row.retention_before for row in fifty)
    return fifty[-1].cut >= BUDGETS["cut"] and worst <= BUDGETS["retention"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; 1 when the budgets are not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--speakers", nargs="+", default=shipped.speakers())
    parser.add_argument("--corrections", nargs="+", type=int, default=[10, 20, 50, 100])
    parser.add_argument("--starts", type=int, default=2)
    parser.add_argument("--output", type=Path, default=None)
    parser.add_argument("--set", nargs="+", default=[], metavar="OPTION=VALUE")
    given = parser.parse_args(arguments)
    chosen = dict(one.split("=", 1) for one in given.set)
    results = Results(given.output, {"options": chosen, "most": max(given.corrections)})
    for speaker in given.speakers:
        measure(speaker, given.corrections, given.starts, chosen, results)
    rows = lines(results, given.speakers, given.corrections)
    summary = {"budgets": BUDGETS, "met": met(rows), "lines": [asdict(row) for row in rows]}
    results.save(summary)
    print(table(rows))
    return 1 if summary["met"] is False else 0


if __name__ == "__main__":
    sys.exit(main())
