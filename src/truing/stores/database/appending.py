"""Appending: how a decision gets into a database, at one look, one transaction and one sync.

Decisions that several threads bring at the same moment share a transaction: while one of them waits
for the disk the others line up, and the next to go takes all of them along (group commit). Each is
answered only when its own transaction is durable, and refused or stored for itself.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from truing.domain.errors import ConflictError, NotFoundError
from truing.domain.review import Appended, Revision, Standing, State
from truing.stores.database import census
from truing.stores.database.connection import Database
from truing.stores.database.prepared import Direct, Prepared
from truing.stores.database.sample_rows import with_context
from truing.stores.database.schema import outdated, revisions, samples, tallied

TOGETHER = 64
"""Decisions of different threads in one transaction."""
_COLUMNS = tuple(column.name for column in revisions.columns if column.name != "id")
STAND = (
    sa.update(samples)
    .where(samples.c.id == sa.bindparam("decided"))
    .values(
        {name: sa.bindparam(name) for name in ("state", "truth", "revision", "prediction_known")}
    )
)
"""Gives a sample the standing that follows from its revisions."""

Outcome = Revision | ConflictError | NotFoundError


@dataclass(slots=True, eq=False)
class _Waiting:
    """One thread's decision in the line."""

    given: Appended
    outcome: Outcome | None = None
    failure: BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)


class Appending:
    """Writes revisions of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._guard = threading.Lock()
        self._turn = threading.Lock()
        self._line: list[_Waiting] = []
        table = samples.c
        self._seen = Prepared(
            sa.select(table.revision, table.state)
            .where(table.id == sa.bindparam("sample_id"))
            .with_for_update()
        )
        self._insert = Prepared(
            sa.insert(revisions)
            .values({name: sa.bindparam(name) for name in _COLUMNS})
            .returning(revisions.c.id)
        )
        self._stand = Prepared(STAND)
        self._outdate = Prepared(_outdating())
        self._outdate_census = Prepared(census.outdating())
        self._document = Prepared(
            sa.select(table.document).where(table.id == sa.bindparam("sample_id")).with_for_update()
        )
        self._describe = Prepared(
            sa.update(samples)
            .where(table.id == sa.bindparam("described"))
            .values(document=sa.bindparam("document"))
        )

    def append(self, given: Appended) -> Revision:
        """Stores one decision, with those that other threads bring at this moment.

        Raises:
            ConflictError: somebody decided since, or it is in the trash.
            NotFoundError: no such sample.
        """
        own = _Waiting(given)
        with self._guard:
            self._line.append(own)
        with self._turn:
            if not own.done.is_set():
                with self._guard:
                    ahead, self._line = self._line[:TOGETHER], self._line[TOGETHER:]
                self._write(ahead)
        if own.failure is not None:
            raise own.failure
        if isinstance(own.outcome, Revision):
            return own.outcome
        raise own.outcome or RuntimeError("a decision was left in the line")

    def _write(self, ahead: Sequence[_Waiting]) -> None:
        try:
            outcomes = self.append_each([one.given for one in ahead])
        except BaseException as error:  # noqa: BLE001 - told to the thread whose decision it was
            if len(ahead) == 1:
                ahead[0].failure = error
            else:
                # What one decision did to a transaction is no fault of the others.
                for one in ahead:
                    self._write([one])
        else:
            for one, outcome in zip(ahead, outcomes, strict=True):
                one.outcome = outcome
        for one in ahead:
            one.done.set()

    def append_each(self, given: Sequence[Appended]) -> list[Outcome]:
        """See `Reviews.append_each`."""
        outcomes: dict[int, Outcome] = {}
        if not given:
            return []
        # In one order for all: two writers never wait for each other's samples.
        order = sorted(range(len(given)), key=lambda place: given[place].revision.sample_id)
        with self._database.writing_directly() as direct:
            for place in order:
                outcomes[place] = self._append(direct, given[place])
        return [outcomes[place] for place in range(len(given))]

    def append_all(
        self, given: Sequence[Appended], contexts: Mapping[int, Mapping[str, object]]
    ) -> list[Revision]:
        """See `Reviews.append_all`."""
        kept: dict[int, Revision] = {}
        with self._database.writing_directly() as direct:
            for one in sorted(given, key=lambda one: one.revision.sample_id):
                outcome = self._append(direct, one)
                if not isinstance(outcome, Revision):
                    raise outcome
                kept[outcome.sample_id] = outcome
            for number in sorted(contexts):
                self._set_context(direct, number, contexts[number])
        return [kept[one.revision.sample_id] for one in given]

    def _set_context(self, direct: Direct, number: int, context: Mapping[str, object]) -> None:
        row = self._document.first(direct, sample_id=number)
        if row is None:
            raise _gone(number)
        values = {"described": number, "document": with_context(row[0], context)}
        self._describe.run(direct, [values])

    def _append(self, direct: Direct, given: Appended) -> Outcome:
        revision = given.revision
        sample_id = revision.sample_id
        refused = _refused(self._seen.first(direct, sample_id=sample_id), given)
        if refused is not None:
            return refused
        (number,) = self._insert.first(direct, **revision_row(revision))
        values = {"decided": sample_id, "revision": number, **stands(given.standing)}
        self._stand.run(direct, [values])
        self._outdate.run(direct, [{"sample_id": sample_id}])
        self._outdate_census.run(direct, [{"sample_id": sample_id}])
        return replace(revision, id=number)


def _refused(row: Any, given: Appended) -> ConflictError | NotFoundError | None:  # noqa: ANN401
    sample_id = given.revision.sample_id
    if row is None:
        return _gone(sample_id)
    newest, state = row
    if state == State.TRASHED.value:
        return ConflictError(
            f"sample `{sample_id}` is in the trash",
            hint=f"truing trash restore {sample_id}, then decide",
        )
    if newest != given.expected:
        return ConflictError(
            f"sample `{sample_id}` was reviewed meanwhile: revision {newest} follows "
            f"{given.expected}",
            hint="look at it again, then decide",
        )
    return None


def _gone(sample_id: int) -> NotFoundError:
    return NotFoundError(f"no sample `{sample_id}`", hint="it was forgotten meanwhile")


def _outdating() -> sa.Insert:
    """One sample's share of `tallies.outdate`."""
    there = sa.select(outdated.c.sample_id).where(outdated.c.sample_id == tallied.c.sample_id)
    counted = sa.select(tallied.c.sample_id).where(
        tallied.c.sample_id == sa.bindparam("sample_id"), ~there.correlate(tallied).exists()
    )
    return sa.insert(outdated).from_select(["sample_id"], counted)


def stands(result: Standing) -> dict[str, Any]:
    """The columns of a sample that follow from its revisions."""
    known = result.deciding.prediction_known if result.deciding is not None else True
    return {"state": result.state.value, "truth": result.truth, "prediction_known": int(known)}


def revision_row(revision: Revision) -> dict[str, Any]:
    """The row of a revision, but for its number."""
    return {
        "sample_id": revision.sample_id,
        "verdict": revision.verdict.value,
        "actor": revision.actor,
        "created_at": revision.created_at,
        "truth": revision.truth,
        "why": revision.why,
        "shown_because": revision.shown_because,
        "prediction_known": int(revision.prediction_known),
        "undoes": revision.undoes,
        "seconds": revision.seconds,
        "keys": revision.keys,
    }
