"""Counting what is new or changed: along the numbers, whatever else the samples are indexed by."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from truing.domain.sample import SampleFilter
from truing.loop.measure import measure
from truing.metrics.words import WER
from truing.stores.database.store import open_database
from truing.testing.factories import make_revision, make_sample, make_standing


def test_what_waits_is_found_without_sorting(tmp_path: Path) -> None:
    store = open_database(tmp_path / "truing.db")
    added = store.samples.add([make_sample() for _ in range(40)])
    where = SampleFilter(modality="speech")
    measure(store.tallies, WER, where)
    revision = make_revision(added[3].id)
    store.reviews.append(revision, make_standing(revision), expected=0)
    store.samples.add([make_sample()])
    plans: list[str] = []
    with asked(store.database.engine) as statements:
        found = measure(store.tallies, WER, where)
    with store.database.reading() as connection:
        for text, values in statements:
            if text.startswith("SELECT outdated.sample_id") or "samples.id >" in text:
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
                plans += [row[-1] for row in rows]
    store.close()
    assert found.everything.samples == 41
    assert any("INTEGER PRIMARY KEY (rowid>?)" in plan for plan in plans), plans
    assert not [plan for plan in plans if "TEMP B-TREE" in plan or "samples_by" in plan]


class asked:  # noqa: N801 - reads as what was asked
    """The statements that an engine is given within the block."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._statements: list[tuple[str, Any]] = []

    def __enter__(self) -> list[tuple[str, Any]]:
        sa.event.listen(self._engine, "before_cursor_execute", self._note)
        return self._statements

    def __exit__(self, *_: object) -> None:
        sa.event.remove(self._engine, "before_cursor_execute", self._note)

    def _note(self, _c: Any, _cursor: Any, text: str, values: Any, *_: Any) -> None:
        self._statements.append((text, values))
