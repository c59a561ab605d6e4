"""Live inference over HTTP: bare samples and files in, text and a sample number out; consent."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import soundfile
import soxr

from truing import Workspace
from truing.domain.errors import ConflictError, UnavailableError
from truing.domain.model import GENERAL, ModelRef
from truing.domain.prediction import PredictionKind
from truing.loop.promote import PromotePorts, promote
from truing.testing.chat_server import chat_server
from truing.web.hearing import Hearing, Spoken
from truing.web.server import Address, Server
from truing.workspace.model_import import import_model

ROOT = Path(__file__).parents[2]
BASES = ROOT / "src" / "truing" / "demo" / "digits" / "base"
DIGITS = ROOT / "tests" / "data" / "speech" / "digits"
CLIP = DIGITS / "7_theo_25.flac"
SHOP = "https://shop.example"
TRANSCRIBE, CONSENT = "/api/live/transcribe", "/api/live/consent"

pytest.importorskip("transformers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A served workspace."""

    workspace: Workspace
    url: str

    def ask(
        self, method: str, path: str, body: bytes | None = None, kind: str = "", **params: object
    ) -> tuple[int, Any]:
        """Status and JSON of one request."""
        query = f"?{urlencode(params)}" if params else ""
        request = urllib.request.Request(
            f"{self.url}{path}{query}",
            data=body,
            method=method,
            headers={"Content-Type": kind} if kind else {},
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def say(self, body: bytes, kind: str = "audio/flac", **params: object) -> tuple[int, Any]:
        """Sends a sound."""
        return self.ask("POST", TRANSCRIBE, body, kind, **params)

    def agree(self, given: bool) -> Any:
        """Gives or withdraws consent."""
        told = json.dumps({"given": given}).encode()
        return self.ask("PUT", CONSENT, told, "application/json")[1]


def promoted(workspace: Workspace, number: int) -> None:
    """Makes a model the champion without asking the gate."""
    store = workspace.store
    ports = PromotePorts(models=store.models, events=store.events, clock=workspace.clock)
    found = store.models.get(ModelRef(modality="speech", number=number))
    promote(ports, found, None, audience=GENERAL, actor="ann", force="a test")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One server for all tests here: its model is loaded once."""
    folder = tmp_path_factory.mktemp("live") / "ws"
    Workspace.create(folder, environ={}).close()
    with chat_server() as chat:
        flags = {"corrector.url": chat.address, "corrector.model": "small-chat"}
        flags["serve.origins"] = SHOP
        with Workspace.open(folder, environ={}, flags=flags) as workspace:
            import_model(workspace, BASES / "without-theo")
            promoted(workspace, 1)
            with Server(workspace, Address(port=0)).running() as url:
                yield Live(workspace=workspace, url=url)


def samples_of(clip: Path) -> bytes:
    """The clip as bare 16-bit samples at 16 kHz."""
    sound, rate = soundfile.read(clip, dtype="float32")
    heard = soxr.resample(sound, rate, 16_000)
    return (heard * 32767).astype("<i2").tobytes()


def test_a_file_is_answered_with_everything_the_model_said(live: Live) -> None:
    status, said = live.say(CLIP.read_bytes(), source="test")

    assert status == 200
    assert (said["text"], said["model"], said["not_kept"]) == ("seven", "speech/1", None)
    assert said["duration"] == pytest.approx(4132 / 8000)
    assert [word["text"] for word in said["words"]] == ["seven"]
    assert 0 < said["confidence"] <= 1
    assert said["seconds"] > 0
    sample = live.workspace.sample(said["sample"])
    assert sample.raw is not None
    assert sample.raw.text == "seven"


@pytest.mark.parametrize("path", [f"{TRANSCRIBE}?source=shop", "/v1/audio/transcriptions"])
def test_a_page_from_elsewhere_is_answered_and_not_kept(live: Live, path: str) -> None:
    body, kind = CLIP.read_bytes(), "audio/flac"
    if path.startswith("/v1"):
        head = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.flac"\r\n\r\n'
        body, kind = head + body + b"\r\n--XX--\r\n", "multipart/form-data; boundary=XX"
    before = live.workspace.store.samples.state_counts()
    request = urllib.request.Request(
        f"{live.url}{path}", data=body, headers={"Content-Type": kind, "Origin": SHOP}
    )
    with urllib.request.urlopen(request) as answer:
        said = json.loads(answer.read())
        assert "X-Truing-Sample" not in answer.headers
    assert said["text"] == "seven"
    assert live.workspace.store.samples.state_counts() == before
    if not path.startswith("/v1"):
        assert (said["sample"], "own-use" in said["not_kept"]) == (None, True)


def test_bare_samples_are_kept_bit_for_bit(live: Live) -> None:
    bare = samples_of(DIGITS / "1_theo_25.flac")
    status, said = live.say(bare, "audio/pcm", source="test", speaker="theo", file="one.pcm")

    assert (status, said["text"]) == (200, "one")
    sample = live.workspace.sample(said["sample"])
    assert (sample.subject, sample.source, sample.context) == ("theo", "test", {"file": "one.pcm"})
    import io

    data = live.workspace.blobs.read(sample.media[0].digest)
    kept, rate = soundfile.read(io.BytesIO(data), dtype="int16")
    assert (rate, kept.tobytes()) == (16_000, bare)


def test_the_correction_stands_beside_the_text_and_is_kept(live: Live) -> None:
    _, said = live.say((DIGITS / "2_theo_25.flac").read_bytes(), source="test")

    assert (said["correction"]["text"], said["correction"]["model"]) == (
        "Well corrected.",
        "small-chat",
    )
    kinds = [one.kind for one in live.workspace.sample(said["sample"]).predictions]
    assert kinds == [PredictionKind.RECOGNIZER, PredictionKind.CORRECTOR]


def test_a_correction_may_come_after_the_text(live: Live) -> None:
    clip = (DIGITS / "6_theo_25.flac").read_bytes()
    _, said = live.say(clip, source="test", correct="false")
    assert said["correction"] is None

    def correct(told: dict[str, object]) -> tuple[int, Any]:
        body = json.dumps(told).encode()
        return live.ask("POST", "/api/live/correct", body, "application/json")

    status, correction = correct({"sample": said["sample"]})
    assert (status, correction["text"]) == (200, "Well corrected.")
    sample = live.workspace.sample(said["sample"])
    assert sample.corrected is not None
    assert (sample.corrected.text, sample.corrected.model) == ("Well corrected.", "small-chat")
    assert correct({"text": "seven"})[1]["text"] == "Well corrected."
    assert correct({})[0] == 400
    assert correct({"sample": 10_000})[0] == 404


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"", "audio/flac", 400, "invalid-input"),
        (b"no sound", "audio/flac", 422, "damaged"),
        (b"\0\0\0", "audio/pcm", 400, "invalid-input"),
        (CLIP.read_bytes()[:60], "audio/flac", 422, "damaged"),
    ],
)
def test_what_cannot_be_heard_is_refused(
    live: Live, body: bytes, kind: str, status: int, code: str
) -> None:
    got, told = live.say(body, kind)

    assert (got, told["error"]["code"]) == (status, code)


def test_the_page_asks_before_it_keeps_and_withdrawing_counts_at_once(live: Live) -> None:
    clip = (DIGITS / "3_theo_25.flac").read_bytes()
    before = live.ask("GET", CONSENT)[1]
    if not before["asked"]:
        assert live.say(clip)[1]["sample"] is None

    assert live.agree(True)["keeps"] is True
    kept = live.say(clip)[1]
    assert kept["sample"] is not None
    assert live.workspace.sample(kept["sample"]).source == "record"
    assert live.say((DIGITS / "4_theo_25.flac").read_bytes(), keep="false")[1]["sample"] is None

    assert live.agree(False)["keeps"] is False
    refused = live.say((DIGITS / "5_theo_25.flac").read_bytes(), source="test")[1]
    assert refused["sample"] is None
    assert "consent.policy" in refused["not_kept"]
    assert refused["text"]
    assert live.agree(True)["asked"] is True


def test_a_decision_about_consent_has_one_form(live: Live) -> None:
    for told in (b"{}", b'{"given": "yes"}', b'{"given": true, "more": 1}', b"[]"):
        status, answer = live.ask("PUT", CONSENT, told, "application/json")
        assert (status, answer["error"]["code"]) == (400, "invalid-input")


def test_the_status_names_the_champion_and_where_texts_go(live: Live) -> None:
    status, told = live.ask("POST", "/api/live/warm")

    assert status == 200
    assert (told["champion"], told["loaded"]) == ("speech/1", "speech/1")
    assert told["corrector"].startswith("http://127.0.0.1:")
    assert live.ask("GET", "/api/live/status")[1] == told


def test_without_a_champion_everything_says_so(tmp_path: Path) -> None:
    with (
        Workspace.create(tmp_path / "ws", environ={}) as workspace,
        Server(workspace, Address(port=0)).running() as url,
    ):
        empty = Live(workspace=workspace, url=url)
        assert empty.ask("GET", "/api/live/status")[1]["champion"] is None
        status, told = empty.say(CLIP.read_bytes())
        assert (status, told["error"]["code"]) == (404, "not-found")
        assert empty.ask("GET", "/v1/models")[1]["data"] == []
        told = json.dumps({"text": "seven"}).encode()
        status, told = empty.ask("POST", "/api/live/correct", told, "application/json")
        assert (status, told["error"]["code"]) == (409, "nothing-to-do")


def test_more_utterances_than_there_is_room_for_are_told_to_come_again(live: Live) -> None:
    crowded = Hearing(live.workspace, at_once=0)

    with pytest.raises(UnavailableError, match="0 utterances wait"):
        crowded.transcribe(Spoken(source=CLIP.read_bytes(), app="test"))
    crowded.close()
    with pytest.raises(ConflictError, match="the server is ending"):
        crowded.warm_up()


SERVER = """
    import sys, urllib.request
    from pathlib import Path
    from truing import Workspace
    from truing.web.server import Address, Server

    with Workspace.open(sys.argv[1], environ={}) as workspace:
        with Server(workspace, Address(port=0)).running() as url:
            clip = Path(sys.argv[2]).read_bytes()
            asked = urllib.request.Request(f"{url}/api/live/transcribe", clip, method="POST")
            print(urllib.request.urlopen(asked).read().decode())
    print(sorted({"torch", "transformers", "ctranslate2"} & set(sys.modules)))
"""


def test_the_server_answers_without_ever_importing_a_runtime(live: Live) -> None:
    arguments = [live.workspace.layout.root, CLIP]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SERVER), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )

    answer, modules = done.stdout.splitlines()
    assert json.loads(answer)["text"] == "seven"
    assert modules == "[]"
