"""Keeping: forgetting, verifying that nothing was altered, and a look at the machine's health."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from truing.domain.dataset import DatasetRef
from truing.domain.digest import chain_digest, row_digest
from truing.domain.errors import InvalidInputError, TruingError
from truing.loop.forget import Forgotten, ids_of_subject
from truing.loop.forget import forget as forget_samples

if TYPE_CHECKING:
    from truing.workspace import Workspace


def forget(
    workspace: Workspace, *, ids: Sequence[int] | None = None, subject: str | None = None
) -> Forgotten:
    """Erases samples by number, or everything of a speaker.

    Raises:
        InvalidInputError: neither or both were named.
        NotFoundError: no such sample or speaker.
    """
    from truing.workspace.exporting import remove_exports_of

    if (ids is None) == (subject is None):
        raise InvalidInputError(
            "name either samples or a speaker to forget",
            hint="truing forget 42 43, or truing forget --speaker NAME",
        )

    def remove_derived(uids: Sequence[str], versions: Sequence[str]) -> list[str]:
        return [*remove_exports_of(workspace, uids), *_remove_reports(workspace, versions)]

    numbers = list(ids) if ids is not None else ids_of_subject(str(subject), workspace.store)
    return forget_samples(
        numbers,
        workspace.store,
        workspace.blobs,
        workspace.clock,
        actor=workspace.actor,
        remove_derived=remove_derived,
    )


def _remove_reports(workspace: Workspace, versions: Sequence[str]) -> list[str]:
    """Reports quote texts of their rows: those on a touched version go, and can be made again."""
    gone = []
    for version in versions:
        for report in sorted(workspace.layout.reports.glob(f"{version}-*.html")):
            report.unlink()
            gone.append(f"reports/{report.name}")
    return gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is not as it should be."""

    what: str
    why: str


def verify_dataset(workspace: Workspace, ref: DatasetRef) -> list[Problem]:
    """Re-derives every digest of a version; an empty list means that nothing was altered.

    A forgotten row has only its digest left: the chain still holds, its content is gone.
    """
    version = workspace.store.datasets.get(ref)
    problems = []
    digests = []
    counts: dict[str, int] = {}
    for row in workspace.store.datasets.rows(ref):
        digests.append(row.digest)
        counts[row.split.value] = counts.get(row.split.value, 0) + 1
        if row.payload is None or row.salt is None:
            continue
        if row_digest(row.payload, row.salt) != row.digest:
            what = f"{ref} row {row.position}"
            problems.append(Problem(what=what, why="its content does not match its digest"))
    if chain_digest(digests) != version.digest:
        problems.append(Problem(what=str(ref), why="its rows do not match the version's digest"))
    if counts != {name: count for name, count in version.counts.items() if count}:
        problems.append(Problem(what=str(ref), why="rows are missing or were added"))
    return problems


def verify(
    workspace: Workspace, *, on_progress: Callable[[str], None] = lambda _: None
) -> list[Problem]:
    """Checks everything that has a digest: versions, blobs, models, and the database itself."""
    from truing.stores.model_files import folder_digest

    problems = [Problem(what="database", why=one) for one in workspace.store.check()]
    for version in workspace.store.datasets.all():
        on_progress(f"dataset {version.ref}")
        problems += verify_dataset(workspace, version.ref)
    for model in workspace.store.models.all():
        on_progress(f"model {model.ref}")
        try:
            intact = folder_digest(workspace.model_files.path(model.ref)) == model.digest
        except TruingError as error:
            problems.append(Problem(what=f"model {model.ref}", why=error.message))
            continue
        if not intact:
            problems.append(
                Problem(what=f"model {model.ref}", why="its files do not match its digest")
            )
    on_progress("media")
    for digest in sorted(set(workspace.store.samples.referenced_blobs())):
        if not workspace.blobs.exists(digest):
            problems.append(Problem(what=f"blob {digest[:19]}…", why="it is missing"))
        elif not workspace.blobs.verify(digest):
            problems.append(Problem(what=f"blob {digest[:19]}…", why="its bytes were altered"))
    return problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of `truing doctor`."""

    name: str
    ok: bool
    says: str
    hint: str | None = None


def doctor(workspace: Workspace | None) -> list[Check]:
    """Looks at Python, the libraries, the extras and the workspace."""
    checks = [
        Check(
            name="python",
            ok=sys.version_info >= (3, 11),
            says=sys.version.split()[0],
            hint="Truing needs Python 3.11 or newer",
        )
    ]
    checks += [_library(name, extra) for name, extra in _LIBRARIES]
    if workspace is not None:
        checks += _workspace_checks(workspace)
    return checks


_LIBRARIES = (
    ("sqlalchemy", None),
    ("soundfile", None),
    ("soxr", None),
    ("torch", "train"),
    ("transformers", "train"),
    ("ctranslate2", "serve-models"),
    ("faster_whisper", "serve-models"),
    ("pyarrow", "parquet"),
    ("sounddevice", "record"),
)


def _library(name: str, extra: str | None) -> Check:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return Check(name=name, ok=True, says=version(name.replace("_", "-")))
    except PackageNotFoundError:
        if extra is None:
            return Check(name=name, ok=False, says="missing", hint="pip install --force truing")
        # An extra that nobody needed is no fault.
        return Check(
            name=name, ok=True, says="not installed", hint=f'pip install "truing[{extra}]"'
        )


def _workspace_checks(workspace: Workspace) -> list[Check]:
    from truing.platform.files import free_space

    problems = workspace.store.check()
    free = free_space(workspace.layout.root)
    champion = workspace.store.models.champion("speech", "general")
    return [
        Check(name="workspace", ok=True, says=str(workspace.layout.root)),
        Check(
            name="database",
            ok=not problems,
            says="; ".join(problems) or "sound",
            hint="truing verify names what is broken" if problems else None,
        ),
        Check(
            name="disk",
            ok=free > 2 << 30,
            says=f"{free / (1 << 30):.1f} GiB free",
            hint="training needs room for checkpoints: free some" if free <= 2 << 30 else None,
        ),
        Check(name="champion", ok=True, says=champion or "none yet"),
    ]
