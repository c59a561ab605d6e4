"""Recipe `table`: counts which letters a person's signs stand for, over a base table.

Read from top to bottom: options, then one run: start from the base, count each corrected message,
judge by the validation rows, write. It can be stopped after any message and goes on from there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from truing.domain.recipe import Example, RunContext, TrainingInput, TrainingResult
from truing_morse.media import ROLE
from truing_morse.metrics import LETTER_ERRORS
from truing_morse.table import Table, count, international, load, read, save

STATE = "state.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOptions:
    """What a person may set."""

    weight: float = field(
        default=3.0, metadata={"help": "what one corrected letter counts against one of the base"}
    )


class TableRecipe:
    """One pass of counting; every message is a step."""

    name = "table"
    summary = "counts which letters a person's signs stand for"
    options = TableOptions
    needs_base = False
    needs_packages: Mapping[str, str] = MappingProxyType({})

    def presets(
        self,
        examples: int,
        base: str | None,  # noqa: ARG002 - part of the contract
    ) -> Mapping[str, object]:
        """With few messages each one counts more, or habits would never show."""
        return {"weight": 6.0} if examples < 20 else {}

    def train(self, given: TrainingInput, context: RunContext) -> TrainingResult:
        """Counts, or goes on counting from the latest checkpoint, and writes the table."""
        table, done = _start(given, context)
        own, total = len(given.replay), len(given.replay) + len(given.train)
        for step in range(done, total):
            if context.should_stop():
                context.save_checkpoint(step, lambda folder: _remember(table, folder))
                return TrainingResult(finished=False, steps=step)
            row = given.train[step - own] if step >= own else given.replay[step]
            weight = given.options.weight if step >= own else 1.0
            used = count(table, _signal(row), row.truth, weight)
            context.report(step + 1, {"train_used": float(used)})
            context.progress(step + 1, total)
        figures = {"validation_ler": _judge(table, given.validation)} if given.validation else {}
        context.report(total, figures)
        save(table, given.output)
        return TrainingResult(finished=True, steps=total, figures=figures)


def _start(given: TrainingInput, context: RunContext) -> tuple[Table, int]:
    checkpoint = context.latest_checkpoint()
    if checkpoint is not None:
        step, folder = checkpoint
        context.log(f"going on from message {step}")
        return json.loads((folder / STATE).read_text(encoding="utf-8")), step
    return (load(Path(given.base)) if given.base else international()), 0


def _remember(table: Table, folder: Path) -> None:
    (folder / STATE).write_text(json.dumps(table), encoding="utf-8")


def _signal(example: Example) -> str:
    return example.media[ROLE].path.read_text(encoding="ascii")


def _judge(table: Table, rows: Sequence[Example]) -> float:
    scores = [LETTER_ERRORS.score(row.truth, read(table, _signal(row)).text) for row in rows]
    return sum(one.numerator for one in scores) / (sum(one.denominator for one in scores) or 1.0)
