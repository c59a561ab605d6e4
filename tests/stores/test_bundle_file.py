"""Bundles: equal content gives equal bytes, and a hostile one gives an error and nothing else."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from truing.domain.errors import (
    ConflictError,
    DamagedError,
    InvalidInputError,
    NotFoundError,
    TruingError,
    UnavailableError,
)
from truing.stores import bundle_file
from truing.stores.bundle_file import HEAD, MANIFEST, opened, refuse_name, refuse_too_large, written

KIND = "training"


def make(path: Path, files: dict[str, bytes], **head: object) -> str:
    """A sound bundle; returns its digest."""
    with written(path, KIND, head) as bundle:
        for name, data in files.items():
            bundle.add(name, data)
    return bundle.digest


def unpack(path: Path, folder: Path) -> dict[str, bytes]:
    """Everything a bundle holds, by way of the disk."""
    with opened(path, KIND) as bundle:
        bundle.extract(lambda name: folder / name)
    return {
        one.relative_to(folder).as_posix(): one.read_bytes()
        for one in folder.rglob("*")
        if one.is_file()
    }


def entry(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    """The bytes of one tar entry, whatever it is."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(data), kind, link
    return info.tobuf(tarfile.GNU_FORMAT) + data + b"\0" * (-len(data) % 512)


def forged(path: Path, entries: Sequence[bytes], told: dict[str, bytes]) -> Path:
    """A bundle with any entries between a sound head and a manifest that speaks well of them."""
    head = json.dumps({"format": 1, "kind": KIND}).encode()
    lines = "".join(
        json.dumps({"name": n, "size": len(d), "sha256": f"sha256:{hashlib.sha256(d).hexdigest()}"})
        + "\n"
        for n, d in {HEAD: head, **told}.items()
    ).encode()
    whole = [entry(HEAD, head), *entries, entry(MANIFEST, lines), b"\0" * 1024]
    path.write_bytes(b"".join(whole))
    return path


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    files = {"rows.jsonl": b"{}\n", "base/model.safetensors": bytes(range(256)) * 999, "empty": b""}
    digest = make(tmp_path / "a", files, dataset="mine@1")
    found = unpack(tmp_path / "a", tmp_path / "out")
    assert {name: found[name] for name in files} == files
    with opened(tmp_path / "a", KIND) as bundle:
        assert (bundle.head["dataset"], bundle.digest) == ("mine@1", digest)
        assert bundle.read("rows.jsonl") == b"{}\n"
        with pytest.raises(DamagedError, match="base/model"):
            bundle.read("base/model.safetensors", most=100)
    with tarfile.open(tmp_path / "a") as plain:
        assert plain.getnames() == [HEAD, *files, MANIFEST]


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    files = {"a": b"1", "b/c": b"2" * 5000}
    assert make(tmp_path / "x", files, n=1) == make(tmp_path / "y", files, n=1)
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()
    assert make(tmp_path / "z", files, n=2) != make(tmp_path / "w", files, n=1)


def test_a_file_that_changes_while_it_is_packed_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "media").write_bytes(b"sound")
    with (
        pytest.raises(DamagedError, match="media"),
        written(tmp_path / "a", KIND, {}) as bundle,
    ):
        bundle.add_file("blobs/x", tmp_path / "media", "sha256:" + "0" * 64)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["media"]


def test_nothing_is_written_over(tmp_path: Path) -> None:
    make(tmp_path / "a", {})
    with pytest.raises(ConflictError, match="exists already"):
        make(tmp_path / "a", {"x": b"1"})


def test_a_full_disk_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "a", {"x": b"1" * 1000})
    monkeypatch.setattr(bundle_file, "free_space", lambda _: 100)
    with pytest.raises(UnavailableError), written(tmp_path / "b", KIND, {}, total=1000):
        pass
    with opened(tmp_path / "a", KIND) as bundle, pytest.raises(UnavailableError, match="free"):
        refuse_too_large(bundle, tmp_path)


HOSTILE: dict[str, tuple[Sequence[bytes], dict[str, bytes]]] = {
    "climbs": ([entry("../evil", b"x")], {"../evil": b"x"}),
    "climbs further in": ([entry("base/../../evil", b"x")], {"base/../../evil": b"x"}),
    "absolute": ([entry("/tmp/evil", b"x")], {"/tmp/evil": b"x"}),
    "a drive": ([entry("C:/evil", b"x")], {"C:/evil": b"x"}),
    "backslashes": ([entry("..\\evil", b"x")], {"..\\evil": b"x"}),
    "a device of Windows": ([entry("base/NUL.txt", b"x")], {"base/NUL.txt": b"x"}),
    "hidden": ([entry("base/.ssh", b"x")], {"base/.ssh": b"x"}),
    "a link": ([entry("base", kind=tarfile.SYMTYPE, link="/etc")], {"base": b""}),
    "a hard link": ([entry("base", kind=tarfile.LNKTYPE, link="/etc/passwd")], {"base": b""}),
    "a folder": ([entry("base", kind=tarfile.DIRTYPE)], {"base": b""}),
    "a pipe": ([entry("base", kind=tarfile.FIFOTYPE)], {"base": b""}),
    "a sparse file": ([entry("base", b"x", kind=tarfile.GNUTYPE_SPARSE)], {"base": b"x"}),
    "a pax header": ([entry("base", b"x", kind=tarfile.XHDTYPE)], {"base": b"x"}),
    "a long name": ([entry("b" * 101, b"x")], {"b" * 101: b"x"}),
    "twice": ([entry("rows", b"x"), entry("rows", b"x")], {"rows": b"x"}),
    "altered": ([entry("rows", b"x")], {"rows": b"y"}),
    "missing": ([], {"rows": b"x"}),
    "untold": ([entry("rows", b"x")], {}),
    "another head": ([entry(HEAD, b"{}")], {}),
    "two manifests": ([entry(MANIFEST, b"")], {}),
    "rubbish": ([b"rubbish" * 100], {}),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_bundle_is_refused(case: str, tmp_path: Path) -> None:
    bundle = forged(tmp_path / "bundle", *HOSTILE[case])
    inside = tmp_path / "in" / "side"
    with pytest.raises(DamagedError, match="not a sound bundle") as refused:
        unpack(bundle, inside)
    assert refused.value.hint
    outside = {one for one in tmp_path.rglob("*") if inside not in (one, *one.parents)}
    assert outside <= {bundle, inside.parent}


def test_an_entry_that_comes_twice_with_its_line_is_refused(tmp_path: Path) -> None:
    head = json.dumps({"format": 1, "kind": KIND}).encode()
    twice = [entry("rows", b"x"), entry("rows", b"x")]
    sha = {d: f"sha256:{hashlib.sha256(d).hexdigest()}" for d in (head, b"x")}
    line = {"name": "rows", "size": 1, "sha256": sha[b"x"]}
    lines = [{"name": HEAD, "size": len(head), "sha256": sha[head]}, line, line]
    manifest = "".join(json.dumps(one) + "\n" for one in lines).encode()
    (tmp_path / "b").write_bytes(
        b"".join([entry(HEAD, head), *twice, entry(MANIFEST, manifest), b"\0" * 1024])
    )
    with pytest.raises(DamagedError, match="comes twice"):
        unpack(tmp_path / "b", tmp_path / "out")


@pytest.mark.parametrize("keep", [0, 100, 511, 700, 3000, -1500])
def test_a_bundle_that_was_cut_is_refused(tmp_path: Path, keep: int) -> None:
    make(tmp_path / "a", {"x": b"1" * 4000, "y": b"2"})
    whole = (tmp_path / "a").read_bytes()
    (tmp_path / "cut").write_bytes(whole[:keep])
    with pytest.raises(DamagedError):
        unpack(tmp_path / "cut", tmp_path / "out")


def test_every_bit_counts(tmp_path: Path) -> None:
    make(tmp_path / "a", {"x": b"1" * 300})
    whole = bytearray((tmp_path / "a").read_bytes())
    content = whole.index(b"1" * 300)
    manifest = whole.index(b'"sha256:') + 20
    for number, place in enumerate((content + 7, manifest, 3, content - 512 + 3)):
        altered = bytearray(whole)
        altered[place] ^= 1
        (tmp_path / f"b{number}").write_bytes(altered)
        with pytest.raises(DamagedError):
            unpack(tmp_path / f"b{number}", tmp_path / f"out{number}")


def test_a_size_that_promises_more_than_there_is(tmp_path: Path) -> None:
    info = tarfile.TarInfo("rows")
    info.size = 1 << 50
    path = forged(tmp_path / "b", [info.tobuf(tarfile.GNU_FORMAT)], {})
    with pytest.raises(DamagedError, match="cut short"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize(
    ("head", "kind", "expected"),
    [
        ({"format": 2, "kind": KIND}, InvalidInputError, "format 2"),
        ({"format": 1, "kind": "trained"}, InvalidInputError, "kind `trained`"),
        ({"kind": KIND}, DamagedError, "format"),
        ([1], DamagedError, "format"),
    ],
)
def test_another_kind_of_file_is_told(
    tmp_path: Path, head: object, kind: type[TruingError], expected: str
) -> None:
    data = json.dumps(head).encode()
    (tmp_path / "b").write_bytes(entry(HEAD, data) + entry(MANIFEST, b"") + b"\0" * 1024)
    with pytest.raises(kind, match=expected), opened(tmp_path / "b", KIND):
        pass


def test_what_is_no_bundle_at_all(tmp_path: Path) -> None:
    deep = entry(HEAD, b"[" * 200_000) + entry(MANIFEST, b"") + b"\0" * 1024
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as other:
        other.addfile(tarfile.TarInfo("x"))
    for number, data in enumerate((b"", b"hello", deep, packed.getvalue(), b"\0" * 4096)):
        (tmp_path / str(number)).write_bytes(data)
        with pytest.raises(DamagedError), opened(tmp_path / str(number), KIND):
            pass
    with pytest.raises(NotFoundError), opened(tmp_path / "none", KIND):
        pass


@pytest.mark.parametrize("name", ["a", "base/model-00001-of-00002.safetensors", "_x/y_z.json"])
def test_plain_names_travel(name: str) -> None:
    refuse_name(name)


@pytest.mark.parametrize("name", ["", "a//b", "a/", "ünï", "a b", "a.", "con", "a\n", "x" * 101])
def test_other_names_do_not(name: str) -> None:
    with pytest.raises(InvalidInputError):
        refuse_name(name)


def test_a_reader_may_refuse_an_entry(tmp_path: Path) -> None:
    make(tmp_path / "a", {"x": b"1"})

    def place(name: str) -> Path | None:
        return None if name == HEAD else tmp_path / "out" / name

    reader: Callable[[str], Path | None] = place
    with opened(tmp_path / "a", KIND) as bundle:
        bundle.extract(reader)
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["x"]
