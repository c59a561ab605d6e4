"""Exporting: samples and dataset versions on their way out, and the exports that are kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from truing.domain.dataset import DatasetRef, DatasetRow, Split
from truing.domain.errors import ConflictError, InvalidInputError, NothingToDoError
from truing.domain.format import ANY_MODALITY, ExportedRow, Writer
from truing.domain.sample import Sample, SampleFilter
from truing.platform.files import storage_error
from truing.workspace.exports_elsewhere import noted
from truing.workspace.quota import LEAST, admitted

if TYPE_CHECKING:
    from truing.formats.standardise import Standard
    from truing.workspace import Workspace


def exported_samples(workspace: Workspace, where: SampleFilter) -> Iterator[ExportedRow]:
    """Samples on their way out, as a stream."""
    for sample in workspace.store.samples.iterate(where):
        yield exported_sample(sample, None)


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
    from truing.workspace.archive_contents import samples_in

    uids = [str(row.sample_uid) for row in batch]
    found = workspace.store.samples.by_uids(uids)
    # A version holds the rows of samples that were archived since.
    found |= samples_in(workspace, [uid for uid in uids if uid not in found])
    for row in batch:
        sample = found[str(row.sample_uid)]
        # The truth is the frozen one: reviews that came later do not reach the version.
        payload = row.payload or {}
        yield replace(exported_sample(sample, row.split), truth=str(payload["truth"]))


def exported_sample(sample: Sample, split: Split | None) -> ExportedRow:
    """One sample on its way out."""
    raw, corrected = sample.raw, sample.corrected
    return ExportedRow(
        id=sample.id,
        uid=sample.uid,
        modality=sample.modality,
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
        rating=sample.rating,
        consent=sample.consent,
    )


def export(
    workspace: Workspace,
    format: str,
    target: Path | None,
    *,
    where: SampleFilter | None = None,
    dataset: str | None = None,
    standard: Standard | None = None,
    sent_to: str | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Path:
    """Writes samples, or a dataset version, in a foreign format.

    Args:
        workspace: where they are.
        format: its name, see `truing formats`.
        target: the new file or folder; inside the workspace's `exports/` when left out, where
            forgetting removes it. Elsewhere it is only named then.
        where: which samples.
        dataset: `name@number` instead of `where`.
        standard: what becomes of pictures, in formats that hold them; the version's own one, if
            it was frozen with one, when left out.
        sent_to: the URL to which the target is sent afterwards: forgetting names that instead.
        on_progress: told how many rows are written, now and then; what it raises leaves nothing
            behind.

    Returns:
        Where it was written.

    Raises:
        ConflictError: the target exists.
        InvalidInputError: a format that cannot be exported, or has no pictures to standardise.
        NothingToDoError: no sample matches.
        FullError: no space on the disk, or within the quota when it is in the workspace; nothing
            was written.
    """
    version = None if dataset is None else workspace.store.datasets.get(DatasetRef.parse(dataset))
    if standard is None and version is not None:
        standard = _frozen_with(format, version.parameters)
    writer = _writer(format, standard)
    rows: Callable[[], Iterable[ExportedRow]]
    if version is not None:
        _must_hold(writer, version.modality, str(version.ref))
        rows = partial(exported_dataset, workspace, version.ref)
        title = str(version.ref).replace("@", "-")
    else:
        chosen = _of(writer, where or SampleFilter())
        rows, title = partial(exported_samples, workspace, chosen), "samples"
    place = target or _free_name(workspace.layout.exports, f"{title}-{format}")
    if place.exists() and (place.is_file() or any(place.iterdir())):
        raise ConflictError(f"`{place}` exists already", hint="name another target")
    # Nobody knows what pictures take once they are standardised.
    tells = getattr(writer, "holds_media", True) and standard is None
    size = _media_bytes(rows()) if tells else LEAST
    with admitted(workspace, size, "the export", place):
        note = _note_of(place) if target is None else noted(workspace, sent_to or place)
        return _written(workspace, writer, rows(), place, on_progress, note)


def _media_bytes(rows: Iterable[ExportedRow]) -> int:
    """Of all media of the rows, each once."""
    sizes = {one.digest: one.size for row in rows for one in row.media.values()}
    return sum(sizes.values())


def _written(
    workspace: Workspace,
    writer: Writer,
    rows: Iterable[ExportedRow],
    place: Path,
    on_progress: Callable[[int], None],
    noting: AbstractContextManager[TextIO],
) -> Path:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, place.parent) from error
    with noting as note:
        count = writer.write(
            _counted(_remembering(rows, note), on_progress), workspace.blobs, place
        )
        if count == 0:
            _remove(place)
            raise NothingToDoError("no sample matches", hint="truing stats shows what there is")
    return place


def _frozen_with(format: str, parameters: Mapping[str, object]) -> Standard | None:
    """What a version was frozen with, for formats that hold pictures."""
    from truing.formats.standardise import Standard
    from truing.workspace import formats

    frozen = parameters.get("standard")
    takes = "standard" in signature(formats.load(format)).parameters
    return Standard.from_dict(frozen) if takes and isinstance(frozen, Mapping) else None


def _writer(format: str, standard: Standard | None) -> Writer:
    from truing.workspace import formats

    kind = formats.load(format)
    if standard is not None and "standard" not in signature(kind).parameters:
        raise InvalidInputError(
            f"`{format}` writes no pictures that could be standardised",
            hint="choose imagefolder, parquet, webdataset or nexvision",
        )
    writer = kind() if standard is None else kind(standard=standard)
    if not isinstance(writer, Writer):
        raise InvalidInputError(f"`{format}` can only be imported", hint="truing export --help")
    return writer


def _counted(
    rows: Iterable[ExportedRow], on_progress: Callable[[int], None]
) -> Iterator[ExportedRow]:
    for number, row in enumerate(rows):
        if number % 100 == 0:
            on_progress(number)
        yield row


def _of(writer: Writer, where: SampleFilter) -> SampleFilter:
    """Those samples of the filter that the format can hold."""
    if where.modality is not None:
        _must_hold(writer, where.modality, "the filter")
    elif writer.modality != ANY_MODALITY:
        return replace(where, modality=writer.modality)
    return where


def _must_hold(writer: Writer, modality: str, what: str) -> None:
    if writer.modality not in (ANY_MODALITY, modality):
        raise InvalidInputError(
            f"`{writer.name}` holds {writer.modality} samples, and {what} is of {modality}",
            hint="truing formats shows what each holds; jsonl holds any",
        )


@contextmanager
def _note_of(place: Path) -> Iterator[TextIO]:
    """The note beside an export that says whom forgetting must look for in it."""
    note = place.with_name(f"{place.name}.uids")
    try:
        with note.open("w", encoding="ascii") as stream:
            yield stream
    except BaseException:
        note.unlink(missing_ok=True)
        raise


def _remembering(rows: Iterable[ExportedRow], note: TextIO) -> Iterator[ExportedRow]:
    for row in rows:
        # Before the row is written: a crash leaves no export that nobody knows the content of.
        note.write(f"{row.uid}\n")
        note.flush()
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


def discard(place: Path) -> None:
    """Removes one of the workspace's own exports with the note beside it."""
    _remove(place)
    place.with_name(f"{place.name}.uids").unlink(missing_ok=True)


def exports_of(workspace: Workspace, uids: Sequence[str]) -> list[Path]:
    """The workspace's own exports that hold one of these samples."""
    wanted = set(uids)
    return [
        note.with_suffix("")
        for note in sorted(workspace.layout.exports.glob("*.uids"))
        if wanted.intersection(note.read_text(encoding="ascii").split())
    ]


def remove_exports_of(workspace: Workspace, uids: Sequence[str]) -> list[str]:
    """Removes the workspace's own exports that hold one of these samples."""
    gone = []
    for place in exports_of(workspace, uids):
        discard(place)
        gone.append(f"exports/{place.name}")
    return gone
