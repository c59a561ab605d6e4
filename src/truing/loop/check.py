"""Check: findings for samples, from the modality's own checks and from looking at the others.

The modality looks at one sample at a time. That a sample is a copy of another can only be seen
here, from the group keys they share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from truing.domain.errors import DamagedError, NotFoundError
from truing.domain.finding import CheckReport, Finding, Severity
from truing.domain.modality import CheckInput, Modality
from truing.domain.ports import Blobs, Samples
from truing.domain.sample import Sample
from truing.domain.settings import Settings

DUPLICATE = "duplicate"
DAMAGED = "damaged"
DUPLICATE_QUALITY = 0.8
"""Factor on the quality of a copy: usable, but it adds nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What checking a number of samples found."""

    samples: int
    with_findings: int
    findings: Mapping[str, int]
    """How many samples have a finding of each check."""


def with_duplicates(
    report: CheckReport, groups: Sequence[str], samples: Samples, *, own_id: int | None = None
) -> CheckReport:
    """Adds a finding when another sample carries one of the group keys.

    Args:
        report: what the modality found.
        groups: the sample's group keys.
        samples: where others are looked for.
        own_id: the sample's own number; copies with higher numbers do not count against it.
    """
    others = sorted(
        {
            other
            for found in samples.by_groups(groups).values()
            for other in found
            if own_id is None or other < own_id
        }
    )
    if not others:
        return report
    finding = Finding(
        check=DUPLICATE,
        severity=Severity.WARNING,
        reason=f"the same recording as sample {others[0]}",
        value=float(others[0]),
    )
    return CheckReport(
        findings=(*report.findings, finding), quality=report.quality * DUPLICATE_QUALITY
    )


def check(
    chosen: Iterable[Sample],
    modality: Modality,
    samples: Samples,
    blobs: Blobs,
    settings: Settings,
    *,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Checked:
    """Looks at stored samples again, for instance after a threshold was changed."""
    counts: dict[str, int] = {}
    done = flagged = 0
    for sample in chosen:
        report = with_duplicates(
            _examined(sample, modality, blobs, settings), sample.groups, samples, own_id=sample.id
        )
        samples.set_report(sample.id, report)
        done += 1
        flagged += bool(report.findings)
        for name in {found.check for found in report.findings}:
            counts[name] = counts.get(name, 0) + 1
        on_progress(done)
    return Checked(samples=done, with_findings=flagged, findings=dict(sorted(counts.items())))


def _examined(sample: Sample, modality: Modality, blobs: Blobs, settings: Settings) -> CheckReport:
    try:
        data = {medium.role: blobs.read(medium.digest) for medium in sample.media}
    except (DamagedError, NotFoundError) as error:
        lost = Finding(check=DAMAGED, severity=Severity.BLOCKING, reason=error.message)
        return CheckReport(findings=(lost,), quality=0.0)
    given = CheckInput(
        media=sample.media,
        data=data,
        predictions=sample.predictions,
        truth=sample.truth,
        damage={
            medium.role: str(medium.facts["damage"])
            for medium in sample.media
            if medium.facts.get("damage")
        },
    )
    return modality.check(given, settings)
