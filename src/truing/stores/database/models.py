"""Model versions, champions, promotions and trials in a database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa
import sqlalchemy.exc

from truing.domain.errors import ConflictError, NotFoundError
from truing.domain.model import ModelRef, ModelState, ModelVersion, Promotion
from truing.stores.database.connection import Database
from truing.stores.database.json_text import to_json, to_list, to_mapping
from truing.stores.database.schema import champions, models, promotions, trials


class DatabaseModels:
    """See `truing.domain.model.Models`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, model: ModelVersion) -> None:
        """See `Models.add`."""
        with self._database.writing() as connection:
            try:
                connection.execute(sa.insert(models).values(_row(model)))
            except sqlalchemy.exc.IntegrityError as error:
                raise ConflictError(
                    f"the model `{model.ref}` or its uid exists already",
                    hint="take the next number",
                ) from error

    def next_number(self, modality: str) -> int:
        """See `Models.next_number`."""
        query = sa.select(sa.func.max(models.c.number)).where(models.c.modality == modality)
        with self._database.reading() as connection:
            return (connection.scalar(query) or 0) + 1

    def get(self, ref: ModelRef) -> ModelVersion:
        """See `Models.get`."""
        with self._database.reading() as connection:
            row = connection.execute(sa.select(models).where(*_is(ref))).mappings().first()
            if row is None:
                raise _no_model(connection, ref)
        return _model(row)

    def all(self, modality: str | None = None) -> list[ModelVersion]:
        """See `Models.all`."""
        query = sa.select(models).order_by(
            models.c.created_at.desc(), models.c.modality, models.c.number.desc()
        )
        if modality is not None:
            query = query.where(models.c.modality == modality)
        with self._database.reading() as connection:
            return [_model(row) for row in connection.execute(query).mappings()]

    def set_state(self, ref: ModelRef, state: ModelState) -> None:
        """See `Models.set_state`.

        Raises:
            NotFoundError: no such model.
        """
        change = sa.update(models).where(*_is(ref)).values(state=state.value)
        with self._database.writing() as connection:
            if not connection.execute(change).rowcount:
                raise _no_model(connection, ref)

    def champion(self, modality: str, audience: str) -> str | None:
        """See `Models.champion`."""
        with self._database.reading() as connection:
            return connection.scalar(_champion(modality, audience))

    def champions(self, modality: str | None = None) -> dict[tuple[str, str], str]:
        """See `Models.champions`."""
        table = champions.c
        query = sa.select(table.modality, table.audience, table.model)
        query = query.order_by(table.modality, table.audience)
        if modality is not None:
            query = query.where(table.modality == modality)
        with self._database.reading() as connection:
            return {(kind, who): model for kind, who, model in connection.execute(query)}

    def promote(self, promotion: Promotion, *, expected: str | None) -> Promotion:
        """See `Models.promote`."""
        with self._database.writing() as connection:
            now = connection.scalar(
                _champion(promotion.modality, promotion.audience).with_for_update()
            )
            if now != expected:
                raise _moved(promotion, expected, now)
            connection.execute(self._move(promotion))
            number = connection.scalar(
                sa.insert(promotions).values(_promotion_row(promotion)).returning(promotions.c.id)
            )
        return replace(promotion, id=number or 0)

    def _move(self, promotion: Promotion) -> sa.Insert | sa.Delete:
        """What the move does to the alias."""
        if not promotion.model:
            return sa.delete(champions).where(
                champions.c.modality == promotion.modality,
                champions.c.audience == promotion.audience,
            )
        insert = self._database.dialect.insert(champions).values(
            modality=promotion.modality, audience=promotion.audience, model=promotion.model
        )
        moved: sa.Insert = insert.on_conflict_do_update(
            index_elements=["modality", "audience"], set_={"model": insert.excluded.model}
        )
        return moved

    def promotions(self, modality: str, audience: str) -> list[Promotion]:
        """See `Models.promotions`."""
        query = (
            sa.select(promotions)
            .where(promotions.c.modality == modality, promotions.c.audience == audience)
            .order_by(promotions.c.id.desc())
        )
        with self._database.reading() as connection:
            return [_promotion(row) for row in connection.execute(query).mappings()]

    def add_trial(self, test_digest: str, candidate: str, at: int) -> int:
        """See `Models.add_trial`."""
        table = trials.c
        with self._database.writing() as connection:
            known = connection.scalar(
                sa.select(table.number).where(
                    table.test_digest == test_digest, table.candidate == candidate
                )
            )
            if known is not None:
                return int(known)
            last = connection.scalar(
                sa.select(sa.func.max(table.number)).where(table.test_digest == test_digest)
            )
            number = (last or 0) + 1
            connection.execute(
                sa.insert(trials).values(
                    test_digest=test_digest, candidate=candidate, number=number, at=at
                )
            )
        return number


def _is(ref: ModelRef) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return models.c.modality == ref.modality, models.c.number == ref.number


def _champion(modality: str, audience: str) -> sa.Select[str]:
    return sa.select(champions.c.model).where(
        champions.c.modality == modality, champions.c.audience == audience
    )


def _moved(promotion: Promotion, expected: str | None, now: str | None) -> ConflictError:
    return ConflictError(
        f"the champion of `{promotion.modality}` for `{promotion.audience}` is "
        f"`{now or 'none'}`, not `{expected or 'none'}`",
        hint="compare the candidate with the present champion, then promote",
    )


def _no_model(connection: sa.Connection, ref: ModelRef) -> NotFoundError:
    table = models.c
    newest = sa.select(table.modality, table.number).order_by(table.created_at.desc()).limit(5)
    there = [f"`{modality}/{number}`" for modality, number in connection.execute(newest)]
    return NotFoundError(
        f"no model `{ref}`",
        hint=f"there are {', '.join(there)}" if there else "train one first",
    )


def _row(model: ModelVersion) -> dict[str, Any]:
    return {
        "modality": model.ref.modality,
        "number": model.ref.number,
        "uid": model.uid,
        "digest": model.digest,
        "state": model.state.value,
        "created_at": model.created_at,
        "recipe": model.recipe,
        "base": model.base,
        "parents": to_json(list(model.parents), "parents"),
        "dataset": model.dataset,
        "dataset_digest": model.dataset_digest,
        "run_id": model.run_id,
        "audience": model.audience,
        "figures": to_json(dict(model.figures), "figures"),
        "licence": model.licence,
    }


def _model(row: sa.RowMapping) -> ModelVersion:
    return ModelVersion(
        ref=ModelRef(modality=row["modality"], number=row["number"]),
        uid=row["uid"],
        digest=row["digest"],
        state=ModelState(row["state"]),
        created_at=row["created_at"],
        recipe=row["recipe"],
        base=row["base"],
        parents=tuple(str(parent) for parent in to_list(row["parents"])),
        dataset=row["dataset"],
        dataset_digest=row["dataset_digest"],
        run_id=row["run_id"],
        audience=row["audience"],
        figures=to_mapping(row["figures"]),
        licence=row["licence"],
    )


def _promotion_row(promotion: Promotion) -> dict[str, Any]:
    return {
        "modality": promotion.modality,
        "audience": promotion.audience,
        "model": promotion.model,
        "previous": promotion.previous,
        "at": promotion.at,
        "actor": promotion.actor,
        "reason": promotion.reason,
        "gate": to_json(dict(promotion.gate), "gate"),
    }


def _promotion(row: sa.RowMapping) -> Promotion:
    return Promotion(
        id=row["id"],
        modality=row["modality"],
        audience=row["audience"],
        model=row["model"],
        previous=row["previous"],
        at=row["at"],
        actor=row["actor"],
        reason=row["reason"],
        gate=to_mapping(row["gate"]),
    )
