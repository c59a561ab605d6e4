"""Records speech from a microphone until a person presses Enter or stops speaking.

`record` is the loop over blocks of sound and knows nothing of devices; `microphone` gives it blocks
through sounddevice (extra `record`).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from truing.domain.errors import MissingDependencyError, NothingToDoError, UnavailableError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Block = NDArray[np.int16]

RATE = 16_000
BLOCK_SECONDS = 0.05
LONGEST = 300.0
SPEECH = 0.01
"""Level (share of full scale) above which somebody speaks; below it nothing has begun."""
QUIET = 0.1
"""A pause is quieter than this share of the loudest block so far (-20 dB)."""


def record(
    blocks: Iterable[Block],
    *,
    rate: int = RATE,
    finished: Callable[[], bool] = lambda: False,
    pause: float | None = None,
    longest: float = LONGEST,
) -> tuple[Block, int]:
    """Collects blocks until `finished()`, a pause after speech, or `longest` seconds.

    Args:
        blocks: mono int16 arrays, such as `microphone()` gives.
        rate: their samples per second.
        finished: asked after each block; see `enter_pressed`.
        pause: seconds of quiet after speech that end the recording; None waits for `finished`.
        longest: seconds after which it ends in any case.

    Returns:
        Samples of shape (n,) and the rate, as `ingest` takes them.

    Raises:
        NothingToDoError: there was no sound at all.
    """
    import numpy as np

    kept: list[Block] = []
    loudest, quiet, total = 0.0, 0.0, 0.0
    for block in blocks:
        kept.append(block)
        seconds = len(block) / rate
        level = float(np.sqrt(np.square(block.astype(np.float64)).mean())) / 0x8000
        loudest, total = max(loudest, level), total + seconds
        quiet = quiet + seconds if level < max(QUIET * loudest, SPEECH / 10) else 0.0
        paused = pause is not None and loudest > SPEECH and quiet >= pause
        if paused or total >= longest or finished():
            break
    if not kept:
        raise NothingToDoError(
            "the recording is empty", hint="speak before you press Enter, and check the microphone"
        )
    return np.concatenate(kept), rate


def enter_pressed(stream: TextIO) -> Callable[[], bool]:
    """A question that becomes true once a line was read from `stream` (the terminal)."""
    done = threading.Event()

    def wait() -> None:
        stream.readline()
        done.set()

    threading.Thread(target=wait, name="wait-for-enter", daemon=True).start()
    return done.is_set


@contextmanager
def microphone(
    *, rate: int = RATE, device: int | str | None = None, timeout: float = 5.0
) -> Iterator[Iterator[Block]]:
    """Opens the microphone; gives mono int16 blocks of 50 ms until it is left.

    Args:
        rate: samples per second.
        device: number or part of the name of an input device; None is the machine's own choice.
        timeout: seconds without any block after which the device counts as gone.

    Raises:
        MissingDependencyError: sounddevice is not installed.
        UnavailableError: no PortAudio library, or no such device, or it cannot be opened.
    """
    library = _library()
    waiting: queue.Queue[Block] = queue.Queue()

    def take(block: Block, _frames: int, _time: object, _status: object) -> None:
        waiting.put(block[:, 0].copy())

    try:
        stream = library.InputStream(
            samplerate=rate,
            channels=1,
            dtype="int16",
            blocksize=round(BLOCK_SECONDS * rate),
            device=device,
            callback=take,
        )
    except (library.PortAudioError, ValueError) as error:
        raise _no_microphone(library, str(error)) from error
    with stream:
        yield _blocks(waiting, timeout)


def _blocks(waiting: queue.Queue[Block], timeout: float) -> Iterator[Block]:
    while True:
        try:
            yield waiting.get(timeout=timeout)
        except queue.Empty as error:
            raise UnavailableError(
                f"the microphone has sent nothing for {timeout:g} s",
                hint="check that it is plugged in and that this program may use it",
            ) from error


def _library() -> Any:  # noqa: ANN401
    try:
        import sounddevice
    except ImportError as error:
        raise MissingDependencyError(
            "recording needs `sounddevice`", hint='pip install "truing[record]"'
        ) from error
    except OSError as error:  # the wheel for Linux has no PortAudio in it
        raise UnavailableError(
            f"recording needs the PortAudio library: {error}",
            hint="on Debian and Ubuntu: `sudo apt install libportaudio2`",
        ) from error
    return sounddevice


def _no_microphone(library: Any, why: str) -> UnavailableError:  # noqa: ANN401
    inputs = [str(d["name"]) for d in library.query_devices() if d["max_input_channels"] > 0]
    names = ", ".join(f"`{name}`" for name in inputs)
    return UnavailableError(
        f"no microphone can be opened: {why}",
        hint=f"choose one of {names}" if names else "plug in a microphone; this machine has none",
    )
