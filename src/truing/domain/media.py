"""Media: what a sample's sound, picture or film is, and where its bytes are.

Bytes live in a blob store under their SHA-256; a `Media` says how to read them. Several samples
may share one blob, or hold spans of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """One medium of a sample, by its role (`audio`, `video`, `original`, `edited`)."""

    role: str
    digest: str
    """`sha256:…` of the blob."""
    size: int
    """Bytes of the blob."""
    media_type: str
    """By content, not by name: `audio/flac`."""
    start: float | None = None
    """Seconds; with `end`, the span of the blob that belongs to the sample."""
    end: float | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    """What decoding showed: `duration` (s), `sample_rate` (Hz), `channels`, `content` (digest
    of the decoded samples, equal for equal sound in different containers)."""
    parent: str | None = None
    """Digest of the blob it was derived from."""
    parameters: Mapping[str, object] = field(default_factory=dict)
    """How it was derived from its parent."""

    @property
    def duration(self) -> float | None:
        """Seconds, when decoding showed a length."""
        if self.start is not None and self.end is not None:
            return self.end - self.start
        value = self.facts.get("duration")
        return float(value) if isinstance(value, (int, float)) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestedMedia:
    """Bytes ready to be stored, as a modality made them from what the app gave."""

    role: str
    data: bytes
    media_type: str
    facts: Mapping[str, object] = field(default_factory=dict)
    damage: str | None = None
    """What is wrong with the source although it could be read; becomes a blocking finding."""
    seen: object = field(default=None, repr=False, compare=False)
    """What decoding left for the modality's own check, so that it need not decode again: not kept,
    and missing when a stored sample is checked."""
