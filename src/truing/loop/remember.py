"""Remember: what a model said or made before is not asked again.

An evaluation that was interrupted goes on where it stopped.

What was said is remembered by the media alone, what was made by the sample, its original and its
instruction: a picture belongs to whoever it was made of, and is forgotten with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from truing.domain.dataset import DatasetRow
from truing.domain.digest import digest_bytes
from truing.domain.errors import DamagedError
from truing.domain.picture import MadePicture, Pictures
from truing.domain.ports import Blobs, Recognitions
from truing.domain.prediction import Edited, Recognition

Recognise = Callable[[DatasetRow], Recognition]
Edit = Callable[[DatasetRow], Edited]


def media_key(row: DatasetRow) -> str:
    """The key of a row's media in the cache of recognitions.

    A whole blob is its digest, a span `digest@start-end`; several roles are joined by `+`, in
    the order of their names. The digests stay readable, so that erasing a blob can find what
    was said of it.

    Raises:
        InvalidInputError: the row is a tombstone.
    """
    media = row.content["media"]
    return "+".join(_span_key(media[role]) for role in sorted(media))


def _span_key(medium: Mapping[str, Any]) -> str:
    start, end = medium.get("start"), medium.get("end")
    whole = start is None and end is None
    return str(medium["digest"]) if whole else f"{medium['digest']}@{start or 0.0}-{end}"


def remembered(recognise: Recognise, model_digest: str, recognitions: Recognitions) -> Recognise:
    """The model with a memory: what it said of the same media before is not asked again.

    An evaluation that was interrupted goes on where it stopped.
    """

    def once(row: DatasetRow) -> Recognition:
        key = media_key(row)
        said = recognitions.get(model_digest, key)
        if said is None:
            said = recognise(row)
            recognitions.put(model_digest, key, said)
        return said

    return once


def edit_key(row: DatasetRow, role: str) -> str:
    """What an editor is given: the digest of the row's picture in a role, and its instruction's.

    Raises:
        InvalidInputError: the row is a tombstone.
    """
    payload = row.content
    instruction = digest_bytes(str(payload["truth"]).encode())
    return f"{_span_key(payload['media'][role])} {instruction}"


def kept_pictures(
    edit: Edit, role: str, model_digest: str, pictures: Pictures, blobs: Blobs
) -> Recognise:
    """The editor with a memory: its pictures are kept as blobs, and their digests are its answers.

    Args:
        edit: the model.
        role: of the media it is given.
        model_digest: by what its pictures are remembered.
        pictures: which it made before.
        blobs: where they lie.
    """

    def once(row: DatasetRow) -> Recognition:
        key, uid = edit_key(row, role), str(row.sample_uid)
        made = pictures.get(model_digest, key)
        if made is None or not blobs.exists(made.digest):
            edited = edit(row)
            made = MadePicture(digest=blobs.put(edited.picture), seconds=edited.seconds)
        if not pictures.put(model_digest, key, uid, made):
            raise DamagedError(f"sample `{uid}` was forgotten while a picture was made of it")
        return Recognition(text=made.digest, seconds=made.seconds)

    return once
