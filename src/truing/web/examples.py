"""Examples of the nouns as JSON, for the description of the API."""

from __future__ import annotations

from typing import Any

SAMPLE: dict[str, Any] = {
    "id": 7,
    "uid": "0199a0c4-2f00-7000-8000-000000000007",
    "modality": "speech",
    "state": "corrected",
    "truth": "buy milk",
    "raw": "by milk",
    "corrected": None,
    "confidence": 0.71,
    "speaker": "ann",
    "session": "app-2026-11-21T10:20:30Z",
    "source": "app",
    "source_key": None,
    "captured_at": "2026-11-21T10:20:30Z",
    "sampling": "audit",
    "quality": 1.0,
    "findings": [],
    "duration": 1.4,
    "trained": False,
    "tags": ["names"],
    "rating": 4,
}
RATING: dict[str, Any] = {
    "rating": 3,
    "sample": 7,
    "value": 4,
    "reason": None,
    "actor": "ann",
    "created_at": "2026-11-21T10:21:00Z",
}
REVISION: dict[str, Any] = {
    "revision": 12,
    "sample": 7,
    "verdict": "corrected",
    "truth": "buy milk",
    "actor": "ann",
    "created_at": "2026-11-21T10:21:00Z",
    "why": None,
    "shown_because": "mixed",
    "undoes": None,
    "seconds": 3.2,
    "keys": 5,
}
SAMPLE_IN_FULL: dict[str, Any] = {
    **SAMPLE,
    "added_at": "2026-11-21T10:20:31Z",
    "revision": 12,
    "prediction_known": True,
    "consent": "own-use",
    "consent_basis": "operator",
    "consent_reason": None,
    "context": {"app": "dictation"},
    "media": [
        {
            "role": "audio",
            "digest": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "size": 21_034,
            "media_type": "audio/flac",
            "start": None,
            "end": None,
            "facts": {"duration": 1.4, "sample_rate": 16_000, "channels": 1},
        }
    ],
    "predictions": [
        {
            "kind": "recognizer",
            "model": "speech/3",
            "created_at": "2026-11-21T10:20:31Z",
            "text": "by milk",
            "confidence": 0.71,
            "words": [{"text": "by", "start": 0.1, "end": 0.4, "confidence": 0.52}],
            "alternatives": [{"text": "buy milk", "confidence": 0.6}],
            "seconds": 0.21,
        }
    ],
}
PREVIEW: dict[str, Any] = {
    "duration": 1.4,
    "peaks": "/gH9Ag==",
    "scale": 0.52,
    "buckets": 2,
    "clipped": [[0.31, 0.33]],
    "level_db": -21.4,
    "peak_db": -5.7,
    "snr_db": 24.1,
}
_RIGHT = {"samples": 110, "share_correct": 0.74, "wer": 0.12}
_GROUP = {"raw": _RIGHT, "corrected": {"samples": 0, "share_correct": None, "wer": None}}
STATS: dict[str, Any] = {
    "counts": {
        "total": 200,
        "pending": 78,
        "accepted": 80,
        "corrected": 30,
        "rejected": 10,
        "skipped": 2,
        "reviewed": 120,
        "trained": 60,
    },
    "accuracy": {
        "metric": "wer",
        "metric_version": "neutral-1",
        "all": _GROUP,
        "audit": _GROUP,
        "by_week": {"2026-11-16": _GROUP},
        "by_model": {"speech/3": _GROUP},
        "by_speaker": {"ann": _GROUP},
        "by_source": {"app": _GROUP},
        "speakers": {"ann": {"samples": 200, "hours": 0.3}},
    },
    "disk": {
        "media": 9_000_000,
        "models": 150_000_000,
        "runs": 0,
        "database": 3_000_000,
        "other": 4096,
        "total": 162_004_096,
    },
    "reviewing": {"seconds_per_item": 3.4, "keys_per_item": 2.0, "items_per_sitting": 24.0},
    "findings": {"clipped": 3},
    "ready": {"reviewed_untrained": 50},
}
NEXT_STEP: dict[str, Any] = {
    "kind": "review",
    "title": "Review 78 samples",
    "detail": "Each takes a few seconds: confirm what was right, correct what was not.",
    "href": "/review",
    "command": "truing review",
    "number": 78,
}
CHOICES: dict[str, Any] = {
    "modalities": ["speech"],
    "speakers": ["ann", "ben"],
    "sources": ["app"],
    "tags": ["names"],
    "findings": ["clipped"],
}
KIND: dict[str, Any] = {
    "name": "speech",
    "summary": "spoken words and their transcripts",
    "in_use": True,
    "champion": "speech/3",
}
FORGOTTEN: dict[str, Any] = {
    "samples": 1,
    "blobs": 1,
    "versions": ["mine@1"],
    "models": ["speech/3"],
    "champions": [],
    "runs": [],
    "exports": [],
    "backups": ["2026-11-20T02-00-00"],
    "exports_elsewhere": ["/home/ann/mine-parquet"],
    "archives": ["2026-10-01-spring"],
    "archives_elsewhere": [],
    "reminders": ["retrain speech/3"],
}
RECEIPT: dict[str, Any] = {"forgotten_at": "2026-11-21T10:20:30Z", "by": "ann", **FORGOTTEN}
