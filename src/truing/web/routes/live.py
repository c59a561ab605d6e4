"""Routes of live inference: one utterance in, its text out; whether it is kept, and consent."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from truing.domain.errors import InvalidInputError, NotFoundError
from truing.live.recognizer import Transcript
from truing.web.access.basis import MissingBasis
from truing.web.access.gate import VisitorDep, needs
from truing.web.access.rights import Right, Visitor
from truing.web.context import Web, WebDep
from truing.web.forms.live import (
    Consent,
    ConsentDecision,
    CorrectionWanted,
    Heard,
    HeardCorrection,
    LiveStatus,
)
from truing.web.hearing import Spoken
from truing.workspace import hosting
from truing.workspace.consenting import consent_of, set_consent

router = APIRouter(tags=["live"])

PCM = ("audio/pcm", "audio/l16")
"""Content types of bare samples: 16 bits, little-endian, one channel, 16 kHz."""
PCM_RATE = 16_000
SOURCE = "record"
"""The app's name for what the page records."""


async def sound_of(request: Request) -> bytes:
    """The body of a request: a sound file or a video, or bare samples that become one.

    Raises:
        InvalidInputError: it is empty, or half a sample is at its end.
    """
    data = await request.body()
    if not data:
        raise InvalidInputError(
            "the request has no body", hint="send a sound file or a video as its body"
        )
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return as_wav(data) if kind in PCM else data


def as_wav(samples: bytes) -> bytes:
    """Bare samples with the header of a WAV file.

    Raises:
        InvalidInputError: half a sample at the end.
    """
    import io
    import wave

    if len(samples) % 2:
        raise InvalidInputError(
            f"{len(samples)} bytes are no 16-bit samples", hint="send whole samples of 2 bytes"
        )
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(PCM_RATE)
        written.writeframes(samples)
    return file.getvalue()


Name = Annotated[str | None, Query(min_length=1, max_length=200)]
Modality = Annotated[str, Query(min_length=1, max_length=100)]


@router.post(
    "/api/live/transcribe",
    dependencies=[needs(Right.CONTRIBUTE)],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "audio/pcm": {"schema": {"type": "string", "format": "binary"}},
                "audio/*": {"schema": {"type": "string", "format": "binary"}},
                "video/*": {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
)
def transcribe(
    web: WebDep,
    visitor: VisitorDep,
    missing: MissingBasis,
    sound: Annotated[bytes, Depends(sound_of)],
    speaker: Name = None,
    session: Name = None,
    source: Annotated[str, Query(min_length=1, max_length=200)] = SOURCE,
    file: Name = None,
    modality: Modality = "speech",
    *,
    keep: bool = True,
    consent: bool = False,
    correct: bool = True,
) -> Heard:
    """Recognises the body: bare 16-bit samples at 16 kHz (`audio/pcm`), or any sound file.

    With `modality=lipreading` it is a video of a speaking face.

    What the page records is kept once consent was given; `keep=false` keeps nothing in any case.
    With `consent=true` its person agreed, which the setting consent.policy may ask for.
    With `correct=false` the answer does not wait for the corrector: ask for it by its own route.
    """
    spoken = Spoken(
        source=sound,
        app=visitor.source(source),
        speaker=speaker,
        session=session,
        context={"file": file} if file else None,
        keep=keep and not missing and (source != SOURCE or consent_of(web.workspace).asked),
        consent=consent,
        correct=correct,
    )
    said = web.hearing.transcribe(spoken, modality)
    announce(web, said)
    told = heard(said)
    return told.model_copy(update={"not_kept": missing.message}) if keep and missing else told


def announce(web: Web, said: Transcript) -> None:
    """Tells listening pages of a sample that was kept."""
    if said.sample is not None and said.sample.new:
        web.changes.announce("samples", ids=[said.sample.id])


def heard(said: Transcript) -> Heard:
    """The JSON form of an answer."""
    return Heard.model_validate(
        {
            **said.as_dict(),
            "duration": said.duration,
            "model": said.model,
            "correction": said.correction.as_dict() if said.correction is not None else None,
            "sample": said.sample.id if said.sample is not None else None,
            "new": said.sample.new if said.sample is not None else False,
            "not_kept": said.not_kept,
        }
    )


@router.post("/api/live/correct", dependencies=[needs(Right.CONTRIBUTE)])
def correct(web: WebDep, visitor: VisitorDep, wanted: CorrectionWanted) -> HeardCorrection:
    """What the chat server makes of a text; kept with the sample when one is named.

    A server that fails or takes too long is no error: `problem` says why there is no text.
    """
    text = wanted.text
    if wanted.sample is not None:
        text = _said_in(web, visitor, wanted.sample)
    if not text:
        raise InvalidInputError(
            "there is no text to correct", hint="send `text`, or the number of a `sample`"
        )
    correction = hosting.correct(web.workspace, text, sample=wanted.sample)
    if wanted.sample is not None and correction.text is not None:
        web.changes.announce("samples", ids=[wanted.sample])
    return HeardCorrection.model_validate(correction.as_dict())


def _said_in(web: Web, visitor: Visitor, id: int) -> str | None:
    sample = web.workspace.sample(id)
    if visitor.own_source not in (None, sample.source):
        raise NotFoundError(f"there is no sample {id} of yours", hint="contributors see their own")
    return sample.raw.text if sample.raw is not None else None


@router.get("/api/live/status", dependencies=[needs(Right.CONTRIBUTE)])
def status(web: WebDep, modality: Modality = "speech") -> LiveStatus:
    """Whether there is a model to answer."""
    return LiveStatus(
        modality=modality,
        champion=web.hearing.champion(modality),
        loaded=web.hearing.loaded(modality),
        corrector=web.workspace.settings.text("corrector.url") or None,
        accepts=[*PCM] if modality == "speech" else [],
    )


@router.post("/api/live/warm", dependencies=[needs(Right.CONTRIBUTE)])
def warm(web: WebDep, modality: Modality = "speech") -> LiveStatus:
    """Loads the live model, so that the first utterance is answered as quickly as the next."""
    web.hearing.warm_up(modality)
    return status(web, modality)


@router.get("/api/live/consent", dependencies=[needs(Right.CONTRIBUTE)])
def consent(web: WebDep) -> Consent:
    """Whether what is heard is kept, and the wording that was or is to be agreed to."""
    return Consent.model_validate(consent_of(web.workspace).as_dict())


@router.put("/api/live/consent", dependencies=[needs(Right.OPERATE)])
def decide(web: WebDep, visitor: VisitorDep, decision: ConsentDecision) -> Consent:
    """Gives or withdraws consent; what is heard from now on follows it at once."""
    state = set_consent(web.workspace, given=decision.given, actor=visitor.name)
    web.changes.announce("settings", key="consent.policy")
    return Consent.model_validate(state.as_dict())
