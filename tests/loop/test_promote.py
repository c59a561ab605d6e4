"""Moves of the champion alias: through the gate, by force, back and back again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from truing.domain.errors import (
    ConflictError,
    ConsentError,
    InvalidInputError,
    NothingToDoError,
    NotProvenError,
)
from truing.domain.model import GENERAL, ModelRef, ModelState, Promotion
from truing.domain.ports import Store
from truing.loop.judge import GateVerdict, Reason
from truing.loop.promote import (
    PromotePorts,
    Rival,
    champions,
    fall_back,
    promote,
    rival_of,
    roll_back,
)
from truing.stores.database.store import open_database
from truing.testing.factories import FrozenClock, make_model, make_promotion

THEO = "subject:theo"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_database(tmp_path / "truing.db")
    for number in range(1, 5):
        opened.models.add(make_model(number))
    yield opened
    opened.close()


@pytest.fixture
def ports(store: Store) -> PromotePorts:
    return PromotePorts(models=store.models, events=store.events, clock=FrozenClock())


def verdict(number: int, champion: str | None, *, passed: bool = True, **different) -> GateVerdict:
    return GateVerdict(
        **{
            "passed": passed,
            "reason": Reason.BETTER if passed else Reason.NOT_PROVEN,
            "sentence": "better" if passed else "not proven: p = 0.2",
            "hint": None if passed else "review more",
            "candidate": f"speech/{number}",
            "rival": "speech/1",
            "champion": champion,
            "audience": GENERAL,
            "ci": (-0.1, -0.01),
            **different,
        }
    )


def through(ports: PromotePorts, *numbers: int, audience: str = GENERAL) -> list[Promotion]:
    """Promotes the models one after another."""
    moves = []
    for number in numbers:
        held = ports.models.champion("speech", audience)
        model = ports.models.get(ModelRef(modality="speech", number=number))
        passed = verdict(number, held, audience=audience)
        moves.append(promote(ports, model, passed, audience=audience, actor="ada"))
    return moves


def champion(ports: PromotePorts, audience: str = GENERAL) -> str | None:
    return ports.models.champion("speech", audience)


def test_a_passed_verdict_moves_the_alias_and_is_recorded(
    store: Store, ports: PromotePorts
) -> None:
    first, second = through(ports, 1, 2)
    assert champion(ports) == "speech/2"
    assert (first.previous, second.previous, second.reason) == (None, "speech/1", "gate")
    kept = store.models.promotions("speech", GENERAL)[0]
    assert kept == second
    assert kept.gate["ci"] == [-0.1, -0.01]
    event = store.events.all()[-1]
    assert (event.kind, event.actor) == ("promoted", "ada")
    assert event.data == {
        "modality": "speech",
        "model": "speech/2",
        "previous": "speech/1",
        "forced": False,
    }


def test_the_journal_does_not_name_the_speaker(store: Store, ports: PromotePorts) -> None:
    through(ports, 1, audience=THEO)
    assert "theo" not in repr(store.events.all())
    assert champion(ports, THEO) == "speech/1"
    assert champion(ports) is None


def test_a_failed_verdict_or_none_promotes_nothing(ports: PromotePorts) -> None:
    model = make_model(2)
    with pytest.raises(NotProvenError, match="not proven: p =") as caught:
        promote(ports, model, verdict(2, None, passed=False), audience=GENERAL, actor="ada")
    assert caught.value.hint == "review more"
    with pytest.raises(NotProvenError, match="has not been before the gate"):
        promote(ports, model, None, audience=GENERAL, actor="ada")
    assert champion(ports) is None


def test_force_needs_a_reason_and_keeps_it(store: Store, ports: PromotePorts) -> None:
    model = make_model(2)
    for empty in ("", "  ", "gate", "rollback"):
        with pytest.raises(InvalidInputError, match="no reason to promote `speech/2`"):
            promote(ports, model, None, audience=GENERAL, actor="ada", force=empty)
    failed = verdict(2, None, passed=False)
    moved = promote(ports, model, failed, audience=GENERAL, actor="ada", force=" sounds right ")
    assert moved.reason == "sounds right"
    assert moved.gate["passed"] is False
    assert store.events.all()[-1].data["forced"] is True
    bare = promote(ports, make_model(3), None, audience=GENERAL, actor="ada", force="try it")
    assert (bare.gate, bare.previous) == ({}, "speech/2")


def test_a_tainted_model_is_refused_even_by_force(ports: PromotePorts) -> None:
    tainted = make_model(2, state=ModelState.TAINTED)
    with pytest.raises(ConsentError, match="forgotten since"):
        promote(ports, tainted, verdict(2, None), audience=GENERAL, actor="ada", force="please")


def test_a_verdict_counts_for_its_model_audience_and_champion_only(ports: PromotePorts) -> None:
    through(ports, 1)
    with pytest.raises(InvalidInputError, match="about `speech/3`, not `speech/2`"):
        promote(ports, make_model(2), verdict(3, "speech/1"), audience=GENERAL, actor="ada")
    with pytest.raises(InvalidInputError):
        promote(ports, make_model(2), verdict(2, None), audience=THEO, actor="ada")
    with pytest.raises(ConflictError):
        promote(ports, make_model(2), verdict(2, "speech/4"), audience=GENERAL, actor="ada")
    with pytest.raises(NothingToDoError, match="champion of `general` already"):
        promote(ports, make_model(1), verdict(1, "speech/1"), audience=GENERAL, actor="ada")
    assert champion(ports) == "speech/1"


def test_rolling_back_follows_the_history_like_a_stack(store: Store, ports: PromotePorts) -> None:
    through(ports, 1, 2, 3)
    assert roll_back(ports, "speech", GENERAL, actor="ada").model == "speech/2"
    assert roll_back(ports, "speech", GENERAL, actor="ada").model == "speech/1"
    with pytest.raises(NothingToDoError, match="no earlier champion"):
        roll_back(ports, "speech", GENERAL, actor="ada")
    through(ports, 4)
    back = roll_back(ports, "speech", GENERAL, actor="eve")
    assert (back.model, back.previous, back.reason, back.actor) == (
        "speech/1",
        "speech/4",
        "rollback",
        "eve",
    )
    assert [event.kind for event in store.events.all()].count("rolled-back") == 3


def test_a_model_that_came_back_can_be_left_again(ports: PromotePorts) -> None:
    through(ports, 1, 2, 1)
    assert roll_back(ports, "speech", GENERAL, actor="ada").model == "speech/2"
    assert roll_back(ports, "speech", GENERAL, actor="ada").model == "speech/1"
    assert champions(ports.models.promotions("speech", GENERAL)) == ["speech/1"]


def test_nothing_to_roll_back_to(ports: PromotePorts) -> None:
    with pytest.raises(NothingToDoError):
        roll_back(ports, "speech", GENERAL, actor="ada")
    through(ports, 1)
    with pytest.raises(NothingToDoError):
        roll_back(ports, "speech", GENERAL, actor="ada")


def test_tainted_champions_are_passed_over_on_the_way_back(ports: PromotePorts) -> None:
    through(ports, 1, 2, 3)
    ports.models.set_state(ModelRef(modality="speech", number=2), ModelState.TAINTED)
    back = roll_back(ports, "speech", GENERAL, actor="ada")
    assert (back.model, back.gate) == ("speech/1", {"passed_over": ["speech/2"]})
    assert champions(ports.models.promotions("speech", GENERAL)) == ["speech/1"]


def test_a_history_that_began_elsewhere() -> None:
    older = make_promotion("speech/2", previous="speech/1")
    assert champions([older]) == ["speech/1", "speech/2"]
    unknown = make_promotion("speech/9", previous="speech/2", reason="rollback")
    assert champions([unknown, older]) == ["speech/1", "speech/2", "speech/9"]
    assert champions([]) == []


def test_falling_back_happens_once_for_one_failure(store: Store, ports: PromotePorts) -> None:
    through(ports, 1, 2)
    moved = fall_back(ports, "speech", GENERAL, failing="speech/2", why="3 errors in a row")
    assert moved is not None
    assert (moved.model, moved.reason, moved.actor) == ("speech/1", "fallback", "truing")
    assert moved.gate == {"why": "3 errors in a row"}
    assert store.events.all()[-1].kind == "fell-back"
    assert fall_back(ports, "speech", GENERAL, failing="speech/2", why="again") is None
    assert fall_back(ports, "speech", GENERAL, failing="speech/1", why="no other") is None
    assert champion(ports) == "speech/1"


def test_the_rival_is_the_champion_then_the_general_one_then_the_base(
    ports: PromotePorts,
) -> None:
    model = make_model(4, base="tiny")
    assert rival_of(ports.models, model, THEO) == Rival(name="tiny", role="base")
    assert rival_of(ports.models, make_model(4, base=None), THEO) is None
    through(ports, 1)
    assert rival_of(ports.models, model, THEO) == Rival(name="speech/1", role="general champion")
    through(ports, 2, audience=THEO)
    assert rival_of(ports.models, model, THEO) == Rival(name="speech/2", role="champion")
    assert rival_of(ports.models, model, GENERAL) == Rival(name="speech/1", role="champion")
    with pytest.raises(NothingToDoError):
        rival_of(ports.models, make_model(2), THEO)
    # The general champion as a speaker's candidate is not compared with itself.
    through(ports, 3)
    personal = rival_of(ports.models, make_model(3), "subject:jackson")
    assert personal == Rival(name="speech/1", role="previous general champion")


def test_a_tainted_champion_gives_way_to_the_one_before(ports: PromotePorts) -> None:
    through(ports, 1, 2)
    ports.models.set_state(ModelRef(modality="speech", number=2), ModelState.TAINTED)
    model = make_model(4, base="tiny")
    assert rival_of(ports.models, model, GENERAL) == Rival(
        name="speech/1", role="previous champion"
    )
    ports.models.set_state(ModelRef(modality="speech", number=1), ModelState.TAINTED)
    assert rival_of(ports.models, model, GENERAL) == Rival(name="tiny", role="base")


def test_a_champion_that_is_no_model_of_this_workspace_is_no_rival(ports: PromotePorts) -> None:
    for name in ("a-hub-id", "speech/99"):
        held = ports.models.champion("speech", GENERAL)
        ports.models.promote(make_promotion(name, previous=held), expected=held)
    assert rival_of(ports.models, make_model(4), GENERAL) == Rival(name="tiny", role="base")
    assert fall_back(ports, "speech", GENERAL, failing="speech/99", why="gone") is None
