"""Chance depends on what it is for, and on nothing that was drawn before."""

from __future__ import annotations

from truing.training.draws import order, random_for, seed_for


def test_a_draw_depends_on_each_argument_and_nothing_else() -> None:
    one = random_for(3, "a", 7).random(4).tolist()
    random_for(3, "a", 7).random(1000)
    assert random_for(3, "a", 7).random(4).tolist() == one
    for other in (random_for(4, "a", 7), random_for(3, "b", 7), random_for(3, "a", 8)):
        assert other.random(4).tolist() != one


def test_the_same_numbers_come_in_each_version() -> None:
    """A run that an earlier version began is resumed with these."""
    assert seed_for(5, "adapter") == 3020092292517153224
    assert list(order(6, 3, "train", 1)) == [0, 5, 3, 1, 4, 2]


def test_an_epoch_has_every_row_once() -> None:
    assert sorted(order(50, 1, "train", 2)) == list(range(50))
    assert order(50, 1, "train", 2) != order(50, 1, "train", 3)
