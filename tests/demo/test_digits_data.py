"""The recordings and base models that the demo ships: whole, licensed, apart, and working."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import truing.demo.digits
from truing.demo.digits import make_recordings, train_base
from truing.domain.recipe import Example, MediaFile

FOLDER = Path(truing.demo.digits.__file__).parent
RECORDINGS = FOLDER / "recordings"
BASES = sorted((FOLDER / "base").iterdir())


def rows() -> list[dict[str, object]]:
    lines = (RECORDINGS / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_the_audiofolder_lists_each_file_once() -> None:
    listed = [str(row["file_name"]) for row in rows()]
    kept = [file.relative_to(RECORDINGS) for file in FOLDER.rglob("*.flac")]
    assert sorted(listed) == sorted(file.as_posix() for file in kept)


def test_the_speakers_and_indices_are_those_the_demo_needs() -> None:
    found: dict[str, set[int]] = {}
    for row in rows():
        found.setdefault(str(row["speaker"]), set()).add(int(str(row["recording"])))
        digit = int(Path(str(row["file_name"])).name[0])
        assert row["transcription"] == train_base.DIGITS[digit]
    for speaker in ("theo", "jackson"):
        assert found.pop(speaker) == set(range(50))
    assert set(found) == {"nicolas", "yweweler"}
    for indices in found.values():
        assert indices == {*range(5), *range(10, 30)}


def test_retention_was_never_trained_on() -> None:
    assert not set(train_base.SCORED) & {*train_base.TRAINED, *train_base.CHOSEN}
    assert set(make_recordings.REPLAYED) <= set(train_base.TRAINED)


def test_data_and_models_come_with_their_licence() -> None:
    text = (FOLDER / "LICENSE-CC-BY-SA-4.0.txt").read_text(encoding="utf-8")
    assert "Attribution-ShareAlike 4.0" in text
    assert "Free Spoken Digit Dataset" in text


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.name)
def test_a_base_says_what_it_is(base: Path) -> None:
    said = json.loads((base / "model.json").read_text(encoding="utf-8"))
    left_out = base.name.removeprefix("without-")
    assert said["left_out"] == left_out
    assert left_out not in said["trained_on"]["speakers"]
    assert said["trained_on"]["licence"] == said["licence"] == "CC BY-SA 4.0"
    assert said["figures"]["wer_seen_speakers"] < 0.1 < said["figures"]["wer_left_out_speaker"]
    assert sum(file.stat().st_size for file in base.iterdir()) < 1.4e6
    assert (base / "train_base.log").is_file()


def test_there_is_a_base_for_each_speaker_left_out() -> None:
    assert [base.name for base in BASES] == [f"without-{name}" for name in train_base.SPEAKERS]


def test_a_base_loads_as_float32_and_hears_its_own_speakers() -> None:
    import torch
    from transformers import WhisperForConditionalGeneration

    torch.set_num_threads(1)
    base = FOLDER / "base" / "without-theo"
    model = WhisperForConditionalGeneration.from_pretrained(str(base), local_files_only=True)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    retention = [
        Example(
            uid=str(row["file_name"]),
            media={"audio": MediaFile(path=RECORDINGS / str(row["file_name"]))},
            truth=str(row["transcription"]),
        )
        for row in rows()
        if row["speaker"] != "theo" and int(str(row["recording"])) < 5
    ]
    assert len(retention) == 150
    assert train_base.word_error_rate(base, retention) < 0.06


def test_recordings_are_made_without_loss(tmp_path: Path) -> None:
    import numpy as np
    import soundfile

    source, made = tmp_path / "fsdd", tmp_path / "made"
    source.mkdir()
    sound = np.random.default_rng(0).integers(-3000, 3000, 800).astype("int16")
    soundfile.write(tmp_path / "digit.wav", sound, 8000, subtype="PCM_16")
    for row in rows():
        name = Path(str(row["file_name"])).stem
        (source / f"{name}.wav").write_bytes((tmp_path / "digit.wav").read_bytes())
    assert make_recordings.make_recordings(source, made, ["theo", "jackson"]) == 1500
    samples, rate = soundfile.read(made / "theo" / "7_theo_49.flac", dtype="int16")
    assert rate == 8000
    assert np.array_equal(samples, sound)
    listed = [folder / "metadata.jsonl" for folder in (made, RECORDINGS)]
    assert listed[0].read_bytes() == listed[1].read_bytes()
