"""Blobs in an object store: the conformance suite against a real S3 server, refusals, copies."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import obstore
import pytest

from truing.domain.digest import digest_bytes
from truing.domain.errors import (
    ConflictError,
    DamagedError,
    InvalidInputError,
    NotFoundError,
    TruingError,
    UnavailableError,
)
from truing.stores import blobs_s3, object_store
from truing.stores.blobs_s3 import IN_PARTS, RENEW, S3Blobs
from truing.stores.object_store import place_of
from truing.testing.blob_conformance import DAY, BlobConformance
from truing.testing.factories import FrozenClock, make_digest

Ask = Callable[..., bytes]


@pytest.fixture
def url(bucket: str, s3_server: str) -> str:
    return f"s3://{bucket}/some/voices?endpoint={s3_server}"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def blobs(url: str, cache: Path) -> S3Blobs:
    return S3Blobs(url, cache)


class TestS3Blobs(BlobConformance):
    @pytest.fixture
    def blobs(self, url: str, cache: Path, clock: FrozenClock) -> S3Blobs:
        return S3Blobs(url, cache, clock=clock)


def object_of(blobs: S3Blobs, digest: str) -> str:
    return f"sha256/{digest[7:9]}/{digest[9:]}"


def spoil(blobs: S3Blobs, digest: str, data: bytes) -> None:
    obstore.put(blobs._store, object_of(blobs, digest), data)


def copies(cache: Path) -> list[Path]:
    return sorted(path for path in cache.rglob("*") if path.is_file())


def test_a_blob_lies_under_its_digest(blobs: S3Blobs, bucket: str, ask_s3: Ask) -> None:
    digest = blobs.put(b"sound")
    listed = ask_s3("GET", f"{bucket}/?list-type=2").decode()
    assert f"<Key>some/voices/{object_of(blobs, digest)}</Key>" in listed
    assert ask_s3("GET", f"{bucket}/some/voices/{object_of(blobs, digest)}") == b"sound"


def test_two_workspaces_may_share_a_bucket(blobs: S3Blobs, bucket: str, s3_server: str,
                                           tmp_path: Path) -> None:  # fmt: skip
    other = S3Blobs(f"s3://{bucket}/other?endpoint={s3_server}", tmp_path / "other")
    digest = blobs.put(b"sound")
    assert not other.exists(digest)
    assert list(other.digests()) == []
    assert other.collect_orphans([], older_than=-1) == 0
    assert blobs.exists(digest)


def test_damaged_bytes_are_noticed(blobs: S3Blobs, cache: Path) -> None:
    digest = blobs.put(b"sound")
    spoil(blobs, digest, b"noise")
    assert not blobs.verify(digest)
    for look in (blobs.read, blobs.path, blobs.open):
        with pytest.raises(DamagedError, match=digest):
            look(digest)
    assert copies(cache) == []


def test_a_damaged_copy_is_fetched_again(blobs: S3Blobs) -> None:
    digest = blobs.put(b"sound")
    blobs.path(digest).write_bytes(b"noise")
    assert blobs.read(digest) == b"sound"
    assert blobs.path(digest).read_bytes() == b"sound"


def test_a_blob_of_another_size_is_stored_again(blobs: S3Blobs) -> None:
    digest = blobs.put(b"sound")
    spoil(blobs, digest, b"sou")
    blobs.put(b"sound")
    assert blobs.read(digest) == b"sound"


def test_a_large_file_goes_up_in_parts(blobs: S3Blobs, tmp_path: Path) -> None:
    given = tmp_path / "long.wav"
    given.write_bytes(os.urandom(IN_PARTS * 2 + 12345))
    digest = blobs.put_file(given)
    assert obstore.head(blobs._store, object_of(blobs, digest))["e_tag"].endswith('-3"')
    assert blobs.verify(digest)
    assert blobs.path(digest).read_bytes() == given.read_bytes()
    before = obstore.head(blobs._store, object_of(blobs, digest))["last_modified"]
    assert blobs.put_file(given) == digest == blobs.put(given.read_bytes())
    assert obstore.head(blobs._store, object_of(blobs, digest))["last_modified"] == before


def test_large_bytes_are_kept(blobs: S3Blobs) -> None:
    data = os.urandom(IN_PARTS + 1)
    assert blobs.read(blobs.put(data)) == data


def test_a_file_that_changes_while_it_is_read_is_refused(
    blobs: S3Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tmp_path / "growing.wav"
    given.write_bytes(b"sound" * IN_PARTS)
    real = blobs_s3.digest_file

    def read_then_grow(path: Path) -> str:
        digest = real(path)
        path.write_bytes(b"other" * IN_PARTS)
        return digest

    monkeypatch.setattr(blobs_s3, "digest_file", read_then_grow)
    with pytest.raises(ConflictError, match="changed while"):
        blobs.put_file(given)
    assert list(blobs.digests()) == []


def test_an_orphan_put_again_is_young(url: str, cache: Path) -> None:
    clock = FrozenClock(FrozenClock().now())
    blobs = S3Blobs(url, cache)
    digest = blobs.put(b"sound")
    stored = obstore.head(blobs._store, object_of(blobs, digest))["last_modified"]
    clock = FrozenClock(round((stored.timestamp() + RENEW + 60) * 1e6))
    late = S3Blobs(url, cache, clock=clock)
    assert not late._stands(object_of(blobs, digest), 5)
    late.put(b"sound")
    assert blobs.collect_orphans([], older_than=60) == 0
    assert late.read(digest) == b"sound"


def test_an_orphan_put_again_while_others_are_collected_stays(
    url: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = S3Blobs(url, cache)
    digest = blobs.put(b"sound")
    stored = obstore.head(blobs._store, object_of(blobs, digest))["last_modified"].timestamp()
    # Listed as old, found young when it is looked at once more.
    monkeypatch.setattr(blobs, "_listed", lambda: iter([(digest, 5, stored - 2 * DAY)]))
    assert blobs.collect_orphans([], older_than=DAY) == 0
    assert blobs.exists(digest)


def test_a_deleted_blob_leaves_no_copy(blobs: S3Blobs, cache: Path) -> None:
    digest = blobs.put(b"sound")
    blobs.path(digest)
    assert len(copies(cache)) == 1
    assert blobs.delete(digest)
    assert copies(cache) == []


def test_copies_are_bounded_and_the_longest_unused_go_first(url: str, cache: Path) -> None:
    clock = FrozenClock(1_700_000_000_000_000)
    blobs = S3Blobs(url, cache, cache_bytes=3500, clock=clock)
    digests = [blobs.put(bytes([number]) * 1000) for number in range(4)]
    for digest in digests[:3]:
        blobs.path(digest)
        clock.advance(2 * 3600)
    blobs.path(digests[0])
    clock.advance(2 * 3600)
    blobs.path(digests[3])
    held = {f"sha256:{path.parent.name}{path.name}" for path in copies(cache)}
    assert held == {digests[0], digests[2], digests[3]}
    assert blobs.path(digests[1]).read_bytes() == b"\1" * 1000


def test_copies_in_use_are_never_dropped(url: str, cache: Path) -> None:
    clock = FrozenClock(1_700_000_000_000_000)
    blobs = S3Blobs(url, cache, cache_bytes=10, clock=clock)
    paths = [blobs.path(blobs.put(bytes([number]) * 1000)) for number in range(5)]
    assert all(path.is_file() for path in paths)


def test_what_is_left_of_a_copy_cut_short_is_dropped_in_time(url: str, cache: Path) -> None:
    left = cache / "sha256" / "ab" / ".tmp-1-abc"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x" * 1000)
    os.utime(left, (0, 0))
    blobs = S3Blobs(url, cache, cache_bytes=1500)
    blobs.path(blobs.put(b"y" * 1000))
    assert not left.exists()


def test_a_store_is_checked(
    blobs: S3Blobs, url: str, cache: Path, bucket: str, s3_server: str
) -> None:
    import boto3

    blobs.check()
    assert list(blobs.digests()) == []
    client = boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1")
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    client.close()
    with pytest.raises(UnavailableError, match="old versions"):
        blobs.check()
    S3Blobs(f"{url}&versioned=yes", cache).check()


def every_call(blobs: S3Blobs) -> Iterator[Callable[[], object]]:
    digest = make_digest("some")
    yield lambda: blobs.put(b"sound")
    yield lambda: blobs.read(digest)
    yield lambda: blobs.path(digest)
    yield lambda: blobs.exists(digest)
    yield lambda: blobs.delete(digest)
    yield lambda: blobs.verify(digest)
    yield lambda: list(blobs.digests())
    yield lambda: blobs.collect_orphans([], older_than=0)
    yield blobs.check


def failures(blobs: S3Blobs) -> list[TruingError]:
    raised = []
    for call in every_call(blobs):
        with pytest.raises(TruingError) as caught:
            call()
        assert caught.value.hint
        assert "\n" not in caught.value.message
        raised.append(caught.value)
    return raised


def test_a_missing_bucket_is_named(s3_server: str, bucket: str, cache: Path) -> None:
    blobs = S3Blobs(f"s3://nowhere?endpoint={s3_server}", cache)
    for error in failures(blobs):
        assert isinstance(error, NotFoundError)
        assert "no bucket `nowhere`" in error.message


def test_a_server_that_is_not_there_is_reported(
    bucket: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(object_store.RETRIES, "max_retries", 0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        blobs = S3Blobs(f"s3://{bucket}?endpoint=http://127.0.0.1:{taken.getsockname()[1]}", cache)
        for error in failures(blobs):
            assert isinstance(error, UnavailableError)
            assert "cannot be reached" in error.message


def test_a_server_that_says_nothing_is_given_up(
    bucket: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(object_store.TIMES, "timeout", "300ms")
    monkeypatch.setitem(object_store.RETRIES, "max_retries", 0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        blobs = S3Blobs(f"s3://{bucket}?endpoint=http://127.0.0.1:{silent.getsockname()[1]}", cache)
        with pytest.raises(UnavailableError, match="cannot be reached"):
            blobs.put(b"sound")


def test_without_credentials_nothing_is_tried(cache: Path) -> None:
    with pytest.raises(UnavailableError, match="no credentials") as raised:
        S3Blobs("s3://ours", cache, environ={"AWS_ACCESS_KEY_ID": "ada"})
    assert "AWS_SECRET_ACCESS_KEY" in str(raised.value.hint)
    assert not cache.exists()


def test_refused_access_is_explained() -> None:
    place = place_of("s3://ours/voices", {})
    error = obstore.exceptions.PermissionDeniedError("403 Forbidden: <?xml …")
    meant = object_store.meaning(error, place, None)
    assert "`s3://ours/voices` refuses access" in meant.message
    other = object_store.meaning(FileNotFoundError("gone"), place, make_digest("x"))
    assert isinstance(other, NotFoundError)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://ours/voices", "names no bucket"),
        ("s3://", "names no bucket"),
        ("s3://[", "names no bucket"),
        ("s3://ada:secret@ours", "must not hold a password"),
        ("s3://ours?colour=red", "`colour` means nothing"),
        ("s3://ours?endpoint=ftp://there", "no address"),
        ("s3://ours?endpoint=http://there.example", "in the clear"),
        ("s3://ours?endpoint=http://10.0.0.1:9000", "in the clear"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says) as raised:
        place_of(url, {})
    assert raised.value.hint
    assert "secret" not in raised.value.message


def test_the_environment_fills_in_the_address() -> None:
    environ = {"AWS_ENDPOINT_URL": "https://there", "AWS_REGION": "eu-north-1"}
    place = place_of("s3://ours/a/b/", environ)
    assert (place.endpoint, place.region, place.prefix) == ("https://there", "eu-north-1", "a/b")
    given = place_of("s3://ours?endpoint=https://here&region=north", environ)
    assert (given.endpoint, given.region, given.prefix) == ("https://here", "north", "")
    for host in ("127.0.0.1:9000", "localhost", "[::1]:9000"):
        assert place_of(f"s3://ours?endpoint=http://{host}", {}).endpoint
    allowed = "s3://ours?endpoint=http://10.0.0.1&allow_http=yes"
    assert place_of(allowed, {}).allow_http
    assert place_of("s3://ours", {"AWS_ALLOW_HTTP": "true"}).allow_http


def test_digests_are_those_of_the_bytes(blobs: S3Blobs) -> None:
    assert blobs.put("שלום 🎙".encode()) == digest_bytes("שלום 🎙".encode())
