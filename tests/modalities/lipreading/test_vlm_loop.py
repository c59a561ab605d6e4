"""The whole loop with a tiny vision-language model on real clips: train, evaluate, merge, again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.errors import MissingDependencyError
from truing.domain.model import ModelRef
from truing.domain.run import RunState
from truing.modalities.lipreading import vlm_model
from truing.modalities.lipreading.grammar import sentence_of
from truing.testing.tiny_vlm import tiny_idefics3
from truing.workspace.combining import merge

CLIPS = Path(__file__).parents[2] / "data" / "lipreading" / "grid_s1"
NAMES = sorted(path.stem for path in (CLIPS / "mouth").iterdir())[::13][:12]
OPTIONS = {
    "max_steps": "90",
    "batch_size": "10",
    "accumulation": "1",
    "learning_rate": "1e-2",
    "schedule": "constant",
    "dropout": "0",
    "gradient_checkpointing": "false",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "ws", rng=random.Random(7), environ={}) as opened:
        for name in NAMES:
            added = opened.capture(
                "lipreading",
                video={"path": next((CLIPS / "mouth").glob(f"{name}.*")), "framing": "mouth"},
                alignment=CLIPS / "align" / f"{name}.align",
                raw=sentence_of(name),
                subject="s1",
                session=f"s1/{name[:4]}",
                sampling="wholesale",
            )
            assert added is not None
            opened.review(added.id, "accepted")
        yield opened


@pytest.mark.timeout(600)
def test_from_clips_to_a_model_that_reads_them(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tiny_idefics3(tmp_path / "base", [sentence_of(name) for name in NAMES])
    version = workspace.freeze(
        "lips", modality="lipreading", validation_share=0.0, test_share=0.2, seed=1
    )
    assert version.counts["test"] >= 2
    run = workspace.train("lips@1", recipe="vlm-lora", base=str(base), options=OPTIONS)
    run = workspace.jobs.wait(run.id).run
    assert run.state is RunState.DONE, run.error
    model = str(run.result["model"])
    folder = workspace.model_files.path(ModelRef.parse(model))
    assert (folder / "adapter_model.safetensors").is_file()

    learned = workspace.evaluate(model, "lips@1", "train")
    assert learned.figures["wer"] < 0.2, learned.figures
    held_out = workspace.evaluate(model, "lips@1")
    assert held_out.figures["rows"] == version.counts["test"]

    # Run in another way it says other things, which are neither kept nor remembered.
    short = workspace.evaluate(model, "lips@1", "train", options={"max_new_tokens": 1})
    assert short.figures["wer"] > 0.7
    digest, metric = learned.model_digest, learned.metric_version
    kept = workspace.store.evaluations.find(digest, "lips@1", "train", metric)
    assert kept is not None
    assert kept.uid == learned.uid
    fresh = workspace.evaluate(model, "lips@1", "train", fresh=True)
    assert fresh.figures["wer"] == learned.figures["wer"]
    monkeypatch.setattr(vlm_model, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match="bitsandbytes"):
        workspace.evaluate(model, "lips@1", options={"quantize_4bit": True})

    merged = merge(workspace, str(base), folder, modality="lipreading")
    again = workspace.evaluate(str(merged.ref), "lips@1", "train")
    said = [[row.prediction for row in one.rows] for one in (learned, again)]
    assert said[0] == said[1]
