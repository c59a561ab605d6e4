"""The journal in a database."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from truing.domain.event import Event
from truing.stores.database.connection import Database
from truing.stores.database.json_text import to_json, to_mapping
from truing.stores.database.schema import events


class DatabaseEvents:
    """See `truing.domain.event.Events`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, event: Event) -> Event:
        """See `Events.add`."""
        row = {
            "kind": event.kind,
            "at": event.at,
            "actor": event.actor,
            "data": to_json(dict(event.data), "data"),
        }
        with self._database.writing() as connection:
            number = connection.scalar(sa.insert(events).values(row).returning(events.c.id))
        return replace(event, id=number or 0)

    def all(self, *, after: int = 0, limit: int = 200, kind: str | None = None) -> list[Event]:
        """See `Events.all`."""
        query = sa.select(events).where(events.c.id > after).order_by(events.c.id).limit(limit)
        if kind is not None:
            query = query.where(events.c.kind == kind)
        with self._database.reading() as connection:
            return [
                Event(
                    id=row["id"],
                    kind=row["kind"],
                    at=row["at"],
                    actor=row["actor"],
                    data=to_mapping(row["data"]),
                )
                for row in connection.execute(query).mappings()
            ]
