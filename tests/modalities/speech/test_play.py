"""Playing: the sound reaches a player, and a machine without one says what to install."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from truing.domain.errors import InvalidInputError, UnavailableError
from truing.domain.recipe import MediaFile
from truing.modalities.speech.play import PLAYERS, play


@pytest.fixture
def media(tmp_path: Path) -> dict[str, MediaFile]:
    path = tmp_path / "sample.flac"
    soundfile.write(path, 0.5 * np.sin(np.arange(16_000) / 7), 16_000)
    return {"audio": MediaFile(path=path, start=0.25, end=0.75)}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty search path, and no sound library."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    return folder


def install(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in players are shell scripts")
class TestPrograms:
    def test_the_span_is_handed_over_as_a_wav(
        self, media: dict[str, MediaFile], programs: Path, tmp_path: Path
    ) -> None:
        install(programs, "aplay", f'/bin/cp "$2" {tmp_path / "heard.wav"}')
        play(media)
        heard = soundfile.info(tmp_path / "heard.wav")
        assert (heard.format, heard.subtype) == ("WAV", "PCM_16")
        assert heard.duration == pytest.approx(0.5, abs=0.001)

    def test_a_player_that_fails_is_followed_by_the_next(
        self, media: dict[str, MediaFile], programs: Path, tmp_path: Path
    ) -> None:
        install(programs, "paplay", "echo no server >&2; exit 1")
        install(programs, "ffplay", f"echo played > {tmp_path / 'log'}")
        play(media)
        assert (tmp_path / "log").exists()

    def test_what_the_players_said_is_passed_on(
        self, media: dict[str, MediaFile], programs: Path
    ) -> None:
        install(programs, "paplay", "echo no server >&2; exit 1")
        with pytest.raises(UnavailableError, match="`paplay` says: no server"):
            play(media)


def test_a_machine_without_a_player(media: dict[str, MediaFile], programs: Path) -> None:
    with pytest.raises(UnavailableError) as error:
        play(media)
    assert "truing[record]" in str(error.value.hint)
    assert all(name in str(error.value.hint) for name, _ in PLAYERS)


def test_a_sample_without_sound(programs: Path) -> None:
    with pytest.raises(InvalidInputError):
        play({})
