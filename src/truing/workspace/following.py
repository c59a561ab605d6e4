"""Following a source that another program goes on writing, and writing decisions back into it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.errors import InvalidInputError
from truing.domain.format import Followed
from truing.domain.sample import SampleFilter
from truing.workspace.collecting import import_from, reader_of, source_name
from truing.workspace.exporting import exported_samples

if TYPE_CHECKING:
    from truing.loop.import_rows import Imported
    from truing.workspace import Workspace


def follow(
    workspace: Workspace,
    format: str,
    path: Path,
    *,
    write_back: bool,
    mark: str | None,
    consent: str | None = None,
    reason: str | None = None,
    on_progress: Callable[[Imported], None] = lambda _: None,
) -> tuple[Imported | None, int, str]:
    """One look at a source that another program goes on writing.

    Returns:
        What was imported (None when nothing changed), how many rows were written back, and the
        mark to pass to the next call.

    Raises:
        InvalidInputError: the format cannot be followed.
        ConsentError: see `collecting.import_from`, which also tells of `consent` and `reason`.
    """
    reader = reader_of(format)
    if not isinstance(reader, Followed):
        raise InvalidInputError(
            f"`{format}` cannot be followed", hint=f"import it: truing import {format} '{path}'"
        )
    written = 0
    changed, mark = reader.changed_since(path, mark)
    outcome = None
    if changed:
        outcome = import_from(
            workspace,
            format,
            path,
            consent=consent,
            reason=reason,
            command=f"truing watch {format} '{path}'",
            on_progress=on_progress,
        )
    if write_back:
        where = SampleFilter(source=source_name(reader, path))
        decided = (row for row in exported_samples(workspace, where) if row.truth is not None)
        written = reader.write_back(path, decided)
        if written:
            _, mark = reader.changed_since(path, None)
    return outcome, written, mark
