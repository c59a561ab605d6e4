"""Dataset versions, runs, models, and what was said, measured and preferred of them."""

from __future__ import annotations

import sqlalchemy as sa

from truing.stores.database.schema.columns import (
    metadata,
    numbered,
    of,
    position,
    real,
    text,
    whole,
)

recognitions = sa.Table(
    "recognitions",
    metadata,
    text("media_key", key=True),
    text("model_digest", key=True),
    text("recognition"),
    sqlite_with_rowid=False,
)

pictures = sa.Table(
    "pictures",
    metadata,
    # What models made of samples; whoever erases a sample finds the blobs by it.
    text("model_digest", key=True),
    text("given", key=True),
    text("sample_uid", key=True),
    text("digest"),
    real("seconds", null=True),
    sa.Index("pictures_by_digest", "digest"),
    sa.Index("pictures_by_sample", "sample_uid"),
    sqlite_with_rowid=False,
)

recognition_blobs = sa.Table(
    "recognition_blobs",
    metadata,
    # Erasing looks for everything said of a blob, whatever other media it was said of with.
    text("digest", key=True),
    text("media_key", key=True),
    text("model_digest", key=True),
    sqlite_with_rowid=False,
)

datasets = sa.Table(
    "datasets",
    metadata,
    numbered(),
    text("name"),
    whole("number"),
    text("uid"),
    text("modality"),
    text("split_kind"),
    text("parameters"),
    text("digest"),
    whole("created_at"),
    text("counts"),
    text("excluded"),
    whole("forgotten"),
    sa.UniqueConstraint("name", "number", name="datasets_name_number"),
    sa.UniqueConstraint("uid", name="datasets_uid"),
    sqlite_autoincrement=True,
)

dataset_rows = sa.Table(
    "dataset_rows",
    metadata,
    of("datasets", primary_key=True),
    position(),
    text("sample_uid", null=True),
    text("split"),
    text("digest"),
    text("salt", null=True),
    text("payload", null=True),
    sa.Index("dataset_rows_by_sample", "sample_uid", "dataset_id"),
)

dataset_blobs = sa.Table(
    "dataset_blobs",
    metadata,
    # Which blobs the live rows need, without reading their payloads.
    text("digest", key=True),
    of("datasets", primary_key=True),
    position(),
    sa.Index("dataset_blobs_by_row", "dataset_id", "position"),
    sqlite_with_rowid=False,
)

assignments = sa.Table(
    "assignments",
    metadata,
    text("name", key=True),
    text("kind", key=True),
    text("sample_uid", key=True),
    text("split"),
    text("keys"),
    sa.Index("assignments_by_sample", "sample_uid"),
    sqlite_with_rowid=False,
)

runs = sa.Table(
    "runs",
    metadata,
    numbered(),
    text("uid"),
    text("request"),
    text("state"),
    text("want"),
    whole("fence"),
    whole("lease_until", null=True),
    text("boot_id", null=True),
    whole("pid", null=True),
    whole("pid_start", null=True),
    whole("attempts"),
    whole("step"),
    whole("total_steps"),
    whole("created_at"),
    whole("started_at", null=True),
    whole("ended_at", null=True),
    text("error", null=True),
    text("result"),
    sa.UniqueConstraint("uid", name="runs_uid"),
    sqlite_autoincrement=True,
)

run_metrics = sa.Table(
    "run_metrics",
    metadata,
    of("runs", primary_key=True),
    sa.Column("step", sa.BigInteger, primary_key=True),
    text("name", key=True),
    # Null is what a loss that is no number becomes.
    real("value", null=True),
    whole("at"),
    sqlite_with_rowid=False,
)

models = sa.Table(
    "models",
    metadata,
    text("modality", key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    text("uid"),
    text("digest"),
    text("state"),
    whole("created_at"),
    text("recipe", null=True),
    text("base", null=True),
    text("parents"),
    text("dataset", null=True),
    text("dataset_digest", null=True),
    whole("run_id", null=True),
    text("audience"),
    text("figures"),
    text("licence", null=True),
    sa.UniqueConstraint("uid", name="models_uid"),
)

champions = sa.Table(
    "champions",
    metadata,
    text("modality", key=True),
    text("audience", key=True),
    text("model"),
)

promotions = sa.Table(
    "promotions",
    metadata,
    numbered(),
    text("modality"),
    text("audience"),
    text("model"),
    text("previous", null=True),
    whole("at"),
    text("actor"),
    text("reason"),
    text("gate"),
    sa.Index("promotions_by_audience", "modality", "audience", "id"),
    sqlite_autoincrement=True,
)

trials = sa.Table(
    "trials",
    metadata,
    text("test_digest", key=True),
    text("candidate", key=True),
    whole("number"),
    whole("at"),
)

evaluations = sa.Table(
    "evaluations",
    metadata,
    numbered(),
    text("uid"),
    text("modality"),
    text("model"),
    text("model_digest"),
    text("dataset"),
    text("dataset_digest"),
    text("split"),
    text("metric"),
    text("metric_version"),
    text("figures"),
    whole("created_at"),
    sa.UniqueConstraint("uid", name="evaluations_uid"),
    sa.Index("evaluations_by_model", "model_digest", "dataset", "split", "metric_version", "id"),
    sqlite_autoincrement=True,
)

evaluated_rows = sa.Table(
    "evaluated_rows",
    metadata,
    of("evaluations", primary_key=True),
    position(),
    text("sample_uid"),
    text("prediction"),
    text("scores"),
    text("cluster"),
    text("subject", null=True),
    real("confidence", null=True),
    real("seconds", null=True),
    real("duration", null=True),
    sa.Index("evaluated_rows_by_sample", "sample_uid"),
    sqlite_with_rowid=False,
)

preferences = sa.Table(
    "preferences",
    metadata,
    # Which of two models' results a person likes better; model_a is the lesser digest.
    numbered(),
    text("uid"),
    text("modality"),
    text("dataset"),
    text("split"),
    text("model_a"),
    text("model_b"),
    text("sample_uid"),
    text("choice"),
    text("actor"),
    whole("created_at"),
    real("seconds", null=True),
    sa.UniqueConstraint("uid", name="preferences_uid"),
    sa.Index(
        "preferences_once",
        *("model_a", "model_b", "dataset", "split", "sample_uid", "actor"),
        unique=True,
    ),
    sa.Index("preferences_by_sample", "sample_uid"),
    sqlite_autoincrement=True,
)
