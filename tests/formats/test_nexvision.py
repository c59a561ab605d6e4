"""NexVision's training data: what the real server wrote, in both of its logs, in and out again."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.clock import from_iso
from truing.domain.errors import InvalidInputError
from truing.domain.format import FailedRow, ImportedRow
from truing.domain.media import Media
from truing.domain.review import State
from truing.domain.sample import SampleFilter
from truing.formats.nexvision import LOG, NexVision
from truing.formats.nexvision_session import instruction_of, stamped_at
from truing.formats.standardise import Kind, Standard
from truing.testing.exported_rows import MemoryMedia, exported_row
from truing.testing.format_conformance import TEXTS, FormatConformance

CLIENTS = Path(__file__).parents[1] / "data" / "clients"
REAL, DOCUMENT = (CLIENTS / name / "training-data" for name in ("nexvision", "nexvision_doc"))
EMAIL_SESSION = "session-2026-11-20T09-49-36-455Z"
FIRST = "session-2026-11-20T09-49-36-051Z"


class TestNexVision(FormatConformance):
    """Rows of any bytes that call themselves pictures: formats do not look inside."""

    target = "training-data"
    spans = False

    def format(self):
        return NexVision()

    def holds(self, row):
        kept = row.media and row.state is not State.REJECTED
        return bool(kept and instruction_of(row) is not None)

    def medium(self, number, media):
        return {
            role: media.add(role.encode() + bytes([number]) * 64, "image/png", role=role)
            for role in ("original", "edited")
        }

    def content(self, value):
        return value.read_bytes()

    def stored_content(self, medium, media):
        return media.read(medium.digest)

    def expected(self, row):
        # Microseconds become milliseconds, as the app has them.
        stamp = f"2026-01-03T10-{20 + row.id}-30-250Z"
        context = {
            "originalFilename": f"original-{stamp}.jpg",
            "reimaginedFilename": f"reimagined-{stamp}.jpg",
        }
        told = {"captured_at": row.captured_at // 1000 * 1000, "raw": instruction_of(row)}
        lost = {"corrected": None, "truth": None, "rejected": False, "contact": None}
        return {**told, **lost, "session": None, "context": context}

    def test_texts_survive(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        rows = [
            exported_row(number, media=dict(self.medium(1, media)), raw="as sent", truth=text)
            for number, text in enumerate(TEXTS, start=1)
        ]
        read = self._round_trip(rows, media, tmp_path / self.target)
        assert [row.raw for row in read] == list(TEXTS)

    def damage(self, target: Path) -> None:
        next(iter(sorted(target.glob("session-*/reimagined-*")))).unlink()


def read(folder: Path) -> tuple[list[ImportedRow], list[FailedRow]]:
    rows = list(NexVision().read(folder))
    failed = [row for row in rows if isinstance(row, FailedRow)]
    return [row for row in rows if isinstance(row, ImportedRow)], failed


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the real tree that may be harmed."""
    return Path(shutil.copytree(REAL, tmp_path / "app" / "training-data"))


def edit(file: Path, **changes: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def exported(rows: list[ImportedRow], media: MemoryMedia) -> list:
    """The rows on their way out, as a workspace would hand them out."""
    out = []
    for number, row in enumerate(rows, start=1):
        kept: dict[str, Media] = {
            role: media.add(Path(str(file)).read_bytes(), "image/png", role=role)
            for role, file in row.media.items()
        }
        said = exported_row(
            number,
            media=kept,
            raw=row.raw,
            captured_at=row.captured_at,
            source_key=row.key,
            context=dict(row.context),
        )
        out.append(replace(said, source="nexvision"))
    return out


def test_what_the_server_wrote() -> None:
    rows, failed = read(REAL)
    assert failed == []
    assert len(rows) == 27
    first = rows[0]
    assert first.key == FIRST
    assert first.raw == "make the picture brighter"
    assert first.captured_at == from_iso("2026-11-20T09:49:36.088Z")
    assert set(first.media) == {"original", "edited"}
    assert first.context == {
        "originalFilename": "original-2026-11-20T09-49-36-051Z.jpg",
        "reimaginedFilename": "reimagined-2026-11-20T09-49-36-051Z.jpg",
    }
    assert {row.truth for row in rows} == {None}
    assert {row.session for row in rows} == {None}
    assert [row.raw for row in rows].count("make the colors warmer ") == 2
    assert rows[-1].raw.strip() == ""
    contacts = {row.key: row.contact for row in rows if row.contact is not None}
    assert list(contacts) == [EMAIL_SESSION]
    assert "@" in contacts[EMAIL_SESSION]
    assert all("userEmail" not in row.context for row in rows)


@pytest.mark.parametrize("place", ["", "training-data", f"training-data/{LOG}"])
def test_the_folder_its_parent_and_its_log_are_one_source(place: str) -> None:
    rows, _ = read(REAL.parent / place)
    assert [row.key for row in rows] == [row.key for row in read(REAL)[0]]


def test_the_log_of_its_description() -> None:
    rows, failed = read(DOCUMENT)
    assert (len(rows), failed) == (2, [])
    assert rows[0] == next(
        replace(row, media=rows[0].media) for row in read(REAL)[0] if row.key == FIRST
    )


@pytest.mark.parametrize("folder", [REAL, DOCUMENT])
def test_an_export_is_the_same_tree(folder: Path, tmp_path: Path) -> None:
    media = MemoryMedia(tmp_path)
    rows, _ = read(folder)
    NexVision().write(exported(rows, media), media, tmp_path / "training-data")
    contact = f"{EMAIL_SESSION}/metadata-{EMAIL_SESSION.removeprefix('session-')}.json"
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_file() and name not in (contact, LOG):
            assert (tmp_path / "training-data" / name).read_bytes() == file.read_bytes(), name
    back, failed = read(tmp_path / "training-data")
    assert failed == []
    told = [replace(row, media={}, contact=None) for row in rows]
    assert [replace(row, media={}) for row in back] == told
    if folder == REAL:
        logs = [(place / LOG).read_text().splitlines() for place in (tmp_path / folder.name, REAL)]
        differing = [one for one, other in zip(*logs, strict=True) if one != other]
        assert [json.loads(line)["userEmail"] for line in differing] == ["anonymous"]
        assert b"@" not in (tmp_path / folder.name / contact).read_bytes()


def test_the_disk_and_the_log_are_joined(tree: Path) -> None:
    lines = (tree / LOG).read_text().splitlines()
    gone = json.loads(lines[4])["sessionId"]
    shutil.rmtree(tree / gone)
    (tree / LOG).write_text("\n".join([*lines[1:6], "{not json", "[1]", '{"a": 1}', lines[2]]))
    rows, failed = read(tree.parent)
    assert len(rows) == 26
    assert rows[-1].key != FIRST  # the rest of the disk comes by name
    assert FIRST in [row.key for row in rows[4:]]
    assert [row.key for row in failed] == [
        *(f"{LOG}:6", f"{LOG}:7", f"{LOG}:8"),
        f"{LOG}:4",
    ]
    assert failed[0].reason.startswith("line 6: `{not json` is not JSON")
    assert failed[-1].reason == f"line 4: there is no folder `{gone}`"


def test_metadata_win_over_the_log_and_the_context_says_so(tree: Path) -> None:
    edit(
        tree / FIRST / f"metadata-{FIRST[8:]}.json",
        instruction="make it bright",
        originalSize=7,
        device={"screen": [1, 2]},
        userEmail="Ada@Example.org ",
    )
    row = read(tree)[0][0]
    assert (row.raw, row.contact) == ("make it bright", "Ada@Example.org")
    size = (tree / FIRST / f"original-{FIRST[8:]}.jpg").stat().st_size
    assert row.context["device"] == {"screen": [1, 2]}
    assert row.context["differs"] == {
        "instruction": {"log": "make the picture brighter"},
        "userEmail": True,
        "originalSize": {"metadata": 7, "file": size},
    }


@pytest.mark.parametrize("content", [b"{cut", b"", b"[]", b"\xff\xfe", None, b'{"a": 1}'])
def test_where_metadata_say_nothing_the_log_does(tree: Path, content: bytes | None) -> None:
    file = tree / FIRST / f"metadata-{FIRST[8:]}.json"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    rows, failed = read(tree)
    if content == b'{"a": 1}':
        assert f"{file.name}` is missing or has no instruction" in failed[0].reason
        return
    assert failed == []
    assert rows[0].raw == "make the picture brighter"
    assert ("metadata" in rows[0].context.get("differs", {})) is (content is not None)
    (tree / LOG).unlink()
    (failed_row,) = read(tree)[1]
    assert failed_row.key == FIRST
    assert file.name in failed_row.reason


def test_metadata_that_are_none(tree: Path) -> None:
    file = tree / FIRST / f"metadata-{FIRST[8:]}.json"
    edit(file, instruction=["make", "it"], timestamp=7)
    assert read(tree)[1][0].reason == "its instruction is no text: ['make', 'it']"
    file.write_bytes(b" " * (2 << 20))
    assert "is larger than" in str(read(tree)[0][0].context["differs"])
    edit_time = {"instruction": "x", "timestamp": 7, "sessionId": FIRST}
    file.write_text(json.dumps(edit_time))
    assert read(tree)[0][0].captured_at == stamped_at(FIRST)


def test_missing_and_empty_pictures_are_named(tree: Path) -> None:
    stamp = FIRST.removeprefix("session-")
    (tree / FIRST / f"original-{stamp}.jpg").unlink()
    other = sorted(tree.glob("session-*/reimagined-*"))[3]
    other.write_bytes(b"")
    rows, failed = read(tree)
    assert len(rows) == 25
    assert [(row.key, row.reason) for row in failed] == [
        (FIRST, f"`{FIRST}/original-{stamp}.jpg` is missing"),
        (other.parent.name, f"`{other.parent.name}/{other.name}` is empty"),
    ]


def test_metadata_cannot_point_out_of_their_folder(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    stamp = FIRST.removeprefix("session-")
    (tree / FIRST / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    for name in ("../../../secret.jpg", str(tmp_path / "secret.jpg"), "link.jpg", "..", "a\0b", 5):
        edit(tree / FIRST / f"metadata-{stamp}.json", originalFilename=name)
        row = next(row for row in read(tree)[0] if row.key == FIRST)
        assert row.media["original"] == tree / FIRST / f"original-{stamp}.jpg"


def test_links_in_a_tree_lead_nowhere(tree: Path, tmp_path: Path) -> None:
    """Whoever made the tree could name the folders of the one who imports it."""
    session = tree / FIRST
    session.rename(tmp_path / "elsewhere")
    session.symlink_to(tmp_path / "elsewhere")
    other = next(one for one in sorted(tree.glob("session-*")) if one != session)
    metadata = next(other.glob("metadata-*"))
    said = json.loads(metadata.read_text())
    hidden = tmp_path / "hidden.json"
    hidden.write_text(json.dumps({"secret": 1, **said}))
    metadata.unlink()
    metadata.symlink_to(hidden)
    rows, (failed,) = read(tree)
    assert (failed.key, failed.reason) == (FIRST, f"`{FIRST}` is a link to another folder")
    assert len(rows) == 26
    assert not any("secret" in row.context for row in rows)


def test_two_requests_in_one_millisecond(tree: Path) -> None:
    """Upstream they share a folder: the one that came later is there, the other is lost."""
    line = json.loads((tree / LOG).read_text().splitlines()[0])
    with (tree / LOG).open("a") as log:
        log.write(json.dumps(line | {"instruction": "overwritten"}) + "\n")
    rows, (failed,) = read(tree)
    assert (len(rows), "differs" in rows[0].context) == (27, False)
    assert failed.key == f"{LOG}:28"
    assert FIRST in failed.reason


def test_copies_of_a_session_count_once(tree: Path) -> None:
    shutil.copytree(tree / FIRST, tree / f"{FIRST} copy")
    shutil.copytree(tree, tree / "backup" / "training-data")
    rows, failed = read(tree)
    assert (len(rows), failed) == (27, [])
    edit(tree / f"{FIRST} copy" / f"metadata-{FIRST[8:]}.json", instruction="another")
    (tree / "backup" / "training-data" / FIRST / "more.txt").touch()
    rows, failed = read(tree)
    assert (len(rows), [row.key for row in failed]) == (27, [FIRST] * 2)
    assert all("another session of this name" in row.reason for row in failed)


def test_the_time_of_the_folder_where_metadata_have_none(tree: Path) -> None:
    edit(tree / FIRST / f"metadata-{FIRST[8:]}.json", timestamp="yesterday")
    row = read(tree)[0][0]
    assert row.captured_at == stamped_at(FIRST) == from_iso("2026-11-20T09:49:36.051Z")
    assert stamped_at("session-new") is None
    assert stamped_at("session-2026-99-20T09-49-36-051Z") is None


def test_two_rows_of_one_millisecond_have_a_folder_each(tmp_path: Path) -> None:
    media = MemoryMedia(tmp_path)
    pair = {
        role: media.add(role.encode(), "image/png", role=role) for role in ("original", "edited")
    }
    at = from_iso("2026-11-20T23:59:59.999Z")
    rows = [exported_row(one, media=pair, captured_at=at, raw=f"row {one}") for one in (1, 2, 3)]
    target = tmp_path / "out"
    assert NexVision().write(rows, media, target) == 3
    assert sorted(file.name for file in target.iterdir()) == [
        "session-2026-11-20T23-59-59-999Z",
        "session-2026-11-21T00-00-00-000Z",
        "session-2026-11-21T00-00-00-001Z",
        LOG,
    ]
    said = json.loads((target / LOG).read_text().splitlines()[1])
    assert list(said) == [
        *("timestamp", "instruction", "userEmail", "originalFilename", "reimaginedFilename"),
        *("originalSize", "reimaginedSize", "sessionId"),
    ]
    assert said["timestamp"] == "2026-11-20T23:59:59.999Z"
    assert (said["originalSize"], said["reimaginedSize"]) == (8, 6)


def test_pictures_may_be_standardised_on_their_way_out(tmp_path: Path) -> None:
    from PIL import Image

    media = MemoryMedia(tmp_path)
    rows = exported(read(DOCUMENT)[0], media)
    standard = Standard(width=48, height=32, kind=Kind.JPEG)
    NexVision(standard=standard).write(rows, media, tmp_path / "out")
    for file in (tmp_path / "out" / FIRST).glob("*.jpg"):
        with Image.open(file) as image:
            assert (image.size, image.format) == ((48, 32), "JPEG")


def test_something_else_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="holds neither") as caught:
        list(NexVision().read(tmp_path))
    assert "training-data" in caught.value.hint


def samples(workspace: Workspace) -> list[tuple[object, ...]]:
    """What there is of each sample, whatever its number."""
    return sorted(
        (
            one.source_key,
            one.state.value,
            one.truth,
            one.raw.text,
            one.captured_at,
            json.dumps(dict(one.context), sort_keys=True),
            tuple((medium.role, medium.digest) for medium in one.media),
        )
        for one in workspace.store.samples.iterate(SampleFilter(modality="image_edit"))
    )


def test_an_export_imports_into_an_empty_workspace_as_the_same_samples(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "one") as one, Workspace.create(tmp_path / "two") as two:
        for added in (27, 0):
            outcome = one.import_from("nexvision", REAL)
            assert (outcome.added, outcome.failed) == (added, 0), outcome.failures
        one.export("nexvision", tmp_path / "out")
        for added in (27, 0):
            outcome = two.import_from("nexvision", tmp_path / "out")
            assert (outcome.added, outcome.failed) == (added, 0)
        assert samples(two) == samples(one)
        assert len(samples(one)) == 27
