"""The limits of a modality by their short names, and findings that name the one they crossed."""

from __future__ import annotations

from truing.domain.finding import Finding, Severity
from truing.domain.settings import Settings


class Limits:
    """Numbers of the settings `<modality>.<name>`."""

    def __init__(self, modality: str, settings: Settings) -> None:
        self._modality = modality
        self._settings = settings

    def __getitem__(self, name: str) -> float:
        return self._settings.number(f"{self._modality}.{name}")

    def finding(
        self, check: str, severity: Severity, value: float, limit: str, reason: str
    ) -> Finding:
        """A finding about `value`, held against the setting `<modality>.<limit>`."""
        return Finding(
            check=check,
            severity=severity,
            reason=reason,
            value=round(float(value), 6),
            threshold=self[limit],
            setting=f"{self._modality}.{limit}",
        )
