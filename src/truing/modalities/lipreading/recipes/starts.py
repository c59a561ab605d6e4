"""Several networks in one run, one after the other, each from its own seed, resumable anywhere.

Every checkpoint holds, beside what `descent.py` puts there, the networks of the starts before it
and `starts.json`. Where one start ends and the next begins there is a checkpoint of finished
networks only: a crash never costs more than within one start.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from truing.domain.errors import ConflictError, DamagedError
from truing.domain.recipe import RunContext
from truing.modalities.lipreading.recipes.checkpoints import Tensors

STATE = "starts.json"


class Starts:
    """The starts of a run: those that are finished, restored where the run goes on, and the next.

    Args:
        context: of the whole run.
        count: how many networks there shall be.
        steps: of each of them, at most.
        identity: must be equal for a checkpoint to be resumed.

    Raises:
        ConflictError: the checkpoint belongs to a run with other settings or data.
        DamagedError: it cannot be read.
    """

    def __init__(
        self, context: RunContext, *, count: int, steps: int, identity: Mapping[str, Any]
    ) -> None:
        self._context, self._identity = context, identity
        self.count, self.steps = count, steps
        self.finished: list[Tensors] = []
        """Weights of the networks that are done."""
        self.figures: list[dict[str, float]] = []
        """What each of them came to."""
        self.found = context.latest_checkpoint()
        """Where the run goes on."""
        if self.found is not None:
            self._restore(*self.found)
        self.first = self.number
        """The start that it goes on with."""

    @property
    def number(self) -> int:
        """Of the start that is next, or under way, from 0."""
        return len(self.finished)

    @property
    def before(self) -> int:
        """Steps of the run that lie before this start."""
        return self.number * self.steps

    def context(self) -> RunContext:
        """The context of the start that is next: its steps are counted from 0."""
        return _OneStart(self._context, self)

    def finish(self, tensors: Tensors, figures: Mapping[str, float]) -> None:
        """Keeps the network of this start; the next is one further."""
        self.finished.append(tensors)
        self.figures.append(dict(figures))
        if self.number < self.count:
            self._context.save_checkpoint(self.before, self.write)

    def write(self, folder: Path) -> None:
        """Adds the finished networks to a checkpoint's folder."""
        from safetensors.torch import save_file

        for number, tensors in enumerate(self.finished, 1):
            save_file(tensors, folder / _file(number))
        state = {"identity": self._identity, "figures": self.figures}
        (folder / STATE).write_text(json.dumps(state, sort_keys=True), encoding="utf-8")

    def _restore(self, step: int, folder: Path) -> None:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            state = json.loads((folder / STATE).read_text(encoding="utf-8"))
            self.figures = list(state["figures"])
            self.finished = [
                load_file(folder / _file(number)) for number in range(1, len(self.figures) + 1)
            ]
            identity = state["identity"]
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise DamagedError(
                f"The checkpoint `{folder}` cannot be read: {error}",
                hint="Remove it; the run resumes from the one before.",
            ) from error
        if identity != self._identity:
            raise ConflictError(
                f"The checkpoint of step {step} belongs to other settings or data.",
                hint="Start a new run instead of resuming this one.",
            )
        if self.finished:
            self._context.log(f"{self.number} of {self.count} starts are finished.")


class _OneStart:
    """A `RunContext` for one of several starts."""

    def __init__(self, context: RunContext, starts: Starts) -> None:
        self._context, self._starts = context, starts
        self._before = starts.before

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        self._context.report(self._before + step, metrics)

    def progress(self, done: int, total: int) -> None:
        self._context.progress(self._before + done, total * self._starts.count)

    def log(self, message: str) -> None:
        self._context.log(message)

    def should_stop(self) -> bool:
        return self._context.should_stop()

    def save_checkpoint(self, step: int, write: Callable[[Path], None]) -> None:
        def fill(folder: Path) -> None:
            write(folder)
            self._starts.write(folder)

        self._context.save_checkpoint(self._before + step, fill)

    def latest_checkpoint(self) -> tuple[int, Path] | None:
        """The checkpoint that the run goes on from, where it lies within this start."""
        found = self._starts.found
        if found is None or self._starts.number != self._starts.first:
            return None
        step, folder = found
        between = not (folder / "state.json").exists()
        return None if between else (step - self._before, folder)


def _file(number: int) -> str:
    return f"finished-{number}.safetensors"
