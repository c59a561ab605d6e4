"""Checks: what can be seen in one message without knowing the others."""

from __future__ import annotations

from truing.domain.finding import CheckReport, Finding, Severity
from truing.domain.modality import CheckInput
from truing.domain.settings import Setting, Settings
from truing_morse.media import ROLE, words_of

SHORTEST = Setting(
    key="morse.shortest",
    default=1,
    minimum=1,
    help="`too_short`: messages of fewer letters than this cannot be used",
)


def check(given: CheckInput, settings: Settings) -> CheckReport:
    """Findings of one message."""
    signal = given.data[ROLE].decode("ascii")
    letters = sum(map(len, words_of(signal)))
    findings: list[Finding] = []
    shortest = settings.whole(SHORTEST.key)
    if letters < shortest:
        findings.append(
            Finding(
                check="too_short",
                severity=Severity.BLOCKING,
                reason=f"{letters} letters, at least {shortest} are needed",
                value=letters,
                threshold=shortest,
                setting=SHORTEST.key,
            )
        )
    text = given.truth
    if text is not None and len("".join(text.split())) != letters:
        findings.append(
            Finding(
                check="length_mismatch",
                severity=Severity.WARNING,
                reason=f"`{text}` does not have the {letters} letters of the signal",
                value=len("".join(text.split())),
                threshold=letters,
            )
        )
    blocked = any(found.severity is Severity.BLOCKING for found in findings)
    return CheckReport(findings=tuple(findings), quality=0.0 if blocked else 0.5 ** len(findings))
