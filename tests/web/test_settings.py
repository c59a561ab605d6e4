"""What leaves this machine is told from the settings, without secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from truing.domain.settings import resolve
from truing.domain.settings_table import SETTINGS
from truing.web.routes.settings import leaving


def told(**given: str) -> list[dict[str, str]]:
    flags = {name.replace("__", "."): value for name, value in given.items()}
    return leaving(
        resolve(SETTINGS, flags=flags, environ={}, file_values={}, file_origin="truing.toml")
    )


def test_nothing_leaves_by_default() -> None:
    assert told() == []


def test_what_is_switched_on_is_told_without_its_password() -> None:
    [database] = told(storage__database="postgresql://ann:secret@db.example/truing?password=x")
    assert database["where"] == "postgresql://ann@db.example/truing?password=…"
    [corrector] = told(corrector__url="http://127.0.0.1:11434/v1")
    assert corrector["key"] == "corrector.url"
    assert [one["key"] for one in told(storage__blobs="s3://bucket/x")] == ["storage.blobs"]


@pytest.mark.parametrize(
    ("base", "leaves"),
    [
        ("champion", False),
        ("speech/3", False),
        ("3", False),
        ("/models/tiny", False),
        ("~/models/tiny", False),
        ("openai/whisper-tiny.en", True),
    ],
)
def test_a_model_of_a_hub_is_told(base: str, leaves: bool) -> None:
    assert bool(told(train__base=base)) is leaves


def test_a_folder_is_no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models" / "tiny").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert told(train__base="models/tiny") == []
