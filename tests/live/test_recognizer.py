import dataclasses
import io
import struct

import numpy as np
import pytest

from truing.domain.digest import digest_bytes
from truing.domain.errors import (
    ConflictError,
    DamagedError,
    InvalidInputError,
    MissingDependencyError,
    NotFoundError,
    UnavailableError,
)
from truing.domain.finding import Severity
from truing.domain.prediction import Alternative, PredictionKind, Recognition, Word
from truing.live.corrector import Corrector
from truing.modalities.speech.modality import Speech


def test_an_answer_names_its_model_and_the_sample_it_was_kept_as(make, keeper, digit):
    recognizer = make(capture=keeper)

    said = recognizer.transcribe(
        digit, subject="theo", session="monday", app="dictation", context={"page": 3}
    )

    assert isinstance(said, Recognition)
    assert said.text == f"speech/1 {digest_bytes(digit)}"
    assert (said.model, said.not_kept, said.sample.new) == ("speech/1", None, True)
    sample = keeper.sample(said)
    assert (sample.subject, sample.session, sample.source) == ("theo", "monday", "dictation")
    assert sample.context == {"page": 3}
    assert sample.raw.text == said.text
    assert (sample.raw.model, sample.raw.kind) == ("speech/1", PredictionKind.RECOGNIZER)
    assert keeper.blobs.read(sample.media[0].digest) == digit


def test_every_part_of_the_models_answer_is_passed_on(make, stage, digit):
    answer = Recognition(
        text="seven",
        confidence=0.9,
        words=(Word(text="seven", start=0.0, end=0.4),),
        alternatives=(Alternative(text="eleven", confidence=0.1),),
        seconds=0.02,
    )
    recognizer = make()
    recognizer.refresh()
    stage.opened[0].recognize = lambda media: answer

    said = recognizer.transcribe(digit)

    for each in dataclasses.fields(Recognition):
        assert getattr(said, each.name) == getattr(answer, each.name)


def test_what_the_model_hears_is_what_is_kept(make, keeper, tmp_path):
    samples = (np.sin(np.arange(8000) / 9) * 9000).astype(np.int16)
    wav = io.BytesIO()
    import soundfile

    soundfile.write(wav, samples, 16000, format="WAV")
    path = tmp_path / "said.wav"
    path.write_bytes(wav.getvalue())
    recognizer = make(capture=keeper)

    for source in ((samples, 16000), wav.getvalue(), path, str(path)):
        said = recognizer.transcribe(source)
        assert said.text.split()[1] == keeper.sample(said).media[0].digest

    assert len(list(keeper.blobs.digests())) == 1


def test_the_damage_of_a_cut_recording_is_kept_with_it(make, keeper):
    whole = struct.pack("<1600h", *range(1600))
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + 6400, b"WAVE", b"fmt ", 16, 1, 1,
                       16000, 32000, 2, 16, b"data", 6400)  # fmt: skip
    assert Speech().ingest("audio", head + whole).damage is not None

    said = make(capture=keeper).transcribe(head + whole)

    found = {one.check: one.severity for one in keeper.sample(said).findings}
    assert found["damaged"] is Severity.BLOCKING


@pytest.mark.parametrize(
    ("flags", "kept"),
    [
        ({"capture.mode": "every"}, True),
        ({"capture.mode": "corrections", "capture.audit_share": "0"}, False),
        ({"capture.mode": "corrections", "capture.audit_share": "1"}, True),
        ({"capture.mode": "off"}, False),
    ],
)
def test_the_settings_decide_what_is_kept(make, keeper, digit, flags, kept):
    keeper.flags = flags

    said = make(capture=keeper).transcribe(digit)

    assert (said.sample is not None) is kept
    assert said.not_kept is None
    assert said.text


def test_without_consent_the_answer_stands_and_says_why_nothing_was_kept(make, keeper, digit):
    keeper.flags = {"consent.policy": "off"}

    said = make(capture=keeper).transcribe(digit)

    assert said.text.startswith("speech/1")
    assert said.sample is None
    assert "`consent.policy` is `off`" in said.not_kept


def test_a_full_disk_does_not_withhold_the_answer(make, digit):
    def full(utterance):
        raise OSError(28, "No space left on device")

    said = make(capture=full).transcribe(digit)

    assert said.text.startswith("speech/1")
    assert "No space left" in said.not_kept


def test_without_a_champion_there_is_an_error_that_says_what_to_do(make, stage, digit):
    stage.line.clear()

    with pytest.raises(NotFoundError, match="no champion yet") as caught:
        make().transcribe(digit)
    assert "truing promote" in caught.value.hint


@pytest.mark.parametrize(
    ("source", "kind"), [(b"no sound", DamagedError), (object(), InvalidInputError)]
)
def test_what_cannot_be_decoded_is_an_error_and_loads_nothing(make, stage, source, kind):
    with pytest.raises(kind):
        make().transcribe(source)
    assert stage.opened == []


def test_nothing_is_loaded_before_the_first_utterance_and_all_is_freed(make, stage, digit):
    recognizer = make()
    assert (recognizer.model, stage.opened) == (None, [])

    with recognizer:
        recognizer.transcribe(digit)
        assert recognizer.model == "speech/1"
    recognizer.close()

    assert stage.in_memory == []
    with pytest.raises(ConflictError, match="closed"):
        recognizer.transcribe(digit)


def test_an_utterance_no_model_could_answer_is_kept_all_the_same(make, stage, keeper, digit):
    stage.faults["speech/1"] = RuntimeError("out of order")

    with pytest.raises(UnavailableError, match="`speech/1` could not answer: RuntimeError") as at:
        make(capture=keeper).transcribe(digit)

    assert at.value.__notes__ == ["it was kept as sample 1"]
    sample = keeper.store.samples.get(1)
    assert sample.predictions == ()
    assert keeper.blobs.read(sample.media[0].digest) == digit


@pytest.mark.parametrize("kind", [NotFoundError, MissingDependencyError, UnavailableError])
def test_an_utterance_whose_model_cannot_be_opened_is_kept_all_the_same(
    make, stage, keeper, digit, kind
):
    stage.load_faults["speech/1"] = kind("its folder was moved", hint="move it back")

    with pytest.raises(kind, match="moved") as at:
        make(capture=keeper).transcribe(digit)

    assert at.value.__notes__ == ["it was kept as sample 1"]
    assert keeper.store.samples.get(1).predictions == ()


def test_a_correction_stands_beside_the_answer_and_is_kept_with_it(make, keeper, chat, digit):
    corrector = Corrector(chat.address, "small-chat")
    said = make(capture=keeper, corrector=corrector).transcribe(digit)

    assert said.text.startswith("speech/1")
    assert said.correction.text == "Well corrected."
    sample = keeper.sample(said)
    assert [(one.kind, one.text, one.model) for one in sample.predictions] == [
        (PredictionKind.RECOGNIZER, said.text, "speech/1"),
        (PredictionKind.CORRECTOR, "Well corrected.", "small-chat"),
    ]


def test_a_corrector_that_fails_costs_nothing_but_the_correction(make, keeper, chat, digit):
    chat.status = 503
    said = make(capture=keeper, corrector=Corrector(chat.address, "m")).transcribe(digit)

    assert said.text.startswith("speech/1")
    assert (said.correction.text, said.correction.problem) == (
        None,
        "127.0.0.1: status 503 Service Unavailable",
    )
    assert [one.kind for one in keeper.sample(said).predictions] == [PredictionKind.RECOGNIZER]


def test_silence_is_not_sent_to_the_corrector(make, stage, chat, digit):
    recognizer = make(corrector=Corrector(chat.address, "m"))
    recognizer.refresh()
    stage.opened[0].recognize = lambda media: Recognition(text="")

    assert recognizer.transcribe(digit).correction is None
    assert chat.asked == []


def test_a_real_model_recognises_a_digit_and_is_swapped_for_another(keeper, digit):
    pytest.importorskip("transformers")
    from pathlib import Path

    import truing.demo
    from truing.domain.clock import SystemClock
    from truing.live.bench import Champions
    from truing.live.recognizer import Recognizer

    base = Path(truing.demo.__file__).parent / "digits" / "base" / "without-theo"
    line = ["speech/1"]
    champions = Champions(
        open_model=lambda ref: Speech().open_recognizer(str(base), {"device": "cpu"}),
        champion=lambda: line[-1],
        fallback=lambda ref, reason: None,
    )
    with Recognizer(Speech(), champions, clock=SystemClock(), capture=keeper) as recognizer:
        first = recognizer.transcribe(digit)
        line.append("speech/2")
        assert recognizer.refresh() == "speech/2"
        second = recognizer.transcribe(digit)

    assert first.text == second.text
    assert 0 < first.confidence <= 1
    assert (first.model, second.model) == ("speech/1", "speech/2")
    assert keeper.sample(second).raw.recognition.words == second.words
