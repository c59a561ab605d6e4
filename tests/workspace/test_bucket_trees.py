"""NexVision's tree in a bucket of a real S3 server: out, and in again."""

from __future__ import annotations

from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.errors import ConflictError, InvalidInputError, TruingError
from truing.stores.object_tree import send_tree
from truing.workspace.bucket_trees import export_to_bucket, import_from_bucket, names_bucket

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
