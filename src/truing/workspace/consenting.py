"""Consenting: whether what the live model hears is kept, and on what basis what is brought in.

It is asked once, and withdrawn at any time; who brings in many samples together says it for them.
The setting `consent.policy` is the truth, and every way in obeys it at once; the journal records
who gave or withdrew consent, when, and to which wording.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from truing.domain.consent import (
    ASKED,
    BASES,
    NONE,
    OPERATOR,
    OPERATORS,
    OWN_USE,
    PERSON,
    POLICIES,
    Consent,
    consent_under,
)
from truing.domain.errors import ConflictError, ConsentError, InvalidInputError
from truing.domain.event import Event
from truing.domain.settings import Settings

if TYPE_CHECKING:
    from truing.workspace import Workspace

KEY = "consent.policy"
GIVEN, WITHDRAWN = OWN_USE.policy, "off"
WORDING = (
    "What you record here is kept on this machine, with what the model heard and what you correct. "
    "It is used to train and test your own model. Nothing is sent anywhere unless you set a "
    "corrector or export it yourself. You can stop this at any time, and forget what was kept."
)
WORDING_NUMBER = 1
"""Counts up with each change of the wording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentState:
    """What is in force now."""

    asked: bool
    """Whether somebody has decided; False where only the default speaks."""
    given: bool
    """For all that is heard; False under `ask`, where each request says it for itself."""
    policy: str
    purposes: tuple[str, ...]
    mode: str
    """The setting `capture.mode`."""

    @property
    def keeps(self) -> bool:
        """Whether anything that is heard may be kept."""
        return self.given and self.mode != "off"

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "asked": self.asked,
            "given": self.given,
            "keeps": self.keeps,
            "policy": self.policy,
            "purposes": list(self.purposes),
            "mode": self.mode,
            "wording": WORDING,
            "wording_number": WORDING_NUMBER,
        }


def consent_of(workspace: Workspace) -> ConsentState:
    """What is in force in a workspace."""
    chosen = workspace.settings.chosen(KEY)
    policy = POLICIES.get(str(chosen.value), NONE)
    reason = workspace.settings.text("consent.reason").strip()
    stated = policy is not ASKED and (policy is not OPERATOR or bool(reason))
    return ConsentState(
        asked=chosen.origin != "default",
        given=bool(policy.purposes) and stated,
        policy=str(chosen.value),
        purposes=tuple(sorted(one.value for one in policy.purposes)),
        mode=workspace.settings.text("capture.mode"),
    )


def set_consent(workspace: Workspace, *, given: bool, actor: str) -> ConsentState:
    """Gives or withdraws consent; what is heard from now on follows it. What was kept stays.

    A policy that keeps anything is not replaced by giving: `ask` goes on asking.

    Args:
        workspace: where it counts.
        given: whether what is heard may be kept.
        actor: who says so.

    Raises:
        ConflictError: a flag or the environment sets the policy, which goes before.
    """
    from truing.workspace import known_settings
    from truing.workspace.folder import SETTINGS_FILE, set_value

    origin = workspace.settings.chosen(KEY).origin
    if origin not in ("default", SETTINGS_FILE):
        raise ConflictError(
            f"`{KEY}` comes from {origin}, which goes before the settings file",
            hint=f"start without {origin}, then decide here",
        )
    now = workspace.settings.text(KEY)
    given_now = now if POLICIES.get(now, NONE).purposes else GIVEN
    value = set_value(workspace.layout, known_settings(), KEY, given_now if given else WITHDRAWN)
    workspace.settings = Settings(
        replace(one, value=value, origin=SETTINGS_FILE) if one.setting.key == KEY else one
        for one in workspace.settings
    )
    workspace.store.events.add(
        Event(
            kind="consent-given" if given else "consent-withdrawn",
            at=workspace.clock.now(),
            actor=actor,
            data={"policy": str(value), "wording": WORDING_NUMBER},
        )
    )
    return consent_of(workspace)


def stated_consent(
    workspace: Workspace, basis: str | None, reason: str | None, *, command: str
) -> Consent | None:
    """The consent of samples that somebody brings in together.

    Args:
        workspace: where they go.
        basis: `person`: everybody in them agreed; `operator`: they are kept for a reason. Left out,
            `consent.policy` says it.
        reason: of the operator; `consent.reason` when left out.
        command: what a refusal tells to type, with the basis behind it.

    Returns:
        None when `consent.policy` is `ask` and nobody said it.

    Raises:
        InvalidInputError: another basis, or a reason where none belongs.
        ConsentError: the policy keeps nothing, or the operator has no reason.
    """
    policy = workspace.settings.text(KEY)
    why = (reason or workspace.settings.text("consent.reason")).strip()
    if basis not in (None, *BASES):
        raise InvalidInputError(
            f"`{basis}` is no basis on which samples are kept",
            hint=f"{command} --consent {PERSON}, or --consent {OPERATORS} --reason WHY",
        )
    if reason is not None and OPERATORS not in (basis, policy if basis is None else None):
        raise InvalidInputError(
            "a reason says why an operator keeps samples",
            hint=f"{command} --consent {OPERATORS} --reason WHY",
        )
    if basis is None:
        return None if policy == ASKED.policy else consent_under(policy, reason=why)
    if policy not in POLICIES or not POLICIES[policy].purposes:
        return consent_under(policy)  # which says that nothing may be kept
    if basis == PERSON:
        return ASKED
    if not why:
        raise ConsentError(
            "nothing is kept on an operator's word without a reason",
            hint=f'{command} --consent {OPERATORS} --reason "why it may be kept"',
        )
    return replace(OPERATOR, reason=why)


def nobody_agreed(command: str) -> ConsentError:
    """The error for samples that are brought in where `consent.policy` is `ask`, without a basis.

    Args:
        command: see `stated_consent`.
    """
    return ConsentError(
        f"nobody said on what basis these samples are kept: `{KEY}` is `{ASKED.policy}`",
        hint=f"when everybody in them agreed: {command} --consent {PERSON}; else say why they may "
        f"be kept: {command} --consent {OPERATORS} --reason WHY",
    )
