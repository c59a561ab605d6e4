"""The cache of recognizer outputs in a database."""

from __future__ import annotations

import re
from collections.abc import Iterable

import sqlalchemy as sa

from truing.domain.prediction import Recognition
from truing.stores.database.chunks import chunks
from truing.stores.database.connection import Database
from truing.stores.database.json_text import to_json, to_mapping
from truing.stores.database.schema import recognition_blobs, recognitions

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class DatabaseRecognitions:
    """See `truing.domain.ports.Recognitions`.

    A media key spells out the digest of each blob that was recognized, beside whatever else tells
    one span from another: that is how erasing a sample finds what was said of it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, model_digest: str, media_key: str) -> Recognition | None:
        """See `Recognitions.get`."""
        query = sa.select(recognitions.c.recognition).where(
            recognitions.c.media_key == media_key, recognitions.c.model_digest == model_digest
        )
        with self._database.reading() as connection:
            held = connection.scalar(query)
        return Recognition.from_dict(to_mapping(held)) if held is not None else None

    def put(self, model_digest: str, media_key: str, recognition: Recognition) -> None:
        """See `Recognitions.put`."""
        key = {"media_key": media_key, "model_digest": model_digest}
        text = to_json(recognition.as_dict(), "recognition")
        insert = self._database.dialect.insert
        with self._database.writing() as connection:
            row = {**key, "recognition": text}
            connection.execute(insert(recognitions).values(row).on_conflict_do_nothing())
            named = set(_DIGEST.findall(media_key)) or {media_key}
            connection.execute(
                insert(recognition_blobs).on_conflict_do_nothing(),
                [{**key, "digest": digest} for digest in sorted(named)],
            )


def erase_recognitions(connection: sa.Connection, digests: Iterable[str]) -> None:
    """Removes whatever was said of one of these blobs."""
    for piece in chunks(digests):
        named = recognition_blobs.c.digest.in_(piece)
        keys = sa.select(recognition_blobs.c.media_key, recognition_blobs.c.model_digest)
        pair = sa.tuple_(recognitions.c.media_key, recognitions.c.model_digest)
        connection.execute(sa.delete(recognitions).where(pair.in_(keys.where(named))))
        connection.execute(sa.delete(recognition_blobs).where(named))
