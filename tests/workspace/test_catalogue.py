"""What lists of models and datasets tell beyond their rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from truing import Workspace
from truing.domain.model import GENERAL, ModelRef
from truing.domain.sample import SampleFilter, Sampling
from truing.loop.promote import PromotePorts, promote
from truing.workspace.catalogue import awaited, champions
from truing.workspace.model_import import import_model

BASES = Path(__file__).parents[2] / "src" / "truing" / "demo" / "digits" / "base"
Filled = Callable[..., list[int]]


def test_what_freezing_would_look_at(workspace: Workspace, fill: Filled) -> None:
    fill(6)
    fill(8, sampling="chosen", source="phone")
    fill(9, reviewed=False, source="desk")
    assert awaited(workspace, SampleFilter()) == {"reviewed": 14, "may_test": 6}
    assert awaited(workspace, SampleFilter(sampling=Sampling.CHOSEN))["may_test"] == 0
    assert awaited(workspace, SampleFilter(source="desk")) == {"reviewed": 0, "may_test": 0}


def test_where_a_champion_would_go_back_to(workspace: Workspace) -> None:
    store = workspace.store
    ports = PromotePorts(models=store.models, events=store.events, clock=workspace.clock)
    told = []
    for number, name in enumerate(("without-theo", "without-jackson"), 1):
        import_model(workspace, BASES / name)
        model = store.models.get(ModelRef(modality="speech", number=number))
        promote(ports, model, None, audience=GENERAL, actor="ann", force="a test")
        told += champions(workspace)
    workspace.roll_back()
    told += champions(workspace)
    assert [(one["model"], one["back_to"]) for one in told] == [
        ("speech/1", None),
        ("speech/2", "speech/1"),
        ("speech/1", None),
    ]
