"""The tables as they are now; how a database gets here is told by the migrations.

Instants are whole microseconds, JSON is text, enumerations are their values. A table whose rows
are numbered never gives a number twice, so that `id` 42 means one sample for ever.

A sample is one row: its media and predictions are a JSON document in it. Capturing writes few
pages that way (what a commit costs is the pages it touches), and reading a sample is one look.
Columns that filters look at come before the long ones. What samples are looked for by has small
tables of its own.
"""

from __future__ import annotations

from truing.stores.database.schema.columns import metadata
from truing.stores.database.schema.learning import (
    assignments,
    champions,
    dataset_blobs,
    dataset_rows,
    datasets,
    evaluated_rows,
    evaluations,
    models,
    pictures,
    preferences,
    promotions,
    recognition_blobs,
    recognitions,
    run_metrics,
    runs,
    trials,
)
from truing.stores.database.schema.samples import (
    NO_FINDINGS,
    NUMBERS,
    UNKNOWN_CONFIDENCE,
    archived,
    archives,
    arrivals,
    contacts,
    counters,
    ratings,
    revisions,
    sample_blobs,
    sample_findings,
    sample_groups,
    sample_sittings,
    sample_tags,
    samples,
)
from truing.stores.database.schema.upkeep import (
    census,
    census_members,
    census_outdated,
    erasures,
    events,
    migrations,
    outdated,
    people,
    tallied,
    tallies,
    tokens,
    trash,
)

__all__ = [
    "NO_FINDINGS",
    "NUMBERS",
    "UNKNOWN_CONFIDENCE",
    "archived",
    "archives",
    "arrivals",
    "assignments",
    "census",
    "census_members",
    "census_outdated",
    "champions",
    "contacts",
    "counters",
    "dataset_blobs",
    "dataset_rows",
    "datasets",
    "erasures",
    "evaluated_rows",
    "evaluations",
    "events",
    "metadata",
    "migrations",
    "models",
    "outdated",
    "people",
    "pictures",
    "preferences",
    "promotions",
    "ratings",
    "recognition_blobs",
    "recognitions",
    "revisions",
    "run_metrics",
    "runs",
    "sample_blobs",
    "sample_findings",
    "sample_groups",
    "sample_sittings",
    "sample_tags",
    "samples",
    "tallied",
    "tallies",
    "tokens",
    "trash",
    "trials",
]
