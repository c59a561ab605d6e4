"""Plays a sample's sound through whatever this machine has: a library or a command-line player."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.errors import InvalidInputError, UnavailableError
from truing.domain.recipe import MediaFile
from truing.modalities.speech.recording import read_mono

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PLAYED_RATE = 48_000
"""Every sound card plays this rate."""
PLAYERS: tuple[tuple[str, Callable[[str], list[str]]], ...] = (
    ("afplay", lambda file: [file]),
    ("pw-play", lambda file: [file]),
    ("paplay", lambda file: [file]),
    ("aplay", lambda file: ["-q", file]),
    ("ffplay", lambda file: ["-nodisp", "-autoexit", "-loglevel", "error", file]),
    (
        "powershell",
        lambda file: [
            "-NoProfile",
            "-Command",
            f"(New-Object Media.SoundPlayer '{file.replace(chr(39), chr(39) * 2)}').PlaySync()",
        ],
    ),
)
"""Command and its arguments for a WAV file, by preference; the first that plays is used."""


def play(media: Mapping[str, MediaFile]) -> None:
    """Plays the sample and returns when it is over.

    Raises:
        InvalidInputError: the sample has no `audio`.
        NotFoundError: its file is gone.
        DamagedError: it cannot be decoded.
        UnavailableError: nothing on this machine plays sound.
    """
    if "audio" not in media:
        raise InvalidInputError("the sample has no sound", hint="only `audio` can be played")
    sound = read_mono(media["audio"], PLAYED_RATE)
    if _through_sounddevice(sound):
        return
    with tempfile.TemporaryDirectory(prefix="truing-play-") as folder:
        file = Path(folder) / "sample.wav"
        _write_wav(file, sound)
        _through_a_program(file)


def _through_sounddevice(sound: NDArray[np.float32]) -> bool:
    """False when the library or a device is missing."""
    try:
        import sounddevice
    except (ImportError, OSError):  # OSError: the PortAudio library is not there
        return False
    try:
        sounddevice.play(sound, PLAYED_RATE, blocking=True)
    except (sounddevice.PortAudioError, ValueError):
        return False
    return True


def _through_a_program(file: Path) -> None:
    failures = []
    for name, arguments in PLAYERS:
        program = shutil.which(name)
        if program is None:
            continue
        done = subprocess.run(  # noqa: S603 - a fixed table of players and a file of our own
            [program, *arguments(str(file))], capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return
        failures.append(f"`{name}` says: {(done.stderr or done.stdout).strip() or 'nothing'}")
    if failures:
        raise UnavailableError(
            f"no sound can be played: {'; '.join(failures)}",
            hint="check that this machine has a sound device; on a server, export the file instead",
        )
    raise UnavailableError(
        "no sound can be played: there is no player on this machine",
        hint=f'pip install "truing[record]", or install one of '
        f"{', '.join(name for name, _ in PLAYERS)}",
    )


def _write_wav(file: Path, sound: NDArray[np.float32]) -> None:
    import soundfile

    soundfile.write(str(file), sound, PLAYED_RATE, subtype="PCM_16", format="WAV")
