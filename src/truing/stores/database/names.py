"""The name of a forgotten speaker, found and replaced where it stands beside the samples.

A name is replaced where it is known to be one: as an audience (`subject:NAME`), under a key that
holds speakers, and as a whole word in what people and programs wrote freely. `test` and `general`
may be names too: elsewhere they mean something else.

Known trade-offs: what a free text calls somebody in other words is not found. Names in other
people's transcripts, sessions, source keys and reviews stay: they are those people's data, and
frozen rows hold them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from truing.domain.archive import Packed
from truing.domain.erasure import Renamed
from truing.stores.database.connection import Database
from truing.stores.database.json_text import to_json
from truing.stores.database.schema import (
    champions,
    datasets,
    evaluations,
    events,
    models,
    promotions,
    ratings,
    revisions,
    runs,
    samples,
)

_PEOPLE = {"subject", "subjects", "speaker", "speakers", "test_speakers"}
_FREE = {"reason", "note", "notes", "error", "sentence", "hint", "why", "message"}
_BATCH = 200

_JSON = (
    (promotions, promotions.c.gate),
    (models, models.c.figures),
    (runs, runs.c.request),
    (runs, runs.c.result),
    (events, events.c.data),
    (datasets, datasets.c.parameters),
    (evaluations, evaluations.c.figures),
)
_TEXT = (
    (promotions, promotions.c.reason),
    (runs, runs.c.error),
    (revisions, revisions.c.why),
    (ratings, ratings.c.reason),
)
_AUDIENCES = ((promotions, promotions.c.audience), (models, models.c.audience))


def rename_subject(database: Database, name: str, pseudonym: str, *, everywhere: bool) -> Renamed:
    """See `Store.rename_subject`."""
    places: dict[str, None] = {}
    with database.writing() as connection:
        retired = _retire(connection, name)
        for table, column in _AUDIENCES:
            here = column == f"subject:{name}"
            change = sa.update(table).where(here).values({column: f"subject:{pseudonym}"})
            if connection.execute(change).rowcount:
                places[table.name] = None
    for table, column in _JSON:
        if _rewrite(database, table, column, name, lambda text: _in_json(text, name, pseudonym)):
            places[table.name] = None
    for table, column in _TEXT:
        if _rewrite(database, table, column, name, lambda text: _in_words(text, name, pseudonym)):
            places[table.name] = None
    others = 0
    if everywhere:
        column = samples.c.document
        others = _rewrite(
            database, samples, column, name, lambda text: _in_context(text, name, pseudonym)
        )
    return Renamed(places=tuple(places), champions=retired, samples=others)


def unnamed(packed: Packed, name: str, pseudonym: str) -> Packed:
    """A sample of somebody else in an archive, as `rename_subject` leaves those in the database."""
    document = packed.sample["document"]
    if name not in json.dumps(packed.as_dict(), ensure_ascii=False):
        return packed

    def reworded(rows: tuple[dict[str, Any], ...], column: str) -> tuple[dict[str, Any], ...]:
        return tuple(
            {**row, column: _in_words(row[column], name, pseudonym)} if row[column] else row
            for row in rows
        )

    return replace(
        packed,
        sample={**packed.sample, "document": _in_context(document, name, pseudonym)},
        revisions=reworded(packed.revisions, "why"),
        ratings=reworded(packed.ratings, "reason"),
    )


def _retire(connection: sa.Connection, name: str) -> tuple[str, ...]:
    own = champions.c.audience == f"subject:{name}"
    held = tuple(connection.scalars(sa.select(champions.c.model).where(own)))
    connection.execute(sa.delete(champions).where(own))
    return held


def _rewrite(
    database: Database,
    table: sa.Table,
    column: sa.Column[Any],
    name: str,
    change: Callable[[str], str],
) -> int:
    """Rewrites the rows whose column holds the name, a few in each transaction; how many."""
    key = list(table.primary_key)[-1]
    others = [one for one in table.primary_key if one is not key]
    written = json.dumps(name, ensure_ascii=False)[1:-1]
    holds = sa.or_(
        column.contains(name, autoescape=True), column.contains(written, autoescape=True)
    )
    # By each number of a key of two columns, too: models are few.
    order = [*others, key]
    count, last = 0, None
    while True:
        query = sa.select(*order, column).where(holds).order_by(*order).limit(_BATCH)
        if last is not None:
            query = query.where(sa.tuple_(*order) > sa.tuple_(*last))
        with database.writing() as connection:
            rows = connection.execute(query).all()
            for row in rows:
                made = change(row[-1])
                if made != row[-1]:
                    here = [one == value for one, value in zip(order, row, strict=False)]
                    connection.execute(sa.update(table).where(*here).values({column: made}))
                    count += 1
        if len(rows) < _BATCH:
            return count
        last = tuple(rows[-1][:-1])


def _in_words(text: str, name: str, pseudonym: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", pseudonym, text)


def _in_json(text: str, name: str, pseudonym: str) -> str:
    value = renamed(json.loads(text), name, pseudonym)
    return to_json(value, "names") if value != json.loads(text) else text


def _in_context(text: str, name: str, pseudonym: str) -> str:
    document = json.loads(text)
    context = document.get("context")
    if not context:
        return text
    made = _everywhere(context, name, pseudonym)
    return text if made == context else to_json({**document, "context": made}, "context")


def _everywhere(value: Any, name: str, pseudonym: str) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        return _in_words(value, name, pseudonym)
    if isinstance(value, list):
        return [_everywhere(one, name, pseudonym) for one in value]
    if isinstance(value, dict):
        return {
            _in_words(key, name, pseudonym): _everywhere(one, name, pseudonym)
            for key, one in value.items()
        }
    return value


def renamed(value: Any, name: str, pseudonym: str, key: str | None = None) -> Any:  # noqa: ANN401
    """A JSON value without the name, wherever it is known to be one.

    Args:
        value: any JSON.
        name: of the speaker.
        pseudonym: what takes its place.
        key: under which the value stands.
    """
    if isinstance(value, str):
        if (key in _PEOPLE and value == name) or value == f"subject:{name}":
            return value.removesuffix(name) + pseudonym
        if key in _FREE:
            return _in_words(value, name, pseudonym)
        return _in_words(value, f"subject:{name}", f"subject:{pseudonym}")
    if isinstance(value, list):
        return [renamed(one, name, pseudonym, key) for one in value]
    if isinstance(value, Mapping):
        return {
            (pseudonym if key in _PEOPLE and inner == name else inner): renamed(
                one, name, pseudonym, inner if key not in _PEOPLE else key
            )
            for inner, one in value.items()
        }
    return value
