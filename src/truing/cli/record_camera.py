"""`truing record --camera`: record the lips, show what was read and how it was corrected, ask.

The order of Chaplin, whose words it keeps.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import seconds, whole
from truing.cli.asking import Deed
from truing.cli.recording import Taken

if TYPE_CHECKING:
    from truing.domain.prediction import Recognition
    from truing.live.camera import Picture
    from truing.live.clip import ClipFile
    from truing.live.recognizer import Following, Recognizer

FEWEST = 32
NOMINAL = 25.0
"""Frames a second that the header of a file names when the camera gives what it can."""
POLL = 0.02


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the camera."""
    camera = parser.add_argument_group("with a camera")
    camera.add_argument(
        "--camera",
        nargs="?",
        const=0,
        type=_which,
        metavar="N",
        help="read lips: the camera of that number (0), or a video file in its place",
    )
    camera.add_argument(
        "--fps",
        type=_rate,
        metavar="N",
        help="frames a second: camera, what it gives (so when left out), or 16 as in Chaplin; "
        "each frame keeps the time it was really taken at",
    )
    camera.add_argument(
        "--minimum",
        type=_fewest,
        default=FEWEST,
        metavar="N",
        help=f"frames below which a recording is not read ({FEWEST}, as in Chaplin)",
    )
    camera.add_argument(
        "--seconds", type=seconds, metavar="S", help="end a recording after so long, without Enter"
    )
    camera.add_argument(
        "--live",
        action="store_true",
        help="show the text while the recording goes on, if the model can follow",
    )


def refuse(args: argparse.Namespace) -> None:
    """Makes sure that nothing was asked of a camera where none is used.

    Raises:
        InvalidInputError: an argument that belongs to `--camera`.
    """
    from truing.domain.errors import InvalidInputError

    for name in ("fps", "seconds", "live"):
        if getattr(args, name):
            raise InvalidInputError(
                f"`--{name}` belongs to `--camera`", hint=f"truing record --camera --{name} …"
            )


def _which(text: str) -> int | Path:
    return int(text) if text.isdecimal() else Path(text)


def _fewest(text: str) -> int:
    value = whole(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of frames")
    return value


def _rate(text: str) -> float:
    if text == "camera":
        return 0.0
    try:
        value = seconds(text)  # any positive number
    except argparse.ArgumentTypeError:
        value = 0.0
    if not 1 <= value <= 240:
        raise argparse.ArgumentTypeError(f"`{text}` frames a second cannot be kept")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """Records the lips; see `recording.Device`."""

    which: int | Path
    rate: float | None
    """Frames a second that are kept; None: all."""
    minimum: int
    """Frames below which a recording is not read."""
    seconds: float | None
    """After which a recording ends; None waits for Enter."""
    live: bool
    once: bool
    modality: str = "lipreading"
    role: str = "video"

    @staticmethod
    def of(args: argparse.Namespace) -> Camera:
        """As the arguments say.

        Raises:
            InvalidInputError: an argument that belongs to the microphone.
        """
        from truing.domain.errors import InvalidInputError

        for name in ("pause", "device"):
            if getattr(args, name) is not None:
                raise InvalidInputError(
                    f"`--{name}` belongs to the microphone, not to `--camera`",
                    hint="--seconds S ends a recording; --camera N names the camera",
                )
        return Camera(
            which=args.camera,
            rate=args.fps or None,
            minimum=args.minimum,
            seconds=args.seconds,
            live=args.live,
            once=args.once,
        )

    @property
    def thanks(self) -> Mapping[Deed, str]:
        """Chaplin's words."""
        return {Deed.ACCEPT: "Marked as correct", Deed.CORRECT: "Training sample saved!"}

    @contextmanager
    def recorded(self, recognizer: Recognizer | None) -> Iterator[Taken | None]:
        """See `recording.Device`; the file is gone when the block is left.

        Raises:
            NothingToDoError: too short, and there will be no second try.
            UnavailableError: no such camera.
        """
        from truing.domain.errors import NothingToDoError

        with tempfile.TemporaryDirectory(prefix="truing-") as place:
            file = Path(place) / f"webcam{time.time_ns() // 1_000_000}.mkv"
            try:
                times, heard = self._filmed(file, recognizer)
            except NothingToDoError as error:
                if self.once:
                    raise
                output.show_error(error, as_json=False)
                yield None
                return
            output.show(f"{wording.several(len(times), 'frame')} in {times[-1]:.1f} s")
            yield Taken(source={"path": file, "times": times}, heard=heard)

    def recognised(self, recognizer: Recognizer, taken: Taken) -> Recognition | None:
        """See `recording.Device`: a recording that cannot be read is kept all the same."""
        from truing.domain.errors import TruingError

        try:
            return recognizer.transcribe(taken.source)
        except TruingError as error:
            output.show_error(error, as_json=False)
            return None

    def _filmed(
        self, file: Path, recognizer: Recognizer | None
    ) -> tuple[list[float], Recognition | None]:
        """Writes one recording; its times, and the text where the model has followed it."""
        from truing.domain.errors import NothingToDoError
        from truing.live.camera import LONGEST, camera, recorded
        from truing.live.clip import ClipFile

        with (
            self._following(recognizer) as following,
            camera(self.which) as pictures,
            ClipFile(file, rate=self.rate or NOMINAL) as clip,
        ):
            first = next(pictures)  # its light is on now
            finished = self._begun()
            longest = min(self.seconds or LONGEST, LONGEST)
            each = recorded(
                _after(first, pictures), rate=self.rate, finished=finished, longest=longest
            )
            still = self._taken(each, clip, following)
            if self.seconds is None and not finished():
                output.show("the recording has ended; Enter goes on")
                while not finished():
                    time.sleep(POLL)
            if len(clip.times) < self.minimum:
                raise NothingToDoError(
                    f"the recording has {wording.several(len(clip.times), 'frame')}: too short to "
                    f"be read, which takes {self.minimum}",
                    hint="go on until the sentence has ended; --minimum N takes shorter ones",
                )
            return clip.times, _whole(still)

    def _taken(
        self, pictures: Iterator[Picture], clip: ClipFile, following: Following | None
    ) -> Following | None:
        """See `_take`; where the camera is lost, what it gave until then is a recording."""
        from truing.domain.errors import UnavailableError

        try:
            return _take(pictures, clip, following)
        except UnavailableError as error:
            if len(clip.times) < self.minimum:
                raise
            output.show_error(error, as_json=False)
            return None

    @contextmanager
    def _following(self, recognizer: Recognizer | None) -> Iterator[Following | None]:
        if not self.live or recognizer is None:
            yield None
            return
        with recognizer.following() as following:
            if following is None:
                output.hint("this model reads only whole recordings: no text while it goes on")
            yield following

    def _begun(self) -> Callable[[], bool]:
        from truing.live import recorder

        if self.seconds is not None:
            output.show(f"look at the camera and speak; the recording takes {self.seconds:g} s")
            return lambda: False
        output.show("look at the camera and speak; Enter ends the recording")
        return recorder.enter_pressed(sys.stdin)


def _after(first: Picture, rest: Iterator[Picture]) -> Iterator[Picture]:
    yield first
    yield from rest


def _take(
    pictures: Iterator[Picture], clip: ClipFile, following: Following | None
) -> Following | None:
    """Writes pictures and shows the text so far; what follows them, unless it has failed."""
    from truing.domain.errors import TruingError

    shown = False
    for picture in pictures:
        clip.add(picture.image, picture.time)
        if following is None:
            continue
        try:
            partial = following.push(picture.image, picture.time)
        except TruingError as error:
            output.hint(f"no text while the recording goes on: {error.message}")
            following = None
            continue
        if partial is not None and sys.stdout.isatty():
            sys.stdout.write(f"\r\x1b[K… {output.one_line(partial.text)}")
            sys.stdout.flush()
            shown = True
    if shown:
        sys.stdout.write("\n")
    return following


def _whole(following: Following | None) -> Recognition | None:
    """The text of all that was followed; None when the recording itself must be read."""
    from truing.domain.errors import TruingError

    try:
        return following.finish() if following is not None else None
    except TruingError as error:
        output.hint(f"what was followed gave no text: {error.message}")
        return None
