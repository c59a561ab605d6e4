"""Contacts in a database: stored with their samples, and erased with them."""

from __future__ import annotations

import sqlalchemy as sa

from truing.stores.database.connection import Database
from truing.stores.database.schema import contacts


class DatabaseContacts:
    """See `truing.domain.contact.Contacts`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, sample_id: int) -> str | None:
        """See `Contacts.of`."""
        query = sa.select(contacts.c.contact).where(contacts.c.sample_id == sample_id)
        with self._database.reading() as connection:
            return connection.scalar(query)

    def samples(self, contact: str) -> list[int]:
        """See `Contacts.samples`."""
        here = contacts.c.contact == contact
        query = sa.select(contacts.c.sample_id).where(here).order_by(contacts.c.sample_id)
        with self._database.reading() as connection:
            return list(connection.scalars(query))
