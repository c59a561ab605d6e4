"""Consent: on what ground a sample is kept and what it may be used for.

Under the policy `own-use` the person at the machine collects their own data; `off` keeps nothing.
Each sample carries the consent under which it was taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Purpose(StrEnum):
    """What data may be used for."""

    TRAINING = "training"
    EVALUATION = "evaluation"
    SHARING = "sharing"
    """Leaving this machine, as an export for others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """The policy in force and the purposes it covers."""

    policy: str
    purposes: frozenset[Purpose]
    withdrawn_at: int | None = None

    def covers(self, purpose: Purpose) -> bool:
        """Whether the purpose is allowed now."""
        return self.withdrawn_at is None and purpose in self.purposes


OWN_USE = Consent(
    policy="own-use", purposes=frozenset({Purpose.TRAINING, Purpose.EVALUATION, Purpose.SHARING})
)
NONE = Consent(policy="none", purposes=frozenset())
POLICIES = {"own-use": OWN_USE, "off": NONE}
