"""Recording from a microphone; only the device itself is made up, its sound is real."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import pytest

DIGITS = Path(__file__).parents[1] / "data" / "speech" / "digits"


@pytest.fixture
def microphone(monkeypatch):
    """A device that hears these recordings, one per opening, with quiet after each."""
    import numpy as np

    from truing.live import recorder
    from truing.modalities.speech.recording import read_mono

    waiting = [DIGITS / "1_jackson_10.flac", DIGITS / "2_jackson_10.flac"]

    @contextmanager
    def opened(*, rate=16_000, device=None, timeout=5.0):
        assert device != "missing", "no such device"
        sound = read_mono(waiting.pop(0).read_bytes(), rate)
        quiet = np.zeros(rate, dtype=np.int16)
        whole = np.concatenate([np.round(sound * 32767).astype(np.int16), quiet])
        yield (whole[at : at + 800] for at in range(0, len(whole), 800))

    monkeypatch.setattr(recorder, "microphone", opened)


def samples(truing):
    """What was kept, oldest first."""
    return truing("samples", "--order", "oldest", "--json").json["samples"]


def test_recordings_without_a_champion_are_typed(truing, microphone):
    typed = "\nn one\n\nn two\nq\n"
    said = truing("record", "--speaker", "ann", "--pause", "0.4", typed=typed)
    assert said.code == 0
    assert "there is no champion yet" in said.err
    kept = samples(truing)
    assert [(one["state"], one["truth"]) for one in kept] == [
        ("corrected", "one"),
        ("corrected", "two"),
    ]
    assert {one["speaker"] for one in kept} == {"ann"}
    assert len({one["session"] for one in kept}) == 1
    assert kept[0]["duration"] == pytest.approx(0.6 + 0.4, abs=0.2)


def test_a_recording_is_kept_before_anything_is_asked(truing, microphone):
    said = truing("record", "--pause", "0.4", typed="\n")
    assert said.code == 0
    assert "kept as sample 1" in said.out
    assert [one["state"] for one in samples(truing)] == ["pending"]


def test_one_recording_then_end(truing, microphone):
    said = truing("record", "--once", "--pause", "0.4", typed="\nu\ns\n")
    assert said.code == 0
    assert "answer y, n, e, s or x first" in said.out
    assert [one["state"] for one in samples(truing)] == ["skipped"]


def test_only_corrections_are_kept_when_the_setting_says_so(truing, microphone):
    words = ("--set", "capture.mode=corrections", "--set", "capture.audit_share=0", "record")
    said = truing(*words, "--pause", "0.4", typed="\ns\n\nn two\nq\n")
    assert "not kept: the setting capture.mode says so" in said.err
    assert [one["truth"] for one in samples(truing)] == ["two"]


def test_ending_at_once_keeps_nothing(truing, microphone):
    assert truing("record", typed="q\n").code == 0
    assert truing("record", typed="").code == 0
    assert samples(truing) == []


def test_a_machine_without_a_microphone(truing):
    """Where there is one, nothing is recorded and nothing is asserted."""
    try:
        import sounddevice
    except ImportError:
        code = 7
    except OSError:
        code = 8  # the PortAudio library is missing
    else:
        if any(one["max_input_channels"] for one in sounddevice.query_devices()):
            pytest.skip("this machine has a microphone")
        code = 8
    said = truing("record", typed="\n")
    assert said.code == code
    assert "hint: " in said.err
    assert samples(truing) == []


def test_what_the_champion_heard_is_asked_about(truing, microphone, monkeypatch):
    """A recognizer that is slow to load is another test's business: this one answers at once."""
    from truing.cli import record
    from truing.live.recognizer import Transcript

    class Recognizer:
        closed = False

        def transcribe(self, sound):
            assert sound[1] == 16_000
            return Transcript(text="won", confidence=0.4, model="speech/1")

        def close(self):
            self.closed = True

    made = Recognizer()
    monkeypatch.setattr(record, "_recognizer", lambda workspace, modality, args: made)
    said = truing("record", "--pause", "0.4", typed="\ny\n\nn two\nq\n")
    assert "RAW OUTPUT      won" in said.out
    kept = samples(truing)
    assert [(one["raw"], one["truth"], one["state"]) for one in kept] == [
        ("won", "won", "accepted"),
        ("won", "two", "corrected"),
    ]
    assert kept[0]["confidence"] == 0.4
    assert made.closed


def test_whoever_is_recorded_is_asked_where_the_policy_asks(truing, microphone):
    asking = ("--set", "consent.policy=ask", "record", "--once", "--pause", "0.4")
    for typed in ("n\n", "", "perhaps\n"):
        said = truing(*asking, typed=typed)
        assert said.code == 1
        assert "agree to be kept?" in said.out
        assert "nobody agreed" in said.err
    assert samples(truing) == []
    assert truing(*asking, typed="y\n\nn one\n").code == 0
    assert truing(*asking, "--consent", typed="\nn two\n").code == 0
    assert [one["truth"] for one in samples(truing)] == ["one", "two"]
    shown = truing("show", "1", "--json").json
    assert (shown["consent"], shown["consent_basis"]) == ("ask", "person")
