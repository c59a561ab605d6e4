"""Promoting: the gate with its evidence, the champion's moves, and the champion in use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from truing.domain.errors import InvalidInputError
from truing.domain.evidence import against_baseline, of_people
from truing.domain.modality import CanJudge, CanRecognize, LoadedRecognizer, measures_of
from truing.domain.model import GENERAL, ModelVersion
from truing.loop import judge as judging
from truing.loop import promote as promoting
from truing.metrics.significance import rows_needed
from truing.workspace.models import NamedModel, champion_for, model_named
from truing.workspace.proving import compared, evaluate, general_examples, general_figure

if TYPE_CHECKING:
    from truing.domain.evaluation import Evaluation, Measure
    from truing.domain.evidence import Evidence
    from truing.domain.modality import Modality
    from truing.domain.model import Promotion
    from truing.domain.preference import WinRate
    from truing.domain.sample import Added
    from truing.live.recognizer import Recognizer
    from truing.loop.capture import Utterance
    from truing.loop.judge import GateVerdict
    from truing.workspace import Workspace

Progress = Callable[[int, int], None]


def judge(
    workspace: Workspace,
    model: str,
    *,
    dataset: str | None = None,
    audience: str | None = None,
    general_set: str | None = None,
    on_progress: Progress | None = None,
) -> GateVerdict:
    """Puts a candidate before the gate; counts as a trial against the test set's error budget.

    Args:
        workspace: where everything is.
        model: the candidate, a model of the workspace.
        dataset: `name@number` whose test set decides; the one it was trained on when left out. A
            model from elsewhere without one is not judged, and passes only by force.
        audience: whose champion; the one it was trained for when left out.
        general_set: what must not get worse; the setting `gate.general_set` when left out.
        on_progress: called with (rows done, rows in all) of each evaluation.

    Raises:
        NotFoundError: no such model or dataset.
        InvalidInputError: a folder or hub id, which must be imported first.
        NothingToDoError: it is the champion already, or there is no test row.
    """
    candidate = _own(workspace, model)
    whose = audience or candidate.audience
    on = dataset or candidate.dataset
    rival = promoting.rival_of(workspace.store.models, candidate, whose)
    champion = workspace.store.models.champion(candidate.ref.modality, whose)
    if on is None:
        return judging.unjudged(candidate, whose, champion)
    modality = workspace.modality(candidate.ref.modality)
    after = evaluate(workspace, str(candidate.ref), on, on_progress=on_progress)
    primary = measures_of(modality, workspace.settings)[0]
    baseline = against_baseline(after, higher_is_better=primary.higher_is_better)
    # Without a rival the trivial baseline is what there is to beat.
    seen = _Seen(figures=baseline, primary=primary)
    if rival is not None:
        before = evaluate(workspace, rival.name, on, on_progress=on_progress)
        seen = _against(workspace, before, after, primary)
    general = general_set or workspace.settings.text("gate.general_set")
    retention = None
    if general and rival is not None:
        retention = _retention(workspace, modality, rival.name, candidate, general)
    case = judging.Case(
        candidate=candidate,
        audience=whose,
        champion=champion,
        evidence=seen.evidence,
        baseline=baseline,
        retention=retention,
        rules=judging.GateRules.of(workspace.settings),
        rows_needed=seen.rows_needed,
        ground=seen.ground,
        beats_baseline=isinstance(modality, CanJudge),
    )
    return judging.judge(case, workspace.store.models, workspace.clock)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What is known of a candidate and its rival."""

    figures: Evidence | None
    primary: Measure
    people: WinRate | None = None
    """Where people's choices are what counts."""

    @property
    def ground(self) -> judging.Ground:
        if self.people is not None:
            return judging.Ground.PEOPLE
        return judging.Ground.FIGURES if self.primary.proves else judging.Ground.NONE

    @property
    def evidence(self) -> Evidence | None:
        if self.people is None or self.figures is None:
            return self.figures
        return of_people(self.people, self.figures)

    def rows_needed(self, seen: Evidence, /, *, alpha: float) -> int | None:
        """See `judge.RowsNeeded`."""
        return rows_needed(seen, alpha=alpha) if self.people is None else self.people.needed


def _against(
    workspace: Workspace, before: Evaluation, after: Evaluation, primary: Measure
) -> _Seen:
    """People's choices count where figures prove nothing, and wherever they are clear."""
    chosen = workspace.preferences.win_rate(
        before.model_digest, after.model_digest, after.dataset, after.split
    )
    counts = chosen is not None and (chosen.decided or not primary.proves)
    figures = compared(workspace, before, after)
    return _Seen(figures=figures, primary=primary, people=chosen if counts else None)


def promote(
    workspace: Workspace,
    model: str,
    *,
    dataset: str | None = None,
    audience: str | None = None,
    general_set: str | None = None,
    force: str | None = None,
    actor: str | None = None,
    on_progress: Progress | None = None,
) -> GateVerdict:
    """Makes a model the champion when the gate lets it pass; see `judge` for the arguments.

    Args:
        workspace: where everything is.
        model: the candidate.
        dataset: see `judge`.
        audience: see `judge`.
        general_set: see `judge`.
        force: the reason to promote although the gate does not let it pass; it is recorded.
        actor: who promotes; the workspace's own when left out.
        on_progress: see `judge`.

    Returns:
        The gate's verdict. Without `force` the champion moved exactly when it `passed`.

    Raises:
        ConsentError: the model was trained on data that has been forgotten; force does not help.
        InvalidInputError: `force` without a reason.
        ConflictError: the champion changed meanwhile.
    """
    verdict = judge(
        workspace,
        model,
        dataset=dataset,
        audience=audience,
        general_set=general_set,
        on_progress=on_progress,
    )
    if verdict.passed or force is not None:
        promoting.promote(
            _ports(workspace),
            _own(workspace, model),
            verdict,
            audience=verdict.audience,
            actor=actor or workspace.actor,
            force=None if verdict.passed else force,
        )
    return verdict


def roll_back(
    workspace: Workspace, modality: str, audience: str, actor: str | None = None
) -> Promotion:
    """Puts the champion before the present one back.

    Args:
        workspace: where they are.
        modality: such as `speech`.
        audience: whose champion.
        actor: who decides so; the workspace's own when left out.

    Raises:
        NothingToDoError: there is none.
    """
    return promoting.roll_back(
        _ports(workspace), modality, audience, actor=actor or workspace.actor
    )


def _ports(workspace: Workspace) -> promoting.PromotePorts:
    store = workspace.store
    return promoting.PromotePorts(models=store.models, events=store.events, clock=workspace.clock)


def _own(workspace: Workspace, model: str) -> ModelVersion:
    found = model_named(workspace, model)
    if found.version is None:
        raise InvalidInputError(
            f"`{model}` is not a model of this workspace",
            hint="truing models shows those that can be promoted",
        )
    return found.version


def _retention(
    workspace: Workspace, modality: Modality, rival: str, candidate: ModelVersion, general: str
) -> judging.Retention:
    rows = general_examples(workspace, general)

    def figure(model: NamedModel) -> float:
        return general_figure(workspace, modality, model, rows)

    return judging.Retention(
        before=figure(model_named(workspace, rival, modality.name)),
        after=figure(model_named(workspace, str(candidate.ref), modality.name)),
        higher_is_better=measures_of(modality, workspace.settings)[0].higher_is_better,
    )


def recognizer(
    workspace: Workspace,
    modality: str,
    *,
    audience: str = GENERAL,
    keep: bool = True,
    hosted: bool = False,
) -> Recognizer:
    """The champion in use, swapped between two utterances when another is promoted.

    Args:
        workspace: where it is.
        modality: such as `speech`.
        audience: whose champion; where a speaker has none, or it fails, the general one answers.
        keep: keep utterances as samples, as `capture.mode` says.
        hosted: the models live in a process of their own instead of this one, and the corrector
            of the settings is asked, if there is one.

    Raises:
        InvalidInputError: the modality cannot recognise anything.
        SettingError: the settings of the corrector do not fit together.
    """
    from truing.live.bench import Champions
    from truing.live.recognizer import Recognizer
    from truing.workspace.hosting import corrector_of, hosted_model

    kind = workspace.modality(modality)
    if not isinstance(kind, CanRecognize):
        raise InvalidInputError(
            f"`{modality}` cannot recognise anything", hint="truing plugins shows what can"
        )
    models = workspace.store.models

    def open_model(ref: str) -> LoadedRecognizer:
        place = model_named(workspace, ref, modality).location
        return (
            hosted_model(workspace, modality, place) if hosted else kind.open_recognizer(place, {})
        )

    def previous(ref: str) -> str | None:
        for whose in dict.fromkeys((audience, GENERAL)):
            stack = promoting.champions(models.promotions(modality, whose))
            below = [name for name in stack if name != ref]
            if below:
                return below[-1]
        return None

    def fall_back(failing: str, why: str) -> str | None:
        # A speaker without a model of their own is answered by the general one.
        whose = audience if models.champion(modality, audience) is not None else GENERAL
        promoting.fall_back(_ports(workspace), modality, whose, failing=failing, why=why)
        return champion_for(models, modality, audience)

    champions = Champions(
        open_model=open_model,
        champion=lambda: champion_for(models, modality, audience),
        fallback=fall_back,
        previous=previous,
        errors_before_fallback=workspace.settings.whole("live.fallback_errors"),
    )
    return Recognizer(
        kind,
        champions,
        clock=workspace.clock,
        capture=(lambda utterance: _keep(workspace, kind, utterance)) if keep else None,
        corrector=corrector_of(workspace.settings, modality) if hosted else None,
    )


def _keep(workspace: Workspace, modality: Modality, utterance: Utterance) -> Added | None:
    from truing.loop.capture import capture
    from truing.workspace.collecting import capture_ports, current_session

    if utterance.session is None:
        session = current_session(workspace, utterance.source, utterance.subject)
        utterance = replace(utterance, session=session)
    return capture(modality, utterance, capture_ports(workspace), workspace.settings)
