"""Contests: which rows are shown, in which order, on which side, and what cannot be compared."""

import pytest

from truing.domain.errors import InvalidInputError, NothingToDoError
from truing.domain.evaluation import Evaluation
from truing.domain.preference import Choice, Preference
from truing.loop.prefer import Contest, chosen, contest, left_is_a, waiting
from truing.testing.factories import make_digest, make_evaluated_row, make_evaluation
from truing.testing.preference_conformance import make_preference


def evaluation(model: str, count: int = 40, *, same: int = 0, per_cluster: int = 1) -> Evaluation:
    rows = [
        make_evaluated_row(
            f"s{at}",
            prediction="the same" if at < same else f"{model} said {at}",
            cluster=f"c{at // per_cluster}",
        )
        for at in range(count)
    ]
    return make_evaluation(rows, model=model, model_digest=make_digest(model))


def between(count: int = 40, **more: int) -> Contest:
    return contest(evaluation("speech/1", count, **more), evaluation("speech/2", count, **more))


def votes_on(uids: list[str], actor: str = "ada") -> list[Preference]:
    return [make_preference(uid, actor=actor, uid=f"{uid}-{actor}") for uid in uids]


def test_sides_are_drawn_fairly_and_are_the_same_again() -> None:
    given = between(400)
    drawn = [left_is_a(given, uid, "ada") for uid in given.rows]
    assert 150 < sum(drawn) < 250
    assert drawn == [left_is_a(between(400), uid, "ada") for uid in given.rows]
    others = [left_is_a(given, uid, "bob") for uid in given.rows]
    assert 120 < sum(one != other for one, other in zip(drawn, others, strict=True)) < 280


def test_sides_do_not_depend_on_which_model_is_called_a() -> None:
    given = between()
    turned = contest(given.b, given.a)
    for uid in given.rows:
        assert left_is_a(given, uid, "ada") != left_is_a(turned, uid, "ada")
        assert chosen(given, uid, "ada", "left") == chosen(turned, uid, "ada", "left").flipped
        assert chosen(given, uid, "ada", "left") == chosen(given, uid, "ada", "right").flipped
        assert chosen(given, uid, "ada", "tie") is Choice.TIE
        left = chosen(given, uid, "ada", "left")
        assert (left is Choice.A) == left_is_a(given, uid, "ada")


def test_each_person_sees_all_rows_in_an_order_of_their_own() -> None:
    given = between()
    ada, bob = waiting(given, [], "ada"), waiting(given, [], "bob")
    assert sorted(ada) == sorted(bob) == sorted(given.rows)
    assert ada != bob
    assert ada != list(given.rows)
    assert ada == waiting(between(), [], "ada")


def test_originals_that_nobody_has_judged_come_first() -> None:
    given = between(36, per_cluster=3)
    order = waiting(given, [], "ada")
    first = order[:12]
    assert {given.clusters[uid] for uid in first} == set(given.clusters.values())

    voted = votes_on(first[:4], "bob")
    mine = waiting(given, voted, "ada")
    settled = {given.clusters[one.sample_uid] for one in voted}
    places = [given.clusters[uid] in settled for uid in mine]
    assert places == sorted(places)
    assert len(mine) == 36, "what others chose is shown, too, at last"
    # Of what counts no more, rows that nobody has seen come before those that somebody has.
    assert set(mine[-4:]) == set(first[:4])


def test_rows_that_were_judged_or_do_not_differ_are_not_shown() -> None:
    given = between(20, same=5)
    assert given.equal == {f"s{at}" for at in range(5)}
    order = waiting(given, [], "ada")
    assert sorted(order) == sorted(f"s{at}" for at in range(5, 20))
    after = waiting(given, votes_on(order[:6]), "ada")
    assert set(after) == set(order[6:])
    assert waiting(given, votes_on(order), "ada") == []
    assert len(waiting(given, votes_on(order), "bob")) == 15


def test_what_was_not_shown_cannot_be_chosen() -> None:
    given = between(8, same=2)
    for uid, side, told in (
        ("s0", "left", "s0"),
        ("nobody", "tie", "nobody"),
        ("s5", "middle", "middle"),
    ):
        with pytest.raises(InvalidInputError, match=told):
            chosen(given, uid, "ada", side)


def test_what_cannot_be_compared() -> None:
    one, other = evaluation("speech/1"), evaluation("speech/2")
    with pytest.raises(InvalidInputError, match="one model"):
        contest(one, evaluation("speech/1"))
    for different in ({"split": "validation"}, {"dataset": "mine@2"}, {"modality": "lipreading"}):
        strange = make_evaluation(
            other.rows, model="speech/2", model_digest=other.model_digest, **different
        )
        with pytest.raises(InvalidInputError, match=next(iter(different.values()))):
            contest(one, strange)
    with pytest.raises(InvalidInputError, match="no row in common"):
        contest(one, make_evaluation([make_evaluated_row("elsewhere")], model_digest="sha256:x"))
    with pytest.raises(NothingToDoError, match="all 40 rows"):
        between(same=40)


def test_rows_that_only_one_has_are_left_out() -> None:
    given = contest(evaluation("speech/1", 10), evaluation("speech/2", 12))
    assert len(given.rows) == len(given.clusters) == 10
