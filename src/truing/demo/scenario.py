"""The demo: one real voice walks the whole loop, with the commands a person would use.

A model that has never heard the speaker transcribes their recordings; a person's corrections are
replayed from the known transcripts (and the demo says so); the corrections become a dataset, the
model is trained on them, judged on recordings it never saw, and takes over only if that is proven.

Beside the result stands a control: the same training steps without the person's recordings. What
the control gains comes from more training, not from knowing the person.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truing.demo import shipped
from truing.demo.phrases import Phrase, phrases
from truing.domain.clock import MICROSECONDS
from truing.domain.dataset import DatasetRef, Split
from truing.domain.errors import InvalidInputError, RunFailedError
from truing.domain.format import FailedRow, ImportedRow
from truing.domain.recipe import MediaFile
from truing.domain.review import State, Verdict
from truing.domain.run import Run, RunState
from truing.domain.sample import SampleFilter, Sampling
from truing.workspace import Workspace
from truing.workspace.collecting import reader_of
from truing.workspace.datasets import examples
from truing.workspace.models import model_named
from truing.workspace.speaking import speaking

if TYPE_CHECKING:
    from truing.domain.evaluation import Evaluation

CORRECTIONS = 50
EXAM = 250
FEWEST = 60
SEED = 20261120
APP = "demo-app"
ADAPTED, OTHERS, HELD_OUT = "my-voice", "others", "others-held-out"

Say = Callable[[str], None]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """What the demo found. Rates are shares: 0.12 is 12 %."""

    speaker: str
    wer_before: float
    wer_after: float
    relative_reduction: float
    p_value: float
    ci: tuple[float, float] | None
    """95 % interval of the change in WER."""
    corrections: int
    """Utterances trained on; each was confirmed or corrected."""
    corrected: int
    """Those among them that the model had got wrong."""
    exam: int
    """Utterances the models were judged by; none was trained on."""
    wer_control: float
    """After the same steps on general recordings alone."""
    wer_baseline: float | None
    retention_before: float | None
    """WER on utterances of the base's own speakers that no model was trained on."""
    retention_after: float | None
    promoted: bool
    gate: str
    model: str
    seconds: float
    workspace: str

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """What all steps share."""

    workspace: Workspace
    say: Say
    progress: Progress


def run(
    folder: Path,
    recordings: Path | None = None,
    speaker: str | None = None,
    say: Say = lambda _: None,
    progress: Progress = lambda _, __, ___: None,
) -> DemoResult:
    """Walks the loop in a new workspace.

    Args:
        folder: where the workspace is made.
        recordings: an audiofolder with `metadata.jsonl` (`file_name`, `transcription`,
            `speaker`) of spoken digits; Truing's own when left out.
        speaker: whose voice; the only one, or the first the shipped models can be unaware of.
        say: told what happens, line by line.
        progress: told (what, done, total).

    Raises:
        InvalidInputError: recordings that cannot be used, or an unknown speaker.
        ConflictError: `folder` is not empty.
        RunFailedError: training failed.
    """
    voice = _voice(recordings or shipped.RECORDINGS, speaker)
    base = str(shipped.base_without(voice.unaware))
    with Workspace.create(folder, rng=random.Random(SEED)) as workspace:
        stage = _Stage(workspace=workspace, say=say, progress=progress)
        started = workspace.clock.now()
        say(f"Workspace: {workspace.layout.root}")
        say(
            f"Speaker: {voice.speaker}. {voice.recordings} real recordings, joined into "
            f"{len(voice.spoken)} utterances of one to three words. "
            "The base model has never heard this voice."
        )
        _capture(stage, voice, base)
        _bring_in_others(stage, voice.unaware)
        return _learn_and_prove(stage, voice, base, started)


# --- who speaks --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """What the speaker to be learned says, in a fixed shuffled order."""

    speaker: str
    unaware: str
    """The shipped speaker whose base model never heard this voice."""
    spoken: Sequence[Phrase]
    corrections: int
    recordings: int

    @property
    def exam(self) -> int:
        """How many utterances are held out."""
        return len(self.spoken) - self.corrections


def _voice(folder: Path, speaker: str | None) -> Voice:
    by_speaker: dict[str, list[ImportedRow]] = {}
    for row in reader_of("audiofolder").read(folder):
        if not isinstance(row, FailedRow) and row.truth is not None:
            by_speaker.setdefault(row.subject or "unknown", []).append(row)
    if not by_speaker:
        raise InvalidInputError(
            f"`{folder}` has no recording with a transcript",
            hint="its metadata.jsonl needs `file_name`, `transcription` and `speaker` per line",
        )
    ours = folder == shipped.RECORDINGS
    name = speaker or (shipped.NEW_SPEAKER if ours else min(by_speaker))
    if name not in by_speaker:
        raise InvalidInputError(
            f"`{folder}` has no recording of `{name}`",
            hint=f"it has {', '.join(sorted(by_speaker))}",
        )
    rows = by_speaker[name]
    spoken = list(phrases(rows, random.Random(SEED)))
    if len(spoken) < FEWEST:
        raise InvalidInputError(
            f"`{name}` has {len(rows)} recordings, enough for {len(spoken)} utterances; the demo "
            f"needs {FEWEST}",
            hint="add recordings: a third of them, up to 50, is corrected, the others are the exam",
        )
    corrections = min(CORRECTIONS, len(spoken) // 3)
    return Voice(
        speaker=name,
        unaware=shipped.never_heard(name, rows),
        spoken=spoken[: corrections + EXAM],
        corrections=corrections,
        recordings=len(rows),
    )


# --- capture and review ------------------------------------------------------------------------


def _capture(stage: _Stage, voice: Voice, base: str) -> None:
    """The app recognises each utterance; the person settles what was said."""
    workspace = stage.workspace
    stage.say("")
    stage.say("1. Capture: the app transcribes with the base model; Truing keeps sound and text.")
    with speaking(workspace.modality("speech"), model_named(workspace, base)) as recognizer:
        for done, phrase in enumerate(voice.spoken, 1):
            number = _keep(workspace, phrase, source=APP)
            medium = workspace.sample(number).media[0]
            heard = recognizer.recognize(
                {"audio": MediaFile(path=workspace.blobs.path(medium.digest))}
            )
            workspace.add_prediction(number, heard, model="digits-base")
            stage.progress("capture", done, len(voice.spoken))
    wrong = 0
    for done, (phrase, selected) in enumerate(
        zip(voice.spoken, list(workspace.queue("oldest")), strict=True), 1
    ):
        settled = workspace.review(
            selected.sample.id,
            "corrected",
            phrase.text,
            shown_because=selected.because,
            actor=voice.speaker,
        )
        wrong += settled.revision.verdict is Verdict.CORRECTED
        stage.progress("review", done, len(voice.spoken))
    stage.say(
        f"2. Review: what the person would type, replayed from the known transcripts: "
        f"{wrong} of {len(voice.spoken)} had to be corrected."
    )


def _bring_in_others(stage: _Stage, unaware: str) -> None:
    """The base's own speakers: to replay against forgetting, and to see what is forgotten."""
    for name, takes in ((OTHERS, shipped.REPLAYED), (HELD_OUT, shipped.HELD_OUT)):
        spoken = list(phrases(shipped.rows_of_others(unaware, takes), random.Random(SEED)))
        for done, phrase in enumerate(spoken, 1):
            _keep(stage.workspace, phrase, source=name, truth=phrase.text)
            stage.progress(f"other speakers ({name})", done, len(spoken))
        stage.workspace.freeze(
            name, test_share=0.0, validation_share=0.0, where=SampleFilter(source=name)
        )


def _keep(workspace: Workspace, phrase: Phrase, **details: object) -> int:
    kept = workspace.capture(
        "speech",
        audio=(phrase.sound, phrase.rate),
        subject=phrase.subject,
        source_key=phrase.key,
        sampling=Sampling.WHOLESALE,
        **details,
    )
    if kept is None:
        raise InvalidInputError(
            "capture is off, the demo needs it", hint="unset TRUING_CAPTURE_MODE"
        )
    return kept.id


# --- freeze, train, prove ----------------------------------------------------------------------


def _learn_and_prove(stage: _Stage, voice: Voice, base: str, started: int) -> DemoResult:
    workspace = stage.workspace
    version = _freeze(stage, voice)
    run = _train(stage, "4. Train", version, base, {}, replay=f"{OTHERS}@1")
    candidate = str(run.result["model"])
    stage.say("5. Evaluate old and new on the utterances held out.")
    before, after = (
        _judge(stage, label, model, version)
        for label, model in (("base model", base), ("new model", candidate))
    )
    # The run's own options, so that the control differs in the data alone.
    same = {key: str(value) for key, value in run.request.options.items()}
    label = "   Control: the same steps on the other speakers alone"
    control = _train(stage, label, f"{OTHERS}@1", base, same, replay=None)
    beside = _judge(stage, "control", str(control.result["model"]), version)
    verdict = workspace.promote(candidate, dataset=version, general_set=f"{HELD_OUT}@1")
    stage.say(f"6. Promote: {verdict.sentence}.")
    _one_clip(stage, before, after)
    comparison = workspace.compare(base, candidate, version)
    baseline = after.figures.get("baseline")
    old, new = comparison.value_a, comparison.value_b
    trained_on = list(examples(workspace, DatasetRef.parse(version), Split.TRAIN))
    return DemoResult(
        speaker=voice.speaker,
        wer_before=old,
        wer_after=new,
        relative_reduction=1.0 - new / old if old else 0.0,
        p_value=comparison.p_value,
        ci=comparison.ci,
        corrections=len(trained_on),
        corrected=_corrected(workspace, [one.uid for one in trained_on]),
        exam=comparison.rows,
        wer_control=_wer(beside.figures),
        wer_baseline=_wer(baseline) if isinstance(baseline, Mapping) else None,
        retention_before=verdict.retention_before,
        retention_after=verdict.retention_after,
        promoted=verdict.passed,
        gate=verdict.sentence,
        model=candidate,
        seconds=(workspace.clock.now() - started) / MICROSECONDS,
        workspace=str(workspace.layout.root),
    )


def _freeze(stage: _Stage, voice: Voice) -> str:
    version = stage.workspace.freeze(
        ADAPTED,
        test_share=voice.exam / len(voice.spoken),
        validation_share=0.0,
        seed=SEED,
        where=SampleFilter(source=APP),
    )
    stage.say(
        f"3. Freeze: {version.ref}: {version.counts['train']} utterances to learn from, "
        f"{version.counts['test']} held out; digest {version.digest[7:19]}…"
    )
    return str(version.ref)


def _train(
    stage: _Stage,
    title: str,
    dataset: str,
    base: str,
    options: Mapping[str, str],
    *,
    replay: str | None,
) -> Run:
    workspace = stage.workspace
    stage.say(f"{title} ({dataset}{f', replaying {replay}' if replay else ''})…")
    queued = workspace.train(
        dataset, recipe="whisper", base=base, options=options, replay=replay, seed=SEED
    )
    outcome = workspace.jobs.wait(
        queued.id,
        on_progress=lambda now: stage.progress("train", now.run.step, now.run.total_steps),
    )
    if outcome.detached is not None:
        workspace.jobs.stop(queued.id, force=True)
        raise KeyboardInterrupt
    if outcome.run.state is not RunState.DONE:
        raise RunFailedError(
            f"training ended as {outcome.run.state.value}: {outcome.run.error or 'no reason'}",
            hint=f"truing --workspace '{workspace.layout.root}' logs {queued.id}",
        )
    return outcome.run


def _judge(stage: _Stage, label: str, model: str, dataset: str) -> Evaluation:
    return stage.workspace.evaluate(
        model,
        dataset,
        on_progress=lambda done, total: stage.progress(f"evaluate {label}", done, total),
    )


def _wer(figures: Mapping[str, object]) -> float:
    return float(str(figures["wer"]))


def _corrected(workspace: Workspace, uids: Sequence[str]) -> int:
    found = workspace.store.samples.by_uids(uids).values()
    return sum(sample.state is State.CORRECTED for sample in found)


def _one_clip(stage: _Stage, before: Evaluation, after: Evaluation) -> None:
    """The same recording as both models hear it, where they differ."""
    said = {row.sample_uid: row.prediction for row in before.rows}
    rows = [row for row in after.rows if said[row.sample_uid] != row.prediction]
    if not rows:
        return
    row = rows[0]
    sample = stage.workspace.store.samples.by_uids([row.sample_uid])[row.sample_uid]
    stage.say(
        f"   Sample {sample.id}, one of {len(rows)} on which they differ: it says "
        f"“{sample.truth}”, the old model hears “{said[row.sample_uid]}”, "
        f"the new one “{row.prediction}”."
    )
