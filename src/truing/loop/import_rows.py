"""Import: rows of a foreign source become samples, wholesale, once.

A row that cannot be read is reported and passed over; one that is here already is counted as
skipped. Rows are stored in batches: media first, together; then one transaction for the rows of a
batch, and one for what its source had decided about them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from itertools import islice

from truing.domain.consent import Consent
from truing.domain.errors import ConflictError, FullError, NotFoundError, TruingError
from truing.domain.format import FailedRow, ImportedRow
from truing.domain.ports import Reviews, Samples
from truing.domain.prediction import Prediction, PredictionKind, Recognition
from truing.domain.rating import Rating, Ratings
from truing.domain.review import Revision, Verdict, standing
from truing.domain.sample import NewSample

BATCH = 500
SHOWN_FAILURES = 1000


@dataclass(slots=True)
class Imported:
    """What became of the rows."""

    added: int = 0
    skipped: int = 0
    """Here already."""
    updated: int = 0
    """Here already, but decided in the source since."""
    failed: int = 0
    failures: list[FailedRow] = field(default_factory=list)
    """The first failures, each with its reason."""
    consent: Consent | None = None
    """Under which the rows are kept that do not say it themselves; None: each says it."""

    def fail(self, row: FailedRow) -> None:
        """Counts a failure and keeps the first thousand."""
        self.failed += 1
        if len(self.failures) < SHOWN_FAILURES:
            self.failures.append(row)

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "added": self.added,
            "skipped": self.skipped,
            "updated": self.updated,
            "failed": self.failed,
            "failures": [{"key": one.key, "reason": one.reason} for one in self.failures],
            "consent": None if self.consent is None else self.consent.policy,
            "consent_basis": None if self.consent is None else self.consent.basis,
            "consent_reason": None if self.consent is None else self.consent.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPorts:
    """What importing needs."""

    samples: Samples
    reviews: Reviews
    ratings: Ratings
    prepare: Callable[[ImportedRow, tuple[Prediction, ...]], NewSample]
    """The capture verb's preparation, bound to modality and settings."""
    now: Callable[[], int]
    together: Callable[[], AbstractContextManager[None]] = nullcontext
    """Within it blobs are kept as a batch; see `Blobs.together`."""
    has: Callable[[str], bool] = lambda _: True
    """Whether a blob is there; see `Blobs.discard` for why it may not be."""


def import_rows(
    rows: Iterable[ImportedRow | FailedRow],
    source: str,
    ports: ImportPorts,
    *,
    consent: Consent | None = None,
    on_progress: Callable[[Imported], None] = lambda _: None,
) -> Imported:
    """Brings rows in.

    Args:
        rows: as a format's reader yields them.
        source: the source's name; with a row's key it tells whether the row is here already.
        ports: where things go.
        consent: under which those are kept that do not say it themselves; for the outcome alone.
        on_progress: called after each batch.

    Raises:
        FullError: there is no room for the next batch; those before are stored.
    """
    outcome = Imported(consent=consent)
    for batch in _batches(rows):
        known = ports.samples.by_source(source, [row.key for row in batch if row.key])
        fresh = []
        for row in batch:
            if isinstance(row, FailedRow):
                outcome.fail(row)
            elif row.key in known:
                outcome.skipped += 1
                outcome.updated += _decided_since(known[row.key], row, ports)
                _rated_since(known[row.key], row, ports)
            else:
                fresh.append(row)
        _store(fresh, ports, outcome)
        on_progress(outcome)
    return outcome


def fresh_rows(
    rows: Iterable[ImportedRow | FailedRow], source: str, samples: Samples
) -> Iterator[ImportedRow]:
    """Those of a source's rows that are not here yet; nothing is stored.

    Args:
        rows: as a format's reader yields them.
        source: the source's name.
        samples: those that are here.
    """
    for batch in _batches(rows):
        known = samples.by_source(source, [row.key for row in batch if row.key])
        for row in batch:
            if isinstance(row, ImportedRow) and row.key not in known:
                yield row


def _batches(
    rows: Iterable[ImportedRow | FailedRow],
) -> Iterator[list[ImportedRow | FailedRow]]:
    stream = iter(rows)
    while batch := list(islice(stream, BATCH)):
        yield batch


def _store(rows: list[ImportedRow], ports: ImportPorts, outcome: Imported) -> None:
    with ports.together():
        ready = list(_prepared(rows, ports, outcome))
    if not ready:
        return
    trained, revisions, ratings = [], [], []
    stored = ports.samples.add([new for _, new in ready])
    for row, new in ready:
        if not all(ports.has(medium.digest) for medium in new.media):
            # Samples with the same bytes went while the batch was read: they are put once more.
            ports.prepare(row, new.predictions)
    for (row, new), added in zip(ready, stored, strict=True):
        if not added.new:
            outcome.skipped += 1
            continue
        outcome.added += 1
        proposed = row.corrected if row.corrected is not None else row.raw
        revision = _revision(added.id, row, proposed, ports.now())
        if revision is not None:
            revisions.append((revision, standing([revision])))
        if row.trained:
            trained.append(new.uid)
        if row.rating is not None:
            ratings.append((added.id, row.rating))
    if revisions:
        ports.reviews.append_many(revisions)
    if trained:
        ports.samples.mark_trained(trained)
    for number, value in ratings:
        _rate(number, value, ports)


def _prepared(
    rows: list[ImportedRow], ports: ImportPorts, outcome: Imported
) -> Iterator[tuple[ImportedRow, NewSample]]:
    for row in rows:
        try:
            yield row, ports.prepare(row, predictions_of(row, ports.now()))
        except FullError:
            # The next one would not fit either; none of this batch is kept.
            raise
        except TruingError as error:
            outcome.fail(FailedRow(key=row.key, reason=error.message))


def predictions_of(row: ImportedRow, now: int) -> tuple[Prediction, ...]:
    """What the source says the models said; empty when their text is lost."""
    at = now if row.captured_at is None else row.captured_at
    said = []
    if row.raw is not None:
        recognition = Recognition(text=row.raw, confidence=row.confidence, words=row.words)
        said.append((PredictionKind.RECOGNIZER, recognition, row.model))
    if row.corrected is not None:
        said.append((PredictionKind.CORRECTOR, Recognition(text=row.corrected), None))
    return tuple(
        Prediction(kind=kind, recognition=recognition, model=model, created_at=at)
        for kind, recognition, model in said
    )


def _revision(sample_id: int, row: ImportedRow, proposed: str | None, now: int) -> Revision | None:
    if row.rejected:
        verdict, truth = Verdict.REJECTED, None
    elif row.truth is not None and row.truth.strip():
        truth = row.truth.strip()
        # With the model's text lost, nobody can say whether it was right: the text stands.
        same = proposed is None or proposed.strip() == truth
        verdict = Verdict.ACCEPTED if same else Verdict.CORRECTED
    else:
        return None
    return Revision(
        sample_id=sample_id,
        verdict=verdict,
        actor="import",
        created_at=now,
        truth=truth,
        shown_because="import",
        prediction_known=proposed is not None,
    )


def _decided_since(sample_id: int, row: ImportedRow, ports: ImportPorts) -> bool:
    """A row that was undecided when it came and is decided in the source now.

    The model's text was kept when the row came, even when the source has overwritten it since.
    A decision made here is never overruled by the source.
    """
    if (row.truth is None and not row.rejected) or ports.reviews.of(sample_id):
        return False
    here = ports.samples.by_ids([sample_id])
    if not here:
        # In an archive: it comes back as it left.
        return False
    revision = _revision(sample_id, row, here[0].proposal, ports.now())
    if revision is None:
        return False
    ports.reviews.append(revision, standing([revision]), expected=0)
    return True


def _rated_since(sample_id: int, row: ImportedRow, ports: ImportPorts) -> None:
    """A rating made here is never overruled by the source; what is in the trash, or archived,
    gets none.
    """
    if row.rating is not None and not ports.ratings.of(sample_id):
        with suppress(ConflictError, NotFoundError):
            _rate(sample_id, row.rating, ports)


def _rate(sample_id: int, value: int, ports: ImportPorts) -> None:
    now = ports.now()
    ports.ratings.add(Rating(sample_id=sample_id, value=value, actor="import", created_at=now))


def summary(outcome: Imported) -> Mapping[str, int]:
    """The counts alone, for the journal."""
    return {"added": outcome.added, "skipped": outcome.skipped, "failed": outcome.failed}
