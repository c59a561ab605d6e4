"""Consent: on what ground a sample is kept and what it may be used for.

Under the policy `own-use` the person at the machine collects their own data; under `ask` whoever
hands a sample in says each time that its person agreed; under `operator` whoever runs the loop
keeps what comes for a reason of theirs, which they state; `off` keeps nothing. Each sample carries
the consent under which it was taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from truing.domain.errors import ConsentError


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
    reason: str | None = None
    """Why the operator keeps it, in their own words."""

    def covers(self, purpose: Purpose) -> bool:
        """Whether the purpose is allowed now."""
        return self.withdrawn_at is None and purpose in self.purposes

    @property
    def basis(self) -> str | None:
        """On whose word it is kept: `person` where they were asked, `operator`, or nobody's."""
        return _BASES.get(self.policy)

    def as_dict(self) -> dict[str, object]:
        """The JSON form that `read_consent` takes; what is not said is left out."""
        told: dict[str, object] = {
            "policy": self.policy,
            "purposes": sorted(purpose.value for purpose in self.purposes),
        }
        if self.withdrawn_at is not None:
            told["withdrawn_at"] = self.withdrawn_at
        if self.reason is not None:
            told["reason"] = self.reason
        return told


OWN_USE = Consent(
    policy="own-use", purposes=frozenset({Purpose.TRAINING, Purpose.EVALUATION, Purpose.SHARING})
)
ASKED = Consent(policy="ask", purposes=frozenset({Purpose.TRAINING, Purpose.EVALUATION}))
OPERATOR = Consent(policy="operator", purposes=ASKED.purposes)
NONE = Consent(policy="none", purposes=frozenset())
POLICIES = {"own-use": OWN_USE, "ask": ASKED, "operator": OPERATOR, "off": NONE}
PERSON, OPERATORS = "person", "operator"
BASES = (PERSON, OPERATORS)
"""On whose word samples that are brought in together may be kept: their people agreed, or whoever
brings them in answers for it with a reason."""
_BASES = {"own-use": OPERATORS, "operator": OPERATORS, "ask": PERSON}


def consent_under(policy: str, *, reason: str = "", given: bool = False) -> Consent:
    """The consent that a sample is taken under.

    Args:
        policy: the setting `consent.policy`.
        reason: the setting `consent.reason`.
        given: whether whoever hands the sample in says that its person agreed.

    Raises:
        ConsentError: the policy keeps nothing, nobody agreed, or the reason is not stated.
    """
    if policy == "ask" and not given:
        raise ConsentError(
            "nothing is kept without consent: `consent.policy` is `ask`",
            hint="ask the person, then send `consent=true` with what is to be kept",
        )
    if policy == "operator":
        if not reason.strip():
            raise ConsentError(
                "nothing may be kept: `consent.policy` is `operator` without a reason",
                hint='truing config set consent.reason "why it is kept"',
            )
        return replace(OPERATOR, reason=reason.strip())
    found = POLICIES.get(policy, NONE)
    if not found.purposes:
        raise ConsentError(
            f"nothing may be kept: `consent.policy` is `{policy}`",
            hint="truing config set consent.policy own-use",
        )
    return found


def read_consent(told: Mapping[str, Any]) -> Consent:
    """A consent in its JSON form; purposes that are not known here are left out.

    Raises:
        ValueError: it is none.
    """
    policy: Any = told.get("policy")
    purposes: Any = told.get("purposes")
    reason: Any = told.get("reason")
    at: Any = told.get("withdrawn_at")
    sound = (
        isinstance(policy, str)
        and policy in POLICIES
        and isinstance(purposes, list)
        and isinstance(reason, str | None)
        and isinstance(at, int | None)
    )
    if not sound:
        raise ValueError(f"no consent: {told}")
    known = frozenset(purpose for purpose in Purpose if purpose.value in purposes)
    return Consent(policy=policy, purposes=known, withdrawn_at=at, reason=reason)
