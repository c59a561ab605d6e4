"""Training elsewhere: packed here, trained in an empty folder, brought home or to strangers."""

from __future__ import annotations

import json
import random
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from truing import Workspace
from truing.domain.dataset import DatasetRef, Split
from truing.domain.errors import (
    ConflictError,
    DamagedError,
    InvalidInputError,
    NotFoundError,
    RunFailedError,
    TruingError,
    UnavailableError,
)
from truing.domain.model import ModelRef, ModelState
from truing.domain.run import RunState, Want
from truing.platform.locks import locked
from truing.stores.bundle_file import opened, written
from truing.stores.model_files import DESCRIPTION, folder_digest
from truing.workspace.bundle_runs import carry_out
from truing.workspace.bundles import TRAINED, TRAINING, Packed, pack
from truing.workspace.keeping import verify
from truing.workspace.model_import import import_model

DIGITS = Path(__file__).parent.parent / "data" / "speech" / "digits"
BASES = Path(__file__).parents[2] / "src" / "truing" / "demo" / "digits" / "base"
QUICK = {"max_steps": "3", "threads": "1", "batch_size": "4"}
SPEAKERS = ("theo", "jackson", "nicolas", "yweweler")


def recordings() -> list[dict[str, str]]:
    """The recordings in tests/data."""
    lines = (DIGITS / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def fill(workspace: Workspace) -> None:
    """Recordings of which 20 are to be learned from and 5 to be tested on."""
    for number, row in enumerate(recordings()[:25]):
        workspace.capture(
            "speech",
            audio=DIGITS / row["file_name"],
            truth=row["transcription"],
            subject=row["speaker"],
            session=f"{row['speaker']} {number}",
            source="diary",
            sampling="wholesale",
        )
    workspace.freeze("mine", validation_share=0.0)


@dataclass(frozen=True)
class Journey:
    """A workspace, the bundle it packed, and what became of that elsewhere."""

    home: Path
    base: Path
    bundle: Path
    trained: Path
    packed: Packed


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Journey:
    """Packed and trained once; the tests work on copies."""
    place = tmp_path_factory.mktemp("journey")
    base = place / "base model"
    shutil.copytree(BASES / "without-theo", base)
    with Workspace.create(place / "home", rng=random.Random(7), environ={}) as workspace:
        fill(workspace)
        packed = pack(workspace, "mine@1", place / "b", base=str(base), options=QUICK)
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    shutil.copyfile(place / "b", elsewhere / "b")
    outcome = carry_out(elsewhere / "b")
    assert outcome.path is not None
    return Journey(place / "home", base, place / "b", Path(outcome.path), packed)


@pytest.fixture
def home(journey: Journey, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of the workspace that packed."""
    shutil.copytree(journey.home, tmp_path / "home")
    with Workspace.open(tmp_path / "home", environ={}) as workspace:
        yield workspace


def part(workspace: Workspace, split: Split, name: str = "mine@1") -> list[str]:
    """The samples in a part of a version."""
    rows = workspace.store.datasets.rows(DatasetRef.parse(name), split)
    return [row.sample_uid for row in rows if row.sample_uid is not None]


def unpacked(bundle: Path, kind: str, folder: Path) -> Path:
    """A bundle as a folder."""
    with opened(bundle, kind) as source:
        source.extract(lambda name: folder / name)
    return folder


def retold(
    bundle: Path, kind: str, folder: Path, change: Callable[[Path, dict[str, Any]], None]
) -> Path:
    """A sound bundle with other content: `change` is given the files and the head."""
    unpacked(bundle, kind, folder / "files")
    with opened(bundle, kind) as source:
        head = dict(source.head)
    change(folder / "files", head)
    (folder / "files" / "bundle.json").unlink()
    with written(folder / "retold", kind, head) as made:
        for file in sorted((folder / "files").rglob("*")):
            name = file.relative_to(folder / "files").as_posix()
            if file.is_file() and name != "manifest.jsonl":
                made.add_file(name, file)
    return folder / "retold"


def described(**changes: object) -> Callable[[Path, dict[str, Any]], None]:
    """Changes what a trained bundle says of itself."""

    def change(files: Path, _: Mapping[str, Any]) -> None:
        place = files / "model" / DESCRIPTION
        told = json.loads(place.read_text(encoding="utf-8"))
        place.write_text(json.dumps({**told, **changes}), encoding="utf-8")

    return change


# --- packing ------------------------------------------------------------------------------------


def test_a_bundle_holds_what_training_needs_and_nothing_else(
    journey: Journey, home: Workspace, tmp_path: Path
) -> None:
    files = unpacked(journey.bundle, TRAINING, tmp_path / "b")
    rows = [json.loads(line) for line in (files / "rows.jsonl").read_bytes().splitlines()]
    assert [row["uid"] for row in rows] == part(home, Split.TRAIN)
    assert {row["subject"] for row in rows} <= {f"speaker-{n}" for n in range(1, 5)}
    blobs = {f"sha256:{one.name}" for one in (files / "blobs").iterdir()}
    assert blobs == {row["media"]["audio"]["digest"] for row in rows}
    held_out = home.store.samples.by_uids(part(home, Split.TEST)).values()
    assert not blobs & {medium.digest for sample in held_out for medium in sample.media}
    assert folder_digest(files / "base") == folder_digest(journey.base)
    everything = journey.bundle.read_bytes()
    assert not [name for name in (*SPEAKERS, "diary") if name.encode() in everything]
    assert str(journey.base.parent).encode() not in everything
    packed = journey.packed
    assert (packed.train, packed.validation, packed.kept_back) == (20, 0, 5)


def test_packing_again_gives_the_same_bytes_and_one_run_that_waits(
    journey: Journey, home: Workspace, tmp_path: Path
) -> None:
    again = pack(home, "mine@1", tmp_path / "again", base=str(journey.base), options=QUICK)
    assert (tmp_path / "again").read_bytes() == journey.bundle.read_bytes()
    (run,) = home.store.runs.all()
    assert (again.run, again.digest) == (run.id, journey.packed.digest)
    assert (run.state, run.want) == (RunState.PAUSED, Want.PAUSE)
    assert home.jobs.tend() == []
    with pytest.raises(ConflictError):
        pack(home, "mine@1", tmp_path / "again", base=str(journey.base), options=QUICK)


def test_replay_and_a_speakers_own_model_travel_without_names(
    journey: Journey, home: Workspace, tmp_path: Path
) -> None:
    general = tmp_path / "nicolas and others"
    general.mkdir()
    rows = recordings()[-4:]
    with (general / "metadata.jsonl").open("w", encoding="utf-8") as table:
        for row in rows:
            shutil.copyfile(DIGITS / row["file_name"], general / row["file_name"])
            table.write(json.dumps(row) + "\n")
    for replay, count in ((str(general), len(rows)), ("mine@1", 20)):
        target = tmp_path / str(count)
        told = pack(
            home,
            "mine@1",
            target,
            base=str(journey.base),
            options=QUICK,
            replay=replay,
            audience="subject:theo",
        )
        assert told.replay == count
        everything = target.read_bytes()
        assert b"subject:speaker-" in everything
        assert not [
            name for name in SPEAKERS if name.encode() in everything.replace(b"nicolas and", b"")
        ]
        assert home.store.runs.get(told.run).request.audience == "subject:theo"


# --- training elsewhere -------------------------------------------------------------------------


def test_an_interrupted_run_goes_on_and_ends_in_the_same_weights(
    journey: Journey, tmp_path: Path
) -> None:
    bundle = tmp_path / "b"
    shutil.copyfile(journey.bundle, bundle)

    def interrupt(what: str, done: int, _: int) -> None:
        if what == "training" and done == 1:
            signal.raise_signal(signal.SIGINT)

    class PlugPulledError(BaseException):
        """Nothing gets the chance to tidy up."""

    def die(what: str, done: int, _: int) -> None:
        if what == "training" and done == 2:
            raise PlugPulledError

    def fail(what: str, done: int, _: int) -> None:
        if what == "training" and done == 2:
            raise OSError("no space left")

    first = carry_out(bundle, on_progress=interrupt)
    assert (first.state, first.step, first.path) == (RunState.PAUSED, 1, None)
    with pytest.raises(InvalidInputError, match="another device or"):
        carry_out(bundle, device="cuda:3")
    with pytest.raises(PlugPulledError):
        carry_out(bundle, on_progress=die)
    with pytest.raises(RunFailedError, match="no space left") as failed:
        carry_out(bundle, on_progress=fail)
    assert "b.work" in str(failed.value.hint)
    last = carry_out(bundle)
    assert (last.state, last.step) == (RunState.DONE, 3)
    assert last.path is not None
    models = [
        unpacked(one, TRAINED, tmp_path / str(number)) / "model"
        for number, one in enumerate((journey.trained, Path(last.path)))
    ]
    assert folder_digest(models[0]) == folder_digest(models[1])
    # The recordings do not stay on a machine that was only lent.
    assert sorted(one.name for one in tmp_path.iterdir() if one.is_file()) == ["b", "b.trained"]
    assert not (tmp_path / "b.work").exists()
    with pytest.raises(ConflictError, match="exists already"):
        carry_out(bundle)


def test_what_comes_back_has_no_texts(journey: Journey, tmp_path: Path) -> None:
    files = unpacked(journey.trained, TRAINED, tmp_path)
    metrics = [json.loads(line) for line in (files / "metrics.jsonl").read_bytes().splitlines()]
    assert {one["step"] for one in metrics if one["name"] == "train_loss"} == {1, 2, 3}
    log = (files / "log.txt").read_text(encoding="utf-8")
    assert "run 1 is done" in log
    found = {one.name for one in files.iterdir()}
    assert found == {f"{one}.jsonl" for one in ("learned", "metrics")} | {
        "bundle.json",
        "log.txt",
        "model",
    }
    told = json.loads((files / "model" / DESCRIPTION).read_text(encoding="utf-8"))
    assert told["lineage"]["base"]["licence"] == "CC BY-SA 4.0"
    assert told["lineage"]["dataset"]["version"] == "mine@1"


def test_one_bundle_is_trained_by_one_process(journey: Journey, tmp_path: Path) -> None:
    shutil.copyfile(journey.bundle, tmp_path / "b")
    (tmp_path / "b.work").mkdir()
    with locked(tmp_path / "b.work" / "lock"), pytest.raises(UnavailableError, match="held by"):
        carry_out(tmp_path / "b")
    (tmp_path / "b.work" / "bundle").write_text("sha256:another", encoding="ascii")
    with pytest.raises(ConflictError, match="another bundle"):
        carry_out(tmp_path / "b")


def first_row(**changes: object) -> Callable[[Path, dict[str, Any]], None]:
    """Changes the first row of a bundle."""

    def change(files: Path, _: Mapping[str, Any]) -> None:
        lines = (files / "rows.jsonl").read_bytes().splitlines()
        row = json.loads(lines[0])
        media = changes.get("medium")
        row["media"] = {"audio": {**row["media"]["audio"], **media}} if media else row["media"]
        row.update({key: value for key, value in changes.items() if key != "medium"})
        lines[0] = json.dumps(row).encode()
        (files / "rows.jsonl").write_bytes(b"\n".join(lines))

    return change


def requested(**changes: object) -> Callable[[Path, dict[str, Any]], None]:
    """Changes what a bundle asks for."""

    def change(_: Path, head: dict[str, Any]) -> None:
        head["request"] = {**head["request"], **changes}

    return change


def without_base(files: Path, head: dict[str, Any]) -> None:
    """A bundle that would have any folder of this machine loaded."""
    shutil.rmtree(files / "base")
    head["base"] = {**head["base"], "name": str(BASES / "without-theo"), "packed": False}


def with_pickle(files: Path, _: Mapping[str, Any]) -> None:
    """A base model that would run code."""
    (files / "base" / "optimizer.pt").write_bytes(b"\x80\x04")


ODD: dict[str, tuple[Callable[[Path, dict[str, Any]], None], type[TruingError], str]] = {
    "a digest that climbs": (
        first_row(medium={"digest": "sha256:../../../../etc/passwd"}),
        RunFailedError,
        "cannot be trained on",
    ),
    "media that are missing": (
        first_row(medium={"digest": "sha256:" + "0" * 64}),
        RunFailedError,
        "cannot be trained on",
    ),
    "a text that is none": (first_row(truth=["a"]), RunFailedError, "cannot be trained on"),
    "a part there is not": (first_row(part="test"), RunFailedError, "cannot be trained on"),
    "no base": (without_base, RunFailedError, "no base model"),
    "a pickle": (with_pickle, InvalidInputError, "pickle"),
    "an unknown recipe": (requested(recipe="magic"), NotFoundError, "magic"),
    "an unknown modality": (requested(modality="smell"), NotFoundError, "smell"),
    "an unknown option": (requested(options={"rm": 1}), InvalidInputError, "option `rm`"),
    "no request": (requested(seed="one"), InvalidInputError, "what to train"),
}


@pytest.mark.parametrize("case", ODD)
def test_a_bundle_that_cannot_be_trained_says_why(
    case: str, journey: Journey, tmp_path: Path
) -> None:
    change, kind, why = ODD[case]
    bundle = retold(journey.bundle, TRAINING, tmp_path, change)
    with pytest.raises(kind, match=why) as refused:
        carry_out(bundle)
    assert refused.value.hint
    allowed = {"files", "retold", "retold.work"}
    assert {one.name for one in tmp_path.iterdir()} <= allowed


# --- coming home --------------------------------------------------------------------------------


def test_home_it_is_what_a_run_here_would_have_made(journey: Journey, home: Workspace) -> None:
    brought = import_model(home, journey.trained)
    model = brought.model
    assert (brought.new, model.state) == (True, ModelState.READY)
    assert (model.dataset, model.base, model.parents) == (
        "mine@1",
        str(journey.base.resolve()),
        (str(journey.base.resolve()),),
    )
    assert (model.recipe, model.audience, model.licence) == ("whisper", "general", "CC BY-SA 4.0")
    (run,) = home.store.runs.all()
    assert (run.state, run.step, run.total_steps) == (RunState.DONE, 3, 3)
    assert (run.id, run.result["model"]) == (model.run_id, str(model.ref))
    losses = [one for one in home.store.runs.metrics(run.id) if one.name == "train_loss"]
    assert [one.step for one in losses] == [1, 2, 3]
    assert any("run 1 is done" in line for line in home.jobs.tail(run.id))
    assert home.store.samples.state_counts()["trained"] == 25
    assert verify(home) == []
    again = import_model(home, journey.trained)
    assert (again.new, again.model) == (False, model)
    assert len(home.store.runs.all()) == 1


def test_home_it_is_compared_and_promoted_like_any_other(journey: Journey, home: Workspace) -> None:
    name = str(import_model(home, journey.trained).model.ref)
    found = home.compare(str(journey.base), name, "mine@1")
    assert (found.rows, found.metric) == (5, "wer")
    verdict = home.promote(name, force="it came a long way")
    assert (verdict.rival, verdict.reason) == (str(journey.base.resolve()), "not-proven")
    assert home.store.models.champion("speech", "general") == name


def test_what_was_forgotten_meanwhile_taints_it(journey: Journey, home: Workspace) -> None:
    ids = {one.uid: one.id for one in home.store.samples.by_uids(part(home, Split.TRAIN)).values()}
    home.forget(ids=[ids[part(home, Split.TRAIN)[0]]])
    brought = import_model(home, journey.trained)
    assert brought.model.state is ModelState.TAINTED
    assert "forgotten since" in brought.notes[-1]


def test_forgetting_what_was_only_tested_on_does_not(journey: Journey, home: Workspace) -> None:
    tested = home.store.samples.by_uids(part(home, Split.TEST)).values()
    home.forget(ids=[next(iter(tested)).id])
    assert import_model(home, journey.trained).model.state is ModelState.READY


def test_a_tainted_base_taints_what_descends_from_it(
    journey: Journey, home: Workspace, tmp_path: Path
) -> None:
    parent = import_model(home, journey.trained).model
    lineage = {
        "dataset": {"digest": parent.dataset_digest, "rows": {"train": 20}},
        "base": {"name": "speech/1", "uid": parent.uid, "digest": parent.digest, "parents": ["x"]},
    }
    uid = parent.uid[:-1] + ("0" if parent.uid[-1] != "0" else "1")
    change = described(uid=uid, lineage=lineage, bundle="sha256:elsewhere")
    child = retold(journey.trained, TRAINED, tmp_path, change)
    home.store.models.set_state(parent.ref, ModelState.TAINTED)
    model = import_model(home, child).model
    assert (model.state, model.base) == (ModelState.TAINTED, str(parent.ref))
    assert model.parents == (str(parent.ref), *parent.parents)
    # No run had waited for it: it got one of its own.
    assert [run.result["model"] for run in home.store.runs.all()] == ["speech/2", "speech/1"]


def test_a_base_that_is_not_here_is_no_rival(
    journey: Journey, home: Workspace, tmp_path: Path
) -> None:
    """As in a workspace that was restored from before the packing."""
    change = described(bundle="sha256:unknown")
    model = import_model(home, retold(journey.trained, TRAINED, tmp_path, change)).model
    assert (model.dataset, model.base, model.parents) == ("mine@1", None, ("elsewhere:base model",))
    verdict = home.promote(str(model.ref))
    assert (verdict.passed, verdict.reason) == (False, "not-proven")


def test_whose_own_model_it_is_only_home_knows(
    journey: Journey, home: Workspace, tmp_path: Path
) -> None:
    options = {"base": str(journey.base), "options": QUICK, "audience": "subject:theo"}
    packed = pack(home, "mine@1", tmp_path / "own", **options)
    with opened(tmp_path / "own", TRAINING) as source:
        request = source.head["request"]
    change = described(bundle=packed.digest, request=request)
    trained = retold(journey.trained, TRAINED, tmp_path, change)
    assert import_model(home, trained).model.audience == "subject:theo"
    for number, speaker in enumerate((None, "theo")):
        folder = tmp_path / f"stranger{number}"
        with Workspace.create(folder, environ={}) as stranger:
            brought = import_model(stranger, trained, speaker=speaker)
            expected = "general" if speaker is None else "subject:theo"
            assert brought.model.audience == expected
            assert "one speaker's own model" in brought.notes[-1]


def test_a_run_that_was_started_here_after_all_keeps_its_word(
    journey: Journey, home: Workspace
) -> None:
    home.jobs.stop(journey.packed.run)
    brought = import_model(home, journey.trained)
    assert brought.model.base == str(journey.base.resolve())
    states = {run.id: run.state for run in home.store.runs.all()}
    assert states == {journey.packed.run: RunState.STOPPED, brought.model.run_id: RunState.DONE}


# --- among strangers ----------------------------------------------------------------------------


def test_a_stranger_with_the_same_recordings_never_judges_it_by_them(
    journey: Journey, tmp_path: Path
) -> None:
    with Workspace.create(tmp_path / "ws", rng=random.Random(3), environ={}) as stranger:
        fill(stranger)
        brought = import_model(stranger, journey.trained)
        model = brought.model
        assert (model.dataset, model.base, model.recipe, model.run_id) == (None, None, None, None)
        assert any("is not here" in note for note in brought.notes)
        assert any("20 samples that are here too" in note for note in brought.notes)
        stranger.freeze("all", test_share=0.9, validation_share=0.0, seed=5)
        found = stranger.evaluate(str(model.ref), "all@1")
        tested = set(part(stranger, Split.TEST, "all@1"))
        assert found.figures["excluded"] == len(tested) - found.figures["rows"] > 0
        verdict = stranger.promote(str(model.ref))
        assert (verdict.passed, verdict.reason.value) == (False, "not-judged")
        assert "was not trained here" in verdict.sentence
        assert stranger.store.models.champions("speech") == {}
        stranger.promote(str(model.ref), dataset="all@1", force="good enough")
        assert not import_model(stranger, journey.trained).new
        assert verify(stranger) == []


def test_an_empty_workspace_takes_it_too(journey: Journey, tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "ws", environ={}) as stranger:
        brought = import_model(stranger, journey.trained)
        assert stranger.store.models.get(ModelRef.parse("speech/1")) == brought.model


@pytest.mark.parametrize(
    "changes",
    [
        {"uid": "../../x"},
        {"lineage": []},
        {"figures": [1]},
        {"lineage": {"dataset": 3}},
        {"request": {}},
        {"digest": "sha256:0"},
        {"figures": {"x": float("nan")}},
    ],
)
def test_a_trained_bundle_that_makes_no_sense_changes_nothing(
    changes: dict[str, object], journey: Journey, home: Workspace, tmp_path: Path
) -> None:
    bundle = retold(journey.trained, TRAINED, tmp_path, described(**changes))
    with pytest.raises(InvalidInputError) as refused:
        import_model(home, bundle)
    assert refused.value.hint
    assert home.store.models.all() == []
    assert [run.state for run in home.store.runs.all()] == [RunState.PAUSED]
    assert list(home.layout.models.glob("*/*")) == []


def test_the_wrong_file_is_told(journey: Journey, home: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="kind `training`"):
        import_model(home, journey.bundle)
    with pytest.raises(InvalidInputError, match="kind `trained`"):
        carry_out(journey.trained)
    with pytest.raises(NotFoundError):
        import_model(home, tmp_path / "none")
    (tmp_path / "text").write_text("hello", encoding="utf-8")
    with pytest.raises(DamagedError):
        import_model(home, tmp_path / "text")


# --- folders from outside -----------------------------------------------------------------------


def test_a_folder_from_outside_is_copied_with_its_licence(home: Workspace, tmp_path: Path) -> None:
    base = BASES / "without-jackson"
    brought = import_model(home, base)
    assert (brought.model.licence, brought.notes) == ("CC BY-SA 4.0", ())
    assert home.model_files.path(brought.model.ref) != base
    again = import_model(home, base)
    assert (again.new, again.model) == (False, brought.model)
    copy = tmp_path / "copy"
    shutil.copytree(base, copy)
    (copy / DESCRIPTION).unlink()
    (copy / "config.json").write_text(
        (copy / "config.json").read_text(encoding="utf-8") + " ", encoding="utf-8"
    )
    (copy / "pytorch_model.bin").write_bytes(b"\x80\x04")
    (copy / ".cache").mkdir()
    unknown = import_model(home, copy, speaker="zoë")
    assert (unknown.model.licence, unknown.model.audience) == (None, "subject:zoë")
    assert "licence is not known" in unknown.notes[0]
    assert not (home.model_files.path(unknown.model.ref) / "pytorch_model.bin").exists()
    (copy / "README.md").write_text("---\nlicense: mit\n---\n", encoding="utf-8")
    assert import_model(home, copy).model.licence == "mit"
    assert verify(home) == []


def test_a_folder_without_a_model_is_refused(home: Workspace, tmp_path: Path) -> None:
    with ExitStack() as refused:
        refused.enter_context(pytest.raises(TruingError))
        import_model(home, tmp_path)
    shutil.copytree(BASES / "without-jackson", tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").unlink()
    with pytest.raises(InvalidInputError, match="no safetensors"):
        import_model(home, tmp_path / "m")
    assert home.store.models.all() == []
