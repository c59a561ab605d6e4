"""What a model said about a sample. Never changed once recorded; several may stand side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class PredictionKind(StrEnum):
    """Which part of the app spoke."""

    RECOGNIZER = "recognizer"
    """The raw output: speech, lips or image to text."""
    CORRECTOR = "corrector"
    """A language model's correction of the raw output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word with its place in time (seconds from the sample's start)."""

    text: str
    start: float | None = None
    end: float | None = None
    confidence: float | None = None

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "text": self.text,
            "start": self.start,
            "end": self.end,
            "confidence": self.confidence,
        }

    @staticmethod
    def from_dict(data: Mapping[str, object]) -> Word:
        """Reads the JSON form; unknown keys are ignored."""
        return Word(
            text=str(data["text"]),
            start=_number(data.get("start")),
            end=_number(data.get("end")),
            confidence=_number(data.get("confidence")),
        )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Another reading the model considered, with its confidence from 0 to 1."""

    text: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """A model's answer before it belongs to a sample: from a recognizer or the cache."""

    text: str
    confidence: float | None = None
    """0 to 1: the geometric mean of the token probabilities unless the model says otherwise."""
    words: tuple[Word, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    seconds: float | None = None
    """Time the model took."""
    stages: Mapping[str, float] = field(default_factory=dict, compare=False)
    """Seconds of each part of the work, such as `decode`, `mouth` and `model`, in their order;
    empty where nobody measured them."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form used by the cache and `--json`; `stages` only where there are any."""
        stages = {"stages": dict(self.stages)} if self.stages else {}
        return {
            "text": self.text,
            "confidence": self.confidence,
            "words": [word.as_dict() for word in self.words],
            "alternatives": [
                {"text": other.text, "confidence": other.confidence} for other in self.alternatives
            ],
            "seconds": self.seconds,
            **stages,
        }

    @staticmethod
    def from_dict(data: Mapping[str, object]) -> Recognition:
        """Reads the JSON form; unknown keys are ignored."""
        words = data.get("words") or ()
        others = data.get("alternatives") or ()
        stages = data.get("stages") or {}
        if not isinstance(words, (list, tuple)) or not isinstance(others, (list, tuple)):
            raise TypeError("`words` and `alternatives` must be lists")
        if not isinstance(stages, Mapping):
            raise TypeError("`stages` must be an object")
        return Recognition(
            text=str(data["text"]),
            confidence=_number(data.get("confidence")),
            words=tuple(Word.from_dict(word) for word in words),
            alternatives=tuple(
                Alternative(text=str(other["text"]), confidence=_number(other.get("confidence")))
                for other in others
            ),
            seconds=_number(data.get("seconds")),
            stages={str(name): float(value) for name, value in stages.items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """A picture that a model made of another."""

    picture: bytes
    """A whole PNG file, RGB."""
    seconds: float | None = None
    """Time the model took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A recognition that belongs to a sample: which model, which part of the app, when."""

    kind: PredictionKind
    recognition: Recognition
    model: str | None = None
    """`speech/3`, a hub id, or the app's own name for its model; None when unknown."""
    created_at: int
    """Microseconds since 1970, UTC."""
    id: int = 0
    """Row number, 0 before it is stored."""

    @property
    def text(self) -> str:
        """The text, for short."""
        return self.recognition.text
