"""Keeping: verifying that nothing was altered, and a look at the machine's health."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from truing.domain.dataset import DatasetRef
from truing.domain.digest import Chain, row_digest
from truing.domain.errors import TruingError, UnavailableError
from truing.domain.sample import SampleFilter
from truing.workspace.room import spoken_size

if TYPE_CHECKING:
    from truing.domain.ports import Blobs
    from truing.workspace import Workspace
    from truing.workspace.disk import Usage


LITTLE = 2 << 30
"""Bytes free on the disk below which a training has no room."""
FREE_SOME = "truing retain shows what can go, truing trash empty and truing clean make room"


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
    chain = Chain()
    counts: dict[str, int] = {}
    for row in workspace.store.datasets.rows(ref):
        chain.add(row.digest)
        counts[row.split.value] = counts.get(row.split.value, 0) + 1
        if row.payload is None or row.salt is None:
            continue
        if row_digest(row.payload, row.salt) != row.digest:
            what = f"{ref} row {row.position}"
            problems.append(Problem(what=what, why="its content does not match its digest"))
    if chain.digest != version.digest:
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
    return problems + _media_problems(workspace)


def _media_problems(workspace: Workspace) -> list[Problem]:
    wrong = {
        digest: why
        for digest in sorted(set(workspace.store.samples.referenced_blobs()))
        if (why := _wrong_with(workspace.blobs, digest)) is not None
    }
    owners = _owners(workspace, wrong.keys()) if wrong else {}
    return [
        Problem(what=f"blob {digest[:19]}… of sample {owners.get(digest, 'none')}", why=why)
        for digest, why in wrong.items()
    ]


def _wrong_with(blobs: Blobs, digest: str) -> str | None:
    try:
        if not blobs.exists(digest):
            return "it is missing"
        return None if blobs.verify(digest) else "its bytes were altered"
    except UnavailableError as error:
        return error.message


def _owners(workspace: Workspace, digests: Collection[str]) -> dict[str, str]:
    """The numbers of the samples that refer to each blob."""
    found: dict[str, str] = {}
    for sample in workspace.store.samples.iterate(SampleFilter()):
        for medium in sample.media:
            if medium.digest in digests:
                before = found.get(medium.digest)
                found[medium.digest] = f"{before}, {sample.id}" if before else str(sample.id)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of `truing doctor`."""

    name: str
    ok: bool
    says: str
    hint: str | None = None
    warns: bool = False
    """Nothing is wrong yet."""


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
    ("tensorboardX", "tensorboard"),
    ("psycopg", "postgres"),
    ("obstore", "s3"),
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
    problems = workspace.store.check()
    champion = workspace.store.models.champion("speech", "general")
    return [
        Check(name="workspace", ok=True, says=str(workspace.layout.root)),
        Check(
            name="database",
            ok=not problems,
            says="; ".join(problems) or f"{workspace.store.place}: sound",
            hint="truing verify names what is broken" if problems else None,
        ),
        *_disk_checks(workspace),
        Check(name="champion", ok=True, says=champion or "none yet"),
        *_store_check(workspace),
        *_nexvision_check(workspace),
    ]


def _disk_checks(workspace: Workspace) -> list[Check]:
    """Whether the disk and the quota have room."""
    from truing.workspace.disk import usage

    found = usage(workspace, fresh=True)
    checks = [_disk_check(found)]
    if found.quota is not None:
        checks.append(_quota_check(found, found.quota))
    return checks


def _disk_check(found: Usage) -> Check:
    says = f"{found.free / (1 << 30):.1f} GiB free"
    if found.free <= LITTLE:
        hint = "training needs room for checkpoints: free some"
        return Check(name="disk", ok=False, says=says, hint=hint)
    if found.disk_share >= found.warn_share:
        says = f"{says}, {found.disk_share:.0%} full"
        return Check(name="disk", ok=True, warns=True, says=says, hint=FREE_SOME)
    return Check(name="disk", ok=True, says=says)


def _quota_check(found: Usage, quota: int) -> Check:
    share = found.used / quota
    says = f"{spoken_size(found.used)} of {spoken_size(quota)} are taken ({share:.0%})"
    hint = f"{FREE_SOME}; or raise storage.quota_gb"
    if found.used >= quota:
        says = f"{says}: nothing more is taken in"
        return Check(name="quota", ok=False, says=says, hint=hint)
    if share >= found.warn_share:
        return Check(name="quota", ok=True, warns=True, says=says, hint=hint)
    return Check(name="quota", ok=True, says=says)


def _store_check(workspace: Workspace) -> list[Check]:
    """Whether the object store answers, where there is one."""
    from truing.workspace.moving_blobs import KEY, check

    where = workspace.settings.text(KEY)
    if not where:
        return []
    try:
        check(workspace.blobs)
    except TruingError as error:
        return [Check(name="recordings", ok=False, says=error.message, hint=error.hint)]
    return [Check(name="recordings", ok=True, says=f"{where} answers")]


def _nexvision_check(workspace: Workspace) -> list[Check]:
    """Whether the folder that is written besides has everything, where there is one."""
    from truing.workspace.nexvision_folder import health

    found = health(workspace)
    if found is None:
        return []
    which = "1 session is" if found.behind == 1 else f"{found.behind} sessions are"
    behind = f"{which} still to be written into it"
    says = found.trouble or (behind if found.behind else "has every session")
    hint = (
        "truing serve writes them within minutes once it can; or: "
        "truing config set image_edit.nexvision_folder FOLDER"
    )
    ok = found.trouble is None and not found.behind
    return [
        Check(
            name="nexvision folder",
            ok=ok,
            says=f"{found.root}: {says}",
            hint=None if ok else hint,
        )
    ]
