"""Evaluations with their per-row scores in a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import sqlalchemy as sa

from truing.domain.errors import NotFoundError
from truing.domain.evaluation import EvaluatedRow, Evaluation, RowScore
from truing.stores.database.chunks import chunks
from truing.stores.database.connection import Database
from truing.stores.database.json_text import to_json, to_mapping
from truing.stores.database.schema import evaluated_rows, evaluations

_HEAD = (
    "uid",
    "modality",
    "model",
    "model_digest",
    "dataset",
    "dataset_digest",
    "split",
    "metric",
    "metric_version",
    "created_at",
)


class DatabaseEvaluations:
    """See `truing.domain.evaluation.Evaluations`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, evaluation: Evaluation) -> Evaluation:
        """See `Evaluations.add`."""
        head: dict[str, Any] = {name: getattr(evaluation, name) for name in _HEAD}
        head["figures"] = to_json(dict(evaluation.figures), "figures")
        with self._database.writing() as connection:
            number = connection.scalar(
                sa.insert(evaluations).values(head).returning(evaluations.c.id)
            )
            for piece in chunks(enumerate(evaluation.rows)):
                rows = [_row(cast("int", number), place, row) for place, row in piece]
                connection.execute(sa.insert(evaluated_rows), rows)
        return replace(evaluation, id=cast("int", number))

    def find(self, model_digest: str, dataset: str, split: str, version: str) -> Evaluation | None:
        """See `Evaluations.find`."""
        table = evaluations.c
        query = (
            sa.select(evaluations)
            .where(table.model_digest == model_digest, table.dataset == dataset)
            .where(table.split == split, table.metric_version == version)
            .order_by(table.id.desc())
            .limit(1)
        )
        return self._whole(query)

    def get(self, uid: str) -> Evaluation:
        """See `Evaluations.get`."""
        found = self._whole(sa.select(evaluations).where(evaluations.c.uid == uid))
        if found is None:
            raise NotFoundError(f"there is no evaluation `{uid}`", hint="truing evaluate makes one")
        return found

    def _whole(self, query: sa.Select[Any]) -> Evaluation | None:
        """The first evaluation that a query finds, with its rows."""
        parts = sa.select(evaluated_rows).order_by(evaluated_rows.c.position)
        with self._database.reading() as connection:
            head = connection.execute(query).mappings().first()
            if head is None:
                return None
            mine = parts.where(evaluated_rows.c.evaluation_id == head["id"])
            rows = [_evaluated(row) for row in connection.execute(mine).mappings()]
        return _evaluation(head, tuple(rows))

    def all(self, *, limit: int = 100) -> list[Evaluation]:
        """See `Evaluations.all`."""
        query = sa.select(evaluations).order_by(evaluations.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [_evaluation(row, ()) for row in connection.execute(query).mappings()]

    def forget(self, uids: Sequence[str]) -> int:
        """See `Evaluations.forget`."""
        gone = 0
        with self._database.writing() as connection:
            for piece in chunks(dict.fromkeys(uids)):
                here = evaluated_rows.c.sample_uid.in_(piece)
                gone += connection.execute(sa.delete(evaluated_rows).where(here)).rowcount
        return gone


def _row(number: int, place: int, row: EvaluatedRow) -> dict[str, Any]:
    return {
        "evaluation_id": number,
        "position": place,
        "sample_uid": row.sample_uid,
        "prediction": row.prediction,
        "scores": to_json(
            {name: [score.numerator, score.denominator] for name, score in row.scores.items()},
            "scores",
        ),
        "cluster": row.cluster,
        "subject": row.subject,
        "confidence": row.confidence,
        "seconds": row.seconds,
        "duration": row.duration,
    }


def _evaluated(row: sa.RowMapping) -> EvaluatedRow:
    scores = cast("dict[str, list[float]]", to_mapping(row["scores"]))
    return EvaluatedRow(
        sample_uid=row["sample_uid"],
        prediction=row["prediction"],
        scores={
            name: RowScore(numerator=pair[0], denominator=pair[1]) for name, pair in scores.items()
        },
        cluster=row["cluster"],
        subject=row["subject"],
        confidence=row["confidence"],
        seconds=row["seconds"],
        duration=row["duration"],
    )


def _evaluation(head: sa.RowMapping, rows: tuple[EvaluatedRow, ...]) -> Evaluation:
    known: dict[str, Any] = {name: head[name] for name in _HEAD}
    return Evaluation(id=head["id"], figures=to_mapping(head["figures"]), rows=rows, **known)
