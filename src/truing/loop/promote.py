"""Promote: the moves of the `champion` alias: forward through the gate or by force, and back.

Every move is recorded with its ground, and the history is the whole memory: going back follows
it like a stack. After the promotions A, B, C one roll-back leads to B and a second to A, never
back to C; a promotion from there starts anew on top. Tainted models are passed over. Below the
first model of a speaker's own lies the general champion: going back there takes the alias away.

*Known trade-offs.* A tainted champion is no rival: a model that was trained again without the
forgotten data need only be better than the newest untainted one that was in use before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from truing.domain.clock import Clock
from truing.domain.errors import (
    ConsentError,
    InvalidInputError,
    NotFoundError,
    NothingToDoError,
    NotProvenError,
)
from truing.domain.event import Event, Events
from truing.domain.model import GENERAL, ModelRef, Models, ModelState, ModelVersion, Promotion

GATE, ROLLBACK, FALLBACK = "gate", "rollback", "fallback"


class Verdict(Protocol):
    """What promotion needs of the gate's verdict."""

    @property
    def passed(self) -> bool:
        """Whether the gate lets the candidate through."""

    @property
    def sentence(self) -> str:
        """Why, in one sentence."""

    @property
    def hint(self) -> str | None:
        """What would help."""

    @property
    def candidate(self) -> str:
        """The model judged."""

    @property
    def champion(self) -> str | None:
        """Who held the alias when it was judged."""

    @property
    def audience(self) -> str:
        """For whom it was judged."""

    def as_dict(self) -> Mapping[str, object]:
        """The verdict in full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotePorts:
    """What moving the alias needs from outside."""

    models: Models
    events: Events
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """The model a candidate must be better than."""

    name: str
    """A model reference, folder or hub id."""
    role: str
    """`base`, `champion` or `general champion`, the latter two also as `previous …`."""


def rival_of(models: Models, candidate: ModelVersion, audience: str) -> Rival | None:
    """The champion of the audience, else the general one, else the candidate's own base.

    A tainted champion gives way to the newest usable one before it. None for a model trained
    from nothing while there is no champion: it is judged against the trivial baseline.

    Raises:
        NothingToDoError: the candidate is the champion already.
    """
    name = str(candidate.ref)
    if models.champion(candidate.ref.modality, audience) == name:
        raise _champion_already(name, audience)
    for listed in dict.fromkeys((audience, GENERAL)):
        stack = champions(models.promotions(candidate.ref.modality, listed))
        usable = [one for one in reversed(stack) if one != name and _ready(models, one)]
        if usable:
            current = usable[0] == models.champion(candidate.ref.modality, listed)
            role = "champion" if listed == audience else "general champion"
            return Rival(name=usable[0], role=role if current else f"previous {role}")
    return Rival(name=candidate.base, role="base") if candidate.base is not None else None


def promote(
    ports: PromotePorts,
    candidate: ModelVersion,
    verdict: Verdict | None,
    *,
    audience: str,
    actor: str,
    force: str | None = None,
) -> Promotion:
    """Makes the candidate the champion of an audience.

    Args:
        ports: models, events and clock.
        candidate: read afresh, so that its state is known.
        verdict: the gate's; it may be missing only with `force`.
        audience: `general` or `subject:<name>`.
        actor: who asked.
        force: the reason to promote although the gate did not pass; recorded.

    Raises:
        ConsentError: the model is tainted; force does not help.
        InvalidInputError: `force` without a reason, or a verdict about something else.
        NothingToDoError: it is the champion already.
        NotProvenError: the gate did not pass.
        ConflictError: the champion has changed since the verdict.
    """
    name, modality = str(candidate.ref), candidate.ref.modality
    _check_state(candidate)
    current = ports.models.champion(modality, audience)
    if current == name:
        raise _champion_already(name, audience)
    reason, expected = _ground(name, audience, verdict, force, current)
    promotion = Promotion(
        modality=modality,
        audience=audience,
        model=name,
        previous=expected,
        at=ports.clock.now(),
        actor=actor,
        reason=reason,
        gate=verdict.as_dict() if verdict is not None else {},
    )
    return _moved(ports, promotion, "promoted")


def _ground(
    name: str, audience: str, verdict: Verdict | None, force: str | None, current: str | None
) -> tuple[str, str | None]:
    """The reason to record, and the champion that must still be in place."""
    if verdict is not None and (verdict.candidate, verdict.audience) != (name, audience):
        raise InvalidInputError(
            f"the verdict is about `{verdict.candidate}`, not `{name}` for this audience",
            hint="let the gate judge this model: truing promote",
        )
    if force is not None:
        if force.strip() in ("", GATE, ROLLBACK, FALLBACK):
            raise InvalidInputError(
                f"`{force}` is no reason to promote `{name}` without the gate",
                hint='say why, it is recorded: truing promote MODEL --force --reason "…"',
            )
        return force.strip(), current
    if verdict is None:
        raise NotProvenError(
            f"`{name}` has not been before the gate", hint="evaluate it: truing promote"
        )
    if not verdict.passed:
        raise NotProvenError(verdict.sentence, hint=verdict.hint)
    return GATE, verdict.champion


def _check_state(candidate: ModelVersion) -> None:
    if candidate.state is ModelState.TAINTED:
        raise ConsentError(
            f"`{candidate.ref}` was trained on data that has been forgotten since",
            hint="train it again without that data: truing train",
        )


def _champion_already(name: str, audience: str) -> NothingToDoError:
    return NothingToDoError(
        f"`{name}` is the champion of `{audience}` already", hint="truing models shows them all"
    )


def _moved(ports: PromotePorts, promotion: Promotion, kind: str) -> Promotion:
    stored = ports.models.promote(promotion, expected=promotion.previous)
    # The journal outlives forgetting, so that the audience, which may be a person, stays out.
    data: dict[str, object] = {
        "modality": promotion.modality,
        "model": promotion.model,
        "previous": promotion.previous,
        "forced": promotion.reason not in (GATE, ROLLBACK, FALLBACK),
    }
    ports.events.add(Event(kind=kind, at=promotion.at, actor=promotion.actor, data=data))
    return stored


def champions(promotions: Sequence[Promotion]) -> list[str]:
    """The stack of champions that the history leaves, the one in use last.

    Args:
        promotions: newest first, as `Models.promotions` gives them.
    """
    stack: list[str] = []
    for move in reversed(promotions):
        if not move.model:
            stack = []
            continue
        if move.reason in (ROLLBACK, FALLBACK) and move.model in stack:
            while stack[-1] != move.model:
                stack.pop()
            continue
        if not stack and move.previous is not None:
            stack.append(move.previous)
        stack.append(move.model)
    return stack


def _ready(models: Models, name: str) -> bool:
    try:
        return models.get(ModelRef.parse(name)).state is ModelState.READY
    except (NotFoundError, InvalidInputError):
        return False


def _step_back(
    ports: PromotePorts, modality: str, audience: str, *, actor: str, reason: str, why: str | None
) -> Promotion | None:
    history = ports.models.promotions(modality, audience)
    stack = champions(history)
    current = ports.models.champion(modality, audience)
    below = [name for name in reversed(stack[:-1]) if name != current]
    target = next((name for name in below if _ready(ports.models, name)), None)
    if target is None and audience != GENERAL and ports.models.champion(modality, GENERAL):
        target = ""
    if current is None or target is None:
        return None
    passed_over = below[: below.index(target)] if target else below
    gate: dict[str, object] = {"passed_over": passed_over} if passed_over else {}
    promotion = Promotion(
        modality=modality,
        audience=audience,
        model=target,
        previous=current,
        at=ports.clock.now(),
        actor=actor,
        reason=reason,
        gate=gate | ({"why": why} if why is not None else {}),
    )
    return _moved(ports, promotion, "rolled-back" if reason == ROLLBACK else "fell-back")


def roll_back(ports: PromotePorts, modality: str, audience: str, *, actor: str) -> Promotion:
    """Takes the alias one step back, to the champion before the one in use.

    Raises:
        NothingToDoError: there is no earlier champion that may be used.
        ConflictError: somebody moved the alias meanwhile.
    """
    moved = _step_back(ports, modality, audience, actor=actor, reason=ROLLBACK, why=None)
    if moved is None:
        raise NothingToDoError(
            f"there is no earlier champion of `{audience}` for `{modality}` to go back to",
            hint="truing models shows the models; truing promote chooses another",
        )
    return moved


def fall_back(
    ports: PromotePorts,
    modality: str,
    audience: str,
    *,
    failing: str,
    why: str,
    actor: str = "truing",
) -> Promotion | None:
    """Takes the alias back by itself because the champion fails in live use.

    Several predictors may notice at once: only the first moves the alias.

    Args:
        ports: models, events and clock.
        modality: whose alias.
        audience: whose alias.
        failing: the model that failed; nothing happens unless it is still the champion.
        why: what was seen, without any transcript; recorded.
        actor: who asks, Truing itself by default.

    Returns:
        The move, or None when the alias has moved already or there is nothing to go back to.

    Raises:
        ConflictError: somebody moved the alias at the same moment.
    """
    if ports.models.champion(modality, audience) != failing:
        return None
    return _step_back(ports, modality, audience, actor=actor, reason=FALLBACK, why=why)
