"""A sample in the JSON form that the commands and the API share, and as words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.domain.clock import to_iso

if TYPE_CHECKING:
    from truing.domain.rating import Rating
    from truing.domain.review import Revision
    from truing.domain.sample import Sample

KEYS = (
    '"id", "uid", "modality", "state", "truth", "raw", "corrected", "confidence", "speaker", '
    '"session", "source", "source_key", "captured_at", "sampling", "quality", "findings": '
    '[{"check", "severity", "reason", "value", "threshold", "setting"}], "duration", "trained", '
    '"tags", "rating"'
)


def as_dict(sample: Sample) -> dict[str, object]:
    """A sample in a list; instants are ISO 8601."""
    raw, corrected = sample.raw, sample.corrected
    return {
        "id": sample.id,
        "uid": sample.uid,
        "modality": sample.modality,
        "state": sample.state.value,
        "truth": sample.truth,
        "raw": raw.text if raw is not None else None,
        "corrected": corrected.text if corrected is not None else None,
        "confidence": raw.recognition.confidence if raw is not None else None,
        "speaker": sample.subject,
        "session": sample.session,
        "source": sample.source,
        "source_key": sample.source_key,
        "captured_at": to_iso(sample.captured_at),
        "sampling": sample.sampling.value,
        "quality": sample.quality,
        "findings": [
            {
                "check": found.check,
                "severity": found.severity.value,
                "reason": found.reason,
                "value": found.value,
                "threshold": found.threshold,
                "setting": found.setting,
            }
            for found in sample.findings
        ],
        "duration": duration(sample),
        "trained": sample.trained,
        "tags": list(sample.tags),
        "rating": sample.rating,
    }


def in_full(sample: Sample) -> dict[str, object]:
    """The whole sample: the same, with media, predictions, context and consent."""
    return {
        **as_dict(sample),
        "added_at": to_iso(sample.added_at),
        "revision": sample.revision,
        "prediction_known": sample.prediction_known,
        "consent": sample.consent.policy,
        "consent_basis": sample.consent.basis,
        "consent_reason": sample.consent.reason,
        "context": dict(sample.context),
        "media": [
            {
                "role": medium.role,
                "digest": medium.digest,
                "size": medium.size,
                "media_type": medium.media_type,
                "start": medium.start,
                "end": medium.end,
                "facts": dict(medium.facts),
            }
            for medium in sample.media
        ],
        "predictions": [
            {
                "kind": said.kind.value,
                "model": said.model,
                "created_at": to_iso(said.created_at),
                **said.recognition.as_dict(),
            }
            for said in sample.predictions
        ],
    }


def revision_as_dict(revision: Revision) -> dict[str, object]:
    """A revision; instants are ISO 8601."""
    return {
        "revision": revision.id,
        "sample": revision.sample_id,
        "verdict": revision.verdict.value,
        "truth": revision.truth,
        "actor": revision.actor,
        "created_at": to_iso(revision.created_at),
        "why": revision.why,
        "shown_because": revision.shown_because,
        "undoes": revision.undoes,
        "seconds": revision.seconds,
        "keys": revision.keys,
    }


def rating_as_dict(rating: Rating) -> dict[str, object]:
    """A rating; instants are ISO 8601."""
    return {
        "rating": rating.id,
        "sample": rating.sample_id,
        "value": rating.value,
        "reason": rating.reason,
        "actor": rating.actor,
        "created_at": to_iso(rating.created_at),
    }


def duration(sample: Sample) -> float | None:
    """Seconds of its first medium that has a length."""
    return next((one.duration for one in sample.media if one.duration is not None), None)


def text(sample: Sample) -> str | None:
    """What stands for the sample in a list: its truth, else what the model said."""
    return sample.truth if sample.truth is not None else sample.proposal


def findings(sample: Sample) -> str | None:
    """The names of its findings."""
    return ", ".join(found.check for found in sample.findings) or None
