"""Hostile pictures over HTTP, against a real server in a process of its own.

Each is refused in the words of the API, and nothing of it stays; or it is kept and handed out as
what it is, so that no browser runs it. The server's own memory stays within bounds, and afterwards
it answers as before.
"""

from __future__ import annotations

import base64
import io
import os
import re
import socket
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from truing import Workspace
from truing.testing.http_client import Answer, Client

Image = pytest.importorskip("PIL.Image")
PngInfo = pytest.importorskip("PIL.PngImagePlugin").PngInfo

SESSIONS = Path(__file__).parents[1] / "data" / "clients" / "nexvision" / "training-data"
SCRIPT = b"<html><script>alert(document.domain)</script></html>"
EDGE = "xxxxxxxxxxxxEDGExxxxxxxxxxxx"
FORM = {"Content-Type": f"multipart/form-data; boundary={EDGE}"}
MOST_MB = 400
"""What a hostile request may add to the memory of the server."""
LARGE_MB = 900
"""What two of the largest pictures that are taken may add, 100 megapixels each."""
PATIENCE_SECONDS = 120.0

Part = tuple[str, str | None, bytes]
"""Name, name of the file (None for a field), content."""


def form_of(parts: list[Part]) -> bytes:
    """The body of a form."""
    made = []
    for name, file, data in parts:
        named = "" if file is None else f'; filename="{file}"'
        head = f'--{EDGE}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
        made.append(head.encode("utf-8", "surrogateescape") + data + b"\r\n")
    return b"".join(made) + f"--{EDGE}--\r\n".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One of the ways by which an app hands in a pair."""

    path: str
    roles: tuple[str, str]
    fields: tuple[Part, ...]


DOORS = {
    "samples": Door(
        path="/api/samples",
        roles=("original", "edited"),
        fields=(("modality", None, b"image_edit"), ("raw", None, b"make it blue")),
    ),
    "store-image": Door(
        path="/api/store-image",
        roles=("originalImage", "reimaginedImage"),
        fields=(("instruction", None, b"make it blue"),),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server under attack."""

    client: Client
    workspace: Path
    pid: int
    temporary: Path

    def send(self, door: Door, before: bytes, after: bytes, file: str = "a.jpg") -> Answer:
        """Hands in a pair as a form does."""
        pictures: list[Part] = [
            (door.roles[0], "original.jpg", before),
            (door.roles[1], file, after),
        ]
        body = form_of([*door.fields, *pictures])
        return self.client.ask("POST", door.path, body=body, headers=FORM)

    def kept(self) -> tuple[int, set[str]]:
        """How many samples there are, and what files hold media or were left behind."""
        count = self.client.ask("GET", "/api/samples?limit=200").json["items"]
        blobs = {path.name for path in (self.workspace / "blobs").rglob("*") if path.is_file()}
        left = {path.name for path in self.temporary.rglob("*") if path.is_file()}
        return len(count), blobs | left

    def memory_mb(self, name: str = "VmRSS") -> float:
        """The memory it has; `VmHWM` is the most since `forget_peak`."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.findall(rf"{name}:\s+(\d+)", status)[0]) / 1000

    def forget_peak(self) -> None:
        """Begins to look for the most memory anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="ascii")


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    if not Path(f"/proc/{os.getpid()}/clear_refs").exists():
        pytest.skip("the memory of another process is told by Linux alone")
    place = tmp_path_factory.mktemp("hostile")
    folder, temporary = place / "ws", place / "tmp"
    temporary.mkdir()
    with Workspace.create(folder, environ={}) as workspace:
        workspace.capture(
            "image_edit", original=good(), edited=good(7), raw="make it red", sampling="wholesale"
        )
    environ = {k: v for k, v in os.environ.items() if not k.startswith("TRUING_")}
    environ["TMPDIR"] = str(temporary)
    command = [sys.executable, "-m", "truing", "--workspace", str(folder), "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
        try:
            assert process.stdout is not None
            url = next(line for line in process.stdout if line.startswith("open ")).split()[1]
            client = Client(url, timeout=PATIENCE_SECONDS)
            found = Target(client=client, workspace=folder, pid=process.pid, temporary=temporary)
            # What is loaded at the first pair is no growth.
            assert found.send(DOORS["samples"], good(), good(8)).status == 201
            yield found
            assert process.poll() is None, "the server has ended"
        finally:
            process.terminate()


@pytest.fixture(autouse=True)
def _still_there(target: Target) -> Iterator[None]:
    yield
    assert target.client.ask("GET", "/api/samples/1").json["raw"] == "make it red"


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> Door:
    return DOORS[request.param]


def good(seed: int = 0, kind: str = "JPEG") -> bytes:
    """A plain picture of 160 x 120 pixels, another one for each seed."""
    made = io.BytesIO()
    image = Image.radial_gradient("L").resize((160, 120)).rotate(seed * 13)
    image.convert("RGB").save(made, kind)
    return made.getvalue()


def told(answer: Answer) -> bool:
    """Whether it was said that this cannot be taken, in the form of either API."""
    said = answer.json.get("error")
    return 400 <= answer.status < 500 and bool(said["message"] if isinstance(said, dict) else said)


# --- what is refused -----------------------------------------------------------------------------


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes, packed: bytes | None = None) -> bytes:
    """A black PNG of one bit a pixel."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    if packed is None:
        packed = zlib.compress(bytes(width // 8 + 1) * height, 9)
    parts = (chunk(b"IHDR", header), *chunks, chunk(b"IDAT", packed), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@cache
def zeros(size: int) -> bytes:
    """Very many zeros, packed."""
    packer = zlib.compressobj(9)
    block = bytes(1 << 20)
    return b"".join(packer.compress(block) for _ in range(size >> 20)) + packer.flush()


def gif(width: int, height: int, frames: int = 1) -> bytes:
    """A GIF whose canvas is as large as it says, and its frames one pixel."""
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    return head + frame * frames + b"\x3b"


def webp(width: int, height: int) -> bytes:
    """A WebP of an animation with a large canvas, and a frame that is none."""
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    parts = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + canvas
    parts += b"ANIM" + struct.pack("<I", 6) + bytes(6)
    inner = b"VP8L" + struct.pack("<I", 10) + b"\x2f\xff\xff\xff\x0f" + bytes(5)
    parts += b"ANMF" + struct.pack("<I", 16 + len(inner)) + bytes(6) + canvas + bytes(4) + inner
    return b"RIFF" + struct.pack("<I", 4 + len(parts)) + b"WEBP" + parts


TAGS = dict(
    zip(
        ("w", "h", "bits", "packing", "photometric", "offset", "samples", "rows", "size"),
        (256, 257, 258, 259, 262, 273, 277, 278, 279),
        strict=True,
    )
)


def tags_of(**tags: int) -> dict[int, int]:
    """The numbers of a TIFF's tags, with their values."""
    return {TAGS[name]: value for name, value in tags.items()}


def tiff(width: int, height: int, **tags: int) -> bytes:
    """A TIFF of one packed strip of zeros."""
    data = zlib.compress(bytes(1000))
    given = {
        **tags_of(w=width, h=height, bits=8, packing=8, photometric=1),
        **tags_of(offset=8, samples=1, rows=height, size=len(data)),
        **tags_of(**tags),
    }
    entries = sorted(given.items())
    table = b"".join(struct.pack("<HHII", number, 4, 1, value) for number, value in entries)
    body = data + b"\0" * (len(data) % 2)
    directory = struct.pack("<H", len(entries)) + table + struct.pack("<I", 0)
    return b"II*\0" + struct.pack("<I", 8 + len(body)) + body + directory


def bmp(width: int, height: int) -> bytes:
    """A BMP that says more than it holds."""
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 14 + len(header) + 99, 0, 0, 54) + header + bytes(99)


def scans(count: int, side: int = 2000) -> bytes:
    """A progressive JPEG whose last scan comes again and again: little to send, much to decode."""
    made = io.BytesIO()
    Image.new("L", (side, side), 90).save(made, "JPEG", progressive=True)
    data = made.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + b"\xff\xd9"


def text_bomb(kind: bytes) -> bytes:
    """A PNG with texts that are 200 MB when they are unpacked."""
    start = {b"zTXt": b"note\0\0", b"iTXt": b"note\0\1\0\0\0", b"iCCP": b"note\0\0"}[kind]
    return png(160, 120, chunk(kind, start + zeros(200 << 20)))


BOMBS = {
    "png of 900 megapixels": lambda: png(30_000, 30_000),
    "png that says it is larger": lambda: png(2**31 - 1, 2**31 - 1, packed=b""),
    "png of one long row": lambda: png(100_000, 1),
    "png of no size": lambda: png(0, 0, packed=b""),
    "gif of 4 gigapixels": lambda: gif(65_535, 65_535),
    "webp of 268 megapixels": lambda: webp(16_384, 16_384),
    "webp of 281 terapixels": lambda: webp(1 << 24, 1 << 24),
    "tiff of 900 megapixels": lambda: tiff(30_000, 30_000),
    "tiff of many channels": lambda: tiff(9000, 9000, samples=60_000),
    "bmp of 4 gigapixels": lambda: bmp(65_535, 65_535),
    "bmp upside down": lambda: bmp(30_000, -30_000),
}
NO_PICTURES = {
    "nothing": lambda: b"",
    "one byte": lambda: b"\xff",
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "svg behind blanks": lambda: b'\n\xef\xbb\xbf <?xml version="1.0"?><svg onload="alert(1)"/>',
    "page": lambda: SCRIPT,
    "text": lambda: b"make it blue",
    "pdf": lambda: b"%PDF-1.7\n" + bytes(2000),
    "zip": lambda: b"PK\x03\x04" + bytes(2000),
    "program": lambda: b"\x7fELF\x02\x01\x01" + bytes(2000),
    "postscript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n" + bytes(2000),
    "sound": lambda: b"RIFF\x24\0\0\0WAVEfmt " + bytes(2000),
    "icon": lambda: b"\0\0\1\0\1\0" + bytes(2000),
    "photoshop": lambda: b"8BPS\0\1" + bytes(2000),
    "pickle": lambda: (
        b"\x80\x04\x95\x1f\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x8c\x06system\x93."
    ),
    "jpeg's beginning": lambda: b"\xff\xd8\xff\xe0" + bytes(2000),
    "png's beginning": lambda: b"\x89PNG\r\n\x1a\n" + bytes(2000),
    "gif's beginning": lambda: b"GIF89a" + bytes(2000),
    "jpeg cut in half": lambda: good()[: len(good()) // 2],
    "png cut in half": lambda: good(kind="PNG")[: len(good(kind="PNG")) // 2],
    "jpeg without its pixels": lambda: good()[:200],
    "jpeg and page": lambda: good() + SCRIPT,
    "png and page": lambda: good(kind="PNG") + b"\0" * 100 + SCRIPT,
    "jpeg and zip": lambda: good() + b"PK\x03\x04" + b"PK\x05\x06" + bytes(18),
    "gif and php": lambda: gif(160, 120) + b"<?php system($_GET['c']); ?>",
    "jpeg of 2000 scans": lambda: scans(2000),
    "gif that is a script": lambda: b"GIF89a/*" + bytes(60) + b"*/=1;alert(1)//",
}


@pytest.mark.parametrize("name", [*BOMBS, *NO_PICTURES])
def test_is_refused_and_leaves_nothing(target: Target, door: Door, name: str) -> None:
    data = {**BOMBS, **NO_PICTURES}[name]()
    held = target.kept()
    target.forget_peak()
    before, begun = target.memory_mb(), time.monotonic()
    for pair in ((good(1), data), (data, good(1))):
        answer = target.send(door, *pair)
        assert told(answer), (answer.status, answer.body[:300])
    assert target.kept() == held
    assert target.memory_mb("VmHWM") - before < MOST_MB
    assert time.monotonic() - begun < PATIENCE_SECONDS / 2


# --- what may be kept, and does no harm ----------------------------------------------------------


def texts(**more: bytes) -> bytes:
    """A PNG that holds a page where nobody looks for one."""
    info = PngInfo()
    info.add_text("Comment", SCRIPT.decode())
    info.add_itxt("XML:com.adobe.xmp", SCRIPT.decode())
    made = io.BytesIO()
    Image.radial_gradient("L").save(made, "PNG", pnginfo=info, **more)
    return made.getvalue()


def commented(size: int = 0) -> bytes:
    """A JPEG with a page, and as many more bytes, in its comments."""
    data = good(3)
    many = b"".join(
        b"\xff\xfe" + struct.pack(">H", 65_002) + SCRIPT.ljust(65_000)
        for _ in range(size // 65_000)
    )
    first = b"\xff\xfe" + struct.pack(">H", len(SCRIPT) + 2) + SCRIPT
    return data[:2] + first + many + data[2:]


def films(kind: str, frames: int = 300) -> bytes:
    """An animation of so many frames."""
    images = [Image.new("L", (160, 120), place % 256) for place in range(frames)]
    made = io.BytesIO()
    images[0].save(made, kind, save_all=True, append_images=images[1:], duration=20)
    return made.getvalue()


def twisted() -> bytes:
    """A JPEG whose EXIF leads in circles and names more than there is."""
    entries = b"".join(
        struct.pack("<HHII", tag, 5, 0xFFFFFFFF, 8) for tag in (0x8769, 0x8825, 0xA005, 0x927C)
    )
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 4) + entries + struct.pack("<I", 8)
    data = good(4)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]


HARMLESS = {
    "png that unpacks to more": lambda: png(160, 120, packed=zeros(200 << 20)),
    "texts of 200 MB": lambda: text_bomb(b"zTXt"),
    "texts in utf-8 of 200 MB": lambda: text_bomb(b"iTXt"),
    "profile of 200 MB": lambda: text_bomb(b"iCCP"),
    "png with a page in it": texts,
    "jpeg with a page in it": commented,
    "jpeg with 40 MB of comments": lambda: commented(40_000_000),
    "gif of 20000 frames": lambda: gif(160, 120, frames=20_000),
    "animated gif": lambda: films("GIF"),
    "animated png": lambda: films("PNG"),
    "animated webp": lambda: films("WEBP"),
    "exif in circles": twisted,
    "jpeg of 60 scans": lambda: scans(50),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_is_refused_or_handed_out_as_a_picture(target: Target, door: Door, name: str) -> None:
    data = HARMLESS[name]()
    held = target.kept()
    target.forget_peak()
    before, begun = target.memory_mb(), time.monotonic()
    answer = target.send(door, good(1), data)
    took, grown = time.monotonic() - begun, target.memory_mb("VmHWM") - before
    print(f"{name}: {answer.status}, {took:.1f} s, {grown:.0f} MB, {len(data)} bytes")
    assert grown < MOST_MB
    assert took < PATIENCE_SECONDS / 4
    if told(answer):
        assert target.kept() == held
        return
    assert answer.status in (200, 201), answer.body[:300]
    number = target.client.ask("GET", "/api/samples?limit=1").json["items"][0]["id"]
    for path in ("media/edited", "media/edited?format=png", "media/edited?download=1", "preview"):
        out = target.client.ask("GET", f"/api/samples/{number}/{path}")
        assert out.status == 200, (path, out.body[:300])
        kind = out.headers["content-type"].partition(";")[0]
        assert kind in ("image/jpeg", "image/png", "image/gif", "image/webp", "application/json")
        assert out.headers["x-content-type-options"] == "nosniff"
        policy = out.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "sandbox" in policy
    assert target.memory_mb("VmHWM") - before < MOST_MB


def test_the_largest_pictures_are_taken_within_bounds(target: Target) -> None:
    target.forget_peak()
    before = target.memory_mb()
    answer = target.send(DOORS["samples"], png(10_000, 10_000), png(10_000, 9_999))
    assert answer.status == 201, answer.body[:300]
    print(f"{target.memory_mb('VmHWM') - before:.0f} MB")
    assert target.memory_mb("VmHWM") - before < LARGE_MB


# --- what is wrong with the request ---------------------------------------------------------------


def test_200_mb_are_refused(target: Target, door: Door) -> None:
    held = target.kept()
    target.forget_peak()
    before = target.memory_mb()
    answer = target.send(door, good(1), good() + bytes(200_000_000))
    assert answer.status == 413, answer.body[:300]
    assert told(answer)
    # Without a length it is counted as it comes.
    start = form_of([(door.roles[0], "a.jpg", good())]).rpartition(b"\r\n--")[0]
    chunked = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (start, bytes(1 << 20))]
    status, said = streamed(target, door.path, [chunked[0], *[chunked[1]] * 150])
    assert status == 413, said
    assert target.kept() == held
    assert target.memory_mb("VmHWM") - before < MOST_MB


def test_eight_who_send_much_at_once(target: Target, door: Door) -> None:
    """Pictures that wait for each other wait on the disk."""
    held = target.kept()
    target.forget_peak()
    before = target.memory_mb()
    large = commented(45_000_000) + SCRIPT  # refused at the very end
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: target.send(door, large, good()), range(8)))
    assert all(told(answer) for answer in answers), answers
    assert target.kept() == held
    print(f"{target.memory_mb('VmHWM') - before:.0f} MB")
    assert target.memory_mb("VmHWM") - before < LARGE_MB


def test_forms_that_are_odd(target: Target, door: Door) -> None:
    held = target.kept()
    target.forget_peak()
    before = target.memory_mb()
    pair: list[Part] = [(role, "a.jpg", good(5)) for role in door.roles]
    many: list[Part] = [(door.roles[1], "a.jpg", b"x")] * 10_000
    fields: list[Part] = [(f"f{place}", None, b"x") for place in range(10_000)]
    endless = form_of([*door.fields, ("raw", None, b"a" * 20_000_000), *pair])
    whole = form_of([*door.fields, *pair])
    for body in (
        form_of([*door.fields, *many]),
        form_of([*door.fields, *fields, *pair]),
        endless,
        endless[:5_000_000],
        whole[:-20],
        whole[: len(whole) // 2],
        whole.replace(b'name="', b'nome="'),
        f"--{EDGE}\r\n".encode() + b"A: b\r\n" * 100_000,
        b"",
        b"\0" * 100_000,
        form_of([(door.roles[0], None, b"no file"), *door.fields, pair[1]]),
        form_of([*door.fields, pair[0]]) if door.path.endswith("image") else form_of(pair[:1]),
    ):
        begun = time.monotonic()
        answer = target.client.ask("POST", door.path, body=body, headers=FORM)
        assert told(answer), (body[:200], answer.status, answer.body[:300])
        assert time.monotonic() - begun < PATIENCE_SECONDS / 4
    assert target.kept() == held
    assert target.memory_mb("VmHWM") - before < MOST_MB


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        f"multipart/form-data; boundary={'x' * 5000}",
        'multipart/form-data; boundary="a\tb"',
        "multipart/mixed; boundary=EDGE",
        "image/jpeg",
        "text/html",
        "application/x-www-form-urlencoded",
        "",
    ],
)
def test_bodies_that_are_no_form(target: Target, door: Door, kind: str) -> None:
    held = target.kept()
    body = form_of([*door.fields, *((role, "a.jpg", good()) for role in door.roles)])
    answer = target.client.ask("POST", door.path, body=body, headers={"Content-Type": kind})
    assert told(answer), (answer.status, answer.body[:300])
    assert target.kept() == held


def test_lengths_that_lie(target: Target, door: Door) -> None:
    held = target.kept()
    whole = form_of([*door.fields, *((role, "a.jpg", good(6)) for role in door.roles)])
    for length in (len(whole) // 2, 0, -5, 10**30, "many", f"{len(whole)}\r\nContent-Length: 5"):
        status, said = streamed(target, door.path, [whole], f"Content-Length: {length}")
        assert status in (400, 413), (length, said[:300])
    # More is promised than comes: whoever hangs up is told nothing.
    head = f"Content-Length: {len(whole)}"
    status, said = streamed(target, door.path, [whole[:-50]], head)
    assert status in (0, 400), said[:300]
    assert target.kept() == held


NAMES = (
    "../../../../tmp/evil.jpg",
    "..\\..\\evil.jpg",
    "/etc/passwd",
    "C:\\Windows\\win.ini",
    "a\x00.jpg",
    "con.jpg",
    "😀\u202egpj.exe",
    "<script>alert(1)</script>.html",
    "a" * 5000,
    "",
    " ",
    ".",
    "%2e%2e%2fevil",
    'a";x="b',
    "\udcff\udcfe.jpg",
)


@pytest.mark.parametrize("name", NAMES)
def test_names_of_files_are_nothing_but_names(target: Target, door: Door, name: str) -> None:
    there = {path for path in target.workspace.rglob("*") if "blobs" not in path.parts}
    # A pair of its own: whatever was handed in before, it becomes the newest sample.
    pair = 1000 + 4 * NAMES.index(name) + 2 * [*DOORS.values()].index(door)
    answer = target.send(door, good(pair), good(pair + 1), name)
    assert answer.status in (200, 201) or told(answer), (answer.status, answer.body[:300])
    new = {path for path in target.workspace.rglob("*") if "blobs" not in path.parts} - there
    assert {path.name for path in new} <= {"truing.log", "truing.db-wal", "truing.db-shm"}
    assert not list(target.workspace.parent.parent.rglob("*evil*"))
    if told(answer):
        return
    newest = target.client.ask("GET", "/api/samples?limit=1").json["items"][0]["id"]
    got = target.client.ask("GET", f"/api/samples/{newest}/media/edited?download=1")
    kept = got.headers["content-disposition"]
    assert kept == f'attachment; filename="sample-{newest}.jpeg"'


def test_pictures_in_json(target: Target) -> None:
    held = target.kept()
    target.forget_peak()
    before = target.memory_mb()
    original = base64.b64encode(good()).decode()
    for edited in (
        *(base64.b64encode(make()).decode() for make in (*BOMBS.values(), *NO_PICTURES.values())),
        "not base64!",
        [],
        [original, "not base64!"],
        [original, base64.b64encode(SCRIPT).decode()],
        {"data": original},
        7,
        None,
        [[original]],
    ):
        given = {"modality": "image_edit", "media": {"original": original, "edited": edited}}
        answer = target.client.ask("POST", "/api/samples", given)
        assert told(answer), (str(edited)[:100], answer.status, answer.body[:300])
    for body in (b'{"media": {"original": "' + b"A" * 99_000_000, b"[" * 1_000_000):
        sent = {"Content-Type": "application/json"}
        assert told(target.client.ask("POST", "/api/samples", body=body, headers=sent))
    assert target.kept() == held
    assert target.memory_mb("VmHWM") - before < MOST_MB


def streamed(target: Target, path: str, pieces: list[bytes], head: str = "") -> tuple[int, bytes]:
    """The status and the answer to a request of these pieces, as they stand on the wire."""
    host, _, port = target.client.place.partition(":")
    head = head or "Transfer-Encoding: chunked"
    kind = FORM["Content-Type"]
    first = f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: {kind}\r\n{head}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as connection:
        try:
            connection.sendall(first.encode())
            for piece in pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has heard enough
        answer = b""
        try:
            while piece := connection.recv(65_536):
                answer += piece
        except ConnectionResetError:
            pass
    found = re.match(rb"HTTP/1.1 (\d+)", answer)
    return (int(found[1]) if found else 0), answer
