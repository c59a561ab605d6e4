"""Planning: what a run would do and need, also on data that is frozen only when it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from truing.domain.dataset import DatasetRef, DatasetVersion, Split, SplitKind
from truing.domain.review import State
from truing.domain.run import RunRequest
from truing.domain.sample import SampleFilter
from truing.workspace.room import Room
from truing.workspace.training import planned, room_of

if TYPE_CHECKING:
    from truing.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run that nobody has started."""

    request: RunRequest
    room: Room | None
    """What it needs; None when that cannot be told beforehand."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form; bytes."""
        lacks = self.room.lacks() if self.room is not None else ()
        return {
            "request": self.request.as_dict(),
            "need": self.room.as_dict() if self.room is not None else None,
            "warnings": [{"problem": problem, "repair": repair} for problem, repair in lacks],
        }


def plan(workspace: Workspace, dataset: str | DatasetVersion, **options: Any) -> Plan:  # noqa: ANN401
    """What a run on a version would do; see `training.planned` for options and errors."""
    request = planned(workspace, dataset, **options)
    return Plan(request=request, room=room_of(workspace, request))


def plan_new(
    workspace: Workspace,
    freeze: Mapping[str, Any],
    **options: Any,  # noqa: ANN401
) -> Plan:
    """The same for a version that would be frozen from what is reviewed now.

    How many of the samples may be learned from is known when it is frozen; until then the shares
    of the split are taken to be met, and no sample to be left out.

    Args:
        workspace: where the samples are.
        freeze: `name`, `modality`, `test_share` and `validation_share`, as `datasets.freeze` takes
            them.
        options: see `training.planned`.
    """
    return plan(workspace, _awaited(workspace, freeze), **options)


def _awaited(workspace: Workspace, freeze: Mapping[str, Any]) -> DatasetVersion:
    modality, name = freeze.get("modality", "speech"), freeze["name"]
    where = SampleFilter(modality=modality, states=(State.ACCEPTED, State.CORRECTED))
    rows = workspace.store.samples.count(where)
    kept = 1.0
    for part in ("test_share", "validation_share"):
        given = freeze.get(part)
        kept -= workspace.settings.number(f"split.{part}") if given is None else given
    return DatasetVersion(
        ref=DatasetRef(name=name, number=workspace.store.datasets.next_number(name)),
        uid="",
        modality=modality,
        split_kind=SplitKind.PERSONAL,
        parameters={},
        digest="",
        created_at=workspace.clock.now(),
        counts={Split.TRAIN.value: min(rows, max(1, round(rows * kept)))},
        excluded={},
    )
