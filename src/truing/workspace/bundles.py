"""Bundles: a training run packed into one file, to be carried out on another machine.

What goes out: the training and validation rows with their media, replay rows, the base model when
it is a folder, every option decided, and the lineage. What stays: the test rows, by which the
result will be judged; sessions, sources and consents; names of speakers, for which numbers stand
in; the salts of the rows, so that nothing in a bundle is worth guessing at.

Equal rows and options give equal bytes. The bundle's name is the digest of its manifest: the run
that waits here keeps it, and the model that comes back tells it (see `model_import`).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.dataset import DatasetRef, DatasetVersion, Split
from truing.domain.digest import canonical_json, digest_file
from truing.domain.errors import InvalidInputError, NothingToDoError
from truing.domain.event import Event
from truing.domain.model import short_name
from truing.domain.run import RunRequest, RunState, Want
from truing.stores.bundle_file import BundleWriter, written
from truing.stores.model_files import ModelFile, model_manifest
from truing.workspace.models import NamedModel, model_named
from truing.workspace.quota import admitted
from truing.workspace.training import folder_examples, is_dataset, licence_of, planned

if TYPE_CHECKING:
    from truing.domain.recipe import Example
    from truing.domain.run import Run
    from truing.workspace import Workspace

TRAINING, TRAINED = "training", "trained"
"""The two kinds: what is to be trained, and what became of it."""
ROWS, BASE, BLOBS = "rows.jsonl", "base", "blobs"
REPLAY = "replay"
SUBJECT = "subject:"
BUNDLE = "bundle"
"""In the result of a run that waits for a bundle: the bundle's digest."""
PICKLED = {".bin", ".ckpt", ".h5", ".joblib", ".msgpack", ".pickle", ".pkl", ".pt", ".pth"}
"""Weights that Truing never loads; many a base folder has them beside the safetensors."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """What was packed."""

    path: str
    digest: str
    bytes: int
    run: int
    """The run that waits for the model."""
    train: int
    validation: int
    replay: int
    kept_back: int
    """Test rows, which stay."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contents:
    """What a bundle will hold, gathered before its first byte is written."""

    version: DatasetVersion
    request: RunRequest
    base: NamedModel | None
    base_files: list[ModelFile]
    counts: Mapping[str, int]
    head: Mapping[str, object]


def pack(
    workspace: Workspace,
    dataset: str,
    target: Path,
    *,
    on_progress: Progress = lambda _, __: None,
    **options: Any,  # noqa: ANN401 - see `training.planned`
) -> Packed:
    """Packs a training run into one file instead of starting it; a paused run waits for the model.

    Args:
        workspace: where everything is.
        dataset: `name@number`.
        target: the new file.
        on_progress: called with (bytes written, bytes in all).
        **options: recipe, base, options, replay, seed and audience, as `training.train` has them.

    Raises:
        NotFoundError: no such dataset, recipe or base.
        NothingToDoError: every training row was forgotten.
        ConflictError: the file exists already.
        InvalidInputError: a base with file names that do not travel.
        DamagedError: media that were altered.
        FullError: no room on the disk, or within the quota when it is in the workspace.
        UnavailableError: a file that cannot be written.
    """
    request = planned(workspace, dataset, **options)
    with tempfile.TemporaryDirectory(prefix="truing-") as place, closing(_Media()) as media:
        rows = Path(place) / ROWS
        names = _Names()
        counts = _write_rows(workspace, request, rows, media, names)
        contents = _contents(workspace, request, counts, names)
        total = rows.stat().st_size + sum(one.size for one in contents.base_files)
        total += sum(path.stat().st_size for _, path in media.all(workspace))
        with (
            admitted(workspace, total, "the bundle", target),
            written(
                target, TRAINING, contents.head, total=total, on_progress=on_progress
            ) as bundle,
        ):
            bundle.add_file(ROWS, rows)
            _add_base(bundle, contents)
            for digest, path in media.all(workspace):
                bundle.add_file(f"{BLOBS}/{digest.removeprefix('sha256:')}", path, digest)
            run = _waiting(workspace, request, bundle.digest)
    _note(workspace, run, bundle.digest)
    return Packed(
        path=str(target),
        digest=bundle.digest,
        bytes=target.stat().st_size,
        run=run.id,
        **counts,
        kept_back=contents.version.counts.get(Split.TEST.value, 0),
    )


# --- rows and media -----------------------------------------------------------------------------


class _Names:
    """Numbers in place of the names of speakers, in the order in which they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def of(self, subject: object) -> str | None:
        if subject is None:
            return None
        number = self._numbers.setdefault(str(subject), len(self._numbers) + 1)
        return f"speaker-{number}"


class _Media:
    """The media of all rows, once each and in order, kept on disk however many they are."""

    def __init__(self) -> None:
        import sqlite3

        # An empty name is a database of its own in a temporary file.
        self._database = sqlite3.connect("")
        self._database.execute("CREATE TABLE media (digest TEXT PRIMARY KEY, path TEXT)")

    def add(self, digest: str, path: Path | None = None) -> None:
        """Remembers a blob of the workspace, or a file outside it."""
        row = (digest, str(path) if path is not None else None)
        self._database.execute("INSERT OR IGNORE INTO media VALUES (?, ?)", row)

    def all(self, workspace: Workspace) -> Iterator[tuple[str, Path]]:
        """Digests in ascending order, with the file of each."""
        for digest, path in self._database.execute("SELECT * FROM media ORDER BY digest"):
            yield digest, Path(path) if path is not None else workspace.blobs.path(digest)

    def close(self) -> None:
        self._database.close()


def _write_rows(
    workspace: Workspace, request: RunRequest, target: Path, media: _Media, names: _Names
) -> dict[str, int]:
    """Writes the lines of all rows; returns how many there are of each part."""
    counts = {Split.TRAIN.value: 0, Split.VALIDATION.value: 0, REPLAY: 0}
    with target.open("wb") as stream:
        for part, row in _rows(workspace, request):
            told = {
                "part": part,
                "uid": row["uid"],
                "media": row["media"],
                "truth": row["truth"],
                "subject": names.of(row["subject"]),
                "inputs": row.get("inputs", {}),
                "digest": row["digest"],
            }
            for digest, path in row["files"]:
                media.add(digest, path)
            stream.write(canonical_json(told) + b"\n")
            counts[part] += 1
    if not counts[Split.TRAIN.value]:
        raise NothingToDoError(
            f"every training row of `{request.dataset}` was forgotten",
            hint="freeze a new version: truing dataset freeze NAME",
        )
    return counts


def _rows(workspace: Workspace, request: RunRequest) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in (Split.TRAIN, Split.VALIDATION):
        for row in _frozen(workspace, request.dataset, part):
            yield part.value, row
    if request.replay is None:
        return
    if is_dataset(request.replay):
        for row in _frozen(workspace, request.replay, Split.TRAIN):
            yield REPLAY, row
    else:
        for example in folder_examples(Path(request.replay)):
            yield REPLAY, _outside(example)


def _frozen(workspace: Workspace, dataset: str, part: Split) -> Iterator[dict[str, Any]]:
    for row in workspace.store.datasets.rows(DatasetRef.parse(dataset), part):
        payload: Any = row.payload
        if payload is not None:
            files = [(one["digest"], None) for one in payload["media"].values()]
            yield {**payload, "digest": row.digest, "files": files}


def _outside(example: Example) -> dict[str, Any]:
    """A row of a replay folder in the form of a frozen one."""
    digests = {role: digest_file(one.path) for role, one in example.media.items()}
    return {
        # Its key may be a path, which may tell names.
        "uid": digests[min(digests)],
        "media": {
            role: {"digest": digests[role], "start": one.start, "end": one.end}
            for role, one in example.media.items()
        },
        "truth": example.truth,
        "subject": example.subject,
        "inputs": dict(example.inputs),
        "digest": None,
        "files": [(digests[role], one.path) for role, one in example.media.items()],
    }


# --- base and lineage ---------------------------------------------------------------------------


def _contents(
    workspace: Workspace, request: RunRequest, counts: Mapping[str, int], names: _Names
) -> _Contents:
    version = workspace.store.datasets.get(DatasetRef.parse(request.dataset))
    base = (
        model_named(workspace, request.base, request.modality) if request.base is not None else None
    )
    local = base is not None and not base.digest.startswith("hub:")
    files = model_manifest(Path(base.location)) if base is not None and local else []
    anonymous = replace(
        request,
        base=short_name(request.base) if request.base is not None else None,
        replay=short_name(request.replay) if request.replay is not None else None,
        audience=_audience(request.audience, names),
    )
    return _Contents(
        version=version,
        request=request,
        base=base,
        base_files=[one for one in files if Path(one.name).suffix.lower() not in PICKLED],
        counts=counts,
        head={
            "request": anonymous.as_dict(),
            "dataset": {
                "version": str(version.ref),
                "uid": version.uid,
                "digest": version.digest,
                "rows": {part: counts[part] for part in ("train", "validation")},
            },
            "replay": _replayed(workspace, request, counts),
            "base": _lineage(base, local=local),
        },
    )


def _audience(audience: str, names: _Names) -> str:
    if not audience.startswith(SUBJECT):
        return audience
    return f"{SUBJECT}{names.of(audience.removeprefix(SUBJECT))}"


def _replayed(
    workspace: Workspace, request: RunRequest, counts: Mapping[str, int]
) -> dict[str, object] | None:
    if request.replay is None:
        return None
    told: dict[str, object] = {"name": short_name(request.replay), "rows": counts[REPLAY]}
    if is_dataset(request.replay):
        version = workspace.store.datasets.get(DatasetRef.parse(request.replay))
        told |= {"uid": version.uid, "digest": version.digest}
    return told


def _lineage(base: NamedModel | None, *, local: bool) -> dict[str, object] | None:
    if base is None:
        return None
    return {
        "name": short_name(base.name),
        "uid": base.version.uid if base.version is not None else None,
        "digest": base.digest,
        "packed": local,
        "parents": [short_name(parent) for parent in base.parents],
        "licence": licence_of(base),
    }


def _add_base(bundle: BundleWriter, contents: _Contents) -> None:
    for file in contents.base_files:
        if contents.base is not None:
            bundle.add_file(
                f"{BASE}/{file.name}", Path(contents.base.location, file.name), file.digest
            )


# --- the run that waits -------------------------------------------------------------------------


def run_of(workspace: Workspace, digest: str) -> Run | None:
    """The newest run that waits for what becomes of a bundle, else the newest that ever did."""
    every = workspace.store.runs.all(limit=10_000)
    packed = [run for run in every if run.result.get(BUNDLE) == digest]
    waiting = [run for run in packed if run.state is RunState.PAUSED]
    return next(iter([*waiting, *packed]), None)


def _waiting(workspace: Workspace, request: RunRequest, digest: str) -> Run:
    """A paused run that keeps what the bundle does not tell: paths, and whose model it is."""
    found = run_of(workspace, digest)
    if found is not None and found.state is RunState.PAUSED and found.request == request:
        return found
    runs, now = workspace.store.runs, workspace.clock.now()
    run = runs.add(workspace.ids.new(), request, now)
    runs.want(run.id, Want.PAUSE)
    runs.end(run.id, run.fence, state=RunState.PAUSED, at=now, result={BUNDLE: digest})
    return runs.get(run.id)


def _note(workspace: Workspace, run: Run, digest: str) -> None:
    data = {"run": run.id, "dataset": run.request.dataset, "bundle": digest}
    now = workspace.clock.now()
    workspace.store.events.add(Event(kind="run-packed", at=now, actor=workspace.actor, data=data))


# --- reading what was written elsewhere ---------------------------------------------------------


def request_of(told: Mapping[str, Any]) -> RunRequest:
    """The request as a bundle tells it.

    Raises:
        InvalidInputError: it is not complete, or a value has another type.
    """
    data = told.get("request")
    kinds: dict[str, tuple[type, ...]] = {
        "modality": (str,),
        "recipe": (str,),
        "dataset": (str,),
        "base": (str, type(None)),
        "options": (dict,),
        "replay": (str, type(None)),
        "seed": (int,),
        "audience": (str,),
    }
    if isinstance(data, dict) and all(isinstance(data.get(key), kinds[key]) for key in kinds):
        return RunRequest(**{key: data[key] for key in kinds})
    raise InvalidInputError(
        "the bundle does not say what to train", hint="make it again: truing train --bundle FILE"
    )


def lines_of(path: Path, most: int = 1 << 22) -> Iterator[dict[str, Any]]:
    """The objects of a file with one JSON object per line.

    Raises:
        InvalidInputError: a line that is none, or is longer than `most` bytes.
    """
    with path.open("rb") as stream:
        while line := stream.readline(most):
            try:
                told = json.loads(line)
            except (ValueError, RecursionError):
                told = None
            if not isinstance(told, dict):
                raise InvalidInputError(
                    f"`{path.name}` of the bundle has a line that cannot be read",
                    hint="make the bundle again",
                )
            yield told
