"""A served workspace with a champion, in which the tests of the page "Record" speak."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from truing import Workspace
from truing.domain.model import GENERAL, ModelRef
from truing.domain.sample import Sample, SampleFilter, SampleOrder
from truing.loop.promote import PromotePorts, promote
from truing.workspace.model_import import import_model


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """A workspace and where it is served."""

    workspace: Workspace
    url: str

    def kept(self) -> list[Sample]:
        """All samples, oldest first."""
        page = self.workspace.store.samples.page(SampleFilter(), SampleOrder.OLDEST, limit=50)
        return [self.workspace.sample(one.id) for one in page.items]


def make_champion(workspace: Workspace, folder: Path, modality: str) -> None:
    """Brings the first model in and lets it answer, without asking the gate."""
    import_model(workspace, folder, modality=modality)
    store = workspace.store
    found = store.models.get(ModelRef(modality=modality, number=1))
    ports = PromotePorts(models=store.models, events=store.events, clock=workspace.clock)
    promote(ports, found, None, audience=GENERAL, actor="ann", force="a test")
