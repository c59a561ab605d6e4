"""Reading lips with a vision-language model: answers, doubts, options."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from truing.domain.errors import DamagedError, InvalidInputError, SettingError
from truing.domain.modality import LoadedRecognizer
from truing.domain.recipe import MediaFile
from truing.modalities.lipreading.grid.messages import QUESTIONS
from truing.modalities.lipreading.modality import LipReading
from truing.modalities.lipreading.recipes.vlm_adapter import attach
from truing.modalities.lipreading.recipes.vlm_dataset import Batches
from truing.modalities.lipreading.recipes.vlm_lora import VlmLoraOptions
from truing.modalities.lipreading.vlm_folder import Found, VlmNote
from truing.modalities.lipreading.vlm_model import load, quietly
from truing.modalities.lipreading.vlm_picture import Pictures
from truing.modalities.lipreading.vlm_runtime import VlmOptions, VlmReader
from truing.testing.tiny_vlm import tiny_gemma3, tiny_idefics3
from truing.training.adapter_files import write_adapter

DATA = Path(__file__).parents[2] / "data" / "lipreading"
TEXTS = ["bin blue at f two now", "set white with p four please"]


def clip(name: str) -> dict[str, MediaFile]:
    return {
        "video": MediaFile(path=next((DATA / "grid_s1" / "mouth").glob(f"{name}.*"))),
        "alignment": MediaFile(path=DATA / "grid_s1" / "align" / f"{name}.align"),
    }


CLIPS = [clip("bbas1s"), clip("bgig6n"), clip("braf8n")]


@pytest.fixture(scope="module", params=[tiny_gemma3, tiny_idefics3])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    torch.set_num_threads(1)
    folder: Path = request.param(tmp_path_factory.mktemp("base"), TEXTS)
    return folder


@pytest.fixture(scope="module")
def reader(base: Path) -> VlmReader:
    return VlmReader(base, {"max_new_tokens": 6})


def test_confidence_is_the_mean_probability_of_what_was_written(reader: VlmReader) -> None:
    """Teacher forcing over the answer gives the same figure as writing it did."""
    import torch

    told = reader.recognize(CLIPS[0])
    model, processor, dialogue = reader._model, reader._processor, reader._dialogue
    with Pictures(reader.note.span) as pictures:
        image = pictures.jpeg(CLIPS[0])
    batch = Batches(processor, dialogue)([{"image": image, "text": "x"}])
    length = batch["labels"].shape[1] - int((batch["labels"] != -100).sum())
    asked = {
        name: value[:, :length] if value.shape == batch["labels"].shape else value
        for name, value in batch.items()
        if name != "labels"
    }
    logs: list[float] = []
    with torch.no_grad():
        for _ in range(6):
            chances = model(**asked).logits[0, -1].float().log_softmax(-1)
            token = int(chances.argmax())
            logs.append(float(chances[token]))
            if token in dialogue.ends:
                break
            for name, value in asked.items():
                if value.ndim == 2 and value.shape[1] == asked["attention_mask"].shape[1]:
                    added = {"input_ids": token, "attention_mask": 1}.get(name, 0)
                    asked[name] = torch.cat((value, torch.full_like(value[:, :1], added)), dim=1)
    assert told.confidence == pytest.approx(math.exp(sum(logs) / len(logs)), rel=1e-3)


def test_many_are_read_as_each_alone(reader: VlmReader) -> None:
    together = reader.recognize_many(CLIPS, 2)
    alone = [reader.recognize(one) for one in CLIPS]
    assert [one.text for one in together] == [one.text for one in alone]
    for one, other in zip(together, alone, strict=True):
        assert one.confidence == pytest.approx(other.confidence, rel=1e-3)
        assert 0 < (one.seconds or 0) < 60


def test_words_are_those_of_the_text_with_their_doubts(reader: VlmReader) -> None:
    told = reader.recognize(CLIPS[1])
    assert told.text == " ".join(told.text.split())
    assert " ".join(word.text for word in told.words) == told.text
    assert all(0 < (word.confidence or 0) <= 1 for word in told.words)
    assert all(word.start is word.end is None for word in told.words)


def test_other_readings_are_other_texts(base: Path) -> None:
    reader = VlmReader(base, {"num_alternatives": "2", "max_new_tokens": 4})
    told = reader.recognize(CLIPS[0])
    texts = [one.text for one in told.alternatives]
    assert 1 <= len(texts) <= 2
    assert told.text not in texts
    assert all(0 < (one.confidence or 0) < 1 for one in told.alternatives)
    reader.close()
    plain = VlmReader(base, {"num_alternatives": 2, "text_only": True, "max_new_tokens": 4})
    bare = plain.recognize(CLIPS[0])
    assert (bare.text, bare.alternatives, bare.words) == (told.text, (), ())
    assert bare.confidence == pytest.approx(told.confidence, rel=1e-4)
    plain.close()


def test_a_model_that_nobody_trained_is_asked_at_length(reader: VlmReader) -> None:
    assert QUESTIONS[3] in reader._dialogue.prompt
    assert reader.note.span == "clip"


def test_an_adapter_is_asked_as_it_was_trained(base: Path, tmp_path: Path) -> None:
    import torch

    found = Found(base=str(base))
    model, processor = load(found, device="cpu", precision="fp32", four_bit=False)
    torch.manual_seed(1)
    wrapped = attach(model, VlmLoraOptions(), found)
    for name, weight in wrapped.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(0, 1.0)
    with quietly():
        write_adapter(tmp_path, wrapped, str(base))
    processor.save_pretrained(tmp_path)
    VlmNote(base=str(base), form=2, span="alignment").write(tmp_path)
    opened: Any = LipReading().open_recognizer(str(tmp_path), {"max_new_tokens": 6})
    assert isinstance(opened, VlmReader)
    assert QUESTIONS[2] in opened._dialogue.prompt
    aligned = opened.recognize(CLIPS[0])
    whole = opened.recognize({"video": CLIPS[0]["video"]})
    assert aligned.confidence != whole.confidence  # other frames
    untrained = VlmReader(base, {"max_new_tokens": 6})
    assert untrained.recognize(CLIPS[0]).confidence != aligned.confidence
    opened.close()
    untrained.close()


def test_writing_is_greedy_whatever_the_model_prefers(
    base: Path, reader: VlmReader, tmp_path: Path
) -> None:
    shutil.copytree(base, tmp_path / "base")
    settings = tmp_path / "base" / "generation_config.json"
    said = json.loads(settings.read_text(encoding="utf-8"))
    wild = {"do_sample": True, "temperature": 1.7, "top_k": 64, "top_p": 0.95}
    settings.write_text(json.dumps({**said, **wild, "max_length": 20}), encoding="utf-8")
    drawn = VlmReader(tmp_path / "base", {"max_new_tokens": 6, "num_alternatives": 1})
    for one in CLIPS:
        assert drawn.recognize(one).text == reader.recognize(one).text
        assert drawn.recognize(one).confidence == reader.recognize(one).confidence
    drawn.close()


def test_pictures_differ_and_so_do_doubts(reader: VlmReader) -> None:
    told = reader.recognize_many(CLIPS)
    assert len({one.confidence for one in told}) == len(CLIPS)


def test_a_video_without_a_mouth_reads_as_nothing(reader: VlmReader, tmp_path: Path) -> None:
    import av
    import numpy as np

    empty = tmp_path / "wall.mp4"
    with av.open(str(empty), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for _ in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((240, 320, 3), 128, np.uint8))
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    wall = {"video": MediaFile(path=empty)}
    told = reader.recognize_many([wall, CLIPS[0]])
    assert (told[0].text, told[0].confidence) == ("", None)
    assert told[1].confidence == pytest.approx(reader.recognize(CLIPS[0]).confidence, rel=1e-3)


def test_what_is_no_video_is_refused(reader: VlmReader, tmp_path: Path) -> None:
    text = tmp_path / "clip.mp4"
    text.write_text("no video", encoding="utf-8")
    with pytest.raises((DamagedError, InvalidInputError)):
        reader.recognize({"video": MediaFile(path=text)})


def test_a_closed_reader_says_so(base: Path) -> None:
    reader: LoadedRecognizer = VlmReader(base, {})
    reader.close()
    reader.close()
    with pytest.raises(InvalidInputError, match="closed"):
        reader.recognize(CLIPS[0])


def test_options_are_read_from_texts() -> None:
    options = VlmOptions.of({"batch_size": "4", "text_only": "true", "base": "x/y", "threads": 0})
    assert options == VlmOptions(batch_size=4, text_only=True, base="x/y")
    with pytest.raises(InvalidInputError, match="no option `beam_siz`"):
        VlmOptions.of({"beam_siz": 4})
    with pytest.raises(InvalidInputError, match="`batch_size` cannot be `0`"):
        VlmOptions.of({"batch_size": 0})
    with pytest.raises(InvalidInputError, match="`quantize_4bit` cannot be `maybe`"):
        VlmOptions.of({"quantize_4bit": "maybe"})


def test_a_device_that_is_not_there_is_named(base: Path) -> None:
    with pytest.raises(SettingError, match="cuda:9"):
        VlmReader(base, {"device": "cuda:9"})
