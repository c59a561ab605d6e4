"""Forms of the transcription API, as clients of OpenAI know them."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel


class ResponseFormat(StrEnum):
    """What an answer looks like."""

    JSON = "json"
    TEXT = "text"
    VERBOSE_JSON = "verbose_json"
    SRT = "srt"
    VTT = "vtt"


class Granularity(StrEnum):
    """What `verbose_json` places in time."""

    WORD = "word"
    SEGMENT = "segment"


class Usage(BaseModel):
    """What an answer cost, by the length of the sound."""

    type: str = "duration"
    seconds: float


class Transcription(BaseModel):
    """`response_format=json`."""

    text: str
    usage: Usage


class TimedWord(BaseModel):
    """A word of `verbose_json`."""

    word: str
    start: float
    end: float


class Segment(BaseModel):
    """A line of `verbose_json`. Fields that this model has no figure for are 0 or empty."""

    id: int
    seek: int = 0
    start: float
    end: float
    text: str
    tokens: list[int] = []
    temperature: float = 0.0
    avg_logprob: float
    compression_ratio: float = 0.0
    no_speech_prob: float = 0.0


class VerboseTranscription(BaseModel):
    """`response_format=verbose_json`."""

    task: str = "transcribe"
    language: str
    duration: float
    text: str
    segments: list[Segment] | None = None
    words: list[TimedWord] | None = None
    usage: Usage


class ListedModel(BaseModel):
    """A model that can be asked for."""

    id: str
    object: str = "model"
    created: int
    owned_by: str = "truing"


class ModelList(BaseModel):
    """`GET /v1/models`."""

    object: str = "list"
    data: list[ListedModel]
