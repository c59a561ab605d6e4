"""An example of the figures on training data, for the description of the API."""

from __future__ import annotations

from typing import Any

TRAINING_DATA: dict[str, Any] = {
    "modality": "image_edit",
    "at": "2026-11-21T10:20:30Z",
    "complete": True,
    "counted": 27,
    "samples": 27,
    "sessions": 27,
    "media": 54,
    "bytes": 5_499_970,
    "states": {"pending": 20, "accepted": 4, "corrected": 2, "rejected": 1, "skipped": 0},
    "latest": {
        "id": 27,
        "session": "session-2026-11-20T16-40-00-000Z",
        "source": "nexvision",
        "captured_at": "2026-11-20T16:40:00Z",
    },
    "texts": {
        "distinct": 12,
        "share_distinct": 0.444,
        "clusters": 12,
        "share_largest": 0.185,
        "most_frequent": [{"text": "increase the contrast", "samples": 5, "texts": 1}],
        "words": [{"word": "contrast", "samples": 5}],
    },
    "ratings": {
        "rated": 3,
        "unrated": 24,
        "mean": 4.0,
        "distribution": {"1": 0, "2": 0, "3": 1, "4": 1, "5": 1},
    },
    "findings": [{"check": "face_present", "samples": 4, "open": 4}],
    "by_source": [{"source": "nexvision", "samples": 27, "media": 54, "bytes": 5_499_970}],
    "by_week": [
        {
            "week": "2026-11-16",
            "samples": 27,
            "media": 54,
            "bytes": 5_499_970,
            "sources": {"nexvision": 27},
            "rated": 3,
            "mean_rating": 4.0,
        }
    ],
    "by_day": [{"day": "2026-11-20", "samples": 27}],
    "disk": {
        "used": 162_004_096,
        "quota": 10_000_000_000,
        "quota_share": 0.016,
        "free": 80_000_000_000,
        "disk": 250_000_000_000,
        "disk_share": 0.68,
        "room": 9_837_995_904,
        "warnings": [],
        "parts": {
            "media": 9_000_000,
            "models": 150_000_000,
            "runs": 0,
            "database": 3_000_000,
            "other": 4096,
            "total": 162_004_096,
            "archives": 0,
            "backups": 0,
            "exports": 0,
        },
        "measured_at": "2026-11-21T08:00:00Z",
    },
    "forecast": {
        "per_day": 785_710.0,
        "room": 9_837_995_904,
        "by_quota": True,
        "days": 12_521.1,
        "full_at": "2061-03-04T10:20:30Z",
        "weeks": [{"week": "2026-11-15", "bytes": 5_499_970}],
    },
}
