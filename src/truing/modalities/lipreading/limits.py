"""The thresholds by their short names, and findings that name the one they crossed."""

from __future__ import annotations

from truing.domain.finding import Finding, Severity
from truing.domain.settings import Settings


class Limits:
    """Numbers of the settings `lipreading.<name>`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __getitem__(self, name: str) -> float:
        return self._settings.number(f"lipreading.{name}")

    def finding(
        self, check: str, severity: Severity, value: float, limit: str, reason: str
    ) -> Finding:
        """A finding about `value`, held against the setting `lipreading.<limit>`."""
        return Finding(
            check=check,
            severity=severity,
            reason=reason,
            value=round(float(value), 6),
            threshold=self[limit],
            setting=f"lipreading.{limit}",
        )
