"""Training tiny Gemma 3 and Idefics3 on real mosaics: steps, looking, stopping, resuming."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from truing.domain.errors import (
    ConflictError,
    InvalidInputError,
    MissingDependencyError,
    NothingToDoError,
    RunFailedError,
    SettingError,
)
from truing.domain.recipe import Example, MediaFile, TrainingInput, TrainingResult
from truing.modalities.lipreading import vlm_model
from truing.modalities.lipreading.grammar import sentence_of
from truing.modalities.lipreading.recipes.vlm_adapter import attach, targets_in
from truing.modalities.lipreading.recipes.vlm_dataset import Batches, Row, gather
from truing.modalities.lipreading.recipes.vlm_lora import VlmLoraOptions, VlmLoraRecipe
from truing.modalities.lipreading.vlm_folder import Found, find
from truing.modalities.lipreading.vlm_model import ends_of, load, with_adapter
from truing.modalities.lipreading.vlm_picture import Pictures
from truing.modalities.lipreading.vlm_prompt import Dialogue
from truing.modalities.lipreading.vlm_runtime import VlmReader
from truing.testing.folder_context import FolderContext
from truing.testing.tiny_vlm import tiny_gemma3, tiny_idefics3

CLIPS = Path(__file__).parents[3] / "data" / "lipreading"
FAMILIES = {"gemma3": tiny_gemma3, "idefics3": tiny_idefics3}
QUICK = VlmLoraOptions(max_steps=6, batch_size=4, accumulation=2, learning_rate=1e-2)


def clip(name: str) -> Example:
    folder = CLIPS / "grid_s1"
    return Example(
        uid=name,
        media={
            "video": MediaFile(path=next((folder / "mouth").glob(f"{name}.*"))),
            "alignment": MediaFile(path=folder / "align" / f"{name}.align"),
        },
        truth=sentence_of(name),
        subject="s1",
    )


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def clips() -> list[Example]:
    """Ten real clips of one speaker, each from another group of sentences."""
    names = sorted(path.stem for path in (CLIPS / "grid_s1" / "mouth").iterdir())
    return [clip(name) for name in names[::16][:10]]


@pytest.fixture(scope="module")
def bases(clips: list[Example], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    texts = [one.truth for one in clips]
    folder = tmp_path_factory.mktemp("bases")
    return {name: build(folder / name, texts) for name, build in FAMILIES.items()}


def train(
    base: Path | None,
    rows: Sequence[Example],
    output: Path,
    options: VlmLoraOptions = QUICK,
    *,
    context: FolderContext | None = None,
    validation: Sequence[Example] = (),
    replay: Sequence[Example] = (),
) -> tuple[TrainingResult, FolderContext]:
    output.mkdir(parents=True)
    context = context or FolderContext(output.with_name(f"{output.name}-checkpoints"))
    given = TrainingInput(
        base=None if base is None else str(base),
        train=rows,
        validation=validation,
        replay=replay,
        options=options,
        seed=3,
        output=output,
    )
    return VlmLoraRecipe().train(given, context), context


@dataclass(frozen=True)
class Learned:
    """A tiny model after ten clips were shown to it until it knew them."""

    family: str
    folder: Path
    result: TrainingResult
    context: FolderContext
    rows: tuple[Row, ...]


@pytest.fixture(scope="module", params=FAMILIES)
def learned(
    request: pytest.FixtureRequest,
    bases: dict[str, Path],
    clips: list[Example],
    tmp_path_factory: pytest.TempPathFactory,
) -> Learned:
    family: str = request.param
    options = VlmLoraOptions(
        preset="overfit-10", learning_rate=1e-2, schedule="constant", gradient_checkpointing=False
    )
    folder = tmp_path_factory.mktemp(family) / "model"
    result, context = train(bases[family], clips, folder, options, validation=clips)
    with Pictures("alignment") as pictures:
        rows = gather(clips, pictures, name="train", should_stop=lambda: False)
    assert rows is not None
    return Learned(family, folder, result, context, rows.rows)


def loss_of(folder: Path, rows: Sequence[Row], shift: int = 0) -> float:
    """Nats per token of the answers when each is asked of the picture `shift` rows further on."""
    import torch

    found = find(str(folder))
    assert found.adapter is not None
    assert found.note is not None
    model, processor = load(found, device="cpu", precision="fp32", four_bit=False)
    batches = Batches(processor, Dialogue(processor, found.note.form, ends_of(model)))
    shown = [rows[(place + shift) % len(rows)].jpeg for place in range(len(rows))]
    batch = batches(
        [{"image": jpeg, "text": row.text} for jpeg, row in zip(shown, rows, strict=True)]
    )
    with torch.no_grad():
        return float(with_adapter(model, found.adapter).eval()(**batch).loss)


def test_ten_clips_are_learned(learned: Learned) -> None:
    losses = learned.context.values("train_loss")
    assert len(losses) == learned.result.steps == 100
    assert losses[0] > 5.5  # about as unsure as chance among some 400 tokens
    assert losses[-1] < 0.35 * losses[0]
    assert learned.result.finished
    assert learned.context.done == (100, 100)


def test_other_peoples_pictures_raise_the_loss(learned: Learned) -> None:
    own = loss_of(learned.folder, learned.rows)
    shuffled = [loss_of(learned.folder, learned.rows, shift) for shift in (1, 3)]
    # A model that does not look would lose nothing at all by it.
    assert min(shuffled) > own + 1.2, (own, shuffled)


def test_the_saved_adapter_is_the_trained_one(learned: Learned) -> None:
    # The last validation was over the same rows, by the model in memory, without dropout.
    validated = learned.context.values("validation_loss")
    assert loss_of(learned.folder, learned.rows) == pytest.approx(validated[-1], rel=1e-3)
    assert validated[-1] < 0.4 * validated[0]
    assert learned.result.figures["validation_loss"] == validated[-1]


def test_the_reader_writes_what_was_learned(learned: Learned, clips: list[Example]) -> None:
    reader = VlmReader(learned.folder, {"batch_size": 10})
    told = reader.recognize_many([one.media for one in clips])
    reader.close()
    right = sum(one.text == clip.truth for one, clip in zip(told, clips, strict=True))
    assert right >= 8, [one.text for one in told]
    assert all(0 < (one.confidence or 0) < 1 for one in told)


@pytest.mark.parametrize("family", FAMILIES)
def test_smoke_is_two_steps(
    family: str, bases: dict[str, Path], clips: list[Example], tmp_path: Path
) -> None:
    options = VlmLoraOptions(preset="smoke", messages=3)
    result, context = train(bases[family], clips, tmp_path / "model", options)
    assert (result.finished, result.steps) == (True, 2)
    assert len(context.values("train_loss")) == 2
    assert [note for note in result.notes if "smoke" in note]
    files = {path.name for path in (tmp_path / "model").iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json", "vlm.json"} <= files
    assert not {name for name in files if name.endswith((".bin", ".pt", ".md")) or name[0] == "."}


@pytest.mark.parametrize("family", FAMILIES)
def test_half_precision_is_the_same_up_to_its_digits(
    family: str, bases: dict[str, Path], clips: list[Example], tmp_path: Path
) -> None:
    """As on a GPU: the base in bf16, the adapter in fp32."""
    from safetensors.torch import load_file

    once = replace(QUICK, max_steps=2, precision="bf16")
    _, half = train(bases[family], clips, tmp_path / "half", once)
    _, full = train(bases[family], clips, tmp_path / "full", replace(once, precision="fp32"))
    assert half.values("train_loss") == pytest.approx(full.values("train_loss"), rel=0.05)
    assert half.values("train_loss") != full.values("train_loss")
    weights = load_file(tmp_path / "half" / "adapter_model.safetensors").values()
    assert {str(weight.dtype) for weight in weights} == {"torch.float32"}
    reader = VlmReader(tmp_path / "half", {"precision": "bf16", "max_new_tokens": 4})
    assert 0 < (reader.recognize(clips[0].media).confidence or 0) < 1
    reader.close()


@pytest.mark.parametrize("family", FAMILIES)
def test_only_the_language_model_is_adapted(
    family: str, bases: dict[str, Path], clips: list[Example], tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    model, _ = load(Found(base=str(bases[family])), device="cpu", precision="fp32", four_bit=False)
    eyes = [name for name, _ in model.named_modules() if "vision" in name and "q_proj" in name]
    assert eyes  # a bare `q_proj` would hit these
    named = targets_in(model, "q_proj,k_proj,v_proj,o_proj")
    wrapped = attach(model, QUICK, Found(base=str(bases[family])))
    trained = [name for name, weight in wrapped.named_parameters() if weight.requires_grad]
    assert len(trained) == 2 * 4 * 2  # layers x projections x two matrices
    assert not [name for name in trained if "vision" in name or "connector" in name]
    assert named.startswith(("model\\.language_model", "model\\.text_model"))

    train(bases[family], clips[:4], tmp_path / "model", replace(QUICK, max_steps=1))
    kept = load_file(tmp_path / "model" / "adapter_model.safetensors")
    assert len(kept) == len(trained)
    assert not [name for name in kept if "vision" in name]


def test_layers_that_are_not_there_are_named(bases: dict[str, Path]) -> None:
    model, _ = load(
        Found(base=str(bases["gemma3"])), device="cpu", precision="fp32", four_bit=False
    )
    with pytest.raises(SettingError, match="query_key_value"):
        targets_in(model, "query_key_value")


def test_a_stopped_run_ends_in_the_same_bytes(
    bases: dict[str, Path], clips: list[Example], tmp_path: Path
) -> None:
    base = bases["idefics3"]
    whole, context = train(base, clips, tmp_path / "whole", validation=clips[:2])
    stopping = FolderContext(tmp_path / "checkpoints", stop_at=3)
    half, _ = train(base, clips, tmp_path / "half", context=stopping, validation=clips[:2])
    assert (half.finished, half.steps) == (False, 3)
    assert not list((tmp_path / "half").iterdir())
    files = {path.name for path in (tmp_path / "checkpoints" / "000003").iterdir()}
    assert {"adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth"} <= files
    assert "training_args.bin" not in files

    again = FolderContext(tmp_path / "checkpoints")
    rest, _ = train(base, clips, tmp_path / "rest", context=again, validation=clips[:2])
    assert (rest.finished, rest.steps) == (True, 6)
    assert "Resumed at step 3 of 6." in again.lines
    weights = "adapter_model.safetensors"
    assert (tmp_path / "rest" / weights).read_bytes() == (tmp_path / "whole" / weights).read_bytes()
    losses = stopping.values("train_loss") + again.values("train_loss")
    assert losses == context.values("train_loss")
    assert whole.figures["validation_loss"] == rest.figures["validation_loss"]


def test_a_checkpoint_of_another_run_is_refused(
    bases: dict[str, Path], clips: list[Example], tmp_path: Path
) -> None:
    context = FolderContext(tmp_path / "checkpoints", stop_at=1)
    train(bases["idefics3"], clips[:4], tmp_path / "first", context=context)
    other = replace(QUICK, learning_rate=1e-3)
    with pytest.raises(ConflictError, match="other settings"):
        train(
            bases["idefics3"],
            clips[:4],
            tmp_path / "second",
            other,
            context=FolderContext(tmp_path / "checkpoints"),
        )


def test_checkpoints_are_saved_by_the_clock(
    bases: dict[str, Path], clips: list[Example], tmp_path: Path
) -> None:
    often = replace(QUICK, max_steps=3, checkpoint_minutes=0.0)
    train(bases["idefics3"], clips[:4], tmp_path / "model", often)
    saved = sorted(path.name for path in (tmp_path / "model-checkpoints").iterdir())
    assert saved == ["000001", "000002"]  # the last step is the model itself


def test_nobody_is_told(
    bases: dict[str, Path],
    clips: list[Example],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []

    def refuse(*where: object, **_: object) -> None:
        asked.append(where)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    train(bases["idefics3"], clips[:4], tmp_path / "model", replace(QUICK, max_steps=1))
    from huggingface_hub.utils import _telemetry

    assert _telemetry._TELEMETRY_QUEUE.empty()
    assert _telemetry._TELEMETRY_THREAD is None
    assert not asked


def test_an_adapter_is_trained_on(
    bases: dict[str, Path], clips: list[Example], tmp_path: Path
) -> None:
    general, _ = train(bases["idefics3"], clips[:5], tmp_path / "general")
    result, context = train(tmp_path / "general", clips[5:], tmp_path / "own", replay=clips[:5])
    assert general.finished
    assert result.finished
    assert any("10 training rows" in line for line in context.lines)  # half of them replayed
    note = json.loads((tmp_path / "own" / "vlm.json").read_text(encoding="utf-8"))
    assert note["base"] == str(bases["idefics3"].resolve())  # the whole model, not the adapter
    said = json.loads((tmp_path / "own" / "adapter_config.json").read_text(encoding="utf-8"))
    assert said["base_model_name_or_path"] == "idefics3"  # no path of this machine
    before, after = (tmp_path / name / "adapter_model.safetensors" for name in ("general", "own"))
    assert before.read_bytes() != after.read_bytes()


def test_rows_without_a_mouth_are_left_out_and_told(
    bases: dict[str, Path], clips: list[Example], tmp_path: Path
) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video at all", encoding="utf-8")
    wrong = Example(uid="x", media={"video": MediaFile(path=text)}, truth="bin blue at f two now")
    once = replace(QUICK, max_steps=1)
    result, _ = train(bases["idefics3"], [*clips[:3], wrong], tmp_path / "model", once)
    assert [note for note in result.notes if note.startswith("1 train rows were left out")]
    with pytest.raises(NothingToDoError, match="show a mouth"):
        train(bases["idefics3"], [wrong], tmp_path / "none", once)


def test_a_loss_that_is_no_number_ends_the_run(
    bases: dict[str, Path], clips: list[Example], tmp_path: Path
) -> None:
    wild = replace(QUICK, learning_rate=1e30, warmup=0.0, schedule="constant", clip_norm=0.0)
    with pytest.raises(RunFailedError, match="loss became"):
        train(bases["idefics3"], clips[:4], tmp_path / "model", wild)


def test_pictures_that_get_lost_later_end_the_run(
    bases: dict[str, Path], clips: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []

    def forgetful(self: Batches, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        batch = whole(self, rows)
        made.append(batch)
        first = len(made) == 1  # the one that is looked at beforehand
        return batch if first else {k: v for k, v in batch.items() if "pixel" not in k}

    whole = Batches.__call__
    monkeypatch.setattr(Batches, "__call__", forgetful)
    with pytest.raises(InvalidInputError, match="without pictures"):
        train(bases["idefics3"], clips[:4], tmp_path / "model")


def test_four_bits_need_their_package(
    bases: dict[str, Path],
    clips: list[Example],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vlm_model, "find_spec", lambda _: None)
    small = replace(QUICK, quantize_4bit=True)
    with pytest.raises(MissingDependencyError, match="bitsandbytes") as caught:
        train(bases["gemma3"], clips[:2], tmp_path / "model", small)
    assert caught.value.hint == "pip install bitsandbytes"


def test_limits(bases: dict[str, Path], clips: list[Example], tmp_path: Path) -> None:
    few = VlmLoraOptions(max_samples=3, epochs=2, batch_size=2, accumulation=1)
    result, context = train(bases["idefics3"], clips, tmp_path / "model", few)
    assert result.steps == 4  # two batches of three rows, twice
    assert any(line.startswith("3 training rows") for line in context.lines)


def test_presets_follow_the_number_of_rows() -> None:
    epochs = [VlmLoraRecipe().presets(rows, None)["epochs"] for rows in (10, 100, 1000)]
    assert epochs == [20, 10, 5]
    assert VlmLoraOptions().epochs == 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("preset", "huge"),
        ("messages", 4),
        ("rank", 0),
        ("alpha", 0),
        ("dropout", 1.0),
        ("span", "words"),
        ("max_samples", -1),
        ("weight_decay", -0.1),
        ("clip_norm", -1.0),
        ("validation_rows", -1),
        ("validate_every", -1),
        ("checkpoint_minutes", -1.0),
    ],
)
def test_values_that_cannot_work_are_named(name: str, value: object) -> None:
    with pytest.raises(SettingError, match=f"`{name}` cannot be `{value}`"):
        VlmLoraOptions(**{name: value})


def test_several_gpus_are_refused(
    bases: dict[str, Path], clips: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(SettingError, match="2 GPUs") as caught:
        train(bases["gemma3"], clips[:2], tmp_path / "model")
    assert "CUDA_VISIBLE_DEVICES" in (caught.value.hint or "")


def test_a_device_that_is_not_there(
    bases: dict[str, Path], clips: list[Example], tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match="cuda:7"):
        train(bases["gemma3"], clips[:2], tmp_path / "model", replace(QUICK, device="cuda:7"))
