"""The figures of a run as event files that TensorBoard reads, where `tensorboardX` is installed.

tensorboardX writes TensorBoard's format and needs neither TensorBoard nor TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from truing.domain.clock import MICROSECONDS
from truing.domain.run import MetricPoint


def available() -> bool:
    """Whether event files can be written."""
    return find_spec("tensorboardX") is not None


class EventFiles:
    """Appends figures to an event file, begun with the first of them.

    Every attempt of a run writes a file of its own. It says from which step on those of earlier
    attempts no longer count, so that TensorBoard drops them.

    Args:
        folder: made when it is needed.
        attempt: keeps the file names of attempts apart.
        say: told once when the files cannot be written; the run goes on without them.
    """

    __slots__ = ("_attempt", "_folder", "_say", "_writer")

    def __init__(self, folder: Path, attempt: int, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._attempt = attempt
        self._say = say
        self._writer: Any = None

    def show(self, points: Sequence[MetricPoint]) -> None:
        """Writes figures; they are on disk when it returns."""
        if not points or self._writer is _BROKEN:
            return
        try:
            if self._writer is None:
                first_step = min(point.step for point in points)
                self._writer = _writer(self._folder, self._attempt, first_step)
            for point in points:
                self._writer.write_event(_event(point))
            self._writer.flush()
        except OSError as error:
            self._writer = _BROKEN
            self._say(f"figures for TensorBoard cannot be written: {error}")

    def close(self) -> None:
        """Closes the file; nothing can be shown after it."""
        if self._writer is not None and self._writer is not _BROKEN:
            self._writer.close()
        self._writer = _BROKEN


_BROKEN = object()


def _writer(folder: Path, attempt: int, first_step: int) -> Any:  # noqa: ANN401 - untyped package
    # Not its SummaryWriter, which writes in a thread of its own: these lines are written when
    # `flush` returns.
    from tensorboardX.event_file_writer import EventsWriter
    from tensorboardX.proto.event_pb2 import Event, SessionLog

    folder.mkdir(parents=True, exist_ok=True)
    writer = EventsWriter(str(folder / "events"), f".{attempt}")
    writer.write_event(Event(step=first_step, session_log=SessionLog(status=SessionLog.START)))
    return writer


def _event(point: MetricPoint) -> Any:  # noqa: ANN401 - untyped package
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary

    value = Summary.Value(tag=point.name, simple_value=point.value)
    return Event(step=point.step, wall_time=point.at / MICROSECONDS, summary=Summary(value=[value]))
