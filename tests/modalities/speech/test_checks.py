"""What is found in real clips, whole and damaged on purpose."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from truing.domain.errors import DamagedError
from truing.domain.finding import CheckReport, Severity
from truing.domain.media import Media
from truing.domain.modality import CheckInput
from truing.domain.prediction import Prediction, PredictionKind, Recognition
from truing.domain.settings import Settings, resolve
from truing.modalities.speech.checks import check, letters
from truing.modalities.speech.media import ingest
from truing.modalities.speech.thresholds import THRESHOLDS

DATA = Path(__file__).parents[2] / "data" / "speech"
TEXT = "mend the coat before you go out"


def limits(**flags: str) -> Settings:
    named = {f"speech.{key}": value for key, value in flags.items()}
    return resolve(THRESHOLDS, flags=named, environ={}, file_values={}, file_origin="")


DEFAULTS = limits()


def checked(
    source: object,
    truth: str | None = None,
    *,
    said: str | None = None,
    wanted: Settings = DEFAULTS,
    span: tuple[float, float] | None = None,
) -> CheckReport:
    kept = ingest("audio", source)
    start, end = span or (None, None)
    medium = Media(
        role="audio",
        digest="sha256:x",
        size=len(kept.data),
        media_type=kept.media_type,
        start=start,
        end=end,
        facts=kept.facts,
    )
    predictions = [] if said is None else [prediction(said)]
    found = CheckInput(
        media=[medium], data={"audio": kept.data}, predictions=predictions, truth=truth, damage={}
    )
    return check(found, wanted)


def prediction(text: str) -> Prediction:
    return Prediction(
        kind=PredictionKind.RECOGNIZER, recognition=Recognition(text=text), created_at=0
    )


def names(report: CheckReport) -> list[str]:
    return [found.check for found in report.findings]


def expected() -> list[Mapping[str, str]]:
    with (DATA / "quality" / "expected.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def clean() -> tuple[Any, int]:
    samples, rate = soundfile.read(DATA / "quality" / "sb_clean.flac", dtype="float64")
    return samples, rate


@pytest.mark.parametrize("row", expected(), ids=lambda row: row["file"])
def test_each_damaged_clip_has_its_own_finding_and_no_other(row: Mapping[str, str]) -> None:
    path = DATA / "quality" / row["file"]
    if row["file"] == "sb_not_audio.wav":
        with pytest.raises(DamagedError):
            ingest("audio", path)
        return
    report = checked(path, row["transcript"] or None)
    assert names(report) == ([] if row["expected"] == "ok" else [row["expected"]])
    assert (report.quality == 1.0) == (row["expected"] == "ok")
    assert report.blocked == (row["expected"] in ("damaged", "silent"))
    for found in report.findings:
        assert len(found.reason.split()) >= 4
        if found.check != "damaged":
            assert found.setting in {setting.key for setting in THRESHOLDS}
            assert found.threshold == DEFAULTS.number(str(found.setting))
            assert found.value is not None


def test_single_digits_by_real_speakers_pass() -> None:
    rows = (DATA / "digits" / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    for row in map(json.loads, rows):
        report = checked(DATA / "digits" / row["file_name"], row["transcription"])
        assert names(report) == [], row


def test_every_threshold_moves_its_finding() -> None:
    samples, rate = clean()
    assert names(checked((samples, rate), TEXT, wanted=limits(max_seconds="1.5"))) == ["too_long"]
    assert names(checked((samples, rate), TEXT, wanted=limits(min_seconds="3"))) == ["too_short"]
    assert names(checked((samples, rate), TEXT, wanted=limits(quiet_peak="0.9"))) == ["too_quiet"]
    assert names(checked((samples, rate), TEXT, wanted=limits(least_snr="60"))) == ["noisy"]
    quiet = DATA / "quality" / "sb_quiet.flac"
    assert names(checked(quiet, TEXT, wanted=limits(quiet_peak="0.0001"))) == []
    assert names(checked(quiet, TEXT, wanted=limits(silent_peak="0.1"))) == ["silent"]


class TestText:
    def test_no_text_yet_is_no_finding(self) -> None:
        assert names(checked(clean())) == []

    def test_an_empty_truth_over_speech_is(self) -> None:
        assert names(checked(clean(), " ... ")) == ["text_empty"]
        assert names(checked(DATA / "quality" / "grid_noise_only.flac", "")) == ["no_speech"]

    def test_the_truth_goes_before_what_the_model_said(self) -> None:
        assert names(checked(clean(), TEXT, said="")) == []
        assert names(checked(clean(), said="")) == ["text_empty"]

    def test_too_much_text(self) -> None:
        report = checked(clean(), TEXT + " " + TEXT)
        assert names(report) == ["text_too_long"]
        assert report.findings[0].severity is Severity.WARNING

    def test_too_little_text_and_slow_speech(self) -> None:
        samples, rate = clean()
        long = (np.tile(samples, 3), rate)
        assert names(checked(long, "mend")) == ["text_too_short"]
        assert names(checked(long, "mend the coat it")) == ["speaking_rate"]
        assert names(checked(long, " ".join([TEXT] * 3))) == []

    def test_scripts_without_spaces_say_more_per_character(self) -> None:
        assert letters("你好") == 6
        assert letters("Hi, 2 you!") == 6
        assert letters("…") == 0


class TestSound:
    def test_a_span_is_judged_not_the_whole_file(self) -> None:
        samples, rate = clean()
        both = (np.concatenate([np.zeros(2 * rate), samples]), rate)
        whole = len(both[0]) / rate
        assert names(checked(both, TEXT, span=(2.0, whole))) == []
        assert names(checked(both, TEXT, span=(0.0, 2.0))) == ["silent"]

    def test_a_blip_is_too_short(self) -> None:
        report = checked((np.full(100, 0.5), 16_000), None)
        assert names(report) in (["too_short"], ["silent"])
        assert report.blocked
        assert report.quality == 0.0

    @pytest.mark.parametrize("hertz", [50, 60, 100])
    def test_mains_hum(self, hertz: int) -> None:
        samples, rate = clean()
        tone = 0.1 * np.sin(2 * np.pi * hertz * np.arange(len(samples)) / rate)
        report = checked((samples + tone, rate), TEXT)
        assert names(report) == ["hum"]
        assert f"{hertz} Hz" in report.findings[0].reason

    @given(gain=st.floats(3.0, 20.0), level=st.floats(0.05, 1.0))
    @settings(max_examples=15, deadline=None)
    def test_flat_tops_are_found_at_any_level(self, gain: float, level: float) -> None:
        samples, rate = clean()
        report = checked((np.clip(samples * gain, -1, 1) * level, rate), TEXT)
        assert "clipped" in names(report)

    @given(gain=st.floats(0.05, 1.9))
    @settings(max_examples=15, deadline=None)
    def test_turning_a_clean_clip_up_or_down_finds_nothing(self, gain: float) -> None:
        samples, rate = clean()
        assert names(checked((samples * gain, rate), TEXT)) == []

    def test_sound_once_kept_at_8_khz(self) -> None:
        import soxr

        samples, rate = clean()
        narrow = soxr.resample(soxr.resample(samples, rate, 8_000), 8_000, rate)
        assert names(checked((narrow, rate), TEXT)) == ["band_limited"]
        assert names(checked((soxr.resample(samples, rate, 8_000), 8_000), TEXT)) == []

    def test_a_word_in_a_minute_of_silence(self) -> None:
        samples, rate = clean()
        found = checked((np.concatenate([np.zeros(20 * rate), samples]), rate), TEXT)
        assert names(found) == ["mostly_silence"]

    @given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 40, 4000, 40_000]), st.integers(1, 3))
    @settings(max_examples=40, deadline=None)
    def test_odd_sound_never_raises(self, seed: int, frames: int, channels: int) -> None:
        rng = np.random.default_rng(seed)
        samples = rng.choice([-1.0, 0.0, 1.0, 0.3], (frames, channels))
        rate = int(rng.choice([1000, 8000, 11_025, 48_000, 192_000]))
        report = checked((samples, rate), "some text")
        assert 0.0 <= report.quality <= 1.0


class TestMissing:
    def medium(self, **facts: object) -> Media:
        return Media(role="audio", digest="d", size=1, media_type="audio/flac", facts=facts)

    def report(self, data: Mapping[str, bytes], **more: Any) -> CheckReport:
        given_input = {"media": [self.medium()], "predictions": [], "truth": None, "damage": {}}
        return check(CheckInput(data=data, **(given_input | more)), DEFAULTS)

    def test_no_sound_at_all(self) -> None:
        for report in (self.report({}), self.report({"audio": b"x"}, media=[])):
            assert names(report) == ["damaged"]
            assert report.findings[0].reason == "the sample has no sound"

    def test_bytes_that_rotted(self) -> None:
        assert names(self.report({"audio": b"no sound"})) == ["damaged"]

    def test_damage_is_told_once_whoever_knows_it(self) -> None:
        assert names(self.report({"audio": b"no sound"}, damage={"audio": "cut off"})) == [
            "damaged"
        ]
        known = self.report({"audio": b""}, media=[self.medium(damage="cut off")])
        assert [found.reason for found in known.findings] == ["cut off"]

    def test_a_header_alone(self) -> None:
        buffer = io.BytesIO()
        soundfile.write(buffer, np.zeros(0, np.int16), 8_000, format="WAV")
        assert names(self.report({"audio": buffer.getvalue()})) == ["damaged"]
