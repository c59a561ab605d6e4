"""Exporting: samples and dataset versions on their way out, and the exports that are kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.dataset import DatasetRef, DatasetRow, Split
from truing.domain.errors import ConflictError, InvalidInputError, NothingToDoError
from truing.domain.format import ExportedRow, Writer
from truing.domain.sample import Sample, SampleFilter

if TYPE_CHECKING:
    from truing.workspace import Workspace


def exported_samples(workspace: Workspace, where: SampleFilter) -> Iterator[ExportedRow]:
    """Samples on their way out, as a stream."""
    for sample in workspace.store.samples.iterate(where):
        yield _exported(sample, None)


def exported_dataset(workspace: Workspace, ref: DatasetRef) -> Iterator[ExportedRow]:
    """The rows of a version on their way out; forgotten ones are gone."""
    batch: list[DatasetRow] = []
    for row in workspace.store.datasets.rows(ref):
        if not row.forgotten:
            batch.append(row)
        if len(batch) == 500:
            yield from _exported_rows(workspace, batch)
            batch = []
    yield from _exported_rows(workspace, batch)


def _exported_rows(workspace: Workspace, batch: list[DatasetRow]) -> Iterator[ExportedRow]:
    found = workspace.store.samples.by_uids([str(row.sample_uid) for row in batch])
    for row in batch:
        sample = found[str(row.sample_uid)]
        # The truth is the frozen one: reviews that came later do not reach the version.
        payload = row.payload or {}
        yield replace(_exported(sample, row.split), truth=str(payload["truth"]))


def _exported(sample: Sample, split: Split | None) -> ExportedRow:
    raw, corrected = sample.raw, sample.corrected
    return ExportedRow(
        id=sample.id,
        uid=sample.uid,
        media={medium.role: medium for medium in sample.media},
        truth=sample.truth,
        raw=raw.text if raw else None,
        corrected=corrected.text if corrected else None,
        state=sample.state,
        trained=sample.trained,
        captured_at=sample.captured_at,
        subject=sample.subject,
        session=sample.session,
        source=sample.source,
        source_key=sample.source_key,
        split=split,
        confidence=raw.recognition.confidence if raw else None,
        prediction_known=sample.prediction_known,
        context=sample.context,
    )


def export(
    workspace: Workspace,
    format: str,
    target: Path | None,
    *,
    where: SampleFilter | None = None,
    dataset: str | None = None,
) -> Path:
    """Writes samples, or a dataset version, in a foreign format.

    Args:
        workspace: where they are.
        format: its name, see `truing formats`.
        target: the new file or folder; inside the workspace's `exports/` when left out, where
            forgetting finds it.
        where: which samples.
        dataset: `name@number` instead of `where`.

    Returns:
        Where it was written.

    Raises:
        ConflictError: the target exists.
        NothingToDoError: no sample matches.
    """
    from truing.workspace import formats

    writer = formats.load(format)()
    if not isinstance(writer, Writer):
        raise InvalidInputError(f"`{format}` can only be imported", hint="truing export --help")
    if dataset is not None:
        rows: Iterable[ExportedRow] = exported_dataset(workspace, _known(workspace, dataset))
        title = dataset.replace("@", "-")
    else:
        rows, title = exported_samples(workspace, where or SampleFilter()), "samples"
    place = target or _free_name(workspace.layout.exports, f"{title}-{format}")
    if place.exists() and (place.is_file() or any(place.iterdir())):
        raise ConflictError(f"`{place}` exists already", hint="name another target")
    uids: list[str] = []
    place.parent.mkdir(parents=True, exist_ok=True)
    count = writer.write(_remembering(rows, uids), workspace.blobs, place)
    if count == 0:
        _remove(place)
        raise NothingToDoError("no sample matches", hint="truing stats shows what there is")
    if target is None:
        place.with_name(place.name + ".uids").write_text("\n".join(uids), encoding="ascii")
    return place


def _known(workspace: Workspace, dataset: str) -> DatasetRef:
    return workspace.store.datasets.get(DatasetRef.parse(dataset)).ref


def _remembering(rows: Iterable[ExportedRow], uids: list[str]) -> Iterator[ExportedRow]:
    for row in rows:
        uids.append(row.uid)
        yield row


def _free_name(folder: Path, name: str) -> Path:
    number = 1
    while (place := folder / (name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    return place


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def remove_exports_of(workspace: Workspace, uids: Sequence[str]) -> list[str]:
    """Removes the workspace's own exports that hold one of these samples."""
    gone = []
    wanted = set(uids)
    for note in sorted(workspace.layout.exports.glob("*.uids")):
        if wanted.intersection(note.read_text(encoding="ascii").split()):
            place = note.with_suffix("")
            _remove(place)
            note.unlink()
            gone.append(f"exports/{place.name}")
    return gone
