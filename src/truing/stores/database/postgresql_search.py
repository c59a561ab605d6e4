"""Full-text search and counters in PostgreSQL: its triggers, and which words a text is made of.

Words are taken apart here, not by the server: they are then the same under every locale and
version, and the same as in SQLite (letters, marks, numbers and symbols such as emoji belong to
words; case and accents do not count). A changed text waits in `search_waiting` until the next
search takes it in.

Known trade-offs: of a word its first 400 letters count, of a sample its first megabyte of words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

MOST_WORDS = 64
"""How many words of a search count."""
LONGEST_WORD = 400
"""Letters of a word that count; PostgreSQL takes 2046 bytes."""
MOST_BYTES = 900_000
"""Bytes of a sample's words that count; PostgreSQL takes a megabyte."""

search = sa.table("search", sa.column("sample_id", sa.BigInteger), sa.column("words", TSVECTOR))

_COUNT = """
  INSERT INTO counters (modality, name, value)
  SELECT modality, name, sum(step) FROM ({steps}) AS steps
  GROUP BY modality, name HAVING sum(step) <> 0 ORDER BY modality, name
  ON CONFLICT (modality, name) DO UPDATE SET value = counters.value + excluded.value;
"""
_ADDED = """
  SELECT modality, state AS name, 1 AS step FROM fresh
  UNION ALL SELECT modality, 'trained', trained FROM fresh
"""
_GONE = """
  SELECT modality, state AS name, -1 AS step FROM gone
  UNION ALL SELECT modality, 'trained', -trained FROM gone
"""
_CHANGED = f"SELECT * FROM ({_ADDED}) AS after UNION ALL SELECT * FROM ({_GONE}) AS before"  # noqa: S608
_FUNCTION = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
{body}
  RETURN NULL;
END
$body$
"""
_WAIT = "  INSERT INTO search_waiting (sample_id) {which} ON CONFLICT DO NOTHING;"
_NEW_TEXTS = """
  SELECT fresh.id FROM fresh JOIN gone USING (id)
  WHERE fresh.said <> gone.said OR fresh.truth IS DISTINCT FROM gone.truth
"""
_LOSE = """
  DELETE FROM search USING gone WHERE search.sample_id = gone.id;
  DELETE FROM search_waiting USING gone WHERE search_waiting.sample_id = gone.id;
"""
_TRIGGER = """
CREATE TRIGGER {name} AFTER {event} ON samples REFERENCING {tables}
FOR EACH STATEMENT EXECUTE FUNCTION {name}()
"""
NUMBERS_SEQUENCE = "sample_numbers"
"""Gives samples their numbers."""

DERIVED = (
    f"CREATE SEQUENCE {NUMBERS_SEQUENCE} AS bigint",
    "CREATE TABLE search (sample_id bigint PRIMARY KEY, words tsvector NOT NULL)",
    "ALTER TABLE search ALTER COLUMN words SET STATISTICS 0",
    "CREATE INDEX search_words ON search USING gin (words)",
    "CREATE TABLE search_waiting (sample_id bigint PRIMARY KEY)",
    # Once for each statement, not for each row: a thousand samples change a counter once.
    _FUNCTION.format(
        name="samples_added",
        body=_COUNT.format(steps=_ADDED) + _WAIT.format(which="SELECT id FROM fresh"),
    ),
    _FUNCTION.format(name="samples_gone", body=_COUNT.format(steps=_GONE) + _LOSE),
    _FUNCTION.format(
        name="samples_changed",
        body=_COUNT.format(steps=_CHANGED) + _WAIT.format(which=_NEW_TEXTS),
    ),
    _TRIGGER.format(name="samples_added", event="INSERT", tables="NEW TABLE AS fresh"),
    _TRIGGER.format(name="samples_gone", event="DELETE", tables="OLD TABLE AS gone"),
    _TRIGGER.format(
        name="samples_changed", event="UPDATE", tables="OLD TABLE AS gone NEW TABLE AS fresh"
    ),
)

_WAITING = """
SELECT sample_id, said, truth FROM search_waiting
LEFT JOIN samples ON samples.id = sample_id ORDER BY sample_id LIMIT %s
"""
_TAKE_IN = """
INSERT INTO search (sample_id, words) VALUES (%s, array_to_tsvector(%s::text[]))
ON CONFLICT (sample_id) DO UPDATE SET words = excluded.words
"""
_LOST = """
SELECT EXISTS (SELECT FROM search
WHERE NOT EXISTS (SELECT FROM samples WHERE samples.id = search.sample_id))
"""
_COMPARED = """
SELECT samples.id, samples.said, samples.truth, tsvector_to_array(search.words) FROM samples
LEFT JOIN search ON search.sample_id = samples.id
WHERE samples.id > %s ORDER BY samples.id LIMIT 1000
"""


class _Folding(dict[int, int | str | None]):
    """How `str.translate` takes a letter: as it is, not at all, or as an end of the word."""

    def __missing__(self, code: int) -> int | str | None:
        category = unicodedata.category(chr(code))
        kept: int | str | None = " "
        if 0x300 <= code <= 0x36F:  # accents
            kept = None
        elif category[0] in ("L", "M", "N") or category in ("Co", "So"):
            kept = code
        self[code] = kept
        return kept


_folding = _Folding()


def words_of(text: str) -> list[str]:
    """The words of a text as the index holds them, in order."""
    folded = unicodedata.normalize("NFD", text).translate(_folding).casefold()
    return [word[:LONGEST_WORD] for word in folded.split()]


def indexed_words(said: str, truth: str | None) -> list[str]:
    """Each word of a sample's texts once."""
    return list(_within(dict.fromkeys(words_of(f"{said}\n{truth or ''}")), MOST_BYTES))


def _within(words: dict[str, None], most: int) -> Iterator[str]:
    for word in words:
        most -= len(word.encode()) + 2
        if most < 0:
            return
        yield word


def matching(text: str) -> sa.Select[int] | None:
    """Numbers of the samples that hold all words of `text`, the last one as a prefix."""
    words = words_of(text)[:MOST_WORDS]
    if not words:
        return None
    # Words hold letters, marks, numbers and symbols only: nothing in them is syntax.
    query = " & ".join(f"'{word}'" for word in words) + ":*"
    return sa.select(search.c.sample_id).where(
        search.c.words.op("@@")(sa.cast(sa.literal(query, sa.Text), TSQUERY))
    )


def unsearchable(connection: sa.Connection, *, at_most: int) -> int:
    """How many texts wait to be taken in, counted up to `at_most`."""
    query = "SELECT count(*) FROM (SELECT FROM search_waiting LIMIT %s) AS waiting"
    return int(connection.exec_driver_sql(query, (at_most,)).scalar_one())


def make_searchable(connection: sa.Connection, *, at_most: int) -> None:
    """Takes texts that wait into the index, the oldest samples first."""
    waiting = connection.exec_driver_sql(_WAITING, (at_most,)).all()
    if not waiting:
        return
    rows = [
        (number, indexed_words(said, truth)) for number, said, truth in waiting if said is not None
    ]
    if rows:
        connection.exec_driver_sql(_TAKE_IN, rows)
    done = "DELETE FROM search_waiting WHERE sample_id = ANY(%s)"
    connection.exec_driver_sql(done, ([number for number, _, _ in waiting],))


def problems(connection: sa.Connection) -> list[str]:
    """Where the index differs from the texts."""
    while unsearchable(connection, at_most=1):
        make_searchable(connection, at_most=1000)
    wrong = bool(connection.exec_driver_sql(_LOST).scalar_one())
    last = 0
    while not wrong:
        rows = connection.exec_driver_sql(_COMPARED, (last,)).all()
        if not rows:
            return []
        wrong = any(
            held is None or set(held) != set(indexed_words(said, truth))
            for _, said, truth, held in rows
        )
        last = rows[-1][0]
    return ["the search index does not match the texts of the samples"]
