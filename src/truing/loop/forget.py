"""Forget: erase samples or a whole person, and follow them to every place they reached.

Order: dataset rows become tombstones and models are marked first, so that a crash in the middle
leaves the samples findable and the command can simply be run again; then rows, index and blobs
go; then the database's files are cleaned of what was deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from truing.domain.clock import Clock
from truing.domain.errors import NotFoundError
from truing.domain.event import Event
from truing.domain.model import ModelState
from truing.domain.ports import Blobs, Store
from truing.domain.sample import SampleFilter

BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What forgetting reached."""

    samples: int
    blobs: int
    versions: tuple[str, ...] = ()
    """Dataset versions that hold a tombstone now."""
    models: tuple[str, ...] = ()
    """Models trained on the data, directly or through a parent: retrain them."""
    exports: tuple[str, ...] = ()
    """Exports and reports inside the workspace that were removed."""
    reminders: tuple[str, ...] = field(default_factory=tuple)
    """What lies outside the workspace's reach."""


def ids_of_subject(subject: str, store: Store) -> list[int]:
    """All samples of a speaker.

    Raises:
        NotFoundError: nobody of that name is recorded here.
    """
    ids = [sample.id for sample in store.samples.iterate(SampleFilter(subject=subject))]
    if not ids:
        raise NotFoundError(
            f"no sample is of the speaker `{subject}`", hint="truing stats shows the speakers"
        )
    return ids


def forget(
    ids: Sequence[int],
    store: Store,
    blobs: Blobs,
    clock: Clock,
    *,
    actor: str,
    remove_derived: Callable[[Sequence[str], Sequence[str]], Sequence[str]],
) -> Forgotten:
    """Erases samples.

    Args:
        ids: their numbers; those that are gone already are passed over.
        store: the workspace's store.
        blobs: the workspace's blobs.
        clock: tells when.
        actor: who asked.
        remove_derived: removes exports and reports, given the samples' uids and the dataset
            versions that held them; returns their names.

    Raises:
        NotFoundError: none of the samples exists.
    """
    uids = _uids(ids, store)
    versions: set[str] = set()
    for start in range(0, len(uids), BATCH):
        part = uids[start : start + BATCH]
        versions.update(store.datasets.entomb(part))
        store.evaluations.forget(part)
    models = _taint(versions, store)
    exports = tuple(remove_derived(uids, sorted(versions)))
    removed = 0
    for start in range(0, len(ids), BATCH):
        for digest in store.samples.erase(ids[start : start + BATCH]):
            removed += blobs.delete(digest)
    store.scrub()
    result = Forgotten(
        samples=len(uids),
        blobs=removed,
        versions=tuple(sorted(versions)),
        models=models,
        exports=exports,
        reminders=_reminders(models),
    )
    store.events.add(
        Event(
            kind="forgotten",
            at=clock.now(),
            actor=actor,
            data={"samples": len(uids), "versions": sorted(versions), "models": list(models)},
        )
    )
    return result


def _uids(ids: Sequence[int], store: Store) -> list[str]:
    uids = []
    missing = []
    for number in ids:
        try:
            uids.append(store.samples.get(number).uid)
        except NotFoundError:
            missing.append(number)
    if not uids:
        raise NotFoundError(
            f"there is no sample {', '.join(map(str, missing))}",
            hint="truing samples shows those there are",
        )
    return uids


def _taint(versions: set[str], store: Store) -> tuple[str, ...]:
    """Marks the models trained on the versions, and those that descend from them."""
    models = store.models.all()
    touched = {str(model.ref) for model in models if model.dataset in versions}
    touched |= {str(model.ref) for model in models if touched.intersection(model.parents)}
    for model in models:
        if str(model.ref) in touched:
            store.models.set_state(model.ref, ModelState.TAINTED)
    return tuple(sorted(touched))


def _reminders(models: Sequence[str]) -> tuple[str, ...]:
    told = ["copies that left this workspace (exports elsewhere, backups) are not reached"]
    if models:
        told.append(f"retrain what was trained on the data: {', '.join(models)}")
    return tuple(told)
