"""Examples of answers about archives, media and leftovers, for the description of the API."""

from __future__ import annotations

from typing import Any

ARCHIVE: dict[str, Any] = {
    "name": "2026-03-31T18-05-00",
    "file": "/srv/my-voice/archives/2026-03-31T18-05-00.tar",
    "there": True,
    "created_at": "2026-03-31T18:05:00Z",
    "by": "retention",
    "samples": 120,
    "archived": 118,
    "bytes": 38_000_000,
    "media_bytes": 44_000_000,
    "digest": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "reason": "archive accepted older than 1 year",
    "checked_at": "2026-04-02T07:00:00Z",
    "whole": True,
    "why": None,
}
ARCHIVED: dict[str, Any] = {
    "dry_run": True,
    "archives": [],
    "samples": 120,
    "media_bytes": 44_000_000,
    "archive_bytes": 0,
    "freed": 0,
    "kept": 0,
    "versions": ["mine@1"],
    "already": 0,
    "left": [],
    "examples": [
        {
            "id": 42,
            "state": "accepted",
            "source": "app",
            "captured_at": "2025-11-02T10:00:00Z",
            "text": "hello world",
        }
    ],
}
BROUGHT_BACK: dict[str, Any] = {
    "archive": "2026-03-31T18-05-00",
    "samples": 2,
    "ids": [42, 43],
    "present": 0,
    "elsewhere": 0,
    "forgotten": 0,
    "reminder": None,
    "used": 8_100_000_000,
}
LOOKED: dict[str, Any] = {
    "ok": False,
    "archives": 3,
    "forgotten": 0,
    "problems": [
        {"what": "archive 2026-03-31T18-05-00", "why": "it is not where it was: name its file"}
    ],
}
REMOVED: dict[str, Any] = {
    "removed": "2026-03-31T18-05-00",
    "samples": 118,
    "used": 8_100_000_000,
}
VERIFIED: dict[str, Any] = {
    "ok": False,
    "media": 5200,
    "broken": [
        {
            "digest": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "why": "its bytes were altered",
            "samples": [42],
            "repaired": None,
        }
    ],
    "more": 0,
    "undecodable": [],
    "orphans": 3,
    "removed": 0,
    "found": 1,
    "repaired": 0,
    "left": 1,
    "repair": False,
    "quick": False,
}
CLEANED: dict[str, Any] = {
    "dry_run": True,
    "media": {"count": 3, "bytes": 120_000},
    "drafts": {"count": 0, "bytes": 0},
    "checkpoints": {"count": 1, "bytes": 310_000_000},
    "count": 4,
    "bytes": 310_120_000,
}
