"""The tables as they are now; how a database gets here is told by the migrations.

Instants are whole microseconds, JSON is text, enumerations are their values. A table whose rows
are numbered never gives a number twice, so that `id` 42 means one sample for ever.

A sample is one row: its media and predictions are a JSON document in it. Capturing writes few
pages that way (what a commit costs is the pages it touches), and reading a sample is one look.
Columns that filters look at come before the long ones. What samples are looked for by has small
tables of its own.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData()


def _numbered() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, primary_key=True, autoincrement=True)


def _of(target: str, *, primary_key: bool = False) -> sa.Column[int]:
    return sa.Column(
        f"{target.removesuffix('s')}_id",
        sa.Integer,
        sa.ForeignKey(f"{target}.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> sa.Index:
    # Most captured samples have no source key, many no subject: their rows stay out of it.
    rows = sa.text(where)
    return sa.Index(name, *columns, unique=unique, sqlite_where=rows, postgresql_where=rows)


def _walked(name: str, key: str) -> sa.Index:
    narrowed = (
        *("sampling", "source", "certainty", "quality", "rating"),
        *("captured_at", "trained"),
    )
    rest = (column for column in narrowed if column != key)
    return sa.Index(name, "modality", "state", key, "id", *rest)


def _sums() -> list[sa.Column[Any]]:
    kinds = ("raw", "corrected")
    compared = [
        column
        for kind in kinds
        for column in (
            _whole(f"{kind}_samples"),
            _whole(f"{kind}_exact"),
            _real(f"{kind}_numerator"),
            _real(f"{kind}_denominator"),
        )
    ]
    return [_real("seconds"), *compared]


def _position() -> sa.Column[int]:
    return sa.Column("position", sa.Integer, primary_key=True)


def _text(name: str, *, null: bool = False, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=null, primary_key=key)


def _whole(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=null)


def _real(name: str, *, null: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=null)


migrations = sa.Table(
    "migrations",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    _text("name"),
    _whole("applied_at"),
)

samples = sa.Table(
    "samples",
    metadata,
    # Given out by the dialect, never twice.
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    _text("uid"),
    _text("modality"),
    _text("state"),
    _whole("captured_at"),
    _text("subject", null=True),
    _text("session", null=True),
    _text("source"),
    _text("source_key", null=True),
    _text("sampling"),
    # The confidence samples are ordered by; UNKNOWN_CONFIDENCE puts those without one last.
    _real("certainty"),
    _real("quality"),
    _whole("trained"),
    _whole("revision"),
    _whole("prediction_known"),
    _whole("added_at"),
    _text("salt"),
    _text("truth", null=True),
    # The texts of all predictions, for the search index.
    _text("said"),
    _text("findings"),
    # Consent, context, groups, media and predictions.
    _text("document"),
    # The newest rating; lists read it in an index.
    _whole("rating", null=True),
    sa.UniqueConstraint("uid", name="samples_uid"),
    _partial(
        "samples_source_key", "source", "source_key", where="source_key IS NOT NULL", unique=True
    ),
    # Each page is put together from one walk per modality and state. What lists are narrowed by
    # stands in the index, but for names: a walk that passes over many rows looks at none of them.
    _walked("samples_by_date", "captured_at"),
    _walked("samples_by_certainty", "certainty"),
    _walked("samples_by_quality", "quality"),
    _partial(
        "samples_by_subject",
        "modality",
        "subject",
        "state",
        "captured_at",
        "id",
        "certainty",
        "quality",
        "rating",
        "sampling",
        "source",
        "trained",
        where="subject IS NOT NULL",
    ),
    _partial("samples_by_rating", "modality", "state", "rating", "id", where="rating IS NOT NULL"),
    _partial("samples_by_training", "modality", "state", "captured_at", "id", where="trained = 1"),
)

UNKNOWN_CONFIDENCE = 9.0e9
"""Stands in `samples.certainty` for a sample without a confidence: above every real one."""

NO_FINDINGS = "[]"
"""Stands in `samples.findings` for a sample in which no check found anything."""

# What samples are looked for by: rows erased together with the sample. Groups and findings are
# written with it, blobs and sittings when somebody asks, see `lookups`.

sample_blobs = sa.Table(
    "sample_blobs",
    metadata,
    # The blobs of its media, and those they were derived from.
    _text("digest", key=True),
    sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

sample_sittings = sa.Table(
    "sample_sittings",
    metadata,
    _text("source", key=True),
    # Empty where the sample names none.
    _text("session", key=True),
    sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

sample_groups = sa.Table(
    "sample_groups",
    metadata,
    _text("key", key=True),
    sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

sample_tags = sa.Table(
    "sample_tags",
    metadata,
    _text("tag", key=True),
    sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

sample_findings = sa.Table(
    "sample_findings",
    metadata,
    _text("check", key=True),
    sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Index("sample_findings_by_sample", "sample_id", "check"),
    sqlite_with_rowid=False,
)

counters = sa.Table(
    "counters",
    metadata,
    # One per modality and state, and `trained`; under NUMBERS marks that dialects keep.
    _text("modality", key=True),
    _text("name", key=True),
    _whole("value"),
    sqlite_with_rowid=False,
)

NUMBERS = ""
"""Stands in `counters.modality` where the value is a number, no count of samples."""

revisions = sa.Table(
    "revisions",
    metadata,
    _numbered(),
    _of("samples"),
    _text("verdict"),
    _text("actor"),
    _whole("created_at"),
    _text("truth", null=True),
    _text("why", null=True),
    _text("shown_because"),
    _whole("prediction_known"),
    _whole("undoes", null=True),
    _real("seconds", null=True),
    _whole("keys", null=True),
    sa.Index("revisions_by_sample", "sample_id", "id"),
    sa.Index("revisions_by_actor", "actor", "id"),
    sqlite_autoincrement=True,
)

ratings = sa.Table(
    "ratings",
    metadata,
    _numbered(),
    _of("samples"),
    _whole("value"),
    _text("reason", null=True),
    _text("actor"),
    _whole("created_at"),
    sa.Index("ratings_by_sample", "sample_id", "id"),
    sqlite_autoincrement=True,
)

contacts = sa.Table(
    "contacts",
    metadata,
    # By what address the person behind a sample can ask for its deletion.
    _of("samples", primary_key=True),
    _text("contact"),
    sa.Index("contacts_by_contact", "contact", "sample_id"),
)

recognitions = sa.Table(
    "recognitions",
    metadata,
    _text("media_key", key=True),
    _text("model_digest", key=True),
    _text("recognition"),
    sqlite_with_rowid=False,
)

recognition_blobs = sa.Table(
    "recognition_blobs",
    metadata,
    # Erasing looks for everything said of a blob, whatever other media it was said of with.
    _text("digest", key=True),
    _text("media_key", key=True),
    _text("model_digest", key=True),
    sqlite_with_rowid=False,
)

datasets = sa.Table(
    "datasets",
    metadata,
    _numbered(),
    _text("name"),
    _whole("number"),
    _text("uid"),
    _text("modality"),
    _text("split_kind"),
    _text("parameters"),
    _text("digest"),
    _whole("created_at"),
    _text("counts"),
    _text("excluded"),
    _whole("forgotten"),
    sa.UniqueConstraint("name", "number", name="datasets_name_number"),
    sa.UniqueConstraint("uid", name="datasets_uid"),
    sqlite_autoincrement=True,
)

dataset_rows = sa.Table(
    "dataset_rows",
    metadata,
    _of("datasets", primary_key=True),
    _position(),
    _text("sample_uid", null=True),
    _text("split"),
    _text("digest"),
    _text("salt", null=True),
    _text("payload", null=True),
    sa.Index("dataset_rows_by_sample", "sample_uid", "dataset_id"),
)

dataset_blobs = sa.Table(
    "dataset_blobs",
    metadata,
    # Which blobs the live rows need, without reading their payloads.
    _text("digest", key=True),
    _of("datasets", primary_key=True),
    _position(),
    sa.Index("dataset_blobs_by_row", "dataset_id", "position"),
    sqlite_with_rowid=False,
)

assignments = sa.Table(
    "assignments",
    metadata,
    _text("name", key=True),
    _text("kind", key=True),
    _text("sample_uid", key=True),
    _text("split"),
    _text("keys"),
    sa.Index("assignments_by_sample", "sample_uid"),
    sqlite_with_rowid=False,
)

runs = sa.Table(
    "runs",
    metadata,
    _numbered(),
    _text("uid"),
    _text("request"),
    _text("state"),
    _text("want"),
    _whole("fence"),
    _whole("lease_until", null=True),
    _text("boot_id", null=True),
    _whole("pid", null=True),
    _whole("pid_start", null=True),
    _whole("attempts"),
    _whole("step"),
    _whole("total_steps"),
    _whole("created_at"),
    _whole("started_at", null=True),
    _whole("ended_at", null=True),
    _text("error", null=True),
    _text("result"),
    sa.UniqueConstraint("uid", name="runs_uid"),
    sqlite_autoincrement=True,
)

run_metrics = sa.Table(
    "run_metrics",
    metadata,
    _of("runs", primary_key=True),
    sa.Column("step", sa.BigInteger, primary_key=True),
    _text("name", key=True),
    # Null is what a loss that is no number becomes.
    _real("value", null=True),
    _whole("at"),
    sqlite_with_rowid=False,
)

models = sa.Table(
    "models",
    metadata,
    _text("modality", key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    _text("uid"),
    _text("digest"),
    _text("state"),
    _whole("created_at"),
    _text("recipe", null=True),
    _text("base", null=True),
    _text("parents"),
    _text("dataset", null=True),
    _text("dataset_digest", null=True),
    _whole("run_id", null=True),
    _text("audience"),
    _text("figures"),
    _text("licence", null=True),
    sa.UniqueConstraint("uid", name="models_uid"),
)

champions = sa.Table(
    "champions",
    metadata,
    _text("modality", key=True),
    _text("audience", key=True),
    _text("model"),
)

promotions = sa.Table(
    "promotions",
    metadata,
    _numbered(),
    _text("modality"),
    _text("audience"),
    _text("model"),
    _text("previous", null=True),
    _whole("at"),
    _text("actor"),
    _text("reason"),
    _text("gate"),
    sa.Index("promotions_by_audience", "modality", "audience", "id"),
    sqlite_autoincrement=True,
)

trials = sa.Table(
    "trials",
    metadata,
    _text("test_digest", key=True),
    _text("candidate", key=True),
    _whole("number"),
    _whole("at"),
)

evaluations = sa.Table(
    "evaluations",
    metadata,
    _numbered(),
    _text("uid"),
    _text("modality"),
    _text("model"),
    _text("model_digest"),
    _text("dataset"),
    _text("dataset_digest"),
    _text("split"),
    _text("metric"),
    _text("metric_version"),
    _text("figures"),
    _whole("created_at"),
    sa.UniqueConstraint("uid", name="evaluations_uid"),
    sa.Index("evaluations_by_model", "model_digest", "dataset", "split", "metric_version", "id"),
    sqlite_autoincrement=True,
)

evaluated_rows = sa.Table(
    "evaluated_rows",
    metadata,
    _of("evaluations", primary_key=True),
    _position(),
    _text("sample_uid"),
    _text("prediction"),
    _text("scores"),
    _text("cluster"),
    _text("subject", null=True),
    _real("confidence", null=True),
    _real("seconds", null=True),
    _real("duration", null=True),
    sa.Index("evaluated_rows_by_sample", "sample_uid"),
    sqlite_with_rowid=False,
)

events = sa.Table(
    "events",
    metadata,
    _numbered(),
    _text("kind"),
    _whole("at"),
    _text("actor"),
    _text("data"),
    sqlite_autoincrement=True,
)

erasures = sa.Table(
    "erasures",
    metadata,
    # Keyed digests of what was forgotten; the same lines stand in a file beside the database.
    _text("mac", key=True),
    _text("kind"),
    _text("key"),
    _whole("at"),
    _whole("number"),
    sqlite_with_rowid=False,
)

trash = sa.Table(
    "trash",
    metadata,
    _of("samples", primary_key=True),
    _whole("at"),
    _text("actor"),
    sa.Index("trash_by_date", "at", "sample_id"),
)

tallies = sa.Table(
    "tallies",
    metadata,
    # One row for each kind of sample, and what all of that kind add up to.
    _numbered(),
    *(
        _text(name)
        for name in ("modality", "state", "subject", "source", "model", "week", "chance")
    ),
    _whole("samples"),
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
    _whole("tally_id"),
    *_sums(),
)

outdated = sa.Table(
    "outdated",
    metadata,
    # Samples that changed since they were counted.
    sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
)

people = sa.Table(
    "people",
    metadata,
    _text("name", key=True),
    # No two names differ by their case alone.
    _text("folded"),
    _text("role"),
    _text("password", null=True),
    _whole("added_at"),
    sa.UniqueConstraint("folded", name="people_folded"),
)

tokens = sa.Table(
    "tokens",
    metadata,
    # SHA-256 of what lets somebody in; an empty name is the workspace's owner.
    _numbered(),
    _text("digest"),
    _text("person"),
    _text("kind"),
    _text("label"),
    _whole("created_at"),
    _whole("expires_at", null=True),
    _whole("used_at", null=True),
    sa.UniqueConstraint("digest", name="tokens_digest"),
    sa.Index("tokens_by_person", "person", "id"),
    sqlite_autoincrement=True,
)
