"""The two media of a pair."""

from __future__ import annotations

ORIGINAL, EDITED = "original", "edited"
ROLES = (ORIGINAL, EDITED)
