"""The S2S app's training.toml: folders as Windows writes them, options as our recipe calls them."""

from __future__ import annotations

from pathlib import Path

import pytest

from truing.domain.errors import InvalidInputError, NotFoundError
from truing.formats.s2s_training import S2STraining, read_training, training_beside

WHOLE = """
[training]
flask_host = "127.0.0.1"
stt_model_path = ".\\\\.models\\\\stt\\\\whisper"
stt_faster_model_path = ".\\\\.models\\\\stt\\\\faster"
batch_size = 4
gradient_accumulation_steps = 2
learning_rate = 1e-5
warmup_steps = 50
num_train_epochs = 3
save_steps = 100
eval_steps = 40
logging_steps = 25
"""


def written(folder: Path, text: str) -> Path:
    place = folder / "configs" / "training.toml"
    place.parent.mkdir(exist_ok=True)
    place.write_text(text, encoding="utf-8")
    return place


def test_everything_it_says_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / ".models" / "stt" / "whisper").mkdir(parents=True)
    assert read_training(written(tmp_path, WHOLE)) == S2STraining(
        base=str(tmp_path / ".models" / "stt" / "whisper"),
        target=str(tmp_path / ".models" / "stt" / "faster"),
        options={
            "batch_size": "4",
            "accumulation": "2",
            "learning_rate": "1e-05",
            "warmup_steps": "50",
            "epochs": "3",
            "validate_every": "40",
        },
    )


def test_a_base_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert read_training(written(tmp_path, WHOLE)).base is None


def test_folders_with_slashes_and_from_the_root(tmp_path: Path) -> None:
    text = f'[training]\nstt_model_path = "{tmp_path}"\nstt_faster_model_path = "models/faster"\n'
    found = read_training(written(tmp_path, text))
    assert (found.base, found.target) == (str(tmp_path), str(tmp_path / "models" / "faster"))


def test_an_old_file_says_little(tmp_path: Path) -> None:
    text = '[training]\nflask_port = 8080\nbatch_size = "many"\nlearning_rate = true\n'
    assert read_training(written(tmp_path, text)) == S2STraining()


@pytest.mark.parametrize("text", ["[training", "flask_port = 8080", "training = 5"])
def test_what_is_no_such_file_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"training\.toml"):
        read_training(written(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no file"):
        read_training(tmp_path / "training.toml")


def test_it_is_found_from_the_folder_of_the_pages(tmp_path: Path) -> None:
    place = written(tmp_path, WHOLE)
    pages = tmp_path / "training" / "www" / "templates"
    pages.mkdir(parents=True)
    assert training_beside(pages) == training_beside(tmp_path) == place
    assert training_beside(place.parents[3]) is None
