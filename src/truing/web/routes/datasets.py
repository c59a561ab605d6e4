"""Datasets: versions with their rows and figures, freezing, comparing, taking one along."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from truing.domain.dataset import DatasetRef, Split
from truing.domain.sample import SampleFilter
from truing.formats.standardise import Standard
from truing.web.access.gate import needs
from truing.web.access.rights import Right
from truing.web.answers import json_answer, shown
from truing.web.context import WebDep
from truing.web.examples_of_training import DATASET, DATASET_IN_FULL, DIFFERENCE, ROW
from truing.web.forms.datasets import FreezeForm
from truing.web.forms.filters import LARGEST, MOST_ON_A_PAGE, FilterForm
from truing.web.zipped import Download, pieces_of
from truing.workspace import catalogue
from truing.workspace.datasets import diff, freeze
from truing.workspace.exporting import discard
from truing.workspace.exporting import export as export_rows
from truing.workspace.keeping import verify_dataset

router = APIRouter(prefix="/api/datasets", tags=["datasets"])

Name = Annotated[str, Path(min_length=1, max_length=200)]
Number = Annotated[int, Path(ge=1, le=LARGEST)]


@router.get(
    "", dependencies=[needs(Right.READ)], responses=shown({"items": [DATASET], "next": None})
)
def datasets(
    web: WebDep,
    limit: Annotated[int, Query(ge=1, le=MOST_ON_A_PAGE)] = 50,
    after: Annotated[str | None, Query(max_length=300)] = None,
    name: Annotated[str | None, Query(max_length=200)] = None,
    modality: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Dataset versions, newest first."""
    every = [
        one
        for one in web.workspace.store.datasets.all()
        if name in (None, one.ref.name) and modality in (None, one.modality)
    ]
    names = [str(one.ref) for one in every]
    first = names.index(after) + 1 if after in names else 0
    page = every[first : first + limit]
    more = first + limit < len(every)
    return json_answer(
        {
            "items": [catalogue.version_as_dict(one) for one in page],
            "next": str(page[-1].ref) if more else None,
        }
    )


@router.post("", dependencies=[needs(Right.OPERATE)], responses=shown(DATASET, status=201))
def freeze_version(form: FreezeForm, web: WebDep) -> Response:
    """Makes the next version of a dataset from what is reviewed."""
    where = form.where.as_filter() if form.where is not None else SampleFilter()
    standard = None if form.standard is None else Standard.from_dict(form.standard.model_dump())
    version = freeze(
        web.workspace,
        form.name,
        modality=form.modality,
        split=form.split,
        test_speakers=form.test_speakers,
        test_share=form.test_share,
        validation_share=form.validation_share,
        seed=form.seed,
        where=replace(where, modality=form.modality),
        standard=standard,
    )
    web.changes.announce("datasets", dataset=str(version.ref))
    return json_answer(catalogue.version_as_dict(version), status=201)


@router.get(
    "/preview",
    dependencies=[needs(Right.READ)],
    responses=shown({"reviewed": 156, "may_test": 40}),
)
def preview(web: WebDep, form: Annotated[FilterForm, Query()]) -> Response:
    """How many reviewed samples a version frozen now would look at; `state` is left aside."""
    where = replace(form.as_filter(), modality=form.modality or "speech")
    return json_answer(catalogue.awaited(web.workspace, where))


@router.get(
    "/{name}/{number:int}", dependencies=[needs(Right.READ)], responses=shown(DATASET_IN_FULL)
)
def dataset(name: Name, number: Number, web: WebDep) -> Response:
    """One version: its parts, what they amount to, and why samples stayed out."""
    return json_answer(catalogue.dataset(web.workspace, DatasetRef(name=name, number=number)))


@router.get(
    "/{name}/{number:int}/rows",
    dependencies=[needs(Right.READ)],
    responses=shown({"items": [ROW], "next": "49"}),
)
def rows(
    name: Name,
    number: Number,
    web: WebDep,
    split: Split | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ON_A_PAGE)] = 50,
    after: Annotated[int | None, Query(ge=-LARGEST, le=LARGEST)] = None,
) -> Response:
    """Rows as they were frozen, by position; a forgotten one has only its place and digest."""
    ref = DatasetRef(name=name, number=number)
    found, last = catalogue.rows(web.workspace, ref, split, after=after, limit=limit)
    return json_answer({"items": found, "next": None if last is None else str(last)})


@router.get(
    "/{name}/{number:int}/diff", dependencies=[needs(Right.READ)], responses=shown(DIFFERENCE)
)
def difference(
    name: Name,
    number: Number,
    web: WebDep,
    other: Annotated[str, Query(alias="with", max_length=300)],
) -> Response:
    """How the version named in `with` differs from this one, by sample uid."""
    first = DatasetRef(name=name, number=number)
    return json_answer(diff(web.workspace, str(first), other).as_dict())


@router.post(
    "/{name}/{number:int}/verify",
    dependencies=[needs(Right.READ)],
    responses=shown({"ok": True, "problems": []}),
)
def verify(name: Name, number: Number, web: WebDep) -> Response:
    """Derives every digest of a version anew; `problems` tells what is no longer as it was."""
    found = verify_dataset(web.workspace, DatasetRef(name=name, number=number))
    problems = [{"what": one.what, "why": one.why} for one in found]
    return json_answer({"ok": not found, "problems": problems})


@router.get(
    "/{name}/{number:int}/export",
    dependencies=[needs(Right.OPERATE)],
    response_class=Response,
    responses={200: {"content": {"application/zip": {}}, "description": "a file or an archive"}},
)
def export(
    name: Name,
    number: Number,
    web: WebDep,
    format: Annotated[str, Query(min_length=1, max_length=100)] = "audiofolder",
) -> Download:
    """The version in a foreign format; a folder comes as a ZIP archive."""
    ref = DatasetRef(name=name, number=number)
    place = export_rows(web.workspace, format, None, dataset=str(ref))
    single = place.is_file()
    file = f"{name}-{number}{place.suffix}" if single else f"{name}-{number}-{format}.zip"
    return Download(
        pieces_of(place),
        name=file,
        media_type="application/octet-stream" if single else "application/zip",
        afterwards=partial(discard, place),
    )
