"""A finding: one thing a check noticed about a sample, with the figure and the limit it crossed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a finding does to its sample."""

    BLOCKING = "blocking"
    """Keeps the sample out of dataset versions until a person decides otherwise."""
    WARNING = "warning"
    """Lowers the quality score and moves the sample up the `findings` queue."""
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`check` is the check's name, such as `clipped`; `reason` a sentence for people."""

    check: str
    severity: Severity
    reason: str
    value: float | None = None
    threshold: float | None = None
    setting: str | None = None
    """The setting that moves the threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """All findings of one sample and its quality from 0 (unusable) to 1 (nothing found)."""

    findings: tuple[Finding, ...] = ()
    quality: float = 1.0

    @property
    def blocked(self) -> bool:
        """Whether any finding keeps the sample out of datasets."""
        return any(found.severity is Severity.BLOCKING for found in self.findings)
