"""Everything hostile that was thought of, against a real server in a process of its own.

Each is refused or kept in the words of the API, within seconds and without much memory; afterwards
the server answers as before. What a browser of another site sends is in `test_guard.py`.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import math
import os
import re
import struct
import subprocess
import sys
import threading
import time
import wave
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from truing import Workspace
from truing.testing.http_client import Answer, Client

DIGITS = Path(__file__).parents[1] / "data" / "speech" / "digits"
DIGIT = (DIGITS / "0_jackson_10.flac").read_bytes()
SCRIPT = '<script>alert(1)</script><img src=x onerror="alert(2)">'
MOST_GROWTH_MB = 600
"""What one request may add to the memory of the server: a large upload some times over."""
PATIENCE_SECONDS = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server under attack."""

    client: Client
    workspace: Path
    pid: int

    def peak_mb(self) -> float:
        """The most memory it has had."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1000

    def upload(self, sound: bytes, **fields: str) -> Answer:
        """Hands in a sample as a form does."""
        edge = "xxxxxxxxxxxxEDGExxxxxxxxxxxx"
        parts = [
            f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        head = f'--{edge}\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n'
        body = b"".join(parts) + head.encode() + sound + f"\r\n--{edge}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={edge}"}
        return self.client.ask("POST", "/api/samples", body=body, headers=headers)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("hostile") / "ws"
    with Workspace.create(folder, environ={}) as workspace:
        workspace.capture("speech", audio=DIGIT, raw="zero", sampling="wholesale")
        workspace.review(1, "accepted")
    environ = {k: v for k, v in os.environ.items() if not k.startswith("TRUING_")}
    command = [sys.executable, "-m", "truing", "--workspace", str(folder), "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
        try:
            assert process.stdout is not None
            url = next(line for line in process.stdout if line.startswith("open ")).split()[1]
            client = Client(url, timeout=PATIENCE_SECONDS)
            # The port is bound before the server begins to answer.
            assert client.ask("GET", "/api/about").status == 200
            yield Target(client=client, workspace=folder, pid=process.pid)
            assert process.poll() is None, "the server has ended"
        finally:
            process.terminate()


@pytest.fixture(autouse=True)
def _still_there(target: Target) -> Iterator[None]:
    yield
    assert target.client.ask("GET", "/api/samples/1").json["truth"] == "zero"


def refused(answer: Answer) -> bool:
    """Whether it was told in the one form that this cannot be taken."""
    return answer.status in (400, 403, 404, 405, 409, 413, 422) and answer.code is not None


# --- names that lead elsewhere -------------------------------------------------------------------

ELSEWHERE = (
    "..",
    "../..",
    "../../../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f%2e%2e%2ftruing.toml",
    "..%5c..%5ctruing.toml",
    "....//....//truing.toml",
    "%252e%252e%252ftruing.toml",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "C:%5cWindows%5cwin.ini",
    "file:%2f%2f%2fetc%2fpasswd",
    "truing.toml%00.flac",
    "~root",
    "%24%7BHOME%7D",
    "con",
    "a" * 3000,
)


def test_no_name_or_number_leads_out_of_the_workspace(target: Target) -> None:
    described = target.client.ask("GET", "/api/openapi.json").json
    tried = 0
    for path, item in described["paths"].items():
        for method in item.keys() & {"get", "delete", "put", "post", "patch"}:
            for name in re.findall(r"\{(\w+)\}", path):
                for bad in ELSEWHERE:
                    where = path.replace("{" + name + "}", bad)
                    where = re.sub(r"\{\w+\}", "1", where)
                    data = {} if method in ("put", "post", "patch") else None
                    answer = target.client.ask(method.upper(), where, data)
                    assert answer.status < 500, (method, where, answer.body)
                    assert b"root:" not in answer.body
                    assert b"[serve]" not in answer.body
                    if method == "get" and answer.status == 200:
                        # What is left of some paths is the page of the app.
                        assert b"<!doctype html>" in answer.body.lower(), (where, answer.body)
                    tried += 1
    assert tried > 300


@pytest.mark.parametrize("field", ["speaker", "session", "source", "source_key", "model"])
def test_names_in_a_sample_are_only_names(target: Target, field: str) -> None:
    before = {path for path in target.workspace.parent.rglob("*") if "blobs" not in path.parts}
    name = "../../../../tmp/evil"
    media = {"audio": base64.b64encode(DIGIT).decode()}
    answer = target.client.ask("POST", "/api/samples", {"media": media, field: name, "raw": "x"})
    assert answer.status in (200, 201), answer.body
    assert answer.json.get(field, name) == name
    after = {path for path in target.workspace.parent.rglob("*") if "blobs" not in path.parts}
    assert {path.name for path in after - before} <= {
        "truing.log",
        "truing.db-wal",
        "truing.db-shm",
    }


# --- bombs ---------------------------------------------------------------------------------------


def flac_of_silence(hours: float, rate: int = 8000, channels: int = 1) -> bytes:
    """Long silence: small as a file, large when decoded."""
    made = io.BytesIO()
    block = np.zeros((rate * 600, channels), dtype=np.int16)
    with soundfile.SoundFile(made, "w", rate, channels, "PCM_16", format="FLAC") as file:
        for _ in range(math.ceil(hours * 6)):
            file.write(block)
    return made.getvalue()


def wav_that_lies(frames: int) -> bytes:
    """The header promises more than there is."""
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(b"\0\0" * 1600)
    data = bytearray(made.getvalue())
    struct.pack_into("<I", data, 40, min(frames * 2, 0xFFFFFFFE))
    struct.pack_into("<I", data, 4, 0xFFFFFFFE)
    return bytes(data)


def png_bomb(side: int = 30_000) -> bytes:
    """A black picture: a hundred kilobytes, a gigabyte when decoded as colours."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    packed = zlib.compress(bytes(side // 8 + 1) * side, 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


BOMBS = {
    "nothing": b"",
    "one byte": b"R",
    "zlib": zlib.compress(bytes(200_000_000), 9),
    "gzip": gzip.compress(bytes(200_000_000), 9),
    "picture": png_bomb(),
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "html": SCRIPT.encode(),
    "pickle": b"\x80\x04\x95\x1f\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x8c\x06system\x93.",
    "zip": b"PK\x03\x04" + bytes(10_000),
    "playlist": b"#EXTM3U\nfile:///etc/passwd\nhttp://127.0.0.1:1/x\n",
    "matroska of nothing": b"\x1a\x45\xdf\xa3" + b"\xff" * 4000,
    "mp4 of nothing": b"\x00\x00\x00\x20ftypisom" + b"\xff" * 4000,
    "flac header alone": b"fLaC\x80\x00\x00\x22" + b"\xff" * 34,
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_is_no_sound_is_refused(target: Target, name: str) -> None:
    before = target.peak_mb()
    answer = target.upload(BOMBS[name])
    assert refused(answer), (answer.status, answer.body[:300])
    inside = {"media": {"audio": base64.b64encode(BOMBS[name]).decode()}}
    again = target.client.ask("POST", "/api/samples", inside)
    assert refused(again), (again.status, again.body[:300])
    live = target.client.ask("POST", "/api/live/transcribe?keep=false", body=BOMBS[name])
    assert live.status < 500 or live.status == 503
    assert target.peak_mb() - before < MOST_GROWTH_MB


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip"])
def test_packed_bodies_are_not_unpacked(target: Target, encoding: str) -> None:
    before = target.peak_mb()
    sent = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    packed = gzip.compress(b'{"raw": "' + b"a" * 100_000_000 + b'"}')
    answer = target.client.ask("POST", "/api/samples", body=packed, headers=sent)
    assert refused(answer), answer.body
    assert target.peak_mb() - before < 100


@pytest.mark.parametrize("frames", [1 << 30, (1 << 31) - 1])
def test_a_header_that_promises_gigabytes_gets_none(target: Target, frames: int) -> None:
    before = target.peak_mb()
    answer = target.upload(wav_that_lies(frames), raw="zero")
    assert answer.status in (201, 200) or refused(answer), answer.body[:300]
    assert target.peak_mb() - before < MOST_GROWTH_MB


def test_three_hours_are_taken_within_bounds(target: Target) -> None:
    before, begun = target.peak_mb(), time.monotonic()
    answer = target.upload(flac_of_silence(3.0), raw="zero")
    assert answer.status == 201, answer.body[:300]
    assert abs(answer.json["duration"] - 3 * 3600) < 1
    assert {one["check"] for one in answer.json["findings"]} & {"too_long", "silent", "duration"}
    assert target.peak_mb() - before < MOST_GROWTH_MB
    assert time.monotonic() - begun < PATIENCE_SECONDS
    number = answer.json["id"]
    shown = target.client.ask("GET", f"/api/samples/{number}/preview")
    assert shown.status == 200
    assert len(shown.body) < 500_000
    assert target.peak_mb() - before < MOST_GROWTH_MB


def test_a_day_of_silence_is_refused(target: Target) -> None:
    before = target.peak_mb()
    answer = target.upload(flac_of_silence(30.0, rate=1000))
    assert refused(answer), answer.body[:300]
    assert target.peak_mb() - before < MOST_GROWTH_MB


def test_odd_rates_and_many_channels_are_told(target: Target) -> None:
    for rate, channels in ((1, 1), (655_350, 8), (8000, 8)):
        made = io.BytesIO()
        silence = np.zeros((max(rate, 100), channels), dtype=np.int16)
        soundfile.write(made, silence, rate, format="WAV", subtype="PCM_16")
        answer = target.upload(made.getvalue(), raw="x")
        assert answer.status in (200, 201) or refused(answer), (rate, channels, answer.body[:300])


def test_a_picture_of_many_parts_costs_little(target: Target) -> None:
    """A thousand files, a thousand fields, or one that never ends."""
    edge = "EDGE"
    part = f'--{edge}\r\nContent-Disposition: form-data; name="audio"; filename="a"\r\n\r\nx\r\n'
    sent = {"Content-Type": f"multipart/form-data; boundary={edge}"}
    for body in (
        (part * 2000 + f"--{edge}--\r\n").encode(),
        (part.replace('; filename="a"', "") * 2000 + f"--{edge}--\r\n").encode(),
        part.encode() + b"x" * 1_000_000,
        b"--" + edge.encode() + b"\r\n" + b"A: b\r\n" * 50_000,
    ):
        begun = time.monotonic()
        for path in ("/api/samples", "/v1/audio/transcriptions"):
            answer = target.client.ask("POST", path, body=body, headers=sent)
            assert answer.status < 500 or answer.status == 503, answer.body
        assert time.monotonic() - begun < 30


# --- texts ---------------------------------------------------------------------------------------


def test_a_script_is_a_text_everywhere(target: Target) -> None:
    answer = target.upload(DIGIT, raw=SCRIPT, speaker=SCRIPT, source=SCRIPT)
    assert answer.status in (200, 201), answer.body
    number = answer.json["id"]
    decided = target.client.ask(
        "POST", f"/api/samples/{number}/review", {"verdict": "corrected", "truth": SCRIPT}
    )
    assert decided.status == 200
    for path in (f"/api/samples/{number}", "/api/samples", "/api/export?format=jsonl"):
        found = target.client.ask("GET", path)
        assert found.status == 200
        assert not found.headers["content-type"].startswith("text/html")
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.headers["content-security-policy"].startswith("default-src 'none'")
    assert target.client.ask("GET", f"/api/samples/{number}").json["truth"] == SCRIPT


def test_ten_megabytes_are_no_transcript(target: Target) -> None:
    text = "word " * 2_000_000
    before = target.peak_mb()
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/api/samples/1/review", {"verdict": "corrected", "truth": text}),
        ("POST", "/api/entries/1/review", {"verdict": "corrected", "truth": text}),
        ("PUT", "/api/entries/1", {"truth": text}),
        ("PUT", "/api/data/1", {"transcript": text}),
        ("POST", "/api/samples", {"media": {"audio": ""}, "raw": text}),
        ("PUT", "/api/settings/review.actor", {"value": text}),
    ]
    for method, path, data in requests:
        answer = target.client.ask(method, path, data)
        assert refused(answer), (path, answer.status, answer.body[:200])
    assert target.client.ask("GET", "/api/samples/1").json["truth"] == "zero"
    assert target.client.ask("GET", f"/api/samples?text={'a' * 15_000}").status in (200, 400)
    assert target.peak_mb() - before < MOST_GROWTH_MB


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"truth": ' + b"9" * 100_000 + b"}",
        b'{"expected": 1e400}',
        b'{"expected": NaN}',
        b'{"truth": "\\ud800"}',
        b'{"truth": "\xff\xfe"}',
        b"\xff\xfe\x00",
        b'{"verdict": "accepted", "verdict": "rejected", "__proto__": {}}',
        b"null",
        b"",
    ],
)
def test_json_of_no_good_shape_is_told(target: Target, body: bytes) -> None:
    sent = {"Content-Type": "application/json"}
    for method, path in (
        ("POST", "/api/samples/1/review"),
        ("PUT", "/api/entries/1"),
        ("POST", "/api/samples"),
        ("POST", "/api/batch"),
        ("POST", "/api/datasets"),
        ("PUT", "/api/settings/gate.alpha"),
        ("PUT", "/api/data/1"),
    ):
        answer = target.client.ask(method, path, body=body, headers=sent)
        assert answer.status < 500, (path, answer.body)
    target.client.ask("POST", "/api/samples/1/review", {"verdict": "corrected", "truth": "zero"})


def test_texts_that_are_half_a_character_do_no_harm(target: Target) -> None:
    for truth in ("\ud800", "a\x00b", "\u202egnp.exe", "\ufeff"):
        body = json.dumps({"verdict": "corrected", "truth": truth}).encode()
        sent = {"Content-Type": "application/json"}
        answer = target.client.ask("POST", "/api/samples/1/review", body=body, headers=sent)
        assert answer.status < 500, (truth, answer.body)
        assert target.client.ask("GET", "/api/samples/1").status == 200
    target.client.ask("POST", "/api/samples/1/review", {"verdict": "corrected", "truth": "zero"})


# --- many at once --------------------------------------------------------------------------------


def test_a_crowd_of_bad_requests_leaves_room_for_good_ones(target: Target) -> None:
    def attack() -> None:
        for _ in range(10):
            target.client.ask("POST", "/api/samples", body=b"{" * 1000)
            target.client.ask("GET", "/api/samples?after=%00&limit=200&text=%25")

    crowd = [threading.Thread(target=attack) for _ in range(8)]
    for one in crowd:
        one.start()
    answers = [target.client.ask("GET", "/api/samples/1").status for _ in range(20)]
    for one in crowd:
        one.join()
    assert answers == [200] * 20
