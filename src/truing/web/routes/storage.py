"""Storage: archives, media that are looked at and repaired, leftovers and the trash.

What takes long is an errand in a process of its own; see `/api/errands/{id}`. A browser names
archives of this workspace alone, no file: paths are for the terminal.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from truing.domain.errors import ConflictError, InvalidInputError
from truing.domain.sample import SampleFilter
from truing.web.access.gate import VisitorDep, needs
from truing.web.access.rights import Right
from truing.web.answers import json_answer, shown
from truing.web.context import Web, WebDep
from truing.web.examples_of_storage import (
    ARCHIVE,
    ARCHIVED,
    BROUGHT_BACK,
    CLEANED,
    LOOKED,
    REMOVED,
    VERIFIED,
)
from truing.web.examples_of_training import WORK
from truing.web.forms.storage import ArchiveForm, CleanForm, EmptyForm, RemoveForm, VerifyForm
from truing.web.routes.errands import Wait, work_answer
from truing.workspace.errands import Errand

router = APIRouter(prefix="/api", tags=["storage"], dependencies=[needs(Right.OPERATE)])

Name = Annotated[str, Path(min_length=1, max_length=100, description="of an archive in the list")]


def told_or_under_way(example: object) -> dict[int | str, dict[str, Any]]:
    """The answers of an errand: its result, or how far it is."""
    return {**shown(example), **shown({"work": WORK}, status=202)}


def sent(web: Web, deed: str, wait: float, **arguments: object) -> Response:
    """Has a deed done, and answers for it."""
    return work_answer(web.works.ask(Errand(deed=deed, arguments=arguments)), wait)


# --- archives ------------------------------------------------------------------------------------


@router.get("/archives", responses=shown({"items": [ARCHIVE], "next": None}))
def archives(web: WebDep) -> Response:
    """The archives, newest first: what is in each, why, and whether its bytes are as written.

    `archived` of its samples lie there alone. `whole` is as of `checked_at`.
    """
    from truing.workspace.archive_history import remembered

    items = [one.as_dict() for one in remembered(web.workspace)]
    return json_answer({"items": items, "next": None})


@router.post("/archives", responses=told_or_under_way(ARCHIVED))
def archive(form: ArchiveForm, web: WebDep, visitor: VisitorDep, wait: Wait = 0.5) -> Response:
    """Moves the samples that a filter chooses into archives, or tells which those are."""
    from truing.workspace.tidying import filter_as_dict

    where = form.where.as_filter()
    if where == SampleFilter():
        raise InvalidInputError(
            "`where` chooses every sample", hint="narrow it, such as by a date in `until`"
        )
    return sent(
        web,
        "archive",
        wait,
        where=filter_as_dict(where),
        dry_run=form.dry_run,
        actor=visitor.name,
    )


@router.post("/archives/verify", responses=told_or_under_way(LOOKED))
def verify_all(web: WebDep, wait: Wait = 0.5) -> Response:
    """Reads all archives from end to end, and takes out of them what was forgotten since."""
    return sent(web, "verify-archives", wait, name=None)


@router.post("/archives/{name}/verify", responses=told_or_under_way(LOOKED))
def verify_one(name: Name, web: WebDep, wait: Wait = 0.5) -> Response:
    """The same with one archive."""
    known = web.workspace.store.archives.get(name).name
    return sent(web, "verify-archives", wait, name=known)


@router.post("/archives/{name}/restore", responses=told_or_under_way(BROUGHT_BACK))
def restore(name: Name, web: WebDep, visitor: VisitorDep, wait: Wait = 0.5) -> Response:
    """Brings the samples of an archive back as they were. The file stays."""
    known = web.workspace.store.archives.get(name).name
    return sent(web, "bring-back", wait, name=known, actor=visitor.name)


@router.post("/archives/{name}/delete", responses=told_or_under_way(REMOVED))
def remove(
    name: Name, form: RemoveForm, web: WebDep, visitor: VisitorDep, wait: Wait = 0.5
) -> Response:
    """Removes an archive for good, and with it the samples that lie in it alone."""
    known = web.workspace.store.archives.get(name)
    if form.samples != known.archived:
        raise ConflictError(
            f"{known.archived} samples lie in `{name}` alone, not {form.samples}",
            hint="look at the list again, then decide",
        )
    return sent(web, "remove-archive", wait, name=known.name, actor=visitor.name)


# --- media, leftovers, trash ---------------------------------------------------------------------


@router.post("/media/verify", responses=told_or_under_way(VERIFIED))
def verify_media(form: VerifyForm, web: WebDep, wait: Wait = 0.5) -> Response:
    """Looks whether all media are there and as they were stored, and puts right what can be.

    Of `found` broken ones `left` are broken still; `broken` has the first of them. A repair looks
    in archives and other places of this workspace; others are named at the terminal.
    """
    return sent(web, "verify-media", wait, repair=form.repair, quick=form.quick)


@router.post("/clean", responses=told_or_under_way(CLEANED))
def clean(form: CleanForm, web: WebDep, wait: Wait = 0.5) -> Response:
    """Removes what crashes and ended runs left behind, once it has lain there for a day."""
    return sent(web, "clean", wait, dry_run=form.dry_run)


@router.get("/trash", responses=shown({"samples": 12, "days": 7.0}))
def trash(web: WebDep) -> Response:
    """How many samples are in the trash, and for how many days they can be taken back."""
    days = web.workspace.settings.number("trash.days")
    return json_answer({"samples": web.workspace.store.trash.count(), "days": days})


@router.post("/trash/empty", responses=told_or_under_way({"samples": 12, "media": 20}))
def empty_trash(form: EmptyForm, web: WebDep, visitor: VisitorDep, wait: Wait = 0.5) -> Response:
    """Erases everything in the trash for good."""
    count = web.workspace.store.trash.count()
    if form.samples != count:
        raise ConflictError(
            f"{count} samples are in the trash, not {form.samples}",
            hint="look at them again, then decide",
        )
    return sent(web, "empty-trash", wait, actor=visitor.name)


@router.post("/disk/look", responses=told_or_under_way({"used": 8_100_000_000}))
def look(web: WebDep, wait: Wait = 0.5) -> Response:
    """Looks at every file, so that `/api/disk` tells the parts as they are now."""
    return sent(web, "look", wait)
