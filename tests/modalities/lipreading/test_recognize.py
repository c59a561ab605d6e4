"""Which runtime reads a model, and what is said of a folder that holds none."""

import json

import pytest

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError, UnavailableError
from truing.modalities.lipreading import recognize
from truing.modalities.lipreading.modality import LipReading
from truing.modalities.lipreading.recognize import RUNTIMES, find_model, kind_of, open_recognizer


def folder_with(place, **config):
    place.mkdir(exist_ok=True)
    (place / "config.json").write_text(json.dumps(config))
    return place


@pytest.mark.parametrize("kind", ["pixel-ridge", "visual-tcn", "external"])
def test_the_kind_is_told_by_the_configuration(tmp_path, kind):
    assert kind_of(folder_with(tmp_path / "m", model_type=kind)) == kind


@pytest.mark.parametrize("key", ["vision_config", "mm_vision_tower"])
def test_models_with_eyes_are_read_as_such(tmp_path, key):
    assert kind_of(folder_with(tmp_path / "m", model_type="idefics3", **{key: {"x": 1}})) == "vlm"


def test_an_adapter_is_read_by_the_same(tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    assert kind_of(tmp_path) == "vlm"


def test_every_runtime_of_the_table_can_be_imported():
    import importlib

    for target in RUNTIMES.values():
        module, _, attribute = target.partition(":")
        assert callable(getattr(importlib.import_module(module), attribute))


def test_folders_that_hold_no_lip_reading_model(tmp_path):
    with pytest.raises(NotFoundError, match="no model folder"):
        find_model(str(tmp_path / "nothing"))
    with pytest.raises(NotFoundError, match=r"has no `config\.json`"):
        find_model(str(tmp_path))
    with pytest.raises(InvalidInputError, match="of the kind `whisper`, which cannot read lips"):
        find_model(str(folder_with(tmp_path / "speech", model_type="whisper")))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(DamagedError, match="cannot be read"):
        find_model(str(tmp_path))
    (tmp_path / "config.json").write_text("[1]")
    with pytest.raises(DamagedError, match="no JSON object"):
        find_model(str(tmp_path))


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "model").touch()
    with pytest.raises(NotFoundError, match="no model folder"):
        find_model(str(tmp_path / "model"))


def test_a_hub_that_cannot_be_reached(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UnavailableError, match="cannot be fetched"):
        find_model("nobody/no-such-model")


def test_a_model_of_the_hub_names_no_program_of_this_machine(tmp_path, monkeypatch):
    import huggingface_hub

    folder_with(tmp_path / "m", model_type="external", command=["sh", "-c", "echo {video}"])
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: tmp_path / "m")
    with pytest.raises(InvalidInputError, match="would run a program of this machine"):
        open_recognizer("somebody/model", {})
    folder_with(tmp_path / "m", model_type="idefics3", vision_config={"depth": 1})
    assert find_model("somebody/model") == tmp_path / "m"


def test_the_runtime_is_opened_with_folder_and_options(tmp_path, monkeypatch):
    opened = []

    class Reader:
        def __init__(self, folder, options):
            opened.append((folder, options))

    monkeypatch.setattr(recognize, "Reader", Reader, raising=False)
    monkeypatch.setitem(RUNTIMES, "visual-tcn", f"{recognize.__name__}:Reader")
    place = folder_with(tmp_path / "m", model_type="visual-tcn")
    assert isinstance(open_recognizer(str(place), {"text_only": True}), Reader)
    assert isinstance(LipReading().open_recognizer(str(place), {}), Reader)
    assert opened == [(place, {"text_only": True}), (place, {})]
