"""A run's context for tests of recipes: keeps what it is told, and checkpoints in a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from truing.domain.recipe import Glimpse


@dataclass
class FolderContext:
    """A `RunContext` that asks to stop before step `stop_at`."""

    folder: Path
    stop_at: int | None = None
    reports: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    done: tuple[int, int] = (0, 0)
    shown: dict[int, list[Glimpse]] = field(default_factory=dict)
    shortages: int = 0

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        """See `RunContext.report`."""
        self.reports.append((step, dict(metrics)))

    def progress(self, done: int, total: int) -> None:
        """See `RunContext.progress`."""
        self.done = (done, total)

    def log(self, message: str) -> None:
        """See `RunContext.log`."""
        self.lines.append(message)

    def should_stop(self) -> bool:
        """See `RunContext.should_stop`."""
        return self.stop_at is not None and self.done[0] >= self.stop_at

    def save_checkpoint(self, step: int, write: Callable[[Path], None]) -> None:
        """See `RunContext.save_checkpoint`; nothing is sealed."""
        target = self.folder / f"{step:06d}"
        target.mkdir(parents=True, exist_ok=True)
        write(target)

    def latest_checkpoint(self) -> tuple[int, Path] | None:
        """See `RunContext.latest_checkpoint`."""
        found = sorted(self.folder.glob("*")) if self.folder.exists() else []
        return (int(found[-1].name), found[-1]) if found else None

    def memory_shortages(self) -> int:
        """See `KnowsShortages.memory_shortages`."""
        return self.shortages

    def show(self, step: int, glimpses: Sequence[Glimpse]) -> None:
        """Keeps the pictures of a step."""
        self.shown[step] = list(glimpses)

    def values(self, name: str) -> list[float]:
        """The figures of that name, in the order they were reported."""
        return [metrics[name] for _, metrics in self.reports if name in metrics]
