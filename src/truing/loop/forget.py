"""Forget: erase samples or a whole person, and follow them to every place they reached.

Order: what is to be forgotten is remembered as keyed digests first; then dataset rows become
tombstones, models are marked and runs told to stop; then what was derived goes, and the backups
are rewritten; the samples themselves go last, so that a crash in the middle leaves them findable
and the command can simply be run again. At the end the database's files are cleaned of what was
deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from truing.domain.archive import Away
from truing.domain.clock import Clock
from truing.domain.erasure import Renamed
from truing.domain.errors import NotFoundError
from truing.domain.event import Event
from truing.domain.model import ModelRef, ModelState
from truing.domain.ports import Blobs, Store
from truing.domain.reminder import reminders
from truing.domain.review import State
from truing.domain.run import Want
from truing.domain.sample import SampleFilter

Item = TypeVar("Item")

BATCH = 500
_RUNS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What forgetting reached, or would reach."""

    samples: int
    blobs: int
    versions: tuple[str, ...] = ()
    """Dataset versions that hold a tombstone now."""
    models: tuple[str, ...] = ()
    """Models trained on the data, directly or through a parent: retrain them."""
    champions: tuple[str, ...] = ()
    """Models that were the speaker's own champion; the general one takes their place."""
    runs: tuple[int, ...] = ()
    """Training runs on the data that had not ended: they were told to stop."""
    exports: tuple[str, ...] = ()
    """Exports and reports inside the workspace that were removed."""
    exports_elsewhere: tuple[str, ...] = ()
    """Places outside the workspace where an export holds the data: they are left to their owner."""
    backups: tuple[str, ...] = ()
    """Backups inside the workspace that were rewritten without the data."""
    archives: tuple[str, ...] = ()
    """Archives that were rewritten without the data, or removed."""
    archives_elsewhere: tuple[str, ...] = ()
    """Archives that may hold the data still: they are not where they were, are damaged or cannot be
    written. They are cleaned when they are met again."""
    reminders: tuple[str, ...] = field(default_factory=tuple)
    """What lies outside the workspace's reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What hangs on samples in one database."""

    uids: tuple[str, ...]
    digests: frozenset[str]
    """Of their media, of what these were derived from, and of pictures that models made of them."""
    versions: tuple[str, ...]
    models: tuple[str, ...]
    runs: tuple[int, ...]
    """Every run on one of the versions, ended or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A speaker to be forgotten, and the name that stands for them from then on."""

    name: str
    pseudonym: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Somebody to be forgotten who is known by an address alone."""

    address: str
    """As `domain.contact.contact_of` gives it."""


Whom = Person | Contact | None


class Beyond(Protocol):
    """What forgetting has to do outside the database."""

    def remember(self, uids: Sequence[str], person: Whom) -> None:
        """Notes keyed digests, so that what is restored later is forgotten again."""
        ...

    def remove_derived(self, reach: Reach, person: Whom) -> Sequence[str]:
        """Removes exports, reports and unfinished work of runs; returns their names."""
        ...

    def exports_elsewhere(self, uids: Sequence[str]) -> Sequence[str]:
        """Places outside the workspace where an export holds one of the samples."""
        ...

    def rewrite_backups(self, uids: Sequence[str], person: Whom) -> tuple[Sequence[str], set[str]]:
        """Erases from the backups; returns their names and the blobs they no longer need."""
        ...

    def rewrite_archives(
        self, uids: Sequence[str], person: Whom
    ) -> tuple[Sequence[str], Sequence[str]]:
        """Takes samples out of the archives; returns the names of those that are without them
        now, and of those that are out of reach.
        """
        ...

    def condemn(self, digests: set[str]) -> None:
        """Notes which blobs may go, so that what a crash leaves undone is done later."""
        ...

    def absolve(self) -> None:
        """Ends what `condemn` began: everything is done."""
        ...

    def backed_up(self, digests: set[str]) -> set[str]:
        """Those blobs that a backup still needs, for other samples."""
        ...


def ids_of_subject(subject: str, store: Store) -> list[int]:
    """All samples of a speaker, those in the trash as well.

    Raises:
        NotFoundError: nobody of that name is recorded here.
    """
    where = SampleFilter(subject=subject, states=tuple(State))
    ids = [sample.id for sample in store.samples.iterate(where)]
    if not ids:
        raise NotFoundError(
            f"no sample is of the speaker `{subject}`", hint="truing stats shows the speakers"
        )
    return ids


def ids_of_contact(contact: str, store: Store) -> list[int]:
    """All samples of a contact, those in the trash as well.

    Raises:
        NotFoundError: no sample has it. The message does not hold the contact.
    """
    ids = store.contacts.samples(contact)
    if not ids:
        raise NotFoundError(
            "no sample has this contact", hint="write the address as the person gave it"
        )
    return ids


def archived_of(
    store: Store, *, ids: Sequence[int] = (), subject: str | None = None, contact: str | None = None
) -> list[Away]:
    """What lies in archives of samples, or of a speaker or a contact."""
    if subject is None and contact is None:
        return store.archives.by_ids(ids)
    return store.archives.of(subject=subject, contact=contact)


def reach_of(ids: Sequence[int], store: Store, away: Sequence[Away] = ()) -> Reach:
    """What hangs on samples; those that are gone already are passed over.

    Args:
        ids: their numbers.
        store: where they are.
        away: what lies of them, or of others, in archives.

    Raises:
        NotFoundError: none of the samples exists.
    """
    uids = [one.uid for one in away]
    digests = {digest for one in away for digest in one.digests}
    for start in range(0, len(ids), BATCH):
        for sample in store.samples.by_ids(ids[start : start + BATCH]):
            uids.append(sample.uid)
            named = (name for one in sample.media for name in (one.digest, one.parent))
            digests |= {name for name in named if name is not None}
    uids = list(dict.fromkeys(uids))
    for part in _parts(uids):
        digests |= store.pictures.made_of(part)
    if ids and not uids:
        raise NotFoundError(
            f"there is no sample {', '.join(map(str, ids[:10]))}",
            hint="truing samples shows those there are",
        )
    versions = {
        version
        for part in _parts(uids)
        for names in store.datasets.holding(part).values()
        for version in names
    }
    return Reach(
        uids=tuple(uids),
        digests=frozenset(digests),
        versions=tuple(sorted(versions)),
        models=_trained_on(versions, store),
        runs=tuple(
            run.id for run in store.runs.all(limit=_RUNS) if run.request.dataset in versions
        ),
    )


def forget(
    ids: Sequence[int],
    store: Store,
    blobs: Blobs,
    clock: Clock,
    *,
    actor: str,
    beyond: Beyond,
    person: Whom = None,
    away: Sequence[Away] = (),
) -> Forgotten:
    """Erases samples.

    Args:
        ids: their numbers; those that are gone already are passed over.
        store: the workspace's store.
        blobs: the workspace's blobs.
        clock: tells when.
        actor: who asked.
        beyond: does what lies outside the database.
        person: the speaker whose name goes too, or the contact whose samples they are.
        away: what lies of the samples, or of others that are to go, in archives.

    Raises:
        NotFoundError: none of the samples exists.
    """
    reach = reach_of(ids, store, away)
    beyond.remember(reach.uids, person)
    versions = entomb(reach.uids, store)
    runs = _stop(reach.runs, store)
    outside = tuple(beyond.exports_elsewhere(reach.uids))
    derived = tuple(beyond.remove_derived(reach, person))
    backups, freed = beyond.rewrite_backups(reach.uids, person)
    archives, elsewhere = beyond.rewrite_archives(reach.uids, person)
    renamed = rename(person, store)
    beyond.condemn(freed | reach.digests)
    backed_up = beyond.backed_up(freed | reach.digests)
    removed = delete_unneeded(freed, backed_up, store, blobs)
    for part in _parts(ids):
        removed += delete_unneeded(set(store.samples.erase(part)), backed_up, store, blobs)
    for uids in _parts(reach.uids):
        removed += delete_unneeded(set(store.archives.drop(uids)), backed_up, store, blobs)
    store.scrub()
    beyond.absolve()
    models = _trained_on(versions, store)
    result = Forgotten(
        samples=len(reach.uids),
        blobs=removed,
        versions=tuple(sorted(versions)),
        models=models,
        champions=renamed.champions,
        runs=runs,
        exports=derived,
        exports_elsewhere=outside,
        backups=tuple(backups),
        archives=tuple(archives),
        archives_elsewhere=tuple(elsewhere),
        reminders=(*reminders(models, runs, elsewhere, outside), *store.left_behind),
    )
    store.events.add(
        Event(
            kind="forgotten",
            at=clock.now(),
            actor=actor,
            data={
                "samples": len(reach.uids),
                "versions": sorted(versions),
                "models": list(models),
                "backups": list(backups),
                "archives": list(archives),
            },
        )
    )
    return result


def forget_in_copy(
    uids: Sequence[str], store: Store, persons: Sequence[Person | Contact]
) -> set[str]:
    """Erases samples, and all samples of persons, from a database that is no longer in use: a
    backup, or what one is restored from.

    Returns:
        Digests of blobs that the database no longer refers to.
    """
    numbers = [
        sample.id for part in _parts(uids) for sample in store.samples.by_uids(part).values()
    ]
    away: list[Away] = []
    for person in persons:
        if isinstance(person, Contact):
            numbers += store.contacts.samples(person.address)
            away += archived_of(store, contact=person.address)
        else:
            where = SampleFilter(subject=person.name, states=tuple(State))
            numbers += [sample.id for sample in store.samples.iterate(where)]
            away += archived_of(store, subject=person.name)
    reach = reach_of(numbers, store, away)
    entomb([*uids, *reach.uids], store)
    for person in persons:
        rename(person, store)
    freed = {digest for part in _parts(numbers) for digest in store.samples.erase(part)}
    for part in _parts([*uids, *reach.uids]):
        freed.update(store.archives.drop(part))
    store.scrub()
    return freed


def entomb(uids: Sequence[str], store: Store, *, taint: bool = True) -> set[str]:
    """Turns the dataset rows of samples into tombstones, forgets their scores and, with `taint`,
    marks the models trained on them; returns the versions that were touched.
    """
    versions: set[str] = set()
    for part in _parts(uids):
        # Marked before the rows go: afterwards nothing would lead from the sample to the model.
        held = {name for names in store.datasets.holding(part).values() for name in names}
        for name in _trained_on(held, store) if taint else ():
            _taint(name, store)
        versions.update(store.datasets.entomb(part))
        store.evaluations.forget(part)
        store.preferences.forget(part)
    return versions


def rename(person: Whom, store: Store) -> Renamed:
    """Takes a speaker's name out of the database's other rows; a contact stands in none."""
    if not isinstance(person, Person):
        return Renamed()
    return store.rename_subject(person.name, person.pseudonym, everywhere=True)


def _parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


def delete_unneeded(freed: set[str], backed_up: set[str], store: Store, blobs: Blobs) -> int:
    """Removes the blobs that neither a backup nor a sample needs; how many were there."""
    count = 0
    for part in _parts(sorted(freed - backed_up)):
        count += len(blobs.discard(part, store.samples.needed_blobs))
    return count


def _stop(ids: Sequence[int], store: Store) -> tuple[int, ...]:
    told = []
    for number in ids:
        if not store.runs.get(number).state.ended:
            store.runs.want(number, Want.STOP)
            told.append(number)
    return tuple(told)


def _trained_on(versions: set[str], store: Store) -> tuple[str, ...]:
    """Models trained on the versions, and those that descend from them."""
    models = store.models.all()
    touched = {str(model.ref) for model in models if model.dataset in versions}
    touched |= {str(model.ref) for model in models if touched.intersection(model.parents)}
    return tuple(sorted(touched))


def _taint(name: str, store: Store) -> None:
    store.models.set_state(ModelRef.parse(name), ModelState.TAINTED)
