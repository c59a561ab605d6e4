"""The transcription API against the official client of OpenAI, a real server and a real model."""

from __future__ import annotations

import json
import random
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest

from truing import Workspace
from truing.domain.model import GENERAL, ModelRef
from truing.domain.sample import SampleFilter, SampleOrder
from truing.loop.promote import PromotePorts, promote
from truing.web.server import Address, Server
from truing.workspace.model_import import import_model

ROOT = Path(__file__).parents[2]
BASES = ROOT / "src" / "truing" / "demo" / "digits" / "base"
DIGITS = ROOT / "tests" / "data" / "speech" / "digits"
CLIP = DIGITS / "7_theo_25.flac"
SECONDS = 4132 / 8000

pytest.importorskip("transformers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A served workspace with a champion."""

    workspace: Workspace
    url: str
    client: openai.OpenAI

    def newest(self) -> Any:
        """The sample that was kept last."""
        page = self.workspace.store.samples.page(SampleFilter(), SampleOrder.NEWEST, limit=1)
        return self.workspace.sample(page.items[0].id)

    @property
    def kept(self) -> int:
        """How many samples there are."""
        return len(
            self.workspace.store.samples.page(SampleFilter(), SampleOrder.OLDEST, limit=100).items
        )


def promoted(workspace: Workspace, number: int, audience: str = GENERAL) -> None:
    """Makes a model a champion without asking the gate."""
    store = workspace.store
    ports = PromotePorts(models=store.models, events=store.events, clock=workspace.clock)
    found = store.models.get(ModelRef(modality="speech", number=number))
    promote(ports, found, None, audience=audience, actor="ann", force="a test")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One server for all tests here: its model is loaded once."""
    folder = tmp_path_factory.mktemp("live") / "ws"
    with Workspace.create(folder, rng=random.Random(7), environ={}) as workspace:
        for name in ("without-theo", "without-jackson"):
            import_model(workspace, BASES / name)
        promoted(workspace, 1)
        with (
            Server(workspace, Address(port=0)).running() as url,
            openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client,
        ):
            yield Live(workspace=workspace, url=url, client=client)


def test_the_official_client_gets_the_text(live: Live) -> None:
    said = live.client.audio.transcriptions.create(model="whisper-1", file=CLIP)

    assert said.text == "seven"
    assert said.usage is not None
    assert said.usage.to_dict() == {"type": "duration", "seconds": SECONDS}


def test_each_call_becomes_a_sample_with_what_the_client_knew(live: Live) -> None:
    raw = live.client.audio.transcriptions.with_raw_response.create(
        model="whisper-1", file=DIGITS / "3_jackson_10.flac", language="en", prompt="digits"
    )

    sample = live.newest()
    assert raw.headers["x-truing-model"] == "speech/1"
    assert raw.headers["x-truing-sample"] == str(sample.id)
    assert (sample.source, sample.subject) == ("openai-api", None)
    assert sample.context == {"language": "en", "prompt": "digits", "file": "3_jackson_10.flac"}
    assert (sample.raw.text, sample.raw.model) == (raw.parse().text, "speech/1")
    assert sample.session is not None


def test_headers_name_the_app_and_the_speaker(live: Live) -> None:
    headers = {
        "X-Truing-Source": "dictation",
        "X-Truing-Speaker": "ann",
        "X-Truing-Session": "monday",
    }
    live.client.audio.transcriptions.create(
        model="whisper-1", file=DIGITS / "2_jackson_10.flac", extra_headers=headers
    )

    sample = live.newest()
    assert (sample.source, sample.subject, sample.session) == ("dictation", "ann", "monday")


def test_a_speaker_is_answered_by_a_model_of_their_own(live: Live) -> None:
    promoted(live.workspace, 2, "subject:jackson")
    raw = live.client.audio.transcriptions.with_raw_response.create(
        model="whisper-1", file=CLIP, extra_headers={"X-Truing-Speaker": "jackson"}
    )

    assert raw.headers["x-truing-model"] == "speech/2"


def test_verbose_json_places_words_and_segments_in_time(live: Live) -> None:
    said = live.client.audio.transcriptions.create(
        model="whisper-1",
        file=CLIP,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        language="en",
        temperature=0.0,
    )

    assert (said.text, said.language, said.duration) == ("seven", "en", SECONDS)
    assert said.words is not None
    assert said.segments is not None
    (word,) = said.words
    assert word.word == "seven"
    assert 0 <= word.start < word.end <= SECONDS + 0.01
    (segment,) = said.segments
    assert (segment.text, segment.start, segment.end) == ("seven", word.start, word.end)
    assert -5 < segment.avg_logprob < 0


def test_without_granularities_there_are_segments_alone(live: Live) -> None:
    said = live.client.audio.transcriptions.create(
        model="whisper-1", file=CLIP, response_format="verbose_json"
    )

    assert said.words is None
    assert said.segments is not None
    assert said.language == "und"


def test_plain_text_and_subtitles(live: Live) -> None:
    def form(name: Any) -> Any:
        return live.client.audio.transcriptions.create(
            model="whisper-1", file=CLIP, response_format=name
        )

    assert form("text") == "seven\n"
    times = r"00:00:00[,.]\d{3} --> 00:00:00[,.]\d{3}"
    assert re.fullmatch(rf"1\n{times}\nseven\n\n", form("srt"))
    assert re.fullmatch(rf"WEBVTT\n\n{times}\nseven\n\n", form("vtt"))


def test_a_streamed_answer_ends_with_the_whole_text(live: Live) -> None:
    events = list(
        live.client.audio.transcriptions.create(model="whisper-1", file=CLIP, stream=True)
    )

    *deltas, done = events
    assert [event.type for event in deltas] == ["transcript.text.delta"]
    assert done.type == "transcript.text.done"
    assert "".join(event.delta for event in deltas) == done.text == "seven"


def test_the_models_in_use_are_listed(live: Live) -> None:
    listed = live.client.models.list()

    assert "speech/1" in [one.id for one in listed.data]
    assert listed.data[0].owned_by == "truing"


def test_a_model_of_ours_that_is_not_in_use_is_refused(live: Live) -> None:
    with pytest.raises(openai.NotFoundError, match="`speech/99` is not in use"):
        live.client.audio.transcriptions.create(model="speech/99", file=CLIP)


@pytest.mark.parametrize(
    ("file", "options", "kind"),
    [
        (("a.wav", b"no sound at all"), {}, openai.UnprocessableEntityError),
        (("a.wav", b""), {}, openai.UnprocessableEntityError),
        (CLIP, {"response_format": "diarized_json"}, openai.BadRequestError),
        (CLIP, {"temperature": 9}, openai.BadRequestError),
        (CLIP, {"extra_headers": {"X-Truing-Speaker": "x" * 300}}, openai.BadRequestError),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason_and_nothing_is_kept(
    live: Live, file: Any, options: dict[str, Any], kind: type[openai.APIStatusError]
) -> None:
    before = live.kept
    with pytest.raises(kind) as caught:
        live.client.audio.transcriptions.create(model="whisper-1", file=file, **options)

    told = caught.value.body
    assert isinstance(told, dict)
    assert told["message"]
    assert told["code"] in ("damaged", "invalid-input")
    assert live.kept == before


def test_a_request_without_a_file_is_refused(live: Live) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{live.url}/v1/audio/transcriptions", data=b"model=whisper-1")

    with caught.value as answer:
        assert answer.code == 400
        assert "file" in json.loads(answer.read())["error"]["message"]


def test_a_promotion_in_the_middle_loses_no_request(live: Live) -> None:
    def model_of_next() -> str:
        create = live.client.audio.transcriptions.with_raw_response.create
        raw = create(model="whisper-1", file=CLIP)
        assert raw.parse().text == "seven"
        return str(raw.headers["x-truing-model"])

    def until(wanted: str) -> list[str]:
        answered = [model_of_next()]
        deadline = time.monotonic() + 120
        while answered[-1] != wanted:
            assert time.monotonic() < deadline
            answered.append(model_of_next())
        return answered

    until("speech/1")
    promoted(live.workspace, 2)
    answered = until("speech/2")
    assert set(answered) == {"speech/1", "speech/2"}
    assert answered[0] == "speech/1"  # it went on answering while the other was loaded
    live.workspace.roll_back()
    assert until("speech/1")[0] == "speech/2"


def test_a_recording_of_a_browser_is_understood(live: Live) -> None:
    av = pytest.importorskip("av")
    import io

    import soundfile

    samples, rate = soundfile.read(CLIP, dtype="int16")
    target = io.BytesIO()
    with av.open(target, "w", format="webm") as written:
        stream = written.add_stream("libopus", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(
            format=stream.codec_context.format.name, layout="mono", rate=48_000
        )
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            written.mux(stream.encode(part))
        written.mux(stream.encode(None))
    said = live.client.audio.transcriptions.create(
        model="whisper-1", file=("said.webm", target.getvalue(), "audio/webm")
    )

    assert said.text == "seven"
    assert live.newest().media[0].media_type == "audio/flac"
