"""Samples as rows: how a noun is laid out in one row and its look-ups, and how it is read back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from truing.domain.consent import Consent, Purpose
from truing.domain.errors import DamagedError
from truing.domain.finding import Finding, Severity
from truing.domain.media import Media
from truing.domain.prediction import Alternative, Prediction, PredictionKind, Recognition, Word
from truing.domain.review import State
from truing.domain.sample import NewSample, Sample, Sampling
from truing.stores.database.chunks import chunks
from truing.stores.database.json_text import to_json, to_list, to_mapping
from truing.stores.database.schema import (
    NO_FINDINGS,
    UNKNOWN_CONFIDENCE,
    contacts,
    sample_findings,
    sample_groups,
    samples,
)

Row = dict[str, Any]

FINDING_FIELDS = ("check", "severity", "reason", "value", "threshold", "setting")
"""Those that are empty are left out of the JSON."""


def sample_row(number: int, new: NewSample) -> Row:
    """The row of a sample that nobody has reviewed yet."""
    said = new.predictions
    return {
        "id": number,
        "uid": new.uid,
        "modality": new.modality,
        "state": State.PENDING.value,
        "captured_at": new.captured_at,
        "subject": new.subject,
        "session": new.session,
        "source": new.source,
        "source_key": new.source_key,
        "sampling": new.sampling.value,
        "certainty": certainty(said),
        "quality": new.quality,
        "trained": 0,
        "revision": 0,
        "prediction_known": 1,
        "added_at": new.added_at,
        "salt": new.salt,
        "truth": None,
        "said": searchable(said),
        "findings": findings_json(new.findings),
        "document": to_json(_document(new), "sample"),
        "rating": None,
    }


def lookup_rows(numbered: Iterable[tuple[int, NewSample]]) -> dict[sa.Table, list[Row]]:
    """What the samples will be looked for by at any moment: group keys, checks, contacts."""
    rows: dict[sa.Table, list[Row]] = {sample_groups: [], sample_findings: [], contacts: []}
    for number, new in numbered:
        rows[sample_groups] += group_rows(number, new.groups)
        rows[sample_findings] += finding_rows(number, new.findings)
        if new.contact is not None:
            rows[contacts].append({"sample_id": number, "contact": new.contact})
    return rows


def blob_rows(number: int, media: Iterable[Media]) -> list[Row]:
    """The blobs of a sample's media and of what they were derived from."""
    named = {name for one in media for name in (one.digest, one.parent) if name is not None}
    return [{"digest": digest, "sample_id": number} for digest in named]


def sitting_row(number: int, source: str, session: str | None) -> Row:
    """The sitting in which a sample was taken."""
    return {"source": source, "session": session or "", "sample_id": number}


def group_rows(number: int, groups: Iterable[str]) -> list[Row]:
    """The keys that tie a sample to others."""
    return [{"key": key, "sample_id": number} for key in set(groups)]


def tag_rows(number: int, tags: Iterable[str]) -> list[Row]:
    """The tags of a sample."""
    return [{"tag": tag, "sample_id": number} for tag in set(tags)]


def finding_rows(number: int, findings: Iterable[Finding]) -> list[Row]:
    """The checks that found something."""
    return [{"check": check, "sample_id": number} for check in {one.check for one in findings}]


def certainty(said: Iterable[Prediction]) -> float:
    """What a sample is ordered by: the confidence of the newest recognizer that gave one."""
    known = [
        value
        for value in (
            one.recognition.confidence for one in said if one.kind is PredictionKind.RECOGNIZER
        )
        if value is not None and not math.isnan(value)
    ]
    return known[-1] if known else UNKNOWN_CONFIDENCE


def searchable(said: Iterable[Prediction]) -> str:
    """The texts of all predictions, one to a line."""
    return "\n".join(one.recognition.text for one in said)


def _document(new: NewSample) -> Row:
    held: Row = {"consent": new.consent.as_dict()}
    if new.context:
        held["context"] = dict(new.context)
    if new.groups:
        held["groups"] = new.groups
    if new.media:
        held["media"] = [_media_json(one) for one in new.media]
    if new.predictions:
        held["predictions"] = _predictions_json(new.predictions)
    return held


def with_predictions(document: str, said: Iterable[Prediction]) -> str:
    """A document with other predictions."""
    return to_json({**to_mapping(document), "predictions": _predictions_json(said)}, "predictions")


def with_context(document: str, context: Mapping[str, object]) -> str:
    """A document with another context."""
    held = {name: value for name, value in to_mapping(document).items() if name != "context"}
    return to_json({**held, "context": dict(context)} if context else held, "context")


def with_media(document: str, media: Iterable[Media], groups: Sequence[str]) -> str:
    """A document with other media, and the keys that tie them to others."""
    held = {**to_mapping(document), "media": [_media_json(one) for one in media], "groups": groups}
    return to_json(held, "media")


def with_tags(document: str, tags: Sequence[str]) -> str:
    """A document with other tags."""
    held = {name: value for name, value in to_mapping(document).items() if name != "tags"}
    return to_json({**held, "tags": list(tags)} if tags else held, "tags")


def _predictions_json(said: Iterable[Prediction]) -> list[Row]:
    # Numbered from 1: a prediction's number is its place.
    return [_prediction_json(number, one) for number, one in enumerate(said, 1)]


def findings_json(findings: Iterable[Finding]) -> str:
    """Findings as the row holds them."""
    held = [
        {name: value for name in FINDING_FIELDS if (value := getattr(one, name)) is not None}
        for one in findings
    ]
    return to_json(held, "findings") if held else NO_FINDINGS


def read_samples(connection: sa.Connection, ids: Sequence[int]) -> list[Sample]:
    """Samples in the order of `ids`, unknown ones left out; one statement for each 500."""
    found: dict[int, Sample] = {}
    for piece in chunks(ids):
        query = sa.select(samples).where(samples.c.id.in_(piece))
        for row in connection.execute(query).mappings():
            found[row["id"]] = read_sample(row)
    return [found[number] for number in ids if number in found]


def read_sample(row: Mapping[Any, Any]) -> Sample:
    """The sample in a row, by the names of its columns.

    Raises:
        DamagedError: what is stored cannot be read.
    """
    try:
        return _sample(row)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise DamagedError(
            f"what is stored of sample {row['id']} cannot be read",
            hint="restore the database from a backup; `truing verify` says what else is touched",
        ) from error


def _sample(row: Mapping[Any, Any]) -> Sample:
    document: Row = to_mapping(row["document"])
    return Sample(
        id=row["id"],
        uid=row["uid"],
        modality=row["modality"],
        salt=row["salt"],
        source=row["source"],
        source_key=row["source_key"],
        captured_at=row["captured_at"],
        added_at=row["added_at"],
        consent=_consent(document["consent"]),
        sampling=Sampling(row["sampling"]),
        subject=row["subject"],
        session=row["session"],
        context=document.get("context", {}),
        media=_media(document),
        predictions=_predictions(document),
        findings=read_findings(row["findings"]),
        quality=row["quality"],
        groups=_groups(document),
        state=State(row["state"]),
        truth=row["truth"],
        revision=row["revision"],
        prediction_known=bool(row["prediction_known"]),
        trained=bool(row["trained"]),
        tags=_tags(document),
        rating=row["rating"],
    )


def read_media(document: str) -> tuple[Media, ...]:
    """The media in a document."""
    return _media(to_mapping(document))


def read_groups(document: str) -> tuple[str, ...]:
    """The group keys in a document."""
    return _groups(to_mapping(document))


def read_tags(document: str) -> tuple[str, ...]:
    """The tags in a document."""
    return _tags(to_mapping(document))


def read_predictions(document: str) -> tuple[Prediction, ...]:
    """The predictions in a document."""
    return _predictions(to_mapping(document))


def _groups(document: Row) -> tuple[str, ...]:
    return tuple(document.get("groups", ()))


def _tags(document: Row) -> tuple[str, ...]:
    return tuple(document.get("tags", ()))


def _media(document: Row) -> tuple[Media, ...]:
    return tuple(Media(**one) for one in document.get("media", ()))


def read_findings(text: str) -> tuple[Finding, ...]:
    """Findings from their column."""
    if text == NO_FINDINGS:
        return ()
    return tuple(Finding(**{**one, "severity": Severity(one["severity"])}) for one in to_list(text))


def _predictions(document: Row) -> tuple[Prediction, ...]:
    return tuple(
        Prediction(
            id=one["id"],
            kind=PredictionKind(one["kind"]),
            model=one.get("model"),
            created_at=one["created_at"],
            recognition=Recognition(
                text=one["text"],
                confidence=one.get("confidence"),
                words=tuple(
                    Word(text=word, start=start, end=end, confidence=sure)
                    for word, start, end, sure in one.get("words", ())
                ),
                alternatives=tuple(
                    Alternative(text=other, confidence=sure)
                    for other, sure in one.get("alternatives", ())
                ),
                seconds=one.get("seconds"),
            ),
        )
        for one in document.get("predictions", ())
    )


def _media_json(medium: Media) -> Row:
    held: Row = {
        "role": medium.role,
        "digest": medium.digest,
        "size": medium.size,
        "media_type": medium.media_type,
        "facts": dict(medium.facts),
    }
    if medium.start is not None:
        held["start"] = medium.start
    if medium.end is not None:
        held["end"] = medium.end
    if medium.parent is not None:
        held["parent"] = medium.parent
    if medium.parameters:
        held["parameters"] = dict(medium.parameters)
    return held


def _prediction_json(number: int, said: Prediction) -> Row:
    recognition = said.recognition
    confidence = recognition.confidence
    held: Row = {
        "id": number,
        "kind": said.kind.value,
        "created_at": said.created_at,
        "text": recognition.text,
    }
    if said.model is not None:
        held["model"] = said.model
    if confidence is not None and not math.isnan(confidence):
        held["confidence"] = confidence
    # Lists, not objects: words are most of what is stored of a sample.
    if recognition.words:
        held["words"] = [(w.text, w.start, w.end, w.confidence) for w in recognition.words]
    if recognition.alternatives:
        held["alternatives"] = [(a.text, a.confidence) for a in recognition.alternatives]
    if recognition.seconds is not None:
        held["seconds"] = recognition.seconds
    return held


_PURPOSES = {purpose.value: purpose for purpose in Purpose}


def _consent(held: Row) -> Consent:
    return _same_consent(
        held["policy"], tuple(held["purposes"]), held.get("withdrawn_at"), held.get("reason")
    )


@lru_cache(maxsize=1024)
def _same_consent(
    policy: str, purposes: tuple[str, ...], withdrawn_at: int | None, reason: str | None
) -> Consent:
    # Nearly all samples have the same one.
    return Consent(
        policy=policy,
        purposes=frozenset(_PURPOSES[one] for one in purposes if one in _PURPOSES),
        withdrawn_at=withdrawn_at,
        reason=reason,
    )
