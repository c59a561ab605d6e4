"""A modality that Truing does not know, installed as a package, walks the whole loop."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import os
import random
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import truing.workspace
from truing import Workspace
from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError
from truing.domain.modality import CanBaseline, CanRecognize, CanTrain, CheckInput, Modality
from truing.domain.prediction import Prediction, PredictionKind, Recognition
from truing.domain.recipe import Example, MediaFile, TrainingInput
from truing.domain.run import RunState
from truing.domain.settings import Settings, resolve
from truing.modalities import MODALITIES

EXAMPLE = Path(__file__).parents[1] / "examples" / "newcomer-modality"
HABITS = {"j": "..--", "q": "---.", "x": "----", "z": ".-.-"}
"""Signs of one operator's own, where the standard has others."""
WORDS = [
    *("quick", "jazz", "box", "fix", "zero", "quiz", "jam", "quartz", "axe", "query", "lazy"),
    *("jinx", "maze", "exit", "queen", "next", "wax", "prize", "north", "seven", "river", "open"),
]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The example as pip would leave it: its package and its entry points on the path."""
    place = tmp_path / "site"
    shutil.copytree(
        EXAMPLE / "src", place, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    folder = place / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n",
        encoding="utf-8",
    )
    points = "".join(
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in entries.items())
        for group, entries in project["entry-points"].items()
    )
    (folder / "entry_points.txt").write_text(points, encoding="utf-8")
    monkeypatch.syspath_prepend(str(place))
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(place), *([inherited] if inherited else [])])
    monkeypatch.setenv("PYTHONPATH", path)
    # Entry points are read once per process; another test may have been first.
    monkeypatch.setattr(truing.workspace.modalities, "_plugins", None)
    yield place
    for name in [name for name in sys.modules if name.partition(".")[0] == "truing_morse"]:
        del sys.modules[name]


@pytest.fixture
def morse(installed: Path) -> Any:
    """The modality, found by name."""
    return truing.workspace.modalities.load("morse")()


def sent(text: str, habits: Mapping[str, str] = HABITS) -> str:
    """What the operator keys."""
    table = importlib.import_module("truing_morse.table").INTERNATIONAL
    signs = {letter: sign for sign, letter in table.items()} | dict(habits)
    return " / ".join(" ".join(signs[letter] for letter in word) for word in text.split())


def messages(count: int) -> list[str]:
    """Texts that hardly repeat."""
    rng = random.Random(11)
    return [" ".join(rng.sample(WORDS, 3)) for _ in range(count)]


def settings_of(morse: Any, **values: str) -> Settings:
    """The modality's own settings."""
    flags = {f"morse.{name}": value for name, value in values.items()}
    return resolve(morse.settings, flags=flags, environ={}, file_values={}, file_origin="none")


# --- the whole loop ----------------------------------------------------------------------------


def test_whole_loop(installed: Path, tmp_path: Path) -> None:
    assert "morse" not in MODALITIES
    standard = importlib.import_module("truing_morse.table")
    with Workspace.create(tmp_path / "workspace", rng=random.Random(1)) as workspace:
        truths: dict[int, str] = {}
        for number, text in enumerate(messages(160)):
            said = standard.read(standard.international(), sent(text))
            added = workspace.capture(
                "morse", signal=sent(text), raw=said, session=f"day {number}", sampling="audit"
            )
            assert added is not None
            truths[added.id] = text

        for shown in list(workspace.queue()):
            sample = shown.sample
            truth = truths[sample.id]
            verdict = "accepted" if sample.proposal == truth else "corrected"
            workspace.review(sample.id, verdict, truth if verdict == "corrected" else None)

        version = workspace.freeze("hand", modality="morse", test_share=0.4)
        assert version.counts["train"] > 50
        assert version.counts["test"] > 40

        run = workspace.train(str(version.ref))
        ended = workspace.jobs.wait(run.id).run
        log = "\n".join(workspace.jobs.tail(run.id))
        assert ended.state is RunState.DONE, f"{ended.error}\n{log}"
        model = str(ended.result["model"])
        assert model == "morse/1"

        evaluation = workspace.evaluate(model, str(version.ref))
        assert evaluation.metric == "ler"
        before = standard_errors(truths.values())
        assert before > 0.05
        assert float(str(evaluation.figures["ler"])) < before / 4

        verdict_of_gate = workspace.promote(model)
        assert verdict_of_gate.passed, verdict_of_gate
        with workspace.recognizer("morse") as recognizer:
            answer = recognizer.transcribe(sent("quiz box"))
        assert answer.text == "quiz box"
        assert answer.model == model

        forgotten = workspace.forget(ids=[next(iter(truths))])
        assert forgotten
        with pytest.raises(NotFoundError):
            workspace.sample(next(iter(truths)))


def standard_errors(texts: Any) -> float:
    """Share of letters that somebody misreads who only knows the standard."""
    letters = [letter for text in texts for letter in text if letter != " "]
    return sum(letter in HABITS for letter in letters) / len(letters)


def test_command_line_knows_it(installed: Path) -> None:
    command = [sys.executable, "-m", "truing", "plugins", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=installed)
    assert done.returncode == 0, done.stderr
    plugins = json.loads(done.stdout)["plugins"]
    found = {(one["kind"], one["name"]): one for one in plugins}
    assert found["modality", "morse"]["target"] == "truing_morse.modality:Morse"
    assert found["modality", "morse"]["built_in"] is False
    assert found["morse recipe", "table"]["ok"] is True


def test_nothing_of_truing_knows_it() -> None:
    source = Path(truing.workspace.__file__).parents[1]
    knowing = [path for path in source.rglob("*.py") if "morse" in path.read_text("utf-8").lower()]
    assert not knowing


# --- the contract ------------------------------------------------------------------------------


def test_it_has_the_abilities_it_claims(morse: Any) -> None:
    assert isinstance(morse, Modality)
    assert isinstance(morse, CanRecognize)
    assert isinstance(morse, CanTrain)
    assert isinstance(morse, CanBaseline)


def test_a_modality_needs_no_more_than_eight_members() -> None:
    methods = [name for name, one in vars(Modality).items() if inspect.isfunction(one)]
    members = {*Modality.__annotations__, *(name for name in methods if name[0] != "_")}
    assert {"ingest", "metrics"} < members
    assert len(members) <= 8


@pytest.mark.parametrize("source", ["... / ---", b"...  /  ---\n", "path"])
def test_same_signal_is_kept_as_the_same_bytes(morse: Any, tmp_path: Path, source: Any) -> None:
    if source == "path":
        source = tmp_path / "signal.txt"
        source.write_text("... /\n---", encoding="ascii")
    kept = morse.ingest("signal", source)
    assert kept.data == b"... / ---"
    assert kept.facts["letters"] == 2


def test_what_cannot_be_read_is_refused(morse: Any) -> None:
    with pytest.raises(DamagedError, match="`O` is no Morse mark"):
        morse.ingest("signal", "SOS")
    with pytest.raises(InvalidInputError, match="`int`"):
        morse.ingest("signal", 7)


def test_checks(morse: Any) -> None:
    said = Prediction(
        kind=PredictionKind.RECOGNIZER, recognition=Recognition(text="s"), created_at=0
    )

    def findings(data: bytes, truth: str | None, **values: str) -> list[str]:
        given = CheckInput(
            media=(), data={"signal": data}, predictions=(said,), truth=truth, damage={}
        )
        report = morse.check(given, settings_of(morse, **values))
        assert report.quality < 1 or not report.findings
        return [found.check for found in report.findings]

    assert findings(b"... ---", "so") == []
    assert findings(b"... ---", None) == []
    assert findings(b"... ---", "sos") == ["length_mismatch"]
    assert findings(b"...", "s", shortest="2") == ["too_short"]
    assert findings(b"", None) == ["too_short"]


@pytest.mark.parametrize(
    ("truth", "prediction", "numerator", "denominator"),
    [("sos", "sos", 0, 3), ("so s", "s os", 0, 3), ("sos", "s?s", 1, 3), ("sos", "", 3, 3)],
)
def test_metric(
    morse: Any, truth: str, prediction: str, numerator: float, denominator: float
) -> None:
    score = morse.metrics[0].score(truth, prediction)
    assert (score.numerator, score.denominator) == (numerator, denominator)


class Context:
    """A run that is asked to stop after some steps."""

    def __init__(self, folder: Path, stop_after: int | None = None) -> None:
        self.folder = folder
        self.stop_after = stop_after
        self.reports: list[tuple[int, Mapping[str, float]]] = []
        self.checkpoints: list[tuple[int, Path]] = []

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        self.reports.append((step, metrics))

    def progress(self, done: int, total: int) -> None:
        assert 0 < done <= total

    def log(self, message: str) -> None:
        assert message

    def should_stop(self) -> bool:
        return self.stop_after is not None and len(self.reports) >= self.stop_after

    def save_checkpoint(self, step: int, write: Any) -> None:
        place = self.folder / f"checkpoint-{step}"
        place.mkdir(parents=True)
        write(place)
        self.checkpoints.append((step, place))

    def latest_checkpoint(self) -> tuple[int, Path] | None:
        return self.checkpoints[-1] if self.checkpoints else None


def training(morse: Any, tmp_path: Path, name: str) -> TrainingInput:
    """Thirty messages of the operator."""
    rows = []
    for number, text in enumerate(messages(30)):
        path = tmp_path / f"{number}.txt"
        path.write_text(sent(text), encoding="ascii")
        media = {"signal": MediaFile(path=path)}
        rows.append(Example(uid=str(number), media=media, truth=text))
    output = tmp_path / name
    output.mkdir()
    recipe = truing.workspace.modalities.load("morse").recipes["table"]
    module, _, attribute = recipe.partition(":")
    options = getattr(importlib.import_module(module), attribute).options()
    return TrainingInput(
        base=None,
        train=rows[:20],
        validation=rows[20:],
        replay=(),
        options=options,
        seed=0,
        output=output,
    )


def test_stopped_and_resumed_training_gives_the_same_model(morse: Any, tmp_path: Path) -> None:
    recipe = importlib.import_module("truing_morse.recipes.table").TableRecipe()
    whole = training(morse, tmp_path, "whole")
    result = recipe.train(whole, Context(tmp_path))
    assert result.finished
    assert result.figures["validation_ler"] < 0.05

    parts = dataclasses.replace(whole, output=tmp_path / "parts")
    parts.output.mkdir()
    context = Context(tmp_path, stop_after=7)
    stopped = recipe.train(parts, context)
    assert not stopped.finished
    assert not any(parts.output.iterdir())
    context.stop_after = None
    assert recipe.train(parts, context).finished
    assert (parts.output / "table.json").read_bytes() == (whole.output / "table.json").read_bytes()


def test_model_folder_without_a_table_is_not_found(morse: Any, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"table\.json"):
        morse.open_recognizer(str(tmp_path), {})
    (tmp_path / "table.json").write_text("[]", encoding="utf-8")
    with pytest.raises(DamagedError, match="no table of signs"):
        morse.open_recognizer(str(tmp_path), {})


def test_baseline_is_the_standard(morse: Any, tmp_path: Path) -> None:
    given = training(morse, tmp_path, "out")
    guesses = morse.baseline(given.train, given.validation)
    assert guesses is not None
    assert len(guesses) == len(given.validation)
    assert any("?" in guess for guess in guesses)
