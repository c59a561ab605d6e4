"""Prefer: which pairs of results a person is shown, blind, and on which side each stands.

Two evaluations of the same rows make a contest. A person sees what both models made of a row, one
to the left and one to the right, and is not told which is whose: chance decides it for each row
and person, and the same way when the row is shown again.

Originals on which nobody has chosen come first, one row of each, in an order that differs from
person to person, so that several people share the work. Rows for which both models made the very
same are not shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from truing.domain.digest import canonical_json, digest_bytes
from truing.domain.errors import InvalidInputError, NothingToDoError
from truing.domain.evaluation import EvaluatedRow, Evaluation
from truing.domain.preference import Choice, Preference


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Two models on the rows that both answered."""

    a: Evaluation
    b: Evaluation
    rows: Mapping[str, tuple[EvaluatedRow, EvaluatedRow]]
    """By sample uid: what a made of it, and b."""
    clusters: Mapping[str, str]
    """By sample uid; rows of one original are in one cluster."""
    equal: frozenset[str]
    """Rows for which both made the very same."""


def contest(a: Evaluation, b: Evaluation) -> Contest:
    """Sets two evaluations against each other.

    Args:
        a: of the one model, with its rows.
        b: of the other; its clusters count.

    Raises:
        InvalidInputError: they are of one model, of different rows or of different modalities.
        NothingToDoError: both models made the very same of each row.
    """
    if a.model_digest == b.model_digest:
        raise InvalidInputError(
            "these are two evaluations of one model", hint="compare two different models"
        )
    for name in ("modality", "dataset", "split"):
        one, other = getattr(a, name), getattr(b, name)
        if one != other:
            raise InvalidInputError(
                f"what was evaluated on {name} `{one}` and on `{other}` cannot be compared",
                hint="evaluate both on the same rows: truing evaluate MODEL --dataset NAME@NUMBER",
            )
    before = {row.sample_uid: row for row in a.rows}
    rows = {
        row.sample_uid: (before[row.sample_uid], row) for row in b.rows if row.sample_uid in before
    }
    if not rows:
        raise InvalidInputError(
            f"the two evaluations on `{b.dataset}` have no row in common",
            hint="evaluate both afresh: truing evaluate MODEL --dataset NAME@NUMBER --fresh",
        )
    equal = frozenset(uid for uid, (one, two) in rows.items() if one.prediction == two.prediction)
    if len(equal) == len(rows):
        raise NothingToDoError(
            f"both models made the very same of all {len(rows)} rows",
            hint="there is nothing to choose between them",
        )
    clusters = {uid: row.cluster for uid, (_, row) in rows.items()}
    return Contest(a=a, b=b, rows=rows, clusters=clusters, equal=equal)


def left_is_a(given: Contest, uid: str, actor: str) -> bool:
    """Whether the result of model a stands to the left for this person: a fair draw, the same
    whichever of the two models is called a.
    """
    is_lesser_left = int(_drawn("side", given, uid, actor)[-1], 16) % 2 == 0
    return is_lesser_left == (given.a.model_digest == _lesser(given))


def chosen(given: Contest, uid: str, actor: str, side: str) -> Choice:
    """What a person chose: `left`, `right` or `tie`, as they saw it.

    Raises:
        InvalidInputError: another side, or a row that is not shown.
    """
    if side not in ("left", "right", "tie"):
        raise InvalidInputError(f"`{side}` is no choice", hint="choose left, right or tie")
    if uid not in given.rows or uid in given.equal:
        raise InvalidInputError(
            f"`{uid}` is no row of this comparison", hint="reload the page for the next one"
        )
    if side == "tie":
        return Choice.TIE
    return Choice.A if (side == "left") == left_is_a(given, uid, actor) else Choice.B


def waiting(given: Contest, votes: Sequence[Preference], actor: str) -> list[str]:
    """The rows on which a person has not chosen yet, in the order they are shown.

    Args:
        given: the contest.
        votes: of everybody.
        actor: whose turn it is.
    """
    settled = {given.clusters[vote.sample_uid] for vote in votes if vote.sample_uid in given.rows}
    own = {vote.sample_uid for vote in votes if vote.actor == actor}
    seen = {vote.sample_uid for vote in votes}
    open_rows = [uid for uid in given.rows if uid not in own and uid not in given.equal]
    drawn = sorted(open_rows, key=lambda uid: _drawn("order", given, uid, actor))
    turns: dict[str, int] = {}
    places: dict[str, tuple[bool, bool, int]] = {}
    for uid in drawn:
        cluster = given.clusters[uid]
        turn = turns[cluster] = turns.get(cluster, 0) + 1
        # Among rows that count no more, those that nobody has seen go before.
        places[uid] = (cluster in settled, uid in seen, turn)
    return sorted(drawn, key=places.__getitem__)


def _drawn(what: str, given: Contest, uid: str, actor: str) -> str:
    told = {
        "what": what,
        "dataset": given.b.dataset,
        "split": given.b.split,
        "models": [_lesser(given), max(given.a.model_digest, given.b.model_digest)],
        "row": uid,
        "actor": actor,
    }
    return digest_bytes(canonical_json(told))


def _lesser(given: Contest) -> str:
    return min(given.a.model_digest, given.b.model_digest)
