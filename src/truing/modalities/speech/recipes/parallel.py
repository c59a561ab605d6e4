"""Several processes for one run, one per GPU: each takes its share of every batch.

The worker is the first of them and starts the others. All hold the same weights and walk through
the same steps; each computes the gradient of its rows, the gradients are added up, weighted by
tokens, and every process makes the same update. What a step learns is therefore what one process
would learn from the same batch, up to the order of additions; dropout falls on other places. Only
the first process reports, validates, saves checkpoints and is asked whether to stop.

The processes talk over the loopback interface alone, and find each other through a file.

*Known trade-offs*: a process that runs out of memory ends the run, batches are not cut smaller; a
GPU process that dies in silence is noticed after `PATIENCE`. The examples lie as JSON in a private
temporary folder while the run goes on.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from truing.domain.errors import RunFailedError, SettingError, TruingError
from truing.domain.recipe import (
    Example,
    MediaFile,
    Recipe,
    RunContext,
    TrainingInput,
    TrainingResult,
)
from truing.modalities.speech.recipes.transcripts import IGNORED
from truing.platform.processes import end_now, start_detached
from truing.platform.system import MACOS

PATIENCE = timedelta(hours=2)
"""How long a process waits for the others: longer than a validation takes."""
PARTS = ("train", "validation", "replay")

Check = Callable[[], dict[str, float]]
Write = Callable[[Path], None]


class Trains(Protocol):
    """What is needed of a recipe."""

    def train(self, given: TrainingInput, context: RunContext) -> TrainingResult:
        """See `Recipe.train`."""


class Team:
    """The processes of one run, as one of them sees it.

    Args:
        rank: which one this is, from 0.
        size: how many there are.
    """

    def __init__(self, rank: int, size: int) -> None:
        self.rank = rank
        self.size = size
        self._own = self._all = 0

    def share(self, batches: Callable[[int], Sequence[Any]]) -> Callable[[int], Sequence[Any]]:
        """The same batches with the rows of this process only."""

        def own(step: int) -> list[Any]:
            whole = batches(step)
            mine = [tuple(tensor[self.rank :: self.size] for tensor in one) for one in whole]
            self._own, self._all = _tokens(mine), _tokens(whole)
            return [one for one in mine if len(one[0])]

        return own

    def gather(self, model: Any, loss: float) -> float:
        """Adds up the gradients of all processes in place; returns the loss of the whole step."""
        import torch
        import torch.distributed as dist

        weight = self._own / self._all
        for parameter in model.parameters():
            if parameter.requires_grad:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                parameter.grad.mul_(weight)
                dist.all_reduce(parameter.grad)
        total = torch.tensor(loss * weight, dtype=torch.float64, device=_meeting_place())
        dist.all_reduce(total)
        return float(total.item())

    def once(self, check: Check | None) -> Check | None:
        """A look at the model that the first process takes for all."""
        if check is None:
            return None
        look = check
        return lambda: dict(self.told(look() if self.rank == 0 else None))

    def told(self, value: Any) -> Any:
        """What the first process says, as JSON keeps it."""
        import torch
        import torch.distributed as dist

        place = _meeting_place()
        said = torch.tensor(list(json.dumps(value).encode()), dtype=torch.uint8, device=place)
        size = torch.tensor(len(said), device=place)
        dist.broadcast(size, src=0)
        if self.rank:
            said = torch.empty(int(size.item()), dtype=torch.uint8, device=place)
        dist.broadcast(said, src=0)
        return json.loads(bytes(said.tolist()))


def _tokens(batches: Sequence[Any]) -> int:
    return sum(int((labels != IGNORED).sum()) for _, _, labels in batches)


def _meeting_place() -> Any:
    """The device on which the processes exchange small things."""
    import torch
    import torch.distributed as dist

    return torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")


class TeamContext:
    """The run's context in each process; only the first one has a real one behind it.

    Args:
        team: the processes.
        context: None in all but the first.
    """

    def __init__(self, team: Team, context: RunContext | None) -> None:
        self.team = team
        self._context = context

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        """See `RunContext`."""
        if self._context is not None:
            self._context.report(step, metrics)

    def progress(self, done: int, total: int) -> None:
        """See `RunContext`."""
        if self._context is not None:
            self._context.progress(done, total)

    def log(self, message: str) -> None:
        """See `RunContext`."""
        if self._context is not None:
            self._context.log(message)

    def should_stop(self) -> bool:
        """See `RunContext`; all processes hear the same."""
        asked = self._context is not None and self._context.should_stop()
        return bool(self.team.told(asked))

    def save_checkpoint(self, step: int, write: Write) -> None:
        """See `RunContext`; all processes are at the same, one writes it."""
        if self._context is not None:
            self._context.save_checkpoint(step, write)

    def latest_checkpoint(self) -> tuple[int, Path] | None:
        """See `RunContext`; found by the first, read by all."""
        found = self._context.latest_checkpoint() if self._context is not None else None
        told = self.team.told(None if found is None else (found[0], str(found[1])))
        return None if told is None else (told[0], Path(told[1]))


# --- the first process --------------------------------------------------------------------------


def lead(
    recipe: Trains, given: TrainingInput, context: RunContext, processes: int
) -> TrainingResult:
    """Trains with several processes, of which this is the first.

    Raises:
        SettingError: there are fewer GPUs than processes.
        RunFailedError: another process ended early.
        TruingError: whatever the recipe could not do.
    """
    cuda = _on_gpus(given.options.device, processes)
    with tempfile.TemporaryDirectory(prefix="truing-team-") as place:
        folder = Path(place)
        _write_order(folder, recipe, given, processes, cuda=cuda)
        others = [
            start_detached(
                [sys.executable, "-P", "-m", __name__, place, str(rank)],
                log=folder / f"{rank}.log",
            )
            for rank in range(1, processes)
        ]
        context.log(f"{processes} processes share each batch.")
        try:
            with _joined(folder, 0, processes, cuda=cuda) as team:
                return recipe.train(given, TeamContext(team, context))
        except RuntimeError as error:
            raise _ended_early(folder, error) from error
        finally:
            for other in others:
                if other.poll() is None:
                    _see_off(other)


def _see_off(process: Any) -> None:
    import subprocess

    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        end_now(process.pid)
        process.wait()


def _on_gpus(device: str, processes: int) -> bool:
    """Whether the processes take a GPU each."""
    import torch

    if device not in ("auto", "cpu", "cuda"):
        raise SettingError(
            f"{processes} processes cannot share the device `{device}`.",
            hint="Set `device` to auto, cuda or cpu, or `processes` to 1.",
        )
    there = torch.cuda.device_count() if device != "cpu" else 0
    if device == "cuda" or there:
        if there < processes:
            raise SettingError(
                f"There are {there} GPUs for {processes} processes.",
                hint=f"Set `processes` to at most {max(1, there)}.",
            )
        return True
    return False


def _ended_early(folder: Path, error: RuntimeError) -> RunFailedError:
    """What the others said, the last line of each: an error without any transcript."""
    said = []
    for log in sorted(folder.glob("*.log")):
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
        said += [f"process {log.stem}: {line[:200]}" for line in lines if line.startswith("error:")]
    why = "; ".join(said) or f"{type(error).__name__}: {str(error)[:200]}"
    return RunFailedError(
        f"The processes of the run lost each other: {why}",
        hint="Set `processes` to 1, or lower `batch_size` if memory was short.",
    )


def _write_order(
    folder: Path, recipe: Trains, given: TrainingInput, processes: int, *, cuda: bool
) -> None:
    """What the other processes need to do the same."""
    order = {
        "recipe": f"{type(recipe).__module__}:{type(recipe).__qualname__}",
        "base": given.base,
        "options": asdict(given.options),
        "seed": given.seed,
        "processes": processes,
        "cuda": cuda,
    }
    for name in PARTS:
        rows = getattr(given, name)
        with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as stream:
            for index in range(len(rows)):
                one = rows[index]
                media = {
                    role: [str(file.path.absolute()), file.start, file.end]
                    for role, file in one.media.items()
                }
                row = [one.uid, media, one.truth, one.subject, dict(one.inputs)]
                stream.write(json.dumps(row) + "\n")
    (folder / "order.json").write_text(json.dumps(order), encoding="utf-8")


@contextmanager
def _joined(folder: Path, rank: int, size: int, *, cuda: bool) -> Iterator[Team]:
    """The process group, for as long as the run lasts."""
    import os

    import torch
    import torch.distributed as dist

    loopback = "lo0" if MACOS else "lo"
    kept = {name: os.environ.get(name) for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")}
    os.environ.update(dict.fromkeys(kept, loopback))
    if cuda:
        torch.cuda.set_device(rank)
    try:
        dist.init_process_group(
            "nccl" if cuda else "gloo",
            store=dist.FileStore(str(folder / "meeting"), size),
            rank=rank,
            world_size=size,
            timeout=PATIENCE,
        )
        yield Team(rank, size)
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


# --- the others ---------------------------------------------------------------------------------


def follow(folder: Path, rank: int) -> None:
    """Does in another process what the first one does, without a word."""
    order = json.loads((folder / "order.json").read_text(encoding="utf-8"))
    module, _, name = order["recipe"].partition(":")
    recipe: Recipe = getattr(importlib.import_module(module), name)()
    output = folder / f"{rank}-model"
    output.mkdir()
    given = TrainingInput(
        base=order["base"],
        **{part: _examples(folder / f"{part}.jsonl") for part in PARTS},
        options=recipe.options(**order["options"]),
        seed=order["seed"],
        output=output,
    )
    with _joined(folder, rank, order["processes"], cuda=order["cuda"]) as team:
        recipe.train(given, TeamContext(team, None))


def _examples(path: Path) -> list[Example]:
    found = []
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            uid, media, truth, subject, inputs = json.loads(line)
            files = {
                role: MediaFile(path=Path(file), start=start, end=end)
                for role, (file, start, end) in media.items()
            }
            found.append(Example(uid=uid, media=files, truth=truth, subject=subject, inputs=inputs))
    return found


def main(words: Sequence[str]) -> int:
    """`python -m …parallel FOLDER RANK`: Truing calls it itself."""
    try:
        follow(Path(words[0]), int(words[1]))
    except (TruingError, RuntimeError, OSError, MemoryError) as error:
        sys.stderr.write(f"error: {type(error).__name__}: {' '.join(str(error).split())[:300]}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
