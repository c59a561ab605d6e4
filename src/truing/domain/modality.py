"""What a modality must be, and what it may be besides.

A modality is one folder under `modalities/` or an installed package; it is found by name in a
table and meets the loop only through these Protocols. `Modality` is what every one has; the
`Can…` Protocols are abilities, looked for at run time with `isinstance`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from truing.domain.evaluation import Measure, Metric, RowScore
from truing.domain.finding import CheckReport
from truing.domain.media import IngestedMedia, Media
from truing.domain.prediction import Edited, Prediction, Recognition
from truing.domain.recipe import Example, MediaFile
from truing.domain.settings import Setting, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInput:
    """What a check may look at. `data` holds the stored bytes of each role."""

    media: Sequence[Media]
    data: Mapping[str, bytes]
    predictions: Sequence[Prediction]
    truth: str | None
    damage: Mapping[str, str]
    """By role: what ingesting found wrong."""
    seen: Mapping[str, object] = field(default_factory=dict)
    """By role: what ingesting left for this check, as `IngestedMedia.seen`. A check finds the same
    without it."""


@runtime_checkable
class Modality(Protocol):
    """One kind of media and the text that belongs to it."""

    name: str
    """Its name in tables, paths and commands: lower case, `_` between words."""
    summary: str
    """One line for people."""
    roles: tuple[str, ...]
    """The media roles it knows, the required one first."""
    settings: tuple[Setting, ...]
    """Its own settings, keys starting with `<name>.`; may be empty."""
    metrics: tuple[Metric, ...]
    """How a text is judged, the primary metric first."""

    def ingest(self, role: str, source: object) -> IngestedMedia:
        """Turns what an app gave (bytes, a path, an array with its rate) into bytes to keep.

        Raises:
            InvalidInputError: a type it cannot take.
            DamagedError: bytes that cannot be decoded at all.
        """
        ...

    def check(self, given: CheckInput, settings: Settings) -> CheckReport:
        """Looks at one sample and attaches findings; never raises for odd data."""
        ...

    def group_keys(self, media: Sequence[Media]) -> tuple[str, ...]:
        """Keys that tie the sample to others which must not straddle a split."""
        ...


class LoadedRecognizer(Protocol):
    """A model in memory."""

    def recognize(self, media: Mapping[str, MediaFile]) -> Recognition:
        """The text of one sample.

        Raises:
            DamagedError: media that cannot be decoded.
        """
        ...

    def close(self) -> None:
        """Frees the model's memory; a second call does nothing."""
        ...


@runtime_checkable
class CanRecognize(Protocol):
    """The modality can turn media into text with a model."""

    def open_recognizer(self, model: str, options: Mapping[str, object]) -> LoadedRecognizer:
        """Loads a model from a folder or hub id, warm enough for the first call.

        Every recognizer understands the option `text_only`: only text and confidence are asked
        for, as in an evaluation. The other options are its own.

        Raises:
            NotFoundError: no such folder, or no model in it.
            UnavailableError: a hub that cannot be reached.
            MissingDependencyError: the extra that brings the runtime is not installed.
        """
        ...


@runtime_checkable
class CanWeighText(Protocol):
    """A loaded recognizer that can say how likely it finds a text it did not say itself."""

    def confidence_in(self, media: Mapping[str, MediaFile], text: str) -> float | None:
        """On the scale of `Recognition.confidence`; None where it cannot tell.

        Raises:
            DamagedError: media that cannot be decoded.
        """
        ...


class Stream(Protocol):
    """One utterance on its way to a model, piece by piece, while it is still going on."""

    def push(self, piece: Any, time: float, /) -> Recognition | None:  # noqa: ANN401
        """Takes the next piece and says what has been understood so far, as far as is known.

        Args:
            piece: what the modality's devices give: for lips an RGB image of shape (h, w, 3),
                uint8, whose edges need not be the same in every frame.
            time: seconds since the first piece.

        Returns:
            The text so far, which later pieces may change; None when there is nothing new to say.
        """
        ...

    def finish(self) -> Recognition:
        """The text of the whole. Called once, after the last piece; nothing is pushed any more."""
        ...


@runtime_checkable
class CanStream(Protocol):
    """A loaded recognizer that can follow an utterance while it goes on."""

    def stream(self) -> Stream:
        """Begins with one utterance. One at a time: the next begins when this one is finished,
        or given up by letting go of it.
        """
        ...


class LoadedEditor(Protocol):
    """A picture-producing model in memory. It gives the same picture for the same input."""

    def edit(self, original: MediaFile, instruction: str) -> Edited:
        """The picture that comes of the original when the instruction is followed.

        Raises:
            DamagedError: an original that cannot be decoded.
        """
        ...

    def close(self) -> None:
        """Frees the model's memory; a second call does nothing."""
        ...


@runtime_checkable
class CanEdit(Protocol):
    """The modality can turn a picture and an instruction into another picture with a model."""

    def open_editor(self, model: str, options: Mapping[str, object]) -> LoadedEditor:
        """Loads a model from a folder or hub id. The options are its own, such as `seed`.

        Raises:
            NotFoundError: no such folder, or no model in it.
            UnavailableError: a hub that cannot be reached.
            MissingDependencyError: the extra that brings the runtime is not installed.
        """
        ...


class LoadedJudge(Protocol):
    """Measures pictures, with whatever networks it needs for that in memory."""

    def score(self, example: Example, picture: bytes) -> Mapping[str, RowScore]:
        """What a picture is worth as an answer to a row, by the name of each measure.

        Args:
            example: the row: its original, its target and, as its truth, the instruction.
            picture: a whole picture file of any size.

        Raises:
            DamagedError: one of the three pictures cannot be decoded.
        """
        ...

    def close(self) -> None:
        """Frees the memory; a second call does nothing."""
        ...


@runtime_checkable
class CanJudge(Protocol):
    """The modality can measure pictures that a model made. It goes with `CanEdit`."""

    baseline_name: str
    """The trivial model: the picture as it was given, `copy-the-input`."""

    def measures(self, settings: Settings) -> tuple[Measure, ...]:
        """How a picture is judged, the primary measure first. Loads nothing.

        Raises:
            NotFoundError: a setting names a model that is not there.
        """
        ...

    def open_judge(self, settings: Settings) -> LoadedJudge:
        """Gets ready to judge by all of `measures`.

        Raises:
            NotFoundError: a setting names a model that is not there.
            MissingDependencyError: the extra that brings the runtime is not installed.
        """
        ...


def measures_of(modality: Modality, settings: Settings) -> tuple[Measure, ...]:
    """What the models of a modality are judged by, the primary measure first: its pictures where
    it makes some, else its texts.

    Raises:
        NotFoundError: a setting names a model that is not there.
    """
    return modality.measures(settings) if isinstance(modality, CanJudge) else modality.metrics


@runtime_checkable
class CanTrain(Protocol):
    """The modality has recipes: `name -> "module:attribute"`."""

    recipes: Mapping[str, str]


@runtime_checkable
class CanBaseline(Protocol):
    """The modality has a trivial model that a trained one must beat."""

    baseline_name: str

    def baseline(self, train: Sequence[Example], test: Sequence[Example]) -> list[str] | None:
        """Predictions for `test` from `train` alone; None when it does not apply to this data."""
        ...


@runtime_checkable
class CanPublish(Protocol):
    """The modality can write a model in the layout of an app that reads it from a folder."""

    def publish(self, model: Path, target: Path, options: Mapping[str, object]) -> Path:
        """Writes the model under `target` and returns the folder the app will load."""
        ...


@runtime_checkable
class CanCombine(Protocol):
    """The modality's models can be combined weight by weight."""

    def locate(self, model: str) -> Path:
        """The folder of a model given as a folder or hub id; its weights are safetensors.

        Raises:
            NotFoundError: no such folder, or no model in it.
            UnavailableError: a hub that cannot be reached.
        """
        ...

    def merge(self, base: Path, adapter: Path, target: Path) -> None:
        """Writes into the empty folder `target` the base with the adapter added to its weights.

        Raises:
            NotFoundError: no such adapter.
            ConflictError: the adapter does not fit the base.
        """
        ...


@runtime_checkable
class CanPlay(Protocol):
    """The modality can show a sample to a person at a terminal, e.g. by playing its sound."""

    def play(self, media: Mapping[str, MediaFile]) -> None:
        """Plays the sample and returns when it is over.

        Raises:
            UnavailableError: no device or player on this machine; the hint says what to install.
        """
        ...


@runtime_checkable
class CanChoose(Protocol):
    """Several results of one moment may be handed in, of which a person takes one."""

    chosen_role: str
    """The role of a result; the other media are the same for all of them."""


@runtime_checkable
class CanTellWhole(Protocol):
    """The modality is certain when a medium breaks off: what an app hands in like that is refused,
    and what lies in a source is kept with a finding.
    """

    tells_whole: bool


@runtime_checkable
class CanTidy(Protocol):
    """The modality can propose a tidier form of the text that came with a sample."""

    tidied_by: str
    """The name under which such a proposal is recorded."""

    def tidy(self, text: str) -> str:
        """The text without what nobody meant, such as blanks at its end; equal when it is tidy."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Keys by which near copies of a sample are found; each begins with `MARK` (`sample`)."""

    kept: tuple[str, ...] = ()
    """Stored with the sample: others find it by these."""
    asked: tuple[str, ...] = ()
    """Looked up: the likeliest keys of its copies, the likeliest first."""


@runtime_checkable
class CanSpotCopies(Protocol):
    """The modality can tell that two media are one, coded anew, louder, trimmed or padded."""

    least_likeness: str
    """The setting from which likeness on two media are copies."""

    def marks(self, media: Sequence[Media]) -> Marks:
        """The keys of a sample, from facts kept with its media. Costs no decoding."""
        ...

    def likeness(self, one: Mapping[str, bytes], other: Mapping[str, bytes]) -> float:
        """0 to 1, from the bytes of each role; asked only of a few candidates.

        Raises:
            DamagedError: media that cannot be decoded.
        """
        ...


@runtime_checkable
class CanSketch(Protocol):
    """The modality can say where a sample lies among others, from facts kept with its media."""

    def sketch(self, media: Sequence[Media]) -> tuple[float, ...] | None:
        """A short vector, of one length for all samples: what is alike lies near (Euclidean).

        None when the facts do not carry one. Costs no decoding.
        """
        ...


@runtime_checkable
class CanPreview(Protocol):
    """The modality can say in few bytes what a sample looks like, before its media are fetched."""

    def preview(self, media: Mapping[str, MediaFile], buckets: int) -> Mapping[str, object]:
        """What its panel draws, as JSON: for sound the peaks of about `buckets` stretches.

        Raises:
            DamagedError: media that cannot be decoded.
        """
        ...


@runtime_checkable
class CanConvert(Protocol):
    """The modality can hand out a medium in another format than it is kept in."""

    conversions: Mapping[str, str]
    """Name of the format, which is also the ending of its files -> media type; the first one
    loses nothing."""

    def convert(self, medium: MediaFile, format: str) -> bytes:
        """The medium, or its span, as a whole file of one of `conversions`.

        Raises:
            DamagedError: it cannot be decoded.
        """
        ...
