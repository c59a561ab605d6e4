"""Training runs in a database: leases with a fencing token, figures by step.

Every change of a run's hands is one UPDATE that names what must still hold; how many rows it
changed says who got it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from truing.domain.errors import NotFoundError
from truing.domain.run import MetricPoint, Run, RunRequest, RunState, Want
from truing.stores.database.chunks import chunks
from truing.stores.database.connection import Database
from truing.stores.database.json_text import to_json, to_mapping
from truing.stores.database.schema import run_metrics, runs

_ENDED = tuple(state.value for state in RunState if state.ended)


class DatabaseRuns:
    """See `truing.domain.run.Runs`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, uid: str, request: RunRequest, created_at: int) -> Run:
        """See `Runs.add`."""
        row = {
            "uid": uid,
            "request": to_json(request.as_dict(), "request"),
            "state": RunState.QUEUED.value,
            "want": Want.RUN.value,
            "fence": 0,
            "attempts": 0,
            "step": 0,
            "total_steps": 0,
            "created_at": created_at,
            "result": "{}",
        }
        with self._database.writing() as connection:
            number = connection.scalar(sa.insert(runs).values(row).returning(runs.c.id))
            return _get(connection, number or 0)

    def get(self, id: int) -> Run:
        """See `Runs.get`."""
        with self._database.reading() as connection:
            return _get(connection, id)

    def all(self, *, before: int | None = None, limit: int = 100) -> list[Run]:
        """See `Runs.all`."""
        query = sa.select(runs).order_by(runs.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(runs.c.id < before)
        with self._database.reading() as connection:
            return [_run(row) for row in connection.execute(query).mappings()]

    def claim(
        self, id: int, *, boot_id: str, pid: int, pid_start: int, now: int, lease_until: int
    ) -> Run | None:
        """See `Runs.claim`. A lease has expired when `now` has reached its end."""
        free = sa.or_(
            runs.c.state == RunState.QUEUED.value,
            sa.and_(runs.c.state == RunState.PAUSED.value, runs.c.want == Want.RUN.value),
            sa.and_(runs.c.state == RunState.RUNNING.value, runs.c.lease_until <= now),
        )
        taken = (
            sa.update(runs)
            .where(runs.c.id == id, free)
            .values(
                state=RunState.RUNNING.value,
                fence=runs.c.fence + 1,
                attempts=runs.c.attempts + 1,
                lease_until=lease_until,
                boot_id=boot_id,
                pid=pid,
                pid_start=pid_start,
                started_at=sa.func.coalesce(runs.c.started_at, now),
                ended_at=None,
                error=None,
            )
        )
        with self._database.writing() as connection:
            return _get(connection, id) if connection.execute(taken).rowcount else None

    def heartbeat(
        self, id: int, fence: int, *, lease_until: int, step: int, total_steps: int
    ) -> Want | None:
        """See `Runs.heartbeat`."""
        beat = (
            sa.update(runs)
            .where(runs.c.id == id, runs.c.fence == fence)
            .where(runs.c.state == RunState.RUNNING.value)
            .values(lease_until=lease_until, step=step, total_steps=total_steps)
        )
        with self._database.writing() as connection:
            if not connection.execute(beat).rowcount:
                return None
            return _get(connection, id).want

    def want(self, id: int, want: Want) -> Run:
        """See `Runs.want`.

        Raises:
            NotFoundError: no such run.
        """
        with self._database.writing() as connection:
            connection.execute(sa.update(runs).where(runs.c.id == id).values(want=want.value))
            return _get(connection, id)

    def end(
        self,
        id: int,
        fence: int,
        *,
        state: RunState,
        at: int,
        error: str | None = None,
        result: Mapping[str, object] | None = None,
    ) -> bool:
        """See `Runs.end`: also for a run that waits in the queue or is paused, with the fence it
        has then. False as well for one that has ended already.
        """
        values: dict[str, Any] = {
            "state": state.value,
            "lease_until": None,
            "ended_at": at if state.ended else None,
            "error": error,
        }
        if result is not None:
            values["result"] = to_json(dict(result), "result")
        ended = (
            sa.update(runs)
            .where(runs.c.id == id, runs.c.fence == fence, runs.c.state.not_in(_ENDED))
            .values(**values)
        )
        with self._database.writing() as connection:
            return bool(connection.execute(ended).rowcount)

    def report(self, id: int, points: Sequence[MetricPoint]) -> None:
        """See `Runs.report`; a figure that is no number is kept as such.

        Raises:
            NotFoundError: no such run.
        """
        insert = self._database.dialect.insert(run_metrics)
        insert = insert.on_conflict_do_update(
            index_elements=["run_id", "step", "name"],
            set_={"value": insert.excluded.value, "at": insert.excluded.at},
        )
        with self._database.writing() as connection:
            for piece in chunks(points):
                connection.execute(insert, [_metric_row(id, point) for point in piece])

    def metrics(self, id: int, *, after_step: int = -1) -> list[MetricPoint]:
        """See `Runs.metrics`."""
        table = run_metrics.c
        query = (
            sa.select(table.step, table.name, table.value, table.at)
            .where(table.run_id == id, table.step > after_step)
            .order_by(table.step, table.name)
        )
        with self._database.reading() as connection:
            return [
                MetricPoint(step=step, name=name, value=math.nan if value is None else value, at=at)
                for step, name, value, at in connection.execute(query)
            ]


def _metric_row(id: int, point: MetricPoint) -> dict[str, Any]:
    return {
        "run_id": id,
        "step": point.step,
        "name": point.name,
        "value": None if math.isnan(point.value) else point.value,
        "at": point.at,
    }


def _get(connection: sa.Connection, id: int) -> Run:
    row = connection.execute(sa.select(runs).where(runs.c.id == id)).mappings().first()
    if row is None:
        raise NotFoundError(f"no run `{id}`", hint="`truing jobs` lists them")
    return _run(row)


def _run(row: sa.RowMapping) -> Run:
    request: dict[str, Any] = dict(to_mapping(row["request"]))
    return Run(
        id=row["id"],
        uid=row["uid"],
        request=RunRequest(**request),
        state=RunState(row["state"]),
        want=Want(row["want"]),
        fence=row["fence"],
        lease_until=row["lease_until"],
        boot_id=row["boot_id"],
        pid=row["pid"],
        pid_start=row["pid_start"],
        attempts=row["attempts"],
        step=row["step"],
        total_steps=row["total_steps"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        error=row["error"],
        result=to_mapping(row["result"]),
    )
