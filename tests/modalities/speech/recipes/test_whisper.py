"""Fine-tuning really runs here: tiny untrained models, real recordings, a few steps each."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from truing.domain.errors import (
    ConflictError,
    DamagedError,
    InvalidInputError,
    NotFoundError,
    NothingToDoError,
    RunFailedError,
    SettingError,
    UnavailableError,
)
from truing.domain.recipe import Example, MediaFile, TrainingInput
from truing.modalities.speech.recipes import whisper
from truing.modalities.speech.recipes.whisper import WhisperOptions, WhisperRecipe
from truing.platform.numerics import Numerics

SMALL = {
    "batch_size": 4, "accumulation": 1, "learning_rate": 1e-3, "warmup_steps": 1,
    "words_to_choose": 0,
}  # fmt: skip


def given(base: Path | str | None, output: Path, **changes: Any) -> TrainingInput:
    """A training input; `options` are laid over small ones."""
    options = WhisperOptions(**{**SMALL, "max_steps": 3, **changes.pop("options", {})})
    rows: dict[str, Any] = {"train": (), "validation": (), "replay": (), **changes}
    return TrainingInput(
        base=None if base is None else str(base), options=options, seed=5, output=output, **rows
    )


def digest(folder: Path) -> str:
    return sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(folder / "model.safetensors"))


def test_a_run_reports_and_writes_a_model_that_loads(
    english_base: Path, theo: list[Example], jackson: list[Example], context: Any, fresh: Any
) -> None:
    from transformers import WhisperForConditionalGeneration, WhisperProcessor

    out = fresh("out")
    result = WhisperRecipe().train(
        given(english_base, out, train=theo[:10], validation=theo[10:], replay=jackson), context
    )

    assert result.finished
    assert result.steps == 3
    assert set(result.figures) == {
        "train_loss", "validation_wer", "validation_loss", "train_seconds",
    }  # fmt: skip
    assert len(context.values("train_loss")) == len(context.values("learning_rate")) == 3
    assert len(context.values("validation_wer")) == 4, "the base, then each step"
    assert context.done == (3, 3)
    files = {file.name for file in out.iterdir()}
    assert {"model.safetensors", "tokenizer.json", "processor_config.json"} <= files
    extractor = json.loads((out / "preprocessor_config.json").read_text())
    assert extractor["chunk_length"] == 1
    assert not [name for name in files if name.endswith((".bin", ".pt", ".pkl"))]
    model = WhisperForConditionalGeneration.from_pretrained(str(out), local_files_only=True)
    WhisperProcessor.from_pretrained(str(out), local_files_only=True)
    assert str(model.dtype) == "torch.float32"


@pytest.mark.parametrize("stop_at", [0, 1, 4])
def test_stopping_and_resuming_ends_in_the_same_bytes(
    stop_at: int,
    english_base: Path,
    theo: list[Example],
    jackson: list[Example],
    context: Any,
    fresh: Any,
) -> None:
    asked = {
        "train": theo[:10],
        "validation": theo[10:],
        "replay": jackson,
        "options": {"max_steps": 5, "dropout": 0.2, "join_chance": 0.5, "accumulation": 2},
    }
    whole = WhisperRecipe().train(given(english_base, fresh("whole"), **dict(asked)), context)
    told = [r for r in context.reports if "train_loss" in r[1] or "validation_wer" in r[1]]

    parted = dataclasses.replace(
        context, folder=fresh("kept"), stop_at=stop_at, reports=[], done=(0, 0)
    )
    first = WhisperRecipe().train(given(english_base, fresh("first"), **dict(asked)), parted)
    assert not first.finished
    assert first.steps == stop_at
    assert not list((parted.folder.parent / "first").iterdir()), "nothing is written yet"
    parted.stop_at = None
    second = WhisperRecipe().train(given(english_base, fresh("second"), **dict(asked)), parted)

    folder = context.folder.parent
    assert second.finished
    assert digest(folder / "second") == digest(folder / "whole") != digest(english_base)
    assert parted.reports == told
    assert {k: v for k, v in second.figures.items() if k != "train_seconds"} == {
        k: v for k, v in whole.figures.items() if k != "train_seconds"
    }


def test_a_checkpoint_is_written_when_its_time_has_come(
    english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    WhisperRecipe().train(
        given(english_base, fresh("out"), train=theo, options={"checkpoint_minutes": 0.0}), context
    )
    kept = sorted(folder.name for folder in context.folder.iterdir())
    assert kept == ["000000", "000001", "000002"]
    files = {file.name for file in (context.folder / "000002").iterdir()}
    assert files == {"model.safetensors", "optimizer.safetensors", "state.json"}


def test_a_checkpoint_of_other_settings_is_refused(
    english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    context.stop_at = 1
    WhisperRecipe().train(given(english_base, fresh("a"), train=theo), context)
    other = given(english_base, fresh("b"), train=theo, options={"learning_rate": 1e-4})
    with pytest.raises(ConflictError, match="other settings"):
        WhisperRecipe().train(other, context)


def test_a_checkpoint_that_cannot_be_read_is_named(
    english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    context.stop_at = 1
    WhisperRecipe().train(given(english_base, fresh("a"), train=theo), context)
    (context.folder / "000001" / "optimizer.safetensors").unlink()
    with pytest.raises(DamagedError, match="000001"):
        WhisperRecipe().train(given(english_base, fresh("b"), train=theo), context)


def test_a_frozen_encoder_stays_frozen(
    english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    out = fresh("out")
    WhisperRecipe().train(
        given(english_base, out, train=theo, options={"layers": "decoder"}), context
    )
    before, after = weights(english_base), weights(out)
    same = {name for name in before if bool((before[name] == after[name]).all())}
    assert {name for name in before if name.startswith("model.encoder.")} <= same
    assert any(name.startswith("model.decoder.layers") for name in before.keys() - same)


def test_gradient_checkpointing_changes_nothing_but_memory(
    english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    for name, checkpointing in (("with", True), ("without", False)):
        options = {"gradient_checkpointing": checkpointing}
        WhisperRecipe().train(
            given(english_base, fresh(name), train=theo, options=options), context
        )
    first, second = context.values("train_loss")[:3], context.values("train_loss")[3:]
    assert first == pytest.approx(second, rel=1e-5)


def test_accumulation_equals_one_large_batch(
    english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    for name, split in (("one", (8, 1)), ("two", (4, 2))):
        options = {"batch_size": split[0], "accumulation": split[1], "max_steps": 2}
        WhisperRecipe().train(
            given(english_base, fresh(name), train=theo, options=options), context
        )
    losses = context.values("train_loss")
    assert losses[:2] == pytest.approx(losses[2:], rel=1e-5)


def test_replay_is_in_each_batch(
    monkeypatch: pytest.MonkeyPatch,
    english_base: Path,
    theo: list[Example],
    jackson: list[Example],
    context: Any,
    fresh: Any,
) -> None:
    drawn: list[str] = []
    real = whisper.Pool.draw

    def spy(pool: Any, position: int, variation: Any) -> Any:
        drawn.append(pool.name)
        return real(pool, position, variation)

    monkeypatch.setattr(whisper.Pool, "draw", spy)
    asked = given(
        english_base,
        fresh("out"),
        train=theo,
        replay=jackson,
        options={"batch_size": 5, "replay_share": 0.4, "accumulation": 2, "max_steps": 2},
    )
    WhisperRecipe().train(asked, context)
    assert drawn == (["train"] * 3 + ["replay"] * 2) * 4


def script_validation(monkeypatch: pytest.MonkeyPatch, figures: list[tuple[float, float]]) -> None:
    """Lets successive validations say these (WER, loss) figures."""
    told = iter(figures)

    def said(*_: Any, **__: Any) -> dict[str, float]:
        wer, loss = next(told)
        return {"validation_wer": wer, "validation_loss": loss}

    monkeypatch.setattr(whisper, "validate", said)


def test_early_stopping_keeps_the_best_weights(
    monkeypatch: pytest.MonkeyPatch,
    english_base: Path,
    theo: list[Example],
    context: Any,
    fresh: Any,
) -> None:
    # Step 2 ties with step 1 in WER and has the lower loss; steps 3 and 4 are no gain.
    script_validation(monkeypatch, [(0.9, 5.0), (0.5, 4.0), (0.5, 3.0), (0.5, 3.5), (0.6, 1.0)])
    changes = {"validate_every": 1, "patience": 2, "schedule": "constant"}
    long = given(
        english_base, fresh("long"), train=theo, validation=theo[:2],
        options={**changes, "max_steps": 30},
    )  # fmt: skip
    result = WhisperRecipe().train(long, context)
    assert (result.finished, result.steps) == (True, 4)
    assert "Stopped early at step 4 of 30." in result.notes
    assert "The weights of step 2 were the best on validation." in result.notes
    assert (result.figures["validation_wer"], result.figures["validation_loss"]) == (0.5, 3.0)

    context.folder = fresh("other")
    short = given(
        english_base, fresh("short"), train=theo,
        options={**changes, "max_steps": 2, "warmup_steps": 0},
    )  # fmt: skip
    long_warmup = dataclasses.replace(long.options, warmup_steps=0)
    script_validation(monkeypatch, [(0.9, 5.0), (0.5, 4.0), (0.5, 3.0), (0.5, 3.5), (0.6, 1.0)])
    again = dataclasses.replace(long, options=long_warmup, output=fresh("again"))
    WhisperRecipe().train(again, context)
    WhisperRecipe().train(short, context)
    assert digest(again.output) == digest(short.output), "the weights of step 2, not of step 4"


def test_the_base_is_kept_when_no_step_is_better(
    monkeypatch: pytest.MonkeyPatch,
    english_base: Path,
    theo: list[Example],
    context: Any,
    fresh: Any,
) -> None:
    script_validation(monkeypatch, [(0.1, 1.0), (0.2, 1.0), (0.2, 0.5), (0.3, 0.4)])
    out = fresh("out")
    result = WhisperRecipe().train(
        given(english_base, out, train=theo, validation=theo[:2], options={"patience": 0}), context
    )
    assert "No step was better than the base: its weights were kept." in result.notes
    assert result.steps == 3
    assert digest(out) == digest(english_base)


@pytest.mark.parametrize(("needed", "kept"), [(2, "step 0"), (3, "last")])
def test_few_words_of_validation_do_not_choose_the_step(
    needed: int,
    kept: str,
    monkeypatch: pytest.MonkeyPatch,
    english_base: Path,
    theo: list[Example],
    context: Any,
    fresh: Any,
) -> None:
    script_validation(monkeypatch, [(0.1, 1.0), (0.2, 1.0), (0.2, 0.5), (0.3, 0.4)])
    out = fresh("out")
    options = {"words_to_choose": needed, "patience": 1, "max_steps": 3, "validate_every": 1}
    asked = given(english_base, out, train=theo, validation=theo[:2], options=options)
    result = WhisperRecipe().train(asked, context)
    if kept == "last":
        assert result.steps == 3, "nor does it stop the run early"
        assert result.figures["validation_wer"] == 0.3
        assert "too few words" in result.notes[-1]
    else:
        assert result.steps == 1
        assert digest(out) == digest(english_base)


def test_a_checkpoint_of_another_model_is_refused(
    english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    from safetensors.torch import save_file

    context.stop_at = 1
    WhisperRecipe().train(given(english_base, fresh("a"), train=theo), context)
    wrong = {name: tensor[:1] for name, tensor in weights(english_base).items()}
    save_file(wrong, context.folder / "000001" / "model.safetensors")
    with pytest.raises(DamagedError, match="does not fit"):
        WhisperRecipe().train(given(english_base, fresh("b"), train=theo), context)


def test_a_tiny_model_learns_what_it_is_shown(
    english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    asked = given(
        english_base,
        fresh("out"),
        train=theo[:4],
        options={"max_steps": 60, "learning_rate": 2e-2, "augment": False},
    )
    WhisperRecipe().train(asked, context)
    losses = context.values("train_loss")
    assert losses[-1] < losses[0] / 4


def test_a_multilingual_model_is_prompted_with_language_and_task(
    monkeypatch: pytest.MonkeyPatch,
    multilingual_base: Path,
    theo: list[Example],
    context: Any,
    fresh: Any,
) -> None:
    out = fresh("out")
    seen: list[list[int]] = []
    real = whisper.label_batch

    def spy(rows: Any, end: int) -> Any:
        seen.extend(prompt for prompt, _ in rows)
        return real(rows, end)

    monkeypatch.setattr(whisper, "label_batch", spy)
    french = dataclasses.replace(theo[0], inputs={"language": "fr"})
    asked = given(
        multilingual_base,
        out,
        train=[french, theo[1]],
        validation=theo[2:4],
        options={"language": "german", "task": "translate", "batch_size": 2, "max_steps": 1},
    )
    WhisperRecipe().train(asked, context)

    from transformers import WhisperProcessor

    tokenizer = WhisperProcessor.from_pretrained(str(out), local_files_only=True).tokenizer
    prompts = {" ".join(tokenizer.convert_ids_to_tokens(prompt)) for prompt in seen}
    assert prompts == {
        "<|startoftranscript|> <|de|> <|translate|> <|notimestamps|>",
        "<|startoftranscript|> <|fr|> <|translate|> <|notimestamps|>",
    }
    settings = json.loads((out / "generation_config.json").read_text())
    assert (settings["language"], settings["task"]) == ("german", "translate")


def test_the_language_is_detected_when_nobody_names_it(
    multilingual_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    out = fresh("out")
    result = WhisperRecipe().train(
        given(multilingual_base, out, train=theo, options={"max_steps": 1}), context
    )
    settings = json.loads((out / "generation_config.json").read_text())
    assert settings["language"] in {"en", "de", "fr"}
    assert f"Nobody named the language; the base heard `{settings['language']}`." in result.notes


def test_an_unknown_language_is_refused(
    multilingual_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    asked = given(multilingual_base, fresh("out"), train=theo, options={"language": "klingon"})
    with pytest.raises(SettingError, match="klingon"):
        WhisperRecipe().train(asked, context)


def test_a_multilingual_model_that_knows_no_languages_asks_for_one(
    multilingual_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    base = fresh("base")
    shutil.copytree(multilingual_base, base, dirs_exist_ok=True)
    settings = json.loads((base / "generation_config.json").read_text())
    del settings["lang_to_id"]
    (base / "generation_config.json").write_text(json.dumps(settings))
    with pytest.raises(SettingError, match="languages"):
        WhisperRecipe().train(given(base, fresh("out"), train=theo), context)


def test_rows_the_model_cannot_hear_or_write_are_counted(
    english_base: Path, theo: list[Example], context: Any, fresh: Any, tmp_path: Path
) -> None:
    import numpy as np
    import soundfile

    long, nothing = tmp_path / "long.flac", tmp_path / "nothing.wav"
    soundfile.write(long, np.zeros(8000 * 3, dtype="float32"), 8000)
    soundfile.write(nothing, np.zeros(0, dtype="float32"), 8000)
    rows = [
        *theo[:3],
        dataclasses.replace(theo[0], media={"audio": MediaFile(path=long)}),
        dataclasses.replace(theo[0], media={"audio": MediaFile(path=nothing)}),
        dataclasses.replace(theo[0], truth="zero " * 60),
        dataclasses.replace(theo[0], media={"audio": MediaFile(path=long, start=1.0, end=1.5)}),
    ]
    result = WhisperRecipe().train(
        given(english_base, fresh("out"), train=rows, options={"max_steps": 1}), context
    )
    assert result.notes[:3] == (
        "train rows left out: 1 with audio longer than the 1 s the model can hear.",
        "train rows left out: 1 with text longer than the model can write.",
        "train rows left out: 1 with no audio.",
    )
    assert context.lines[0].startswith("4 corrections")


def test_errors_say_what_repairs_them(
    english_base: Path, theo: list[Example], context: Any, fresh: Any, tmp_path: Path
) -> None:
    recipe, out = WhisperRecipe(), fresh("out")
    torn, text = tmp_path / "torn.flac", tmp_path / "text.wav"
    torn.write_bytes(theo[0].media["audio"].path.read_bytes()[:30])
    text.write_text("this is no sound")
    alien, bare, damaged = fresh("alien"), fresh("bare"), fresh("damaged")
    (alien / "config.json").write_text('{"model_type": "bert"}')
    shutil.copy(english_base / "config.json", bare / "config.json")
    shutil.copytree(english_base, damaged, dirs_exist_ok=True)
    (damaged / "model.safetensors").write_bytes(b"\x00" * 100)

    def heard(path: Path) -> list[Example]:
        return [dataclasses.replace(theo[0], media={"audio": MediaFile(path=path)})]

    long_text = [dataclasses.replace(theo[0], truth="nine " * 99)]
    silent = [dataclasses.replace(theo[0], media={})]
    cases: list[tuple[type[Exception], str, Callable[[], TrainingInput]]] = [
        (NothingToDoError, "no training rows", lambda: given(english_base, out)),
        (NothingToDoError, "text longer", lambda: given(english_base, out, train=long_text)),
        (InvalidInputError, "needs a model", lambda: given(None, out, train=theo)),
        (NotFoundError, "missing", lambda: given(tmp_path / "missing", out, train=theo)),
        (NotFoundError, "./missing", lambda: given("./missing", out, train=theo)),
        (InvalidInputError, "bert", lambda: given(alien, out, train=theo)),
        (InvalidInputError, "None", lambda: given(out, out, train=theo)),
        (InvalidInputError, "not complete", lambda: given(bare, out, train=theo)),
        (DamagedError, "cannot be read", lambda: given(damaged, out, train=theo)),
        (InvalidInputError, "no audio", lambda: given(english_base, out, train=silent)),
        (NotFoundError, "gone", lambda: given(english_base, out, train=heard(tmp_path / "gone"))),
        (DamagedError, "torn", lambda: given(english_base, out, train=heard(torn))),
        (DamagedError, "text", lambda: given(english_base, out, train=heard(text))),
    ]
    for kind, words, make in cases:
        with pytest.raises(kind, match=words) as caught:
            recipe.train(make(), context)
        assert caught.value.hint, words  # type: ignore[attr-defined]


def test_a_hub_that_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch, theo: list[Example], context: Any, fresh: Any
) -> None:
    import transformers

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("We couldn't connect to 'https://huggingface.co'")

    monkeypatch.setattr(transformers.WhisperForConditionalGeneration, "from_pretrained", refuse)
    with pytest.raises(UnavailableError, match="openai/whisper-tiny") as caught:
        WhisperRecipe().train(given("openai/whisper-tiny", fresh("out"), train=theo), context)
    assert caught.value.hint is not None
    assert "folder" in caught.value.hint


def test_a_loss_that_is_no_number_ends_the_run(
    english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    from safetensors.torch import load_file, save_file

    base = fresh("base")
    shutil.copytree(english_base, base, dirs_exist_ok=True)
    tensors = load_file(base / "model.safetensors")
    tensors["model.decoder.layer_norm.weight"].fill_(float("nan"))
    save_file(tensors, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RunFailedError, match="nan"):
        WhisperRecipe().train(given(base, fresh("out"), train=theo), context)


def test_devices_and_precisions_that_are_not_there(
    english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    out = fresh("out")
    for options in ({"device": "tpu"}, {"device": "cpu", "precision": "bf16"}):
        with pytest.raises(SettingError):
            WhisperRecipe().train(given(english_base, out, train=theo, options=options), context)


def test_the_weights_of_the_last_steps_are_averaged(
    english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    import torch

    last = []
    changes = {"schedule": "constant", "warmup_steps": 0, "learning_rate": 1e-3}
    for steps in (2, 3, 4):
        out = fresh(f"after-{steps}")
        options = {**changes, "max_steps": steps}
        WhisperRecipe().train(given(english_base, out, train=theo, options=options), context)
        last.append(weights(out))
    averaged = {**changes, "max_steps": 4, "average": 0.75}
    out = fresh("averaged")
    WhisperRecipe().train(given(english_base, out, train=theo, options=averaged), context)
    found = weights(out)
    for name, value in found.items():
        mean = sum(one[name] for one in last) / 3
        assert torch.allclose(value, mean, atol=1e-6), name
    assert any(not torch.equal(found[name], last[-1][name]) for name in found)


def test_an_average_resumes_to_the_same_bytes(
    english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    options = {"max_steps": 6, "average": 0.7, "dropout": 0.1}
    WhisperRecipe().train(given(english_base, fresh("whole"), train=theo, options=options), context)
    parted = dataclasses.replace(context, folder=fresh("kept"), stop_at=4, done=(0, 0))
    asked = given(english_base, fresh("first"), train=theo, options=options)
    assert not WhisperRecipe().train(asked, parted).finished
    assert (parted.folder / "000004" / "average.safetensors").is_file()
    parted.stop_at = None
    asked = given(english_base, fresh("second"), train=theo, options=options)
    WhisperRecipe().train(asked, parted)
    folder = context.folder.parent
    assert digest(folder / "second") == digest(folder / "whole")


def test_the_average_is_a_candidate_when_validation_chooses(
    monkeypatch: pytest.MonkeyPatch,
    english_base: Path,
    theo: list[Example],
    context: Any,
    fresh: Any,
) -> None:
    changes = {"max_steps": 2, "average": 1.0, "validate_every": 1, "patience": 0}
    for name, last in (("better", 0.1), ("worse", 0.9)):
        script_validation(monkeypatch, [(0.8, 1.0), (0.5, 1.0), (0.4, 1.0), (last, 1.0)])
        out = fresh(name)
        asked = given(english_base, out, train=theo, validation=theo[:2], options=changes)
        result = WhisperRecipe().train(asked, context)
        assert result.figures["validation_wer"] == min(last, 0.4)
    folder = context.folder.parent
    assert digest(folder / "better") != digest(folder / "worse")


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_learns_and_resumes(
    precision: str, english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    """What a GPU does, as far as a CPU can: autocast, and a scaler whose state is kept."""
    import torch

    half = {"bf16": torch.bfloat16, "fp16": torch.float16}[precision]

    def on_cpu(device: str, asked: str) -> Numerics:
        assert (device, asked) == ("auto", precision)
        return Numerics(
            device=torch.device("cpu"),
            autocast=lambda: torch.autocast("cpu", dtype=half),
            scaler=torch.amp.GradScaler("cpu", enabled=precision == "fp16", init_scale=1024.0),
        )

    options = {
        "precision": precision, "max_steps": 40, "learning_rate": 1e-2, "augment": False,
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whisper, "choose_numerics", on_cpu)
        asked = given(english_base, fresh("whole"), train=theo[:4], options=options)
        WhisperRecipe().train(asked, context)
        losses = context.values("train_loss")
        assert losses[-1] < losses[0] / 2
        parted = dataclasses.replace(context, folder=fresh("kept"), stop_at=9, done=(0, 0))
        asked = given(english_base, fresh("first"), train=theo[:4], options=options)
        WhisperRecipe().train(asked, parted)
        kept = json.loads((parted.folder / "000009" / "state.json").read_text())
        assert bool(kept["scaler"]) == (precision == "fp16")
        parted.stop_at = None
        asked = given(english_base, fresh("second"), train=theo[:4], options=options)
        WhisperRecipe().train(asked, parted)
    folder = context.folder.parent
    assert digest(folder / "second") == digest(folder / "whole")
    assert str(next(iter(weights(folder / "whole").values())).dtype) == "torch.float32"
