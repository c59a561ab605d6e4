"""Reminders: what forgetting leaves for a person to do."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

BUCKET = "s3://"
_ELSEWHERE = (
    "copies that left this workspace (exports and backups elsewhere) are not reached; a backup "
    "restored here is cleaned by itself"
)


def reminders(
    models: Sequence[str],
    runs: Sequence[int],
    archives: Sequence[str] = (),
    exports: Sequence[str] = (),
) -> tuple[str, ...]:
    """What is left for a person to do.

    Args:
        models: that were trained on the data.
        runs: that were told to stop.
        archives: that may hold the data still.
        exports: that hold the data and lie outside the workspace.
    """
    told = [_ELSEWHERE]
    told += [f"an export holds the data and is yours to remove: {_removed(one)}" for one in exports]
    told += [
        f"the archive `{one}` may hold the data still, because it is not where it was, is damaged "
        "or cannot be written: truing archive verify FILE takes it out, as does a restore from it"
        for one in archives
    ]
    if models:
        told.append(f"retrain what was trained on the data: {', '.join(models)}")
    if runs:
        numbers = ", ".join(map(str, runs))
        told.append(f"training was told to stop, begin it anew on a new version: run {numbers}")
    return tuple(told)


def is_bucket(place: str) -> bool:
    """Whether a place is the URL of a bucket."""
    return place.startswith(BUCKET)


def _removed(place: str) -> str:
    """A place; of a bucket what removes it."""
    if not is_bucket(place):
        return f"`{place}`"
    url = urlsplit(place)
    endpoint = parse_qs(url.query).get("endpoint", [""])[0]
    where = f" --endpoint-url '{endpoint}'" if endpoint else ""
    return f"aws s3 rm --recursive '{BUCKET}{url.netloc}{url.path.rstrip('/')}/'{where}"
