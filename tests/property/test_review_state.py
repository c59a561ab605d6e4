"""The state of a sample follows from its revisions alone, whatever people do in which order."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from truing.domain.review import Revision, State, Verdict, active_revisions, standing

ACTORS = st.sampled_from(["ada", "bo"])


class ReviewMachine(RuleBasedStateMachine):
    """Keeps a second, naive model: a list of decisions with a flag, replayed from scratch."""

    def __init__(self) -> None:
        super().__init__()
        self.revisions: list[Revision] = []

    def add(self, verdict: Verdict, actor: str, truth: str | None, undoes: int | None) -> None:
        self.revisions.append(
            Revision(
                id=len(self.revisions) + 1,
                sample_id=1,
                verdict=verdict,
                actor=actor,
                created_at=len(self.revisions),
                truth=truth,
                undoes=undoes,
            )
        )

    @rule(actor=ACTORS, truth=st.text(min_size=1, max_size=5))
    def correct(self, actor: str, truth: str) -> None:
        self.add(Verdict.CORRECTED, actor, truth, None)

    @rule(actor=ACTORS)
    def reject(self, actor: str) -> None:
        self.add(Verdict.REJECTED, actor, None, None)

    @rule(actor=ACTORS)
    def skip(self, actor: str) -> None:
        self.add(Verdict.SKIPPED, actor, None, None)

    @precondition(lambda self: self.standing_ids())
    @rule(actor=ACTORS, data=st.data())
    def undo(self, actor: str, data: st.DataObject) -> None:
        target = data.draw(st.sampled_from(self.standing_ids()))
        self.add(Verdict.UNDONE, actor, None, target)

    def standing_ids(self) -> list[int]:
        """Revisions, undoings included, that hold: the naive way, from the newest back."""
        holds: dict[int, bool] = {}
        for revision in reversed(self.revisions):
            undone = any(
                later.undoes == revision.id and holds[later.id]
                for later in self.revisions[revision.id :]
            )
            holds[revision.id] = not undone
        return [number for number, yes in sorted(holds.items()) if yes]

    @invariant()
    def active_are_the_decisions_that_hold(self) -> None:
        expected = [
            revision
            for revision in self.revisions
            if revision.id in set(self.standing_ids()) and revision.verdict is not Verdict.UNDONE
        ]
        assert active_revisions(self.revisions) == expected

    @invariant()
    def latest_decision_wins_and_a_skip_undoes_nothing(self) -> None:
        found = standing(self.revisions)
        decided = [
            revision
            for revision in active_revisions(self.revisions)
            if revision.verdict is not Verdict.SKIPPED
        ]
        if decided:
            assert found.state.value == decided[-1].verdict.value
            assert found.truth == decided[-1].truth
        else:
            assert found.state in (State.PENDING, State.SKIPPED)
            assert found.truth is None


TestReview = ReviewMachine.TestCase
