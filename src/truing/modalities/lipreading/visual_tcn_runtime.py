"""A model of `visual-tcn` at work: video to text with times, confidence and n-best, whole or live.

A frame rate of any size will do: frames are chosen by their times. Live, the text so far is read
anew from the utterance's beginning every fifth of a second, which costs less than keeping state.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.errors import InvalidInputError, MissingDependencyError
from truing.domain.prediction import Recognition, Word
from truing.domain.recipe import MediaFile
from truing.modalities.lipreading.mouth import SIDE, framing_of
from truing.modalities.lipreading.mouth_tracker import MouthTracker
from truing.modalities.lipreading.recipes.clips import at_rate, cut, pictures_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pictures = NDArray[np.uint8]

STRIDE = 0.2
"""Seconds of video between two texts of an utterance that goes on."""
SHARE = 0.05
"""In a long utterance they come this share of its length apart."""
MOST = 30.0
"""Seconds of an utterance that are looked back upon."""
LEAST = 8
"""Frames without which nothing is said yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TcnOptions:
    """What a caller may set."""

    text_only: bool = False
    """Only text and confidence are asked for."""
    num_alternatives: int = 4
    batch_size: int = 16
    threads: int = 1
    """Of torch; so small a network is slower with more. 0 = leave as it is."""
    device: str = "cpu"

    @property
    def best(self) -> int:
        """How many other readings to look for."""
        return 0 if self.text_only else self.num_alternatives

    @staticmethod
    def of(options: Mapping[str, object]) -> TcnOptions:
        """Reads a mapping, converting texts from a command line.

        Raises:
            InvalidInputError: an unknown option or a value of the wrong kind.
        """
        known = {field.name: field.default for field in fields(TcnOptions)}
        values: dict[str, Any] = {}
        for name, value in options.items():
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                raise InvalidInputError(
                    f"the lip reader has no option `{name}`",
                    hint=f"did you mean `{near[0]}`?" if near else f"it has {', '.join(known)}",
                )
            values[name] = _converted(name, value, known[name])
        return TcnOptions(**values)


def _converted(name: str, value: object, default: object) -> object:
    text = str(value).lower()
    found: object = str(value)
    if isinstance(default, bool):
        found = {"true": True, "false": False, "1": True, "0": False}.get(text)
    elif isinstance(default, int):
        lowest = 1 if name == "batch_size" else 0
        found = int(text) if text.isdecimal() and int(text) >= lowest else None
    if found is None:
        raise InvalidInputError(f"`{name}` cannot be `{value}`", hint=f"its default is `{default}`")
    return found


class VisualTcnReader:
    """A network in memory; not to be shared between threads.

    Args:
        folder: a model as the recipe `visual-tcn` writes it.
        options: see `TcnOptions`.

    Raises:
        NotFoundError: no model in the folder.
        MissingDependencyError: torch is not installed.
        DamagedError, InvalidInputError: files that cannot be read or are of another kind.
        SettingError: no such device.
    """

    def __init__(self, folder: Path, options: Mapping[str, object]) -> None:
        self.options = TcnOptions.of(options)
        try:
            from truing.modalities.lipreading.recipes.numerics import choose_numerics
            from truing.modalities.lipreading.recipes.tcn_folder import read_model

            self._numerics = choose_numerics(self.options.device, "fp32", self.options.threads)
            self._model: Any = read_model(Path(folder))
        except ImportError as error:
            raise MissingDependencyError(
                f"reading lips with `{folder}` needs `{error.name}`",
                hint='pip install "truing[lipreading,train]"',
            ) from error
        self._network: Any = self._model.reading().to(self._numerics.device)

    def recognize(self, media: Mapping[str, MediaFile]) -> Recognition:
        """The text of one sample; empty where no face is to be seen.

        Raises:
            DamagedError: a video that cannot be decoded.
            InvalidInputError: there is no video.
        """
        return self._read([media])[0]

    def recognize_many(
        self, many: Iterable[Mapping[str, MediaFile]], batch_size: int | None = None
    ) -> list[Recognition]:
        """The texts of many samples, `batch_size` clips at a time.

        Raises:
            DamagedError: a video that cannot be decoded.
            InvalidInputError: there is no video.
        """
        stream, found = iter(many), list[Recognition]()
        while batch := list(islice(stream, batch_size or self.options.batch_size)):
            found += self._read(batch)
        return found

    def confidence_in(self, media: Mapping[str, MediaFile], text: str) -> float | None:
        """On the scale of `Recognition.confidence`; None for a text outside the vocabulary.

        Raises:
            DamagedError: a video that cannot be decoded.
        """
        pictures = pictures_of(_video(media))
        if pictures is None:
            return None
        found: float | None = self._model_now.decoder.weigh(self.scores([pictures])[0], text)
        return found

    def stream(self) -> TcnStream:
        """Begins with one utterance of a camera."""
        return TcnStream(self)

    def close(self) -> None:
        """Frees the model's memory; a second call does nothing."""
        self._model = self._network = None

    @property
    def _model_now(self) -> Any:
        if self._model is None:
            raise InvalidInputError("the recognizer is closed", hint="open it again")
        return self._model

    def _read(self, batch: Sequence[Mapping[str, MediaFile]]) -> list[Recognition]:
        began = time.perf_counter()
        clips = [pictures_of(_video(media)) for media in batch]
        decoded = time.perf_counter()
        found = self.read(clips)
        done = time.perf_counter()
        stages = {
            "mouth": (decoded - began) / len(batch),
            "model": (done - decoded) / len(batch),
        }
        return [replace(one, seconds=sum(stages.values()), stages=stages) for one in found]

    def read(self, clips: Sequence[Pictures | None]) -> list[Recognition]:
        """The texts of mouth pictures (T, 56, 72), 25 per second; empty for None."""
        decoder, best = self._model_now.decoder, self.options.best
        found = [Recognition(text="")] * len(clips)
        by_length: dict[int, list[int]] = {}
        for place, clip in enumerate(clips):
            if clip is not None and len(clip):
                by_length.setdefault(len(clip), []).append(place)
        for length, places in by_length.items():
            scores = self.scores([clip for i in places if (clip := clips[i]) is not None])
            said = decoder.read(scores, [length] * len(places), best=best)
            for place, one in zip(places, said, strict=True):
                found[place] = replace(one, words=()) if self.options.text_only else one
        return found

    def read_open(self, clip: Pictures) -> Recognition:
        """The text so far of an utterance that goes on, from its mouth pictures (T, 56, 72)."""
        found: Recognition = self._model_now.decoder.read_open(self.scores([clip])[0])
        return found

    def scores(self, clips: Sequence[Pictures]) -> NDArray[np.float32]:
        """Scores (B, T, outputs) of clips of one length, divided by the model's temperature."""
        from truing.modalities.lipreading.recipes.augmentation import window
        from truing.modalities.lipreading.recipes.validate import scores_of

        model = self._model_now
        found = scores_of(self._network, [window(clip) for clip in clips], self._numerics)
        divided: NDArray[np.float32] = found / model.temperature
        return divided


class TcnStream:
    """One utterance while it goes on; see `truing.domain.modality.Stream`."""

    def __init__(self, reader: VisualTcnReader) -> None:
        self._reader = reader
        self._tracker: MouthTracker | None = None
        self._pictures: list[Pictures] = []
        self._times: list[float] = []
        self._next = STRIDE
        self._said = ""

    def push(self, image: NDArray[np.uint8], time: float, /) -> Recognition | None:
        """Takes the next frame of a camera, or of ready mouth pictures.

        Args:
            image: RGB, (height, width, 3), uint8.
            time: seconds since the first frame.

        Returns:
            The text so far; None when it is as before, or no mouth has been seen yet.
        """
        seen = self._mouth(image, time)
        if seen is None:
            return None
        self._pictures.append(cut(seen))
        self._times.append(time)
        spoken = time - self._times[0]
        if spoken < self._next or len(self._times) < LEAST:
            return None
        self._next = spoken + max(STRIDE, SHARE * spoken)
        said = self._timed(self._reader.read_open)
        if said.text == self._said:
            return None
        self._said = said.text
        return said

    def finish(self) -> Recognition:
        """The text of the whole; times of words are seconds since the first frame."""
        if self._tracker is not None:
            self._tracker.close()
        if not self._times:
            return Recognition(text="")
        said = self._timed(lambda clip: self._reader.read([clip])[0])
        return replace(said, words=tuple(_later(word, self._first()) for word in said.words))

    def _mouth(self, image: NDArray[np.uint8], time: float) -> Pictures | None:
        if framing_of(image.shape[1], image.shape[0]) == "mouth":
            return _ready(image)
        if self._tracker is None:
            self._tracker = MouthTracker()
        return self._tracker.push(image, time)

    def _first(self) -> float:
        """Time of the first frame that is looked back upon."""
        return next(one for one in self._times if one >= self._times[-1] - MOST)

    def _timed(self, read: Any) -> Recognition:
        import numpy as np

        began = time.perf_counter()
        shown = len(self._times) - self._times.index(self._first())
        pictures = np.stack(self._pictures[-shown:])[at_rate(self._times[-shown:])]
        said: Recognition = read(pictures)
        return replace(said, seconds=time.perf_counter() - began)


def _ready(rgb: NDArray[np.uint8]) -> Pictures:
    """(96, 96) grey from a picture of the mouth alone."""
    import cv2
    import numpy as np

    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    way = cv2.INTER_AREA if len(grey) > SIDE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, (SIDE, SIDE), interpolation=way), dtype=np.uint8)


def _later(word: Word, seconds: float) -> Word:
    if word.start is None or word.end is None:
        return word
    return replace(word, start=round(word.start + seconds, 3), end=round(word.end + seconds, 3))


def _video(media: Mapping[str, MediaFile]) -> MediaFile:
    if "video" not in media:
        raise InvalidInputError("the sample has no video", hint="give media under the role `video`")
    return media["video"]
