"""Judge: the gate a candidate must pass before it is promoted.

*The gate.* A candidate passes when it is better than its rival on the same held-out rows, so
much that chance explains it with a probability below its share of `gate.alpha`; when it beats
the trivial baseline or ties with it; and when it has not forgotten the general set.

*The error budget.* Candidates tried one after another against one test set would sooner or
later pass by luck. The k-th is tested at alpha x 6 / (pi² k²), which adds up to alpha over any
number of them: alpha-spending, Tian & Ramdas 2021, "Online control of the familywise error rate".
The test is one-sided, for only a better model is promoted. Looking at the same candidate again
on the same rows is no new trial; looking again after the test set has grown is one.

*Pictures.* How near a picture comes to a target says nothing of what people prefer, so that such
figures are no ground to promote: that needs people's own choices between the two models, blind, or
a measure of what the pictures show. An unchanged input must be beaten, not tied with: it is a
strong answer to every such figure, and never an edit.

*What one test set is.* A test set only ever grows, and each version of it has another digest. A
fresh budget for each would let a daily loop try its luck daily, so that a budget lasts until the
test set has doubled: at least half of its rows are new then.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Protocol

from truing.domain.clock import Clock
from truing.domain.digest import canonical_json, digest_bytes
from truing.domain.evidence import BaselineEvidence, Evidence
from truing.domain.model import Models, ModelState, ModelVersion, short_name
from truing.domain.settings import Settings


class Reason(StrEnum):
    """What the gate found."""

    BETTER = "better"
    NOT_BETTER = "not-better"
    NOT_PROVEN = "not-proven"
    NOT_PROVABLE = "not-provable"
    TAINTED = "tainted"
    FORGETS = "forgets"
    NOT_JUDGED = "not-judged"


class Ground(StrEnum):
    """What the evidence of a case is worth."""

    FIGURES = "figures"
    """Figures that tell what people want."""
    PEOPLE = "people"
    """What people chose between the results of the two models, blind."""
    NONE = "none"
    """Figures that tell too little to promote anything."""


class RowsNeeded(Protocol):
    """Estimates a sample size; see `truing.metrics.significance.rows_needed`."""

    def __call__(self, seen: Evidence, /, *, alpha: float) -> int | None:
        """Test rows, or choices of people, in all that would prove the difference seen; None when
        none would.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """The same metric on the general set, before (the rival) and after (the candidate)."""

    before: float
    after: float
    higher_is_better: bool

    @property
    def loss(self) -> float:
        """Points (hundredths) by which the candidate is worse; negative when it is better."""
        change = self.after - self.before
        return 100.0 * (-change if self.higher_is_better else change)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """The settings the gate goes by."""

    alpha: float = 0.05
    minimum_rows: int = 30
    retention_points: float = 2.0
    test_share: float = 0.2
    """Of random reviews, the share that will land in the test set."""

    @staticmethod
    def of(settings: Settings) -> GateRules:
        """Reads `gate.*` and `split.test_share`."""
        return GateRules(
            alpha=settings.number("gate.alpha"),
            minimum_rows=settings.whole("gate.minimum_rows"),
            retention_points=settings.number("gate.retention_points"),
            test_share=settings.number("split.test_share"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that the gate looks at."""

    candidate: ModelVersion
    audience: str
    champion: str | None
    """Who holds the alias at this moment; promotion refuses when it has moved since."""
    evidence: Evidence | None
    """Against the rival; None when there is nobody to compare with."""
    baseline: BaselineEvidence | None
    retention: Retention | None
    rules: GateRules
    rows_needed: RowsNeeded
    ground: Ground = Ground.FIGURES
    """What `evidence` is worth."""
    beats_baseline: bool = False
    """Whether the baseline must be beaten; else a tie with it will do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateVerdict:
    """What the gate decided and on what ground; recorded with the promotion."""

    passed: bool
    reason: Reason
    sentence: str
    hint: str | None
    candidate: str
    rival: str | None
    champion: str | None
    audience: str
    dataset: str | None = None
    metric: str | None = None
    value_before: float | None = None
    value_after: float | None = None
    difference: float | None = None
    ci: tuple[float, float] | None = None
    p_value: float | None = None
    """One-sided; None when no test was made."""
    alpha_used: float | None = None
    """The part of the error budget this trial may use."""
    trial: int | None = None
    """The how-manieth candidate against this test set."""
    rows: int = 0
    more_needed: int | None = None
    """About how many more random reviews would prove it; None when none would."""
    retention_before: float | None = None
    retention_after: float | None = None
    baseline: str | None = None
    baseline_value: float | None = None

    def as_dict(self) -> dict[str, object]:
        """The JSON form, as kept in `Promotion.gate`."""
        return {
            **asdict(self),
            "reason": self.reason.value,
            "ci": list(self.ci) if self.ci is not None else None,
        }


def unjudged(candidate: ModelVersion, audience: str, champion: str | None) -> GateVerdict:
    """The verdict about a model from elsewhere for which no test rows are named yet."""
    name = str(candidate.ref)
    return GateVerdict(
        passed=False,
        reason=Reason.NOT_JUDGED,
        sentence=f"not judged: `{name}` was not trained here, and no dataset is named to judge "
        "it on",
        hint=f"name one: truing promote {name} --dataset NAME@NUMBER; with nothing reviewed yet, "
        f'take it as it is: truing promote {name} --force --reason "first model here"',
        candidate=name,
        rival=None,
        champion=champion,
        audience=audience,
    )


def alpha_of(trial: int, alpha: float) -> float:
    """The level of the `trial`-th test, from 1; over all trials the levels add up to alpha."""
    return alpha * 6.0 / (math.pi * trial) ** 2


def screen(case: Case) -> GateVerdict | None:
    """Refusals for which no test is made and nothing of the error budget is used; else None."""
    found = _examined(case)
    return found if isinstance(found, GateVerdict) else None


def decide(case: Case, trial: int) -> GateVerdict:
    """The gate's verdict, given the candidate's number against this test set, from 1."""
    found = _examined(case)
    return found if isinstance(found, GateVerdict) else _tested(case, found, trial)


def judge(case: Case, models: Models, clock: Clock) -> GateVerdict:
    """The gate with its memory: counts the trial when, and only when, a test is made."""
    found = _examined(case)
    if isinstance(found, GateVerdict):
        return found
    looked = f"{case.candidate.digest} {found.model_a} {found.dataset_digest}"
    trial = models.add_trial(error_budget(case, found), looked, clock.now())
    return _tested(case, found, trial)


def _examined(case: Case) -> GateVerdict | Evidence:
    """A refusal that needs no test, or the evidence to be tested."""
    evidence, rules = case.evidence, case.rules
    if case.candidate.state is ModelState.TAINTED:
        sentence = f"`{case.candidate.ref}` was trained on data that has been forgotten since"
        return _verdict(case, Reason.TAINTED, sentence, hint="train it again: truing train")
    if case.retention is not None and case.retention.loss > rules.retention_points:
        return _forgets(case, case.retention)
    if evidence is None:
        sentence = f"not proven: there is nothing to compare `{case.candidate.ref}` with"
        hint = 'promote it all the same: truing promote MODEL --force --reason "why"'
        return _verdict(case, Reason.NOT_PROVEN, sentence, hint=hint)
    if case.beats_baseline and case.baseline is not None and _gain(case.baseline) <= 0:
        return _no_edit(case, case.baseline)
    if case.ground is Ground.NONE:
        return _not_provable(case, evidence)
    if case.ground is Ground.FIGURES and evidence.rows < rules.minimum_rows:
        more = _reviews(rules.minimum_rows - evidence.rows, rules)
        sentence = (
            f"not proven: {evidence.rows} test rows, {rules.minimum_rows} are needed; "
            f"about {more} more random reviews"
        )
        return _verdict(case, Reason.NOT_PROVEN, sentence, hint=_review_hint(more), more=more)
    if _gain(evidence) <= 0:
        sentence = f"not better: {_figures(evidence)}"
        return _verdict(case, Reason.NOT_BETTER, sentence, hint=_hint(case, None))
    if case.baseline is not None and _beaten_by(case.baseline):
        sentence = f"not better than the trivial baseline: {_figures(case.baseline)}"
        hint = "look at the data and at the run's figures: truing jobs"
        return _verdict(case, Reason.NOT_BETTER, sentence, hint=hint)
    return evidence


def _forgets(case: Case, retention: Retention) -> GateVerdict:
    return _verdict(
        case,
        Reason.FORGETS,
        f"forgets: on the general set {_percent(retention.before)} became "
        f"{_percent(retention.after)}, {retention.loss:.1f} points worse; "
        f"{case.rules.retention_points:g} are allowed",
        hint="train with general examples mixed in: truing train --replay FOLDER",
    )


def _no_edit(case: Case, baseline: BaselineEvidence) -> GateVerdict:
    return _verdict(
        case,
        Reason.NOT_BETTER,
        f"not better than the unchanged input: {_figures(baseline)}",
        hint="look at its pictures: truing serve, then Models; if people prefer them all the same: "
        f'truing promote {case.candidate.ref} --force --reason "why"',
    )


def _not_provable(case: Case, evidence: Evidence) -> GateVerdict:
    """Figures of pixels are told, and no test is made of them."""
    told = f"{_figures(evidence)}; that does not tell which pictures people prefer"
    return _verdict(case, Reason.NOT_PROVABLE, f"not provable: {told}", hint=_hint(case, None))


def _tested(case: Case, evidence: Evidence, trial: int) -> GateVerdict:
    level = alpha_of(trial, case.rules.alpha)
    tested = f"{_figures(evidence)}, p = {evidence.p_better:.2g}"
    if case.baseline is not None and _gain(case.baseline) <= 0:
        tested += f" (the trivial baseline does as well: {_percent(case.baseline.value_a)})"
    if evidence.p_better < level:
        sentence = f"better: {tested}, below {level:.2g}"
        return _verdict(case, Reason.BETTER, sentence, hint=None, trial=trial)
    wanted = case.rows_needed(evidence, alpha=alpha_of(trial + 1, case.rules.alpha))
    more = max(1, wanted - evidence.rows) if wanted is not None else None
    sentence = f"not proven: {tested}, not below {level:.2g}"
    if more is not None and case.ground is Ground.FIGURES:
        more = _reviews(more, case.rules)
        sentence += f"; about {more} more random reviews"
    elif more is not None:
        sentence += f"; about {more} more choices"
    hint = _hint(case, more)
    return _verdict(case, Reason.NOT_PROVEN, sentence, hint=hint, trial=trial, more=more)


def _gain(evidence: Evidence) -> float:
    return evidence.difference if evidence.higher_is_better else -evidence.difference


def _beaten_by(baseline: BaselineEvidence) -> bool:
    """Whether the baseline is better by more than chance explains.

    A tie is no ground to refuse: on a closed vocabulary, templates of the person's own voice are
    strong, and keeping a champion that is proven worse than the candidate would help nobody.
    """
    if baseline.ci is None:
        return _gain(baseline) <= 0
    low, high = baseline.ci
    return high < 0 if baseline.higher_is_better else low > 0


def error_budget(case: Case, evidence: Evidence) -> str:
    """Names the error budget a test draws on: it lasts until the test set has doubled."""
    return digest_bytes(
        canonical_json(
            {
                "modality": case.candidate.ref.modality,
                "audience": case.audience,
                "dataset": evidence.dataset.rpartition("@")[0] or evidence.dataset,
                "doublings": evidence.rows.bit_length(),
            }
        )
    )


def _verdict(
    case: Case,
    reason: Reason,
    sentence: str,
    *,
    hint: str | None,
    trial: int | None = None,
    more: int | None = None,
) -> GateVerdict:
    evidence, retention, baseline = case.evidence, case.retention, case.baseline
    return GateVerdict(
        passed=reason is Reason.BETTER,
        reason=reason,
        sentence=sentence,
        hint=hint,
        candidate=str(case.candidate.ref),
        rival=evidence.model_a if evidence is not None else None,
        champion=case.champion,
        audience=case.audience,
        dataset=evidence.dataset if evidence is not None else None,
        metric=evidence.metric if evidence is not None else None,
        value_before=evidence.value_a if evidence is not None else None,
        value_after=evidence.value_b if evidence is not None else None,
        difference=evidence.difference if evidence is not None else None,
        ci=evidence.ci if evidence is not None else None,
        p_value=evidence.p_better if evidence is not None and trial is not None else None,
        alpha_used=alpha_of(trial, case.rules.alpha) if trial is not None else None,
        trial=trial,
        rows=evidence.rows if evidence is not None else 0,
        more_needed=more,
        retention_before=retention.before if retention is not None else None,
        retention_after=retention.after if retention is not None else None,
        baseline=baseline.model_a if baseline is not None else None,
        baseline_value=baseline.value_a if baseline is not None else None,
    )


def _percent(value: float) -> str:
    return f"{100.0 * value:.1f} %"


def _figures(evidence: Evidence) -> str:
    points = 100.0 * evidence.difference
    spread = ""
    if evidence.ci is not None:
        spread = f" [{100.0 * evidence.ci[0]:+.1f}, {100.0 * evidence.ci[1]:+.1f}]"
    return (
        f"{evidence.metric} {_percent(evidence.value_b)} against {_percent(evidence.value_a)} "
        f"of `{short_name(evidence.model_a)}`, {points:+.1f} points{spread}"
    )


def _reviews(rows: int, rules: GateRules) -> int:
    """Test rows as random reviews, rounded up to two digits: it is an estimate."""
    count = math.ceil(rows / rules.test_share) if rules.test_share else rows
    step = int(10 ** max(0, len(str(count)) - 2))
    return math.ceil(count / step) * step


def _hint(case: Case, more: int | None) -> str:
    evidence, name = case.evidence, case.candidate.ref
    if case.ground is Ground.FIGURES or evidence is None:
        return _review_hint(more)
    if case.baseline is not None and evidence.model_a == case.baseline.model_a:
        return (
            "there is no model yet to compare it with: look at its pictures (truing serve, then "
            f'Models), then truing promote {name} --force --reason "why"'
        )
    return (
        "let people choose between the two, blind: "
        f"truing prefer {evidence.model_a} {name} --dataset {evidence.dataset}"
    )


def _review_hint(more: int | None) -> str:
    if more is None:
        return "train again with more reviewed samples: truing review"
    return "review samples drawn by chance, then freeze again: truing review --queue audit"
