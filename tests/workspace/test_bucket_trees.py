"""NexVision's tree in a bucket of a real S3 server: out, and in again."""

from __future__ import annotations

from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.errors import ConflictError, InvalidInputError, TruingError, UnavailableError
from truing.stores.object_tree import send_tree
from truing.workspace.bucket_trees import export_to_bucket, import_from_bucket, names_bucket
from truing.workspace.forgetting import would_forget

TREE = Path(__file__).parents[1] / "data" / "clients" / "nexvision_doc"


def test_a_tree_in_a_bucket_is_imported_and_exported(
    bucket: str, s3_server: str, tmp_path: Path
) -> None:
    there, other = (f"s3://{bucket}/{name}?endpoint={s3_server}" for name in ("app", "out"))
    send_tree(TREE, there, last="training-log.jsonl")
    with Workspace.create(tmp_path / "one") as one, Workspace.create(tmp_path / "two") as two:
        for added in (2, 0):
            outcome = import_from_bucket(one, "nexvision", there)
            assert (outcome.added, outcome.failed) == (added, 0), outcome.failures
        assert import_from_bucket(one, "nexvision", there).skipped == 2
        assert export_to_bucket(one, "nexvision", other) == other
        with pytest.raises(ConflictError):
            export_to_bucket(one, "nexvision", other)
        assert import_from_bucket(two, "nexvision", other).added == 2
        # The folder that the tree came from is the same source.
        assert two.import_from("nexvision", TREE).skipped == 2
        with pytest.raises(InvalidInputError, match="cannot come from a bucket"):
            import_from_bucket(one, "audiofolder", there)


def test_forgetting_names_the_bucket_and_what_removes_it(
    bucket: str, s3_server: str, tmp_path: Path
) -> None:
    url = f"s3://{bucket}/out?endpoint={s3_server}"
    with Workspace.create(tmp_path / "one") as one:
        one.import_from("nexvision", TREE)
        export_to_bucket(one, "nexvision", url)
        # Refused, since something is there: what is known of it stays.
        with pytest.raises(ConflictError):
            export_to_bucket(one, "nexvision", url)
        would, done = would_forget(one, ids=[1]), one.forget(ids=[1])
        command = f"aws s3 rm --recursive 's3://{bucket}/out/' --endpoint-url '{s3_server}'"
        for told in (would, done):
            assert told.exports_elsewhere == (url,)
            assert any(command in reminder for reminder in told.reminders)


def test_an_export_that_never_reached_the_bucket_is_remembered_all_the_same(
    bucket: str, s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: object, **__: object) -> None:
        raise UnavailableError("the network is gone", hint="try again")

    url = f"s3://{bucket}/half?endpoint={s3_server}"
    with Workspace.create(tmp_path / "one") as one:
        one.import_from("nexvision", TREE)
        monkeypatch.setattr("truing.stores.object_tree.send_tree", cut_off)
        with pytest.raises(UnavailableError, match="network is gone"):
            export_to_bucket(one, "nexvision", url)
        # Some of it may be there.
        assert one.forget(ids=[1]).exports_elsewhere == (url,)


def test_what_is_a_bucket() -> None:
    assert names_bucket("s3://bucket/prefix")
    assert not names_bucket("bucket")
    assert not names_bucket(Path("s3:/bucket"))


def test_a_disk_that_cannot_be_written_is_named(
    bucket: str, s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with Workspace.create(tmp_path / "one") as one, pytest.raises(TruingError) as caught:
        import_from_bucket(one, "nexvision", f"s3://{bucket}/app?endpoint={s3_server}")
    assert "nowhere" in caught.value.message
