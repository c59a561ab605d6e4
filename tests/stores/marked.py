"""Samples that hold a marker in every field, and the files in which it is still found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from truing.domain.sample import Sample
from truing.stores.database.store import DatabaseStore
from truing.testing.factories import (
    make_finding,
    make_media,
    make_prediction,
    make_revision,
    make_sample,
    make_standing,
)

MARKER = "Quetzalcoatl"


def add_marked(store: DatabaseStore, count: int = 40) -> Sequence[Sample]:
    """Stores samples with the marker in their texts, names, media, revision and prediction."""
    added = store.samples.add(
        [
            make_sample(
                text=f"{MARKER} said hello {number}",
                subject=f"{MARKER}-person",
                session=f"{MARKER}-monday",
                source_key=f"{MARKER}-{number}",
                context={"document": f"{MARKER}.odt", "long": MARKER * 2000},
                findings=(make_finding(reason=f"{MARKER} is too loud"),),
                groups=(f"{MARKER}-group",),
                media=(make_media(number, facts={"title": MARKER}),),
            )
            for number in range(count)
        ]
    )
    for one in added:
        revision = make_revision(one.id, f"{MARKER} truly", why=f"heard {MARKER}")
        store.reviews.append(revision, make_standing(revision), expected=0)
        store.samples.add_prediction(one.id, make_prediction(f"{MARKER} again"))
    return added


def files_with_marker(folder: Path) -> list[str]:
    """Files that hold the marker in any case, as UTF-8 or UTF-16."""
    forms = {MARKER.lower().encode(), MARKER.lower().encode("utf-16-le")}
    return [
        str(file.relative_to(folder))
        for file in sorted(folder.rglob("*"))
        if file.is_file() and any(form in file.read_bytes().lower() for form in forms)
    ]
