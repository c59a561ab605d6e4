"""Samples: what they are looked for by, what was decided, and where archived ones are."""

from __future__ import annotations

import sqlalchemy as sa

from truing.stores.database.schema.columns import metadata, numbered, of, partial, real, text, whole


def _walked(name: str, key: str) -> sa.Index:
    narrowed = (
        *("sampling", "source", "certainty", "quality", "rating"),
        *("captured_at", "trained"),
    )
    rest = (column for column in narrowed if column != key)
    return sa.Index(name, "modality", "state", key, "id", *rest)


samples = sa.Table(
    "samples",
    metadata,
    # Given out by the dialect, never twice.
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    text("uid"),
    text("modality"),
    text("state"),
    whole("captured_at"),
    text("subject", null=True),
    text("session", null=True),
    text("source"),
    text("source_key", null=True),
    text("sampling"),
    # The confidence samples are ordered by; UNKNOWN_CONFIDENCE puts those without one last.
    real("certainty"),
    real("quality"),
    whole("trained"),
    whole("revision"),
    whole("prediction_known"),
    whole("added_at"),
    text("salt"),
    text("truth", null=True),
    # The texts of all predictions, for the search index.
    text("said"),
    text("findings"),
    # Consent, context, groups, media and predictions.
    text("document"),
    # The newest rating; lists read it in an index.
    whole("rating", null=True),
    sa.UniqueConstraint("uid", name="samples_uid"),
    partial(
        "samples_source_key", "source", "source_key", where="source_key IS NOT NULL", unique=True
    ),
    # Each page is put together from one walk per modality and state. What lists are narrowed by
    # stands in the index, but for names: a walk that passes over many rows looks at none of them.
    _walked("samples_by_date", "captured_at"),
    _walked("samples_by_certainty", "certainty"),
    _walked("samples_by_quality", "quality"),
    partial(
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
    partial("samples_by_rating", "modality", "state", "rating", "id", where="rating IS NOT NULL"),
    partial("samples_by_training", "modality", "state", "captured_at", "id", where="trained = 1"),
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
    text("digest", key=True),
    sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

sample_sittings = sa.Table(
    "sample_sittings",
    metadata,
    text("source", key=True),
    # Empty where the sample names none.
    text("session", key=True),
    sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

sample_groups = sa.Table(
    "sample_groups",
    metadata,
    text("key", key=True),
    sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

sample_tags = sa.Table(
    "sample_tags",
    metadata,
    text("tag", key=True),
    sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

sample_findings = sa.Table(
    "sample_findings",
    metadata,
    text("check", key=True),
    sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Index("sample_findings_by_sample", "sample_id", "check"),
    sqlite_with_rowid=False,
)

counters = sa.Table(
    "counters",
    metadata,
    # One per modality and state, and `trained`; under NUMBERS marks that dialects keep.
    text("modality", key=True),
    text("name", key=True),
    whole("value"),
    sqlite_with_rowid=False,
)

NUMBERS = ""
"""Stands in `counters.modality` where the value is a number, no count of samples."""

revisions = sa.Table(
    "revisions",
    metadata,
    numbered(),
    of("samples"),
    text("verdict"),
    text("actor"),
    whole("created_at"),
    text("truth", null=True),
    text("why", null=True),
    text("shown_because"),
    whole("prediction_known"),
    whole("undoes", null=True),
    real("seconds", null=True),
    whole("keys", null=True),
    sa.Index("revisions_by_sample", "sample_id", "id"),
    sa.Index("revisions_by_actor", "actor", "id"),
    sqlite_autoincrement=True,
)

ratings = sa.Table(
    "ratings",
    metadata,
    numbered(),
    of("samples"),
    whole("value"),
    text("reason", null=True),
    text("actor"),
    whole("created_at"),
    sa.Index("ratings_by_sample", "sample_id", "id"),
    sqlite_autoincrement=True,
)

contacts = sa.Table(
    "contacts",
    metadata,
    # By what address the person behind a sample can ask for its deletion.
    of("samples", primary_key=True),
    text("contact"),
    sa.Index("contacts_by_contact", "contact", "sample_id"),
)

arrivals = sa.Table(
    "arrivals",
    metadata,
    # Bytes that came, by day; what goes takes nothing back from it.
    text("day", key=True),
    text("modality", key=True),
    whole("samples"),
    whole("size"),
    sqlite_with_rowid=False,
)

archives = sa.Table(
    "archives",
    metadata,
    text("name", key=True),
    # Its file, wherever it was last seen.
    text("place"),
    text("digest"),
    text("state"),
    whole("created_at"),
    text("actor"),
    whole("samples"),
    whole("size"),
    whole("media_bytes"),
)

archived = sa.Table(
    "archived",
    metadata,
    # What lies in an archive: all that is still known of a sample that left.
    text("archive", key=True),
    text("uid", key=True),
    sa.Column("sample_id", sa.Integer, nullable=False),
    # 1 once it was brought back: the archive holds a copy.
    whole("back"),
    text("source"),
    text("source_key", null=True),
    text("subject", null=True),
    text("contact", null=True),
    text("digests"),
    sa.Index("archived_by_uid", "uid"),
    sa.Index("archived_by_number", "sample_id"),
    partial("archived_by_key", "source", "source_key", where="source_key IS NOT NULL"),
    partial("archived_by_subject", "subject", where="subject IS NOT NULL"),
    partial("archived_by_contact", "contact", where="contact IS NOT NULL"),
)
