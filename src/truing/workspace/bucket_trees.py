"""Imports from and exports to a bucket: a format's folder at `s3://bucket/prefix`.

The tree is brought to, or made in, a temporary folder of this machine, which is gone afterwards.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.errors import InvalidInputError, TruingError
from truing.platform.files import storage_error

if TYPE_CHECKING:
    from truing.loop.import_rows import Imported
    from truing.workspace import Workspace

SCHEME = "s3://"
LASTS = ("training-log.jsonl",)
"""Files that list the others: they are sent when those are there."""


def names_bucket(path: str | Path) -> bool:
    """Whether a path is in fact the URL of a bucket."""
    return isinstance(path, str) and path.startswith(SCHEME)


def import_from_bucket(workspace: Workspace, format: str, url: str, **options: Any) -> Imported:  # noqa: ANN401
    """Brings in everything a source in a bucket holds; see `collecting.import_from`.

    Args:
        workspace: where it goes.
        format: one whose rows have the same keys wherever they lie, such as `nexvision`.
        url: `s3://bucket/prefix`; credentials come from the environment.
        options: as `collecting.import_from` takes them.

    Raises:
        InvalidInputError: another format, or a URL that cannot be used.
        NotFoundError: no such bucket, or nothing below the prefix.
        UnavailableError: the store cannot be reached or refuses, or the disk is full.
    """
    from truing.stores.object_tree import fetch_tree
    from truing.workspace import collecting

    if not getattr(collecting.reader_of(format), "keys_are_unique", False):
        raise InvalidInputError(
            f"`{format}` tells its rows apart by where they lie, and cannot come from a bucket",
            hint="fetch the files first and import them from their folder",
        )
    with _folder() as folder:
        fetch_tree(url, folder)
        # A refusal names the bucket, not the folder that is gone by then.
        again = f"truing import {format} '{url}'"
        return collecting.import_from(workspace, format, folder, **{"command": again, **options})


def export_to_bucket(workspace: Workspace, format: str, url: str, **options: Any) -> str:  # noqa: ANN401
    """Writes samples or a dataset version into a bucket; see `exporting.export`.

    Returns:
        The URL.

    Raises:
        ConflictError: something lies below the prefix.
        InvalidInputError: a URL that cannot be used.
        UnavailableError: the store cannot be reached or refuses, or the disk is full.
    """
    from truing.stores.object_tree import check_empty, send_tree
    from truing.workspace import exporting

    check_empty(url)
    with _folder() as folder:
        written = exporting.export(workspace, format, folder / format, sent_to=url, **options)
        last = next((name for name in LASTS if (written / name).is_file()), "")
        send_tree(written, url, last=last)
    return url


@contextmanager
def _folder() -> Iterator[Path]:
    try:
        with tempfile.TemporaryDirectory(prefix="truing-bucket-") as folder:
            yield Path(folder)
    except TruingError:
        # Some are system errors as well, and say what they mean already.
        raise
    except OSError as error:
        raise storage_error(error, Path(tempfile.gettempdir())) from error
