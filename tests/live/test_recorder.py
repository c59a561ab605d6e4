"""Recording: blocks of sound become a clip; machines that cannot record say why."""

from __future__ import annotations

import io
import itertools
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from truing.domain.errors import MissingDependencyError, NothingToDoError, UnavailableError
from truing.live.recorder import RATE, enter_pressed, microphone, record

SIZE = RATE // 20


def loud() -> Any:
    return np.tile(np.array([8000, -8000], np.int16), SIZE // 2)


def quiet() -> Any:
    return np.tile(np.array([20, -20], np.int16), SIZE // 2)


def test_it_ends_when_somebody_says_so() -> None:
    asked = iter([False, False, True])
    samples, rate = record(itertools.repeat(loud()), finished=lambda: next(asked))
    assert (len(samples), rate, samples.dtype) == (3 * SIZE, RATE, np.int16)


def test_it_ends_after_a_pause_but_not_before_the_first_word() -> None:
    stream = itertools.chain(
        itertools.repeat(quiet(), 40),
        itertools.repeat(loud(), 10),
        itertools.repeat(quiet(), 10),
        itertools.repeat(loud(), 5),
        itertools.repeat(quiet()),
    )
    samples, _ = record(stream, pause=0.8)
    assert len(samples) / SIZE == 40 + 10 + 10 + 5 + 16


def test_it_ends_at_the_latest_when_time_is_up() -> None:
    samples, _ = record(itertools.repeat(loud()), longest=1.0)
    assert len(samples) == RATE


def test_nothing_at_all() -> None:
    with pytest.raises(NothingToDoError):
        record([])


def test_enter_is_noticed() -> None:
    pressed = enter_pressed(io.StringIO("\n"))
    for _ in range(6000):
        if pressed():
            break
        time.sleep(0.01)
    assert pressed()


class Stream:
    """The border to the sound card: calls back with blocks as PortAudio would."""

    def __init__(self, *, callback: Any, blocksize: int, **_: Any) -> None:
        self.callback, self.blocksize, self.open = callback, blocksize, False

    def __enter__(self) -> None:
        self.open = True
        for level in (100, 200):
            block = np.full((self.blocksize, 1), level, np.int16)
            self.callback(block, self.blocksize, None, None)

    def __exit__(self, *_: object) -> None:
        self.open = False


def library(monkeypatch: pytest.MonkeyPatch, stream: Any, devices: list[Any]) -> None:
    fake = SimpleNamespace(
        InputStream=stream, PortAudioError=RuntimeError, query_devices=lambda: devices
    )
    monkeypatch.setitem(sys.modules, "sounddevice", fake)


def test_blocks_come_from_the_microphone(monkeypatch: pytest.MonkeyPatch) -> None:
    library(monkeypatch, Stream, [])
    with microphone(timeout=0.05) as blocks:
        first = next(blocks)
        assert (first.shape, first[0], next(blocks)[0]) == ((SIZE,), 100, 200)
        with pytest.raises(UnavailableError, match="sent nothing"):
            next(blocks)


def test_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> Iterator[Any]:
        raise RuntimeError("Invalid device")

    headset = {"name": "Headset", "max_input_channels": 1}
    library(monkeypatch, refuse, [headset, {"name": "Speaker", "max_input_channels": 0}])
    with pytest.raises(UnavailableError, match="Invalid device") as error, microphone():
        pass
    assert error.value.hint == "choose one of `Headset`"


def test_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingDependencyError) as error, microphone():
        pass
    assert "truing[record]" in str(error.value.hint)
