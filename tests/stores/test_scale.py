"""At 200,000 samples: every list walks along its index, and memory does not grow with the rows.

Plans, not times: what is read says how long it takes on any machine.
"""

import re
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from truing.domain.review import State
from truing.domain.sample import SampleFilter, SampleOrder, Sampling
from truing.loop.measure import measure
from truing.stores.database import cursors, paging
from truing.stores.database.connection import Database
from truing.testing.filling import APART, START, filled_workspace
from truing.workspace import Workspace
from truing.workspace.keeping import verify_dataset

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ROWS = 200_000
FEW, MANY = 20_000, 120_000
"""Samples captured up to then are frozen and exported when memory is compared."""
BYTES_PER_ROW = 300
"""What a freeze holds of each row while it splits; an object for each would take several times."""

CACHES = 8 << 20
"""What caches may grow by; an object for each of the rows would take several times that."""

MIDDLE = START + ROWS // 2 * APART
NARROWED = {
    "everything": SampleFilter(),
    "modality": SampleFilter(modality="speech"),
    "state": SampleFilter(states=(State.PENDING,)),
    "states": SampleFilter(states=(State.ACCEPTED, State.CORRECTED)),
    "source": SampleFilter(source="app"),
    "sampling": SampleFilter(sampling=Sampling.AUDIT),
    "since": SampleFilter(captured_from=MIDDLE),
    "until": SampleFilter(captured_until=MIDDLE),
    "confidence": SampleFilter(confidence_below=0.9),
    "trained": SampleFilter(trained=True),
    "not trained": SampleFilter(trained=False),
    "quality": SampleFilter(quality_from=0.3),
    "rating": SampleFilter(rating_from=2),
    "source, sampling, trained": SampleFilter(
        source="app", sampling=Sampling.CHOSEN, trained=False
    ),
}
"""Filters that let many samples through and stand in the indexes."""
LOOKED_UP = {
    "speaker": SampleFilter(subject="ada"),
    "finding": SampleFilter(finding="clipped"),
    "any finding": SampleFilter(finding="*"),
    "word": SampleFilter(text="the"),
    "beginning": SampleFilter(text="th"),
    "speaker, finding": SampleFilter(subject="ada", finding="clipped"),
}
"""Filters that let many through and look at something beside the index."""
RARE = {
    "session": SampleFilter(session="app-7"),
    "rare finding": SampleFilter(finding="damaged"),
    "rare word": SampleFilter(text="stastastasta"),
    "rare rating": SampleFilter(rating_from=5),
    "unknown word": SampleFilter(text="xylophone"),
    "unknown speaker": SampleFilter(subject="nobody"),
}
INDEXES = {
    SampleOrder.NEWEST: "samples_by_(date|subject)",
    SampleOrder.OLDEST: "samples_by_(date|subject)",
    SampleOrder.LEAST_CONFIDENT: "samples_by_certainty",
    SampleOrder.LOWEST_QUALITY: "samples_by_quality",
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with filled_workspace(ROWS, tmp_path_factory.mktemp("scale") / "workspace") as made:
        made.store.samples.count(SampleFilter(text="the"))
        with made.store._database.writing() as connection:  # type: ignore[attr-defined]
            connection.exec_driver_sql("UPDATE samples SET rating = id % 4 + 1 WHERE id % 3 > 0")
            connection.exec_driver_sql("UPDATE samples SET rating = 5 WHERE id % 5000 = 0")
        yield made


def plans(workspace: Workspace, where: SampleFilter, order: SampleOrder) -> list[list[str]]:
    """The plan of every query that a page in the middle needs."""
    database: Database = workspace.store._database  # type: ignore[attr-defined]
    value = {SampleOrder.LEAST_CONFIDENT: 0.5, SampleOrder.LOWEST_QUALITY: 0.5}.get(order, MIDDLE)
    with database.reading() as connection:
        said: list[tuple[str, Any]] = []

        @sa.event.listens_for(connection, "before_cursor_execute")
        def keep(_c: object, _u: object, text: str, values: object, *_: object) -> None:
            said.append((text, values))

        after = cursors.Position(value=value, id=ROWS // 2)
        paging.page_positions(connection, database.dialect, where, order, after=after, limit=51)
        return [
            [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)]
            for text, values in tuple(said)
        ]


@pytest.mark.parametrize("order", SampleOrder)
@pytest.mark.parametrize("name", NARROWED)
def test_a_walk_looks_at_no_row(workspace: Workspace, name: str, order: SampleOrder) -> None:
    lines = [line for plan in plans(workspace, NARROWED[name], order) for line in plan]
    index = re.compile(f"SEARCH samples USING COVERING INDEX {INDEXES[order]} ")
    walks = [line for line in lines if "INDEX samples_by" in line and "training" not in line]
    assert [line for line in walks if index.match(line)]
    assert all("COVERING" in line for line in walks)
    assert not [line for line in lines if line.startswith("SCAN samples")]


@pytest.mark.parametrize("order", SampleOrder)
@pytest.mark.parametrize("name", LOOKED_UP)
def test_a_walk_keeps_its_order(workspace: Workspace, name: str, order: SampleOrder) -> None:
    lines = [line for plan in plans(workspace, LOOKED_UP[name], order) for line in plan]
    walk = re.compile(f"SEARCH samples USING (COVERING )?INDEX {INDEXES[order]} ")
    assert [line for line in lines if walk.match(line)]
    assert not [line for line in lines if line.startswith("SCAN samples")]


@pytest.mark.parametrize("order", SampleOrder)
@pytest.mark.parametrize("name", RARE)
def test_few_samples_are_fetched_by_number(
    workspace: Workspace, name: str, order: SampleOrder
) -> None:
    lines = [line for plan in plans(workspace, RARE[name], order) for line in plan]
    assert not [line for line in lines if line.startswith("SCAN samples")]
    assert [line for line in lines if re.search("PRIMARY KEY|samples_by_|VIRTUAL TABLE", line)]


def test_figures_are_added_up_once(workspace: Workspace) -> None:
    metric = workspace.modality("speech").metrics[0]
    where = SampleFilter(modality="speech")
    counted: list[int] = []
    found = measure(workspace.store.tallies, metric, where, on_progress=counted.append)
    assert counted[-1] == ROWS
    assert sum(one.samples for one in found.speakers.values()) == ROWS
    again: list[int] = []
    assert measure(workspace.store.tallies, metric, where, on_progress=again.append) == found
    assert again == []


def peak(work: Callable[[], object]) -> int:
    """The most memory that Python held at once during the work, above the start."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_rows(workspace: Workspace, tmp_path: Path) -> None:
    def freeze(rows: int) -> None:
        until = SampleFilter(captured_until=START + rows * APART)
        workspace.freeze(f"first-{rows}", where=until)

    def export(rows: int) -> None:
        workspace.export("jsonl", tmp_path / f"{rows}.jsonl", dataset=f"first-{rows}@1")

    def verify(rows: int) -> None:
        ref = next(v.ref for v in workspace.store.datasets.all() if v.ref.name == f"first-{rows}")
        assert verify_dataset(workspace, ref) == []

    freeze(500)
    export(500)
    small, large = (peak(lambda n=rows: freeze(n)) for rows in (FEW, MANY))  # type: ignore[misc]
    assert large - small < (MANY - FEW) * BYTES_PER_ROW
    for work in (export, verify):
        small, large = (peak(lambda n=rows: work(n)) for rows in (FEW, MANY))  # type: ignore[misc] # noqa: B023
        assert large - small < CACHES
