"""Preferences: which of two models' results for one row a person likes better, told blind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol


class Choice(StrEnum):
    """What a person chose."""

    A = "a"
    B = "b"
    TIE = "tie"

    @property
    def flipped(self) -> Choice:
        """The same choice with the two models named the other way round."""
        return _FLIPPED[self]


_FLIPPED = {Choice.A: Choice.B, Choice.B: Choice.A, Choice.TIE: Choice.TIE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """One person's choice between what two models made of one row."""

    uid: str
    modality: str
    dataset: str
    """`name@number`."""
    split: str
    model_a: str
    """Digest of the one model."""
    model_b: str
    """Digest of the other."""
    sample_uid: str
    choice: Choice
    actor: str
    created_at: int
    seconds: float | None = None
    """From showing the pair to the choice; None where nobody measured it."""

    def seen_from(self, model_a: str) -> Preference:
        """The same with that model as `model_a`."""
        if self.model_a == model_a:
            return self
        return replace(self, model_a=self.model_b, model_b=self.model_a, choice=self.choice.flipped)


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRate:
    """How often people prefer model b to model a; ties count half.

    The interval holds however often anybody looks at it, see `truing.metrics.win_rate`.
    """

    wins: int
    """Originals on which b was preferred; one vote for each counts, the first."""
    losses: int
    ties: int
    equal: int
    """Rows for which both models made the very same; nobody is asked, they count as ties."""
    rate: float
    """0 to 1, over all rows."""
    low: float
    high: float
    level: float
    p_better: float
    """One-sided: b is no better. It may be looked at after each vote; 1 when nothing speaks
    against that."""
    votes: int
    """All choices of all people, also those beyond the first on an original."""
    people: int
    agreement: float | None
    """Share of rows on which all who chose agree, of those that several people saw; None when
    there are none."""
    clusters: int
    """Originals on which the two models differ: so many choices can count."""
    needed: int | None
    """About how many choices must count in all until the interval leaves one half out, if it goes
    on like this; None when no number would do."""

    @property
    def counted(self) -> int:
        """Choices that count."""
        return self.wins + self.losses + self.ties

    @property
    def decided(self) -> bool:
        """Whether one of the models is preferred by more than chance explains."""
        return not self.low <= 0.5 <= self.high

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "wins": self.wins,
            "losses": self.losses,
            "ties": self.ties,
            "equal": self.equal,
            "rate": self.rate,
            "ci": [self.low, self.high],
            "level": self.level,
            "p_better": self.p_better,
            "decided": self.decided,
            "votes": self.votes,
            "people": self.people,
            "agreement": self.agreement,
            "clusters": self.clusters,
            "needed": self.needed,
        }


class Preferences(Protocol):
    """The port of preferences."""

    def add(self, preference: Preference) -> None:
        """Stores a choice.

        Raises:
            ConflictError: this person chose on that row already.
        """
        ...

    def of(self, model_a: str, model_b: str, dataset: str, split: str) -> list[Preference]:
        """All choices between two models on one part of a dataset version, oldest first, as seen
        with `model_a` first; in which order the models were named at the time is no matter.
        """
        ...

    def remove(self, uid: str) -> bool:
        """Takes a choice back; False when it was not there."""
        ...

    def forget(self, uids: Sequence[str]) -> int:
        """Removes the choices on these samples; returns how many."""
        ...
