"""Capture from an app: what is kept, under which settings, and that nothing is half-kept."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from truing import Workspace
from truing.domain.consent import Purpose
from truing.domain.errors import ConsentError, DamagedError, InvalidInputError, TruingError
from truing.domain.prediction import Alternative, Recognition, Word
from truing.domain.review import State
from truing.domain.sample import SampleFilter, Sampling

DATA = Path(__file__).parent.parent / "data"
CLIP = DATA / "speech" / "digits" / "7_theo_25.flac"


def open_with(tmp_path: Path, **flags: str) -> Workspace:
    folder = tmp_path / "ws"
    if not folder.exists():
        Workspace.create(folder, environ={}).close()
    keyed = {key.replace("__", "."): value for key, value in flags.items()}
    return Workspace.open(folder, flags=keyed, environ={}, rng=random.Random(7))


def test_everything_the_app_said_is_kept(workspace: Workspace) -> None:
    heard = Recognition(
        text="heaven",
        confidence=0.4,
        words=(Word(text="heaven", start=0.0, end=0.4, confidence=0.4),),
        alternatives=(Alternative(text="seven", confidence=0.3),),
    )
    added = workspace.capture(
        "speech",
        audio=CLIP,
        raw=heard,
        corrected="Seven.",
        model="app-1",
        subject="theo",
        session="monday",
        context={"document": "plan — 計画 😀"},
    )
    assert added is not None
    sample = workspace.sample(added.id)
    assert sample.raw is not None
    assert sample.corrected is not None
    assert (sample.raw.recognition, sample.raw.model) == (heard, "app-1")
    assert (sample.corrected.text, sample.proposal) == ("Seven.", "Seven.")
    assert (sample.subject, sample.session) == ("theo", "monday")
    assert sample.context == {"document": "plan — 計画 😀"}
    assert sample.state is State.PENDING


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 48000])
def test_an_array_at_any_rate_comes_back_sample_by_sample(workspace: Workspace, rate: int) -> None:
    import io

    sound, _ = sf.read(CLIP, dtype="int16")
    added = workspace.capture("speech", audio=(sound, rate), raw="seven")
    assert added is not None
    medium = workspace.sample(added.id).media[0]
    kept, kept_rate = sf.read(io.BytesIO(workspace.blobs.read(medium.digest)), dtype="int16")
    assert kept_rate == rate
    assert np.array_equal(kept, sound)


def test_bytes_of_a_file_are_taken_too(workspace: Workspace) -> None:
    added = workspace.capture("speech", audio=CLIP.read_bytes(), raw="seven")
    assert added is not None
    assert workspace.sample(added.id).media[0].duration == pytest.approx(sf.info(CLIP).duration)


def test_the_same_key_is_the_same_sample(workspace: Workspace) -> None:
    first = workspace.capture("speech", audio=CLIP, raw="seven", source_key="a-1")
    again = workspace.capture("speech", audio=CLIP, raw="seven", source_key="a-1")
    assert first is not None
    assert again is not None
    assert (again.id, again.new) == (first.id, False)
    assert workspace.store.samples.count(SampleFilter()) == 1


def test_a_second_copy_is_flagged_and_the_bytes_are_kept_once(workspace: Workspace) -> None:
    for _ in range(2):
        workspace.capture("speech", audio=CLIP, raw="seven")
    copy = workspace.sample(2)
    assert "duplicate" in {found.check for found in copy.findings}
    assert len(list(workspace.blobs.digests())) == 1


def test_only_corrections_are_kept_and_some_by_chance(tmp_path: Path) -> None:
    given: dict[str, Any] = {"audio": CLIP, "raw": "seven"}
    with open_with(tmp_path, capture__mode="corrections", capture__audit_share="0.25") as ws:
        for number in range(80):
            ws.capture("speech", **given, truth="heaven" if number % 8 == 0 else None)
        kept = list(ws.store.samples.iterate(SampleFilter()))
    audit = [sample for sample in kept if sample.sampling is Sampling.AUDIT]
    chosen = [sample for sample in kept if sample.sampling is Sampling.CHOSEN]
    assert 8 <= len(audit) <= 32
    assert chosen
    assert all(sample.state is State.CORRECTED for sample in chosen)


def test_off_keeps_nothing(tmp_path: Path) -> None:
    with open_with(tmp_path, capture__mode="off") as ws:
        assert ws.capture("speech", audio=CLIP, raw="seven", truth="eleven") is None
        assert list(ws.blobs.digests()) == []


def test_without_consent_nothing_is_kept(tmp_path: Path) -> None:
    with open_with(tmp_path, consent__policy="off") as ws:
        with pytest.raises(ConsentError, match=r"consent\.policy"):
            ws.capture("speech", audio=CLIP, raw="seven")
        assert ws.store.samples.count(SampleFilter()) == 0
        assert list(ws.blobs.digests()) == []


def test_who_is_asked_must_have_agreed(tmp_path: Path) -> None:
    with open_with(tmp_path, consent__policy="ask") as ws:
        with pytest.raises(ConsentError, match=r"`ask`") as raised:
            ws.capture("speech", audio=CLIP, raw="seven")
        assert "consent=true" in str(raised.value.hint)
        assert ws.store.samples.count(SampleFilter()) == 0
        assert list(ws.blobs.digests()) == []
        added = ws.capture("speech", audio=CLIP, raw="seven", consent=True)
        assert added is not None
        consent = ws.sample(added.id).consent
    assert (consent.policy, consent.basis, consent.reason) == ("ask", "person", None)
    assert consent.covers(Purpose.TRAINING)
    assert not consent.covers(Purpose.SHARING)


def test_an_operator_states_a_reason(tmp_path: Path) -> None:
    with open_with(tmp_path, consent__policy="operator", consent__reason="  ") as ws:
        with pytest.raises(ConsentError, match="without a reason") as raised:
            ws.capture("speech", audio=CLIP, raw="seven", consent=True)
        assert "truing config set consent.reason" in str(raised.value.hint)
        assert list(ws.blobs.digests()) == []
    flags = {"consent__policy": "operator", "consent__reason": "our own staff, by contract"}
    with open_with(tmp_path, **flags) as ws:
        added = ws.capture("speech", audio=CLIP, raw="seven")
        assert added is not None
        consent = ws.sample(added.id).consent
    assert (consent.basis, consent.reason) == ("operator", "our own staff, by contract")


def test_an_import_needs_a_basis_too(tmp_path: Path) -> None:
    with open_with(tmp_path, consent__policy="ask") as ws:
        with pytest.raises(ConsentError, match=r"`ask`"):
            ws.import_from("audiofolder", CLIP.parent)
        assert ws.store.samples.count(SampleFilter()) == 0
    flags = {"consent__policy": "operator", "consent__reason": "published recordings"}
    with open_with(tmp_path, **flags) as ws:
        assert ws.import_from("audiofolder", CLIP.parent).added > 0


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"audio": CLIP, "rating": 6}, InvalidInputError),
        ({"audio": CLIP, "confidence": 7}, InvalidInputError),
        ({"audio": CLIP, "confidence": math.nan}, InvalidInputError),
        ({"audio": CLIP, "contact": "x" * 321}, InvalidInputError),
        ({"audio": b"this is no sound at all"}, DamagedError),
        ({"audio": object()}, InvalidInputError),
        ({"video": CLIP}, InvalidInputError),
        ({}, InvalidInputError),
    ],
)
def test_what_cannot_be_used_is_refused_whole(
    workspace: Workspace, given: dict[str, object], error: type[TruingError]
) -> None:
    with pytest.raises(error) as caught:
        workspace.capture("speech", raw="x", **given)
    assert caught.value.hint
    assert workspace.store.samples.count(SampleFilter()) == 0


def test_a_correction_made_in_the_app_is_a_review(workspace: Workspace) -> None:
    added = workspace.capture("speech", audio=CLIP, raw="heaven", truth="seven")
    assert added is not None
    sample = workspace.sample(added.id)
    assert (sample.state, sample.truth) == (State.CORRECTED, "seven")
    assert workspace.history(added.id)[0].shown_because == "app"


def test_a_modality_may_propose_a_tidier_text_and_the_raw_one_stays(workspace) -> None:
    pytest.importorskip("PIL")
    folder = next((DATA / "clients" / "nexvision" / "training-data").glob("session-*051Z"))
    added = workspace.capture(
        "image_edit",
        original=next(folder.glob("original-*")),
        edited=next(folder.glob("reimagined-*")),
        raw="  make it brigther ",
    )
    sample = workspace.sample(added.id)
    assert sample.raw.text == "  make it brigther "
    assert sample.proposal == "make it brighter"
    assert sample.corrected.model == "truing/cleaning"
    workspace.review(added.id, "accepted")
    assert workspace.sample(added.id).truth == "make it brighter"
