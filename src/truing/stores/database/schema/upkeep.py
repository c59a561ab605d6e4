"""The journal, figures kept beside the samples, people, and what became of the database itself."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from truing.stores.database.schema.columns import metadata, numbered, of, real, text, whole


def _sums() -> list[sa.Column[Any]]:
    kinds = ("raw", "corrected")
    compared = [
        column
        for kind in kinds
        for column in (
            whole(f"{kind}_samples"),
            whole(f"{kind}_exact"),
            real(f"{kind}_numerator"),
            real(f"{kind}_denominator"),
        )
    ]
    return [real("seconds"), *compared]


migrations = sa.Table(
    "migrations",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    text("name"),
    whole("applied_at"),
)

events = sa.Table(
    "events",
    metadata,
    numbered(),
    text("kind"),
    whole("at"),
    text("actor"),
    text("data"),
    sqlite_autoincrement=True,
)

erasures = sa.Table(
    "erasures",
    metadata,
    # Keyed digests of what was forgotten; the same lines stand in a file beside the database.
    text("mac", key=True),
    text("kind"),
    text("key"),
    whole("at"),
    whole("number"),
    sqlite_with_rowid=False,
)

trash = sa.Table(
    "trash",
    metadata,
    of("samples", primary_key=True),
    whole("at"),
    text("actor"),
    sa.Index("trash_by_date", "at", "sample_id"),
)

tallies = sa.Table(
    "tallies",
    metadata,
    # One row for each kind of sample, and what all of that kind add up to.
    numbered(),
    *(text(name) for name in ("modality", "state", "subject", "source", "model", "week", "chance")),
    whole("samples"),
    *_sums(),
    sa.Index(
        "tallies_by_kind",
        *("modality", "state", "subject", "source", "model", "week", "chance"),
        unique=True,
    ),
    sqlite_autoincrement=True,
)

tallied = sa.Table(
    "tallied",
    metadata,
    # What each counted sample added, to be taken back when it changes.
    sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
    whole("tally_id"),
    *_sums(),
)

outdated = sa.Table(
    "outdated",
    metadata,
    # Samples that changed since they were counted.
    sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
)

census = sa.Table(
    "census",
    metadata,
    # One row for each name of a kind, and what the samples that bear it add up to.
    numbered(),
    text("modality"),
    text("kind"),
    text("name"),
    whole("samples"),
    whole("media"),
    whole("bytes"),
    sa.Index("census_by_name", "modality", "kind", "name", unique=True),
    sa.Index("census_by_samples", "modality", "kind", "samples", "id"),
    sqlite_autoincrement=True,
)

census_members = sa.Table(
    "census_members",
    metadata,
    # What each counted sample added, to be taken back when it changes: media, bytes, and the
    # numbers of its rows, as a JSON list.
    sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
    text("added"),
)

census_outdated = sa.Table(
    "census_outdated",
    metadata,
    # Samples that changed since they were counted.
    sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
)

people = sa.Table(
    "people",
    metadata,
    text("name", key=True),
    # No two names differ by their case alone.
    text("folded"),
    text("role"),
    text("password", null=True),
    whole("added_at"),
    sa.UniqueConstraint("folded", name="people_folded"),
)

tokens = sa.Table(
    "tokens",
    metadata,
    # SHA-256 of what lets somebody in; an empty name is the workspace's owner.
    numbered(),
    text("digest"),
    text("person"),
    text("kind"),
    text("label"),
    whole("created_at"),
    whole("expires_at", null=True),
    whole("used_at", null=True),
    sa.UniqueConstraint("digest", name="tokens_digest"),
    sa.Index("tokens_by_person", "person", "id"),
    sqlite_autoincrement=True,
)
