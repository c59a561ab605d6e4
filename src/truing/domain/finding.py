"""A finding: one thing a check noticed about a sample, with the figure and the limit it crossed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SUSPECT_LABEL = "suspect_label"
"""The check that doubts a label instead of the media; a review settles it."""
DOUBT = 0.9
"""How much of the quality a label takes away that is surely wrong."""


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

    def doubted(self, doubt: Finding) -> CheckReport:
        """With a finding of `suspect_label`, whose value is the doubt from 0 to 1, in place of the
        one before; the quality falls with the doubt, so that the worst come first.
        """
        plain = self.settled()
        factor = 1 - DOUBT * (doubt.value or 0.0)
        return CheckReport(
            findings=(*plain.findings, doubt), quality=round(plain.quality * factor, 6)
        )

    def settled(self) -> CheckReport:
        """Without any doubt of the label."""
        quality = self.quality
        for found in self.findings:
            if found.check == SUSPECT_LABEL:
                quality /= 1 - DOUBT * (found.value or 0.0)
        rest = tuple(found for found in self.findings if found.check != SUSPECT_LABEL)
        return CheckReport(findings=rest, quality=round(min(1.0, quality), 4))
