"""What models made of samples, in a database; the pictures themselves are blobs."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from truing.domain.picture import MadePicture
from truing.stores.database.chunks import chunks
from truing.stores.database.connection import Database
from truing.stores.database.schema import archived, pictures, samples


class DatabasePictures:
    """See `truing.domain.picture.Pictures`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, model_digest: str, key: str) -> MadePicture | None:
        """See `Pictures.get`."""
        here = (pictures.c.model_digest == model_digest, pictures.c.given == key)
        query = sa.select(pictures.c.digest, pictures.c.seconds).where(*here).limit(1)
        with self._database.reading() as connection:
            found = connection.execute(query).first()
        return MadePicture(digest=found[0], seconds=found[1]) if found is not None else None

    def put(self, model_digest: str, key: str, sample_uid: str, made: MadePicture) -> bool:
        """See `Pictures.put`."""
        row = {"model_digest": model_digest, "given": key, "sample_uid": sample_uid}
        what = {"digest": made.digest, "seconds": made.seconds}
        insert = self._database.dialect.insert(pictures).values(row | what)
        with self._database.writing() as connection:
            # Locked: who erases the sample meanwhile either finds the picture or comes first.
            there = sa.select(samples.c.id).where(samples.c.uid == sample_uid).with_for_update()
            # Frozen rows of a sample that lies in an archive are evaluated as any others.
            away = sa.select(archived.c.sample_id).where(archived.c.uid == sample_uid).limit(1)
            if connection.scalar(there) is None and connection.scalar(away) is None:
                return False
            connection.execute(
                insert.on_conflict_do_update(index_elements=[*pictures.primary_key], set_=what)
            )
        return True

    def made_of(self, uids: Sequence[str]) -> set[str]:
        """See `Pictures.made_of`."""
        found: set[str] = set()
        with self._database.reading() as connection:
            for piece in chunks(dict.fromkeys(uids)):
                query = sa.select(pictures.c.digest).where(pictures.c.sample_uid.in_(piece))
                found.update(connection.scalars(query))
        return found


def erase_pictures(connection: sa.Connection, uids: Sequence[str]) -> set[str]:
    """Removes what was made of these samples; returns the digests of the blobs."""
    gone = sa.delete(pictures).where(pictures.c.sample_uid.in_(uids))
    return set(connection.scalars(gone.returning(pictures.c.digest)))
