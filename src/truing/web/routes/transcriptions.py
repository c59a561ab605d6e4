"""The transcription API of OpenAI over the live model, so that existing clients work as they are.

The champion answers whatever model a client names, because clients have the names of others built
in; only a model of this workspace that is not in use is refused. `prompt` and `language` are kept
as context; `temperature` is accepted and not used. A streamed answer comes when the sound has been
recognised, word by word.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Header, Response, UploadFile
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse

from truing.domain.clock import MICROSECONDS
from truing.domain.errors import NotFoundError
from truing.domain.model import ModelRef
from truing.live.recognizer import Transcript
from truing.web import subtitles
from truing.web.access.basis import MissingBasis
from truing.web.access.gate import VisitorDep, needs
from truing.web.access.rights import Right
from truing.web.context import Web, WebDep
from truing.web.forms.transcriptions import (
    Granularity,
    ListedModel,
    ModelList,
    ResponseFormat,
    Segment,
    TimedWord,
    Transcription,
    Usage,
    VerboseTranscription,
)
from truing.web.hearing import Spoken
from truing.web.routes.live import announce

router = APIRouter(tags=["openai"])

SOURCE = "openai-api"
UNKNOWN_LANGUAGE = "und"
"""What ISO 639 says when nobody has said which."""

ANSWERS = {
    200: {
        "description": "The text, in the form asked for; server-sent events with `stream`.",
        "content": {
            "application/json": {
                "example": {"text": "seven", "usage": {"type": "duration", "seconds": 0.5}}
            },
            "text/plain": {"example": "seven"},
            "text/vtt": {"example": "WEBVTT\n\n00:00:00.000 --> 00:00:00.500\nseven\n"},
            "text/event-stream": {
                "example": 'data: {"type": "transcript.text.done", "text": "seven"}'
            },
        },
    }
}

ShortName = Annotated[str | None, Header(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """How a client wants its answer."""

    form: ResponseFormat
    language: str | None
    granularities: frozenset[Granularity]


@router.post(
    "/v1/audio/transcriptions",
    dependencies=[needs(Right.CONTRIBUTE)],
    responses=ANSWERS,  # type: ignore[arg-type]
    response_class=Response,
)
def transcriptions(
    web: WebDep,
    visitor: VisitorDep,
    missing: MissingBasis,
    file: UploadFile,
    model: Annotated[str, Form(max_length=500)] = "champion",
    language: Annotated[str | None, Form(max_length=50)] = None,
    prompt: Annotated[str | None, Form(max_length=10_000)] = None,
    response_format: Annotated[ResponseFormat, Form()] = ResponseFormat.JSON,
    temperature: Annotated[float, Form(ge=0, le=2)] = 0.0,
    *,
    stream: Annotated[bool, Form()] = False,
    granularities: Annotated[
        list[Granularity] | None, Form(alias="timestamp_granularities[]")
    ] = None,
    x_truing_source: ShortName = None,
    x_truing_speaker: ShortName = None,
    x_truing_session: ShortName = None,
    x_truing_consent: Annotated[bool, Header()] = False,
) -> Response:
    """Recognises a sound file. Headers say from which app it is and who speaks."""
    del temperature  # the live model takes its likeliest reading
    _refuse_other(web, model)
    context = {"language": language, "prompt": prompt, "file": file.filename}
    said = web.hearing.transcribe(
        Spoken(
            source=file.file.read(),
            app=visitor.source(x_truing_source or SOURCE),
            speaker=x_truing_speaker,
            session=x_truing_session,
            context={name: value for name, value in context.items() if value},
            keep=missing is None,
            consent=x_truing_consent,
        )
    )
    announce(web, said)
    wanted = _Wanted(
        form=response_format, language=language, granularities=frozenset(granularities or ())
    )
    answer = _streamed(said) if stream else _answer(said, wanted)
    answer.headers["X-Truing-Model"] = said.model
    if said.sample is not None:
        answer.headers["X-Truing-Sample"] = str(said.sample.id)
    return answer


@router.get("/v1/models", dependencies=[needs(Right.CONTRIBUTE)])
def models(web: WebDep) -> ModelList:
    """The models in use."""
    store = web.workspace.store.models
    names = {ref for (modality, _), ref in store.champions().items() if modality == "speech"}
    found = [store.get(ModelRef.parse(name)) for name in sorted(names)]
    return ModelList(
        data=[ListedModel(id=str(one.ref), created=one.created_at // MICROSECONDS) for one in found]
    )


def _refuse_other(web: Web, model: str) -> None:
    """A model of this workspace that is not in use cannot be asked."""
    if not model.startswith("speech/"):
        return
    champions = web.workspace.store.models.champions()
    if model not in {ref for (modality, _), ref in champions.items() if modality == "speech"}:
        raise NotFoundError(
            f"`{model}` is not in use",
            hint=f"truing promote {model} puts it into use; GET /v1/models lists those that are",
        )


def _answer(said: Transcript, wanted: _Wanted) -> Response:
    lines = subtitles.cues(said, said.duration)
    match wanted.form:
        case ResponseFormat.TEXT:
            return PlainTextResponse(f"{said.text}\n")
        case ResponseFormat.SRT:
            return PlainTextResponse(subtitles.srt(lines))
        case ResponseFormat.VTT:
            return Response(subtitles.vtt(lines), media_type="text/vtt")
        case ResponseFormat.VERBOSE_JSON:
            return JSONResponse(_verbose(said, lines, wanted).model_dump(exclude_none=True))
        case ResponseFormat.JSON:
            told = Transcription(text=said.text, usage=_usage(said))
            return JSONResponse(told.model_dump())


def _verbose(said: Transcript, lines: list[subtitles.Cue], wanted: _Wanted) -> VerboseTranscription:
    words = Granularity.WORD in wanted.granularities
    segments = not wanted.granularities or Granularity.SEGMENT in wanted.granularities
    likelihood = math.log(said.confidence) if said.confidence else 0.0
    return VerboseTranscription(
        language=wanted.language or UNKNOWN_LANGUAGE,
        duration=said.duration or 0.0,
        text=said.text,
        segments=[
            Segment(id=number, start=cue.start, end=cue.end, text=cue.text, avg_logprob=likelihood)
            for number, cue in enumerate(lines)
        ]
        if segments
        else None,
        words=[
            TimedWord(word=word.text.strip(), start=word.start or 0.0, end=word.end or 0.0)
            for cue in lines
            for word in cue.words
        ]
        if words
        else None,
        usage=_usage(said),
    )


def _usage(said: Transcript) -> Usage:
    return Usage(seconds=said.duration or 0.0)


def _streamed(said: Transcript) -> StreamingResponse:
    return StreamingResponse(_events(said), media_type="text/event-stream")


def _events(said: Transcript) -> Iterator[str]:
    for part in _pieces(said.text):
        yield _event({"type": "transcript.text.delta", "delta": part})
    yield _event({"type": "transcript.text.done", "text": said.text})


def _pieces(text: str) -> Iterator[str]:
    """The text in words that keep their blanks: together they are the text again."""
    begin = 0
    for place, letter in enumerate(text):
        if letter == " " and place > begin:
            yield text[begin:place]
            begin = place
    if text[begin:]:
        yield text[begin:]


def _event(told: dict[str, str]) -> str:
    return f"data: {json.dumps(told)}\n\n"
