"""Model folders: digests, sealing, moving into place, and what is refused."""

import errno
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from truing.domain.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from truing.domain.model import ModelRef
from truing.platform import files as platform_files
from truing.stores import model_files
from truing.stores.model_files import DESCRIPTION, LocalModelFiles, folder_digest, model_manifest
from truing.testing.factories import FrozenClock

FIRST = ModelRef(modality="speech", number=1)


@pytest.fixture
def files(tmp_path: Path) -> LocalModelFiles:
    return LocalModelFiles(tmp_path / "models")


def fill(folder: Path, weights: bytes = b"\x08\0\0\0\0\0\0\0{}      ") -> None:
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "config.json").write_text('{"layers": 2}', encoding="utf-8")
    (folder / "tokenizer").mkdir(exist_ok=True)
    (folder / "tokenizer" / "vocab.txt").write_text("a\nb\n", encoding="utf-8")


def install(files: LocalModelFiles, ref: ModelRef = FIRST) -> str:
    with files.draft() as draft:
        fill(draft)
        return files.install(draft, ref, {"recipe": "whisper", "name": "größer"})


def test_a_model_is_installed_whole(tmp_path: Path, files: LocalModelFiles) -> None:
    digest = install(files)
    folder = files.path(FIRST)
    assert folder == tmp_path / "models" / "speech" / "1"
    described = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    assert described["recipe"] == "whisper"
    assert described["name"] == "größer"
    assert described["digest"] == digest == folder_digest(folder)
    names = [one["name"] for one in described["files"]]
    assert names == ["config.json", "model.safetensors", "tokenizer/vocab.txt"]
    assert [one.as_dict() for one in model_manifest(folder)] == described["files"]
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["speech"]


def test_the_digest_is_that_of_names_and_contents(tmp_path: Path) -> None:
    digests = set()
    for number, change in enumerate(
        (
            lambda folder: None,
            lambda folder: (folder / "config.json").write_text("{}", encoding="utf-8"),
            lambda folder: (folder / "config.json").rename(folder / "other.json"),
            lambda folder: (folder / "tokenizer").rename(folder / "vocabulary"),
            lambda folder: (folder / "empty.txt").touch(),
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        fill(folder)
        change(folder)
        digests.add(folder_digest(folder))
    assert len(digests) == 5


def test_the_digest_does_not_depend_on_what_is_no_model(tmp_path: Path) -> None:
    fill(tmp_path)
    before = folder_digest(tmp_path)
    (tmp_path / DESCRIPTION).write_text("{}", encoding="utf-8")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "lock").touch()
    (tmp_path / "empty").mkdir()
    os.utime(tmp_path / "config.json", (0, 0))
    assert folder_digest(tmp_path) == before


def test_the_digest_is_a_documented_contract(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "é.txt").write_bytes(b"two")
    (tmp_path / "a.txt").write_bytes(b"")
    manifest = (
        f'[{{"name":"a.txt","sha256":"sha256:{hashlib.sha256(b"").hexdigest()}","size":0}},'
        f'{{"name":"b/é.txt","sha256":"sha256:{hashlib.sha256(b"two").hexdigest()}","size":3}}]'
    )
    expected = hashlib.sha256(manifest.encode("utf-8")).hexdigest()
    assert folder_digest(tmp_path) == f"sha256:{expected}"


def test_a_digest_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        folder_digest(tmp_path / "missing")
    with pytest.raises(InvalidInputError, match="holds no model"):
        folder_digest(tmp_path)


def test_a_draft_is_removed_unless_installed(tmp_path: Path, files: LocalModelFiles) -> None:
    with files.draft() as draft:
        fill(draft)
    assert list((tmp_path / "models").iterdir()) == []
    with pytest.raises(NotFoundError, match="speech/1"):
        files.path(FIRST)


def test_a_model_is_never_replaced(files: LocalModelFiles) -> None:
    before = install(files)
    with pytest.raises(ConflictError, match="speech/1"):
        install(files)
    assert folder_digest(files.path(FIRST)) == before


def pickled(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\x80\x04\x95\x08\0\0\0")


def zipped(folder: Path, name: str) -> None:
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr("archive/data.pkl", b"")


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("pytorch_model.bin", lambda folder, name: (folder / name).write_bytes(b"anything")),
        ("OPTIMIZER.PT", lambda folder, name: (folder / name).write_bytes(b"")),
        ("last.ckpt", pickled),
        ("tokenizer/extra.pkl", pickled),
        ("weights.safetensors.old", pickled),
        ("state", zipped),
    ],
)
def test_a_pickle_is_refused_whatever_it_is_called(
    files: LocalModelFiles, name: str, make: object
) -> None:
    with files.draft() as draft:
        fill(draft)
        make(draft, name)  # type: ignore[operator]
        with pytest.raises(InvalidInputError, match=name) as raised:
            files.install(draft, FIRST, {})
    assert "safetensors" in str(raised.value.hint)


def test_archives_without_pickles_pass(files: LocalModelFiles) -> None:
    with files.draft() as draft:
        fill(draft)
        with zipfile.ZipFile(draft / "words.zip", "w") as archive:
            archive.writestr("words.txt", b"a")
        (draft / "PKnot.txt").write_bytes(b"PK is no archive")
        files.install(draft, FIRST, {})
    assert (files.path(FIRST) / "words.zip").is_file()


def test_a_link_is_refused(files: LocalModelFiles, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("mine", encoding="utf-8")
    with files.draft() as draft:
        fill(draft)
        (draft / "link.txt").symlink_to(secret)
        with pytest.raises(InvalidInputError, match=r"link\.txt"):
            files.install(draft, FIRST, {})


@pytest.mark.parametrize("modality", ["../speech", "", ".", "a/b", "C:"])
def test_a_modality_that_is_no_name_is_refused(files: LocalModelFiles, modality: str) -> None:
    with pytest.raises(InvalidInputError):
        files.path(ModelRef(modality=modality, number=1))


def test_a_description_that_is_no_json_is_refused(files: LocalModelFiles) -> None:
    for description in ({"wer": float("nan")}, {"path": Path()}):
        with files.draft() as draft:
            fill(draft)
            with pytest.raises(InvalidInputError, match="speech/1"):
                files.install(draft, FIRST, description)
    with pytest.raises(NotFoundError):
        files.path(FIRST)


def test_a_full_disk_leaves_no_model(
    files: LocalModelFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(platform_files, "sync_file", refuse)
    with pytest.raises(UnavailableError, match="no space left"):
        install(files)
    with pytest.raises(NotFoundError):
        files.path(FIRST)


def test_everything_is_on_the_disk_before_the_folder_moves(
    tmp_path: Path, files: LocalModelFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    real_file, real_folder = platform_files.sync_file, platform_files.sync_folder
    target = tmp_path / "models" / "speech" / "1"

    def sync_file(fd: int) -> None:
        real_file(fd)
        steps.append("late file" if target.exists() else "file")

    def sync_folder(folder: Path) -> None:
        real_folder(folder)
        steps.append(f"{folder.name} after" if target.exists() else "folder")

    monkeypatch.setattr(platform_files, "sync_file", sync_file)
    for module in (platform_files, model_files):
        monkeypatch.setattr(module, "sync_folder", sync_folder)
    install(files)
    assert steps.count("file") == 4
    # The folder it came from last: the model is found before its draft is no longer.
    assert steps[-2:] == ["speech after", "models after"]
    assert not [step for step in steps[:-2] if "after" in step or "late" in step]


_DRAFT = """
import os, sys
from pathlib import Path
from truing.stores.model_files import LocalModelFiles
with LocalModelFiles(Path(sys.argv[1])).draft() as draft:
    (draft / "half.safetensors").touch()
    os._exit(9)
"""


def test_drafts_of_the_dead_are_collected(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    done = subprocess.run([sys.executable, "-c", _DRAFT, str(folder)], check=False)
    assert done.returncode == 9
    left = list(folder.iterdir())
    assert len(left) == 1
    clock = FrozenClock(round(left[0].stat().st_mtime * 1e6))
    files = LocalModelFiles(folder, clock=clock)
    assert files.collect_drafts(older_than=3600) == 0
    clock.advance(7200)
    assert files.collect_drafts(older_than=3600) == 1
    assert list(folder.iterdir()) == []
