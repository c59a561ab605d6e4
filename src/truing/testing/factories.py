"""Nouns for tests: each factory gives a sound one, and takes whatever shall be different.

Nothing here is random: a counter or an argument makes one noun differ from the next.
"""

# ruff: noqa: ANN401 - an override takes whatever the noun takes

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from truing.domain.clock import MICROSECONDS
from truing.domain.consent import OWN_USE
from truing.domain.dataset import (
    Assignment,
    DatasetRef,
    DatasetRow,
    DatasetVersion,
    Split,
    SplitKind,
)
from truing.domain.digest import chain_digest, digest_bytes, row_digest
from truing.domain.evaluation import EvaluatedRow, Evaluation, RowScore
from truing.domain.event import Event
from truing.domain.finding import Finding, Severity
from truing.domain.ids import uuid7
from truing.domain.media import Media
from truing.domain.model import GENERAL, ModelRef, ModelState, ModelVersion, Promotion
from truing.domain.prediction import Prediction, PredictionKind, Recognition
from truing.domain.review import Revision, Standing, State, Verdict, standing
from truing.domain.run import RunRequest
from truing.domain.sample import NewSample, Sampling

START = 1_700_000_000 * MICROSECONDS
"""2023-11-14T22:13:20Z, when every test begins."""


class FrozenClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now: int = START) -> None:
        self._now = now

    def now(self) -> int:
        """The present instant in microseconds."""
        return self._now

    def advance(self, seconds: float) -> int:
        """Moves on (or back) and returns the new instant."""
        self._now += round(seconds * MICROSECONDS)
        return self._now


class SeededIds:
    """UUIDv7s counted up from a seed: the same in each run, different from seed to seed."""

    def __init__(self, seed: int = 0) -> None:
        self._numbers = itertools.count(seed << 40)

    def new(self) -> str:
        """The next one."""
        return uuid7(START // 1000, next(self._numbers))


_ids = SeededIds(0xFAC7)


def make_digest(content: object) -> str:
    """The digest of any content, for media that are never read."""
    return digest_bytes(repr(content).encode())


def make_media(content: object = b"sound", **different: Any) -> Media:
    """A second of sound whose digest follows from `content`."""
    return Media(
        **{
            "role": "audio",
            "digest": make_digest(content),
            "size": 32_000,
            "media_type": "audio/flac",
            "facts": {"duration": 1.0, "sample_rate": 16_000},
            **different,
        }
    )


def make_prediction(text: str = "hello world", **different: Any) -> Prediction:
    """What a recognizer said; `confidence` goes into its recognition."""
    parts = {name: different.pop(name) for name in _RECOGNITION if name in different}
    return Prediction(
        **{
            "kind": PredictionKind.RECOGNIZER,
            "recognition": Recognition(text=text, **parts),
            "model": "tiny",
            "created_at": START,
            **different,
        }
    )


_RECOGNITION = ("confidence", "words", "alternatives", "seconds")


def make_finding(check: str = "clipped", **different: Any) -> Finding:
    """A warning."""
    return Finding(
        **{
            "check": check,
            "severity": Severity.WARNING,
            "reason": "3 % of the signal is at its limit",
            "value": 0.03,
            "threshold": 0.01,
            "setting": "speech.max_clipping",
            **different,
        }
    )


def make_sample(**different: Any) -> NewSample:
    """A sample with one medium and one prediction, its uid used nowhere else.

    `text` and `confidence` are those of its prediction.
    """
    uid = different.pop("uid", None) or _ids.new()
    said = make_prediction(
        different.pop("text", "hello world"), confidence=different.pop("confidence", 0.9)
    )
    return NewSample(
        **{
            "uid": uid,
            "modality": "speech",
            "salt": make_digest(uid)[-32:],
            "source": "app",
            "captured_at": START,
            "added_at": START,
            "consent": OWN_USE,
            "sampling": Sampling.AUDIT,
            "media": (make_media(uid),),
            "predictions": (said,),
            **different,
        }
    )


def make_revision(sample_id: int, truth: str | None = "hello world", **different: Any) -> Revision:
    """An acceptance, or a correction when `verdict` says so."""
    return Revision(
        **{
            "sample_id": sample_id,
            "verdict": Verdict.ACCEPTED,
            "actor": "ada",
            "created_at": START,
            "truth": truth,
            **different,
        }
    )


def make_standing(revision: Revision) -> Standing:
    """What follows when a sample has this revision alone."""
    return standing([revision])


def make_pending() -> Standing:
    """Where a sample stands that nobody has reviewed."""
    return Standing(state=State.PENDING, truth=None, deciding=None, disputed=False)


def make_row(position: int, **different: Any) -> DatasetRow:
    """A row of a dataset version whose digest is right."""
    uid = different.pop("sample_uid", None) or _ids.new()
    split = different.pop("split", Split.TRAIN)
    media = different.pop("media", {"audio": make_digest(uid)})
    payload = {
        "schema": 1,
        "uid": uid,
        "modality": "speech",
        "media": {role: {"digest": digest, "start": None, "end": None}
                  for role, digest in media.items()},
        "truth": "hello world",
        "subject": None,
        "session": None,
        "source": "app",
        "split": split.value,
    }  # fmt: skip
    salt = make_digest(position)[-32:]
    return DatasetRow(
        **{
            "position": position,
            "sample_uid": uid,
            "split": split,
            "digest": row_digest(payload, salt),
            "salt": salt,
            "payload": payload,
            **different,
        }
    )


def make_version(
    rows: Sequence[DatasetRow], name: str = "mine", number: int = 1, **different: Any
) -> DatasetVersion:
    """The head of a version with these rows."""
    return DatasetVersion(
        **{
            "ref": DatasetRef(name=name, number=number),
            "uid": _ids.new(),
            "modality": "speech",
            "split_kind": SplitKind.PERSONAL,
            "parameters": {"test_share": 0.2, "seed": 0},
            "digest": chain_digest(row.digest for row in rows),
            "created_at": START,
            "counts": {split.value: sum(row.split is split for row in rows) for split in Split},
            "excluded": {"pending": 3},
            **different,
        }
    )


def make_assignment(row: DatasetRow, *keys: str) -> Assignment:
    """The assignment of a row's sample to its split."""
    return Assignment(sample_uid=str(row.sample_uid), split=row.split, keys=keys)


def make_request(**different: Any) -> RunRequest:
    """What to train."""
    return RunRequest(
        **{
            "modality": "speech",
            "recipe": "whisper",
            "dataset": "mine@1",
            "base": "tiny",
            "options": {"epochs": 3, "learning_rate": 1e-5},
            "seed": 7,
            **different,
        }
    )


def make_model(number: int = 1, **different: Any) -> ModelVersion:
    """A trained model."""
    modality = different.pop("modality", "speech")
    return ModelVersion(
        **{
            "ref": ModelRef(modality=modality, number=number),
            "uid": _ids.new(),
            "digest": make_digest((modality, number)),
            "state": ModelState.READY,
            "created_at": START + number,
            "recipe": "whisper",
            "base": "tiny",
            "parents": ("tiny",),
            "dataset": "mine@1",
            "dataset_digest": make_digest("mine@1"),
            "run_id": number,
            "audience": GENERAL,
            "figures": {"validation_wer": 0.12},
            "licence": "MIT",
            **different,
        }
    )


def make_promotion(
    model: str = "speech/1", previous: str | None = None, **different: Any
) -> Promotion:
    """A promotion by the gate."""
    return Promotion(
        **{
            "modality": "speech",
            "audience": GENERAL,
            "model": model,
            "previous": previous,
            "at": START,
            "actor": "ada",
            "reason": "gate",
            "gate": {"passed": True, "p": 0.01},
            **different,
        }
    )


def make_evaluated_row(sample_uid: str, **different: Any) -> EvaluatedRow:
    """A row with one word wrong of two."""
    scores: Mapping[str, RowScore] = {"wer": RowScore(numerator=1, denominator=2)}
    return EvaluatedRow(
        **{
            "sample_uid": sample_uid,
            "prediction": "hello word",
            "scores": scores,
            "cluster": "session-1",
            "subject": "ada",
            "confidence": 0.8,
            "seconds": 0.2,
            "duration": 1.5,
            **different,
        }
    )


def make_evaluation(rows: Sequence[EvaluatedRow] = (), **different: Any) -> Evaluation:
    """An evaluation with these rows."""
    return Evaluation(
        **{
            "uid": _ids.new(),
            "modality": "speech",
            "model": "speech/1",
            "model_digest": make_digest("speech/1"),
            "dataset": "mine@1",
            "dataset_digest": make_digest("mine@1"),
            "split": "test",
            "metric": "wer",
            "metric_version": "neutral-1",
            "figures": {"wer": 0.5, "ci": [0.4, 0.6], "rows": len(rows)},
            "created_at": START,
            "rows": tuple(rows),
            **different,
        }
    )


def make_event(kind: str = "imported", **different: Any) -> Event:
    """An entry of the journal."""
    return Event(**{"kind": kind, "at": START, "actor": "ada", "data": {"added": 3}, **different})
