"""Full-text search in SQLite: its index, the triggers that keep it true, what a text finds.

Known trade-offs: a captured sample enters the index with the next search (or with the next fifty),
in bulk: one at a time it would cost a third of all pages that a capture writes, and leave a segment
each to be merged. Words are what lies between spaces and punctuation, so a Chinese sentence is
found by its beginning only.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import sqlalchemy as sa

from truing.stores.database.chunks import chunks
from truing.stores.database.schema import NUMBERS, counters, samples

MERGED_TOGETHER = 1000
"""Pages of the index that are merged in one transaction: some 0.1 s."""
MOST_WORDS = 64
"""How many words of a search count."""

# The texts stay in `samples` alone; the index is told the old ones when they change.
_CREATE = """
CREATE VIRTUAL TABLE search USING fts5(
  said, truth, content = 'samples', content_rowid = 'id', columnsize = 0,
  tokenize = "unicode61 remove_diacritics 2 categories 'L* M* N* Co So'"
)
"""
_TOKEN_CATEGORIES = ("L", "M", "N")
_FORGETFUL = "INSERT INTO search (search, rank) VALUES ('secure-delete', 1)"
_FIND = "INSERT INTO search (rowid, said, truth) VALUES (new.id, new.said, new.truth);"
_LOSE = """
INSERT INTO search (search, rowid, said, truth) VALUES ('delete', old.id, old.said, old.truth);
"""
_FOUND = "old.id <= (SELECT value FROM counters WHERE modality = '' AND name = 'searchable')"
TRIGGERS = (
    f"CREATE TRIGGER samples_lost AFTER DELETE ON samples WHEN {_FOUND} BEGIN {_LOSE} END",
    (
        f"CREATE TRIGGER samples_refound AFTER UPDATE OF said, truth ON samples WHEN {_FOUND} "
        f"AND (old.said <> new.said OR old.truth IS NOT new.truth) BEGIN {_LOSE} {_FIND} END"
    ),
)
_TAKE_IN = """
INSERT INTO search (rowid, said, truth)
SELECT id, said, truth FROM samples WHERE id > ? AND id <= ? ORDER BY id
"""
_TAKE_IN_ONE = "INSERT INTO search (rowid, said, truth) VALUES (?, ?, ?)"

_search = sa.table("search", sa.column("rowid", sa.Integer), sa.column("search", sa.Text))


def create(connection: sa.Connection, *, forgetful: bool) -> None:
    """Makes the empty index; a forgetful one overwrites at once what is taken out of it."""
    _create(connection, _CREATE, forgetful=forgetful)


def index_beginnings(connection: sa.Connection, *, forgetful: bool) -> None:
    """Makes the index anew with the first one, two and three letters of each word."""
    mark, _ = _marks(connection)
    connection.exec_driver_sql("DROP TABLE search")
    made = _CREATE.replace("fts5(", "fts5( prefix = '1 2 3',")
    _create(connection, made, forgetful=forgetful)
    connection.exec_driver_sql(_TAKE_IN, (0, mark))


def _create(connection: sa.Connection, statement: str, *, forgetful: bool) -> None:
    connection.exec_driver_sql(statement)
    if forgetful:
        connection.exec_driver_sql(_FORGETFUL)


def waiting(connection: sa.Connection) -> int:
    """How many samples are not in the index yet."""
    mark, last = _marks(connection)
    return last - mark


def take_in(connection: sa.Connection, *, at_most: int) -> None:
    """Takes in the samples that wait, the oldest first."""
    mark, last = _marks(connection)
    reached = min(last, mark + at_most)
    connection.exec_driver_sql(_TAKE_IN, (mark, reached))
    connection.execute(
        sa.update(counters)
        .where(counters.c.modality == NUMBERS, counters.c.name == "searchable")
        .values(value=reached)
    )


def take_in_again(connection: sa.Connection, ids: Sequence[int]) -> None:
    """Takes in samples that came back; what is above the last number comes with the others."""
    mark, _ = _marks(connection)
    for piece in chunks(number for number in ids if number <= mark):
        query = sa.select(samples.c.id, samples.c.said, samples.c.truth)
        for row in connection.execute(query.where(samples.c.id.in_(piece))).all():
            connection.exec_driver_sql(_TAKE_IN_ONE, tuple(row))


def merge(connection: sa.Connection, *, begun: bool) -> bool:
    """Merges some pieces of the index, in each of which a word is looked up; whether more are
    left.
    """
    changes = "SELECT total_changes()"
    before = connection.exec_driver_sql(changes).scalar_one()
    pages = MERGED_TOGETHER if begun else -MERGED_TOGETHER
    statement = "INSERT INTO search (search, rank) VALUES ('merge', ?)"
    connection.exec_driver_sql(statement, (pages,))
    # One change is that of the command itself.
    return bool(connection.exec_driver_sql(changes).scalar_one() - before > 1)


def check(connection: sa.Connection) -> None:
    """Compares the index with the texts; SQLite raises when they differ."""
    connection.exec_driver_sql("INSERT INTO search (search, rank) VALUES ('integrity-check', 1)")


def matching(text: str) -> sa.Select[int] | None:
    """The numbers of the samples that hold all words of a text; None when it has no word."""
    query = search_query(text)
    if query is None:
        return None
    return sa.select(_search.c.rowid).where(_search.c.search.match(query))


def search_query(text: str) -> str | None:
    """The words of a person's text as an FTS5 expression: all of them, the last as a prefix.

    Every word is quoted, so nothing in it is syntax. None when there is no word.
    """
    words = [
        '"{}"'.format(word.replace('"', '""'))
        for word in text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ").split()
        if any(_in_token(character) for character in word)
    ][:MOST_WORDS]
    return " ".join(words) + "*" if words else None


def _in_token(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in _TOKEN_CATEGORIES or category in {"Co", "So"}


def _marks(connection: sa.Connection) -> tuple[int, int]:
    """The last number in the index, and the last one given out."""
    query = sa.select(counters.c.name, counters.c.value).where(counters.c.modality == NUMBERS)
    held = {row[0]: int(row[1]) for row in connection.execute(query)}
    return held["searchable"], held["samples"]
