"""One sitting of review at a terminal: which sample is next, what is shown, what is decided.

Every decision is stored at once, so that ending at any moment loses nothing, and the next sitting
goes on where this one stopped.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from truing.cli import output, review_screen
from truing.cli.asking import Answer, Deed, ask

if TYPE_CHECKING:
    from truing.cli.keys import Person
    from truing.domain.sample import Sample, SampleFilter
    from truing.loop.select import Selected
    from truing.workspace import Workspace

MUTE_WITHIN = 0.5
"""Seconds in which a machine that cannot play has said so."""
VERDICTS = {
    Deed.ACCEPT: "accepted",
    Deed.CORRECT: "corrected",
    Deed.REJECT: "rejected",
    Deed.SKIP: "skipped",
}


@dataclass(slots=True)
class Tally:
    """How far the review is."""

    total: int
    decided: int
    verdicts: Counter[str] = field(default_factory=Counter)
    """Of this sitting."""
    seconds: list[float] = field(default_factory=list)
    """Time of each decision of this sitting."""

    @property
    def waiting(self) -> int:
        """Samples nobody has decided on."""
        return self.total - self.decided


class ReviewSession:
    """A sitting.

    Args:
        workspace: whose samples.
        person: who decides.
        queue: the order; see `loop.select.Queue`.
        where: which samples.
        play: play each one when it is shown.
    """

    def __init__(
        self, workspace: Workspace, person: Person, *, queue: str, where: SampleFilter, play: bool
    ) -> None:
        self._workspace = workspace
        self._person = person
        self._queue = queue
        self._where = where
        self._play = play
        self._player: threading.Thread | None = None
        self._began = 0.0
        self._seen: set[int] = set()
        self._again: list[Selected] = []
        self.tally = self._count()

    def run(self) -> bool:
        """Goes through the queue; True when the person stopped before its end."""
        for chosen in self._undecided():
            self._present(chosen)
            while True:
                answer = ask(
                    self._person,
                    chosen.sample.proposal,
                    readings=review_screen.readings(chosen.sample),
                )
                if answer.deed is Deed.QUIT:
                    self._sum_up()
                    return True
                if answer.deed is Deed.UNDO:
                    if self._undo(chosen):
                        break
                elif answer.deed is Deed.REPLAY:
                    self._start_playing(chosen.sample)
                elif self._decide(chosen, answer):
                    break
        self._sum_up()
        return False

    def close(self) -> None:
        """Waits until nothing is played any more."""
        if self._player is not None:
            self._player.join()

    # --- which sample ------------------------------------------------------------------------

    def _count(self) -> Tally:
        import dataclasses

        from truing.domain.review import State

        samples = self._workspace.store.samples
        total = samples.count(self._where)
        if self._where.states is not None:
            # The states were asked for by name: whatever is in one of them waits.
            return Tally(total=total, decided=0)
        undecided = (State.PENDING, State.SKIPPED)
        waiting = samples.count(dataclasses.replace(self._where, states=undecided))
        return Tally(total=total, decided=total - waiting)

    def _undecided(self) -> Iterator[Selected]:
        """The queue, each sample as it is now and once; those to be shown again come first."""
        for chosen in self._workspace.queue(self._queue, self._where):
            yield from self._those_again()
            if chosen.sample.id not in self._seen:
                fresh = self._as_now(chosen)
                if fresh is not None:
                    yield fresh
        yield from self._those_again()

    def _those_again(self) -> Iterator[Selected]:
        while self._again:
            fresh = self._as_now(self._again.pop())
            if fresh is not None:
                yield fresh

    def _as_now(self, chosen: Selected) -> Selected | None:
        """The sample as it stands at this moment; None when somebody decided or forgot it."""
        import dataclasses

        from truing.domain.errors import NotFoundError
        from truing.domain.review import State

        try:
            sample = self._workspace.sample(chosen.sample.id)
        except NotFoundError:
            return None
        self._seen.add(sample.id)
        asked_for = self._where.states is not None and sample.state in self._where.states
        if sample.state not in (State.PENDING, State.SKIPPED) and not asked_for:
            return None
        return dataclasses.replace(chosen, sample=sample)

    # --- one sample --------------------------------------------------------------------------

    def _present(self, chosen: Selected) -> None:
        review_screen.show(chosen, self.tally.decided, self.tally.total)
        self._began, self._person.pressed = time.monotonic(), 0
        if self._play:
            first = self._player is None
            self._start_playing(chosen.sample)
            if first and self._player is not None:
                # Should this machine be mute, it is said before the question, not into it.
                self._player.join(timeout=MUTE_WITHIN)

    def _decide(self, chosen: Selected, answer: Answer) -> bool:
        """Stores the decision; False when it cannot be and the person is asked again."""
        from truing.domain.errors import ConflictError, InvalidInputError

        took = time.monotonic() - self._began
        sample = chosen.sample
        try:
            done = self._workspace.review(
                sample.id,
                VERDICTS[answer.deed],
                answer.truth,
                expected=sample.revision,
                shown_because=chosen.because,
                seconds=round(took, 3),
                keys=self._person.pressed,
            )
        except ConflictError as error:
            output.show(f"{error.message}: it was left as it is")
            return True
        except InvalidInputError as error:
            output.show(error.message)
            return False
        verdict = done.revision.verdict.value
        self.tally.verdicts[verdict] += 1
        self.tally.seconds.append(took)
        self.tally.decided += verdict != "skipped"
        return True

    def _undo(self, chosen: Selected) -> bool:
        """Takes the last decision back and shows its sample again, then this one."""
        import dataclasses

        done = self._workspace.undo()
        if done is None:
            output.show("there is nothing to undo")
            return False
        sample = self._workspace.sample(done.revision.sample_id)
        output.show(f"took back the decision on sample {sample.id}")
        undone = self._workspace.store.reviews.get(done.revision.undoes or 0)
        self.tally.decided -= undone.verdict.value != "skipped"
        self._again = [chosen, dataclasses.replace(chosen, sample=sample)]
        return True

    def _sum_up(self) -> None:
        """What this sitting came to."""
        tally = self.tally
        if not tally.seconds:
            return
        counts = ", ".join(f"{count} {name}" for name, count in sorted(tally.verdicts.items()))
        typical = statistics.median(tally.seconds)
        output.show(
            f"{tally.decided}/{tally.total} reviewed; this time {counts}; "
            f"half of them within {typical:.1f} s"
        )

    # --- sound -------------------------------------------------------------------------------

    def _start_playing(self, sample: Sample) -> None:
        """Plays beside the question; the sample before is played to its end first."""
        self.close()
        self._player = threading.Thread(target=self._played, args=(sample,), name="truing-play")
        self._player.start()

    def _played(self, sample: Sample) -> None:
        from truing.cli.playing import play
        from truing.domain.errors import TruingError

        try:
            play(self._workspace, sample)
        except TruingError as error:
            self._play = False
            output.hint(f"{error.message} ({error.hint}); going on without sound")
