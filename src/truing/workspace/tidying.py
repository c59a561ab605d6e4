"""Tidying: the errands about room that a server leaves to a process of its own.

Each is what a command does with the same function (`truing retain`, `archive`, `verify --media`,
`clean`, `trash empty`), told as JSON. What changes something looks at every file afterwards, so
that whoever asks for the disk sees what came of it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from truing.domain import sample_json
from truing.domain.clock import to_iso
from truing.domain.review import State
from truing.domain.sample import SampleFilter, SampleOrder, Sampling

if TYPE_CHECKING:
    from truing.domain.sample import Sample
    from truing.workspace import Workspace

Progress = Callable[[int, int], None]
Told = dict[str, object]
EVERY = 0.1
"""Seconds between two words on how far it is."""
EXAMPLES = 5
"""Samples that a dry run shows."""
SHOWN = 50
"""Broken media that are told one by one."""


def retain(
    workspace: Workspace,
    on_progress: Progress | None,
    *,
    rules: Sequence[str] | None,
    dry_run: bool,
    actor: str | None,
) -> Told:
    """What rules take; see `retaining.retain`."""
    from truing.workspace import retaining

    found = retaining.retain(
        workspace,
        rules=retaining.rules_of(workspace, rules),
        apply=not dry_run,
        actor=actor,
        on_progress=_seldom(on_progress),
    )
    return _looked_again(workspace, found.as_dict(), changed=not dry_run)


def archive(
    workspace: Workspace,
    on_progress: Progress | None,
    *,
    where: Mapping[str, Any],
    dry_run: bool,
    actor: str | None,
) -> Told:
    """Moves samples into archives; see `archiving.archive`. `where` is made by `filter_as_dict`."""
    from truing.workspace.archiving import archive

    chosen = _filter(where)
    done = archive(
        workspace, chosen, dry_run=dry_run, actor=actor, on_progress=_seldom(on_progress)
    )
    told = {"dry_run": dry_run, **done.as_dict(), "examples": []}
    if dry_run:
        first = workspace.store.samples.page(chosen, SampleOrder.OLDEST, limit=EXAMPLES).items
        told["examples"] = [_shown(one) for one in first]
    return _looked_again(workspace, told, changed=not dry_run)


def bring_back(
    workspace: Workspace, on_progress: Progress | None, *, name: str, actor: str | None
) -> Told:
    """Brings everything back from an archive; see `unarchiving.restore`."""
    from truing.workspace.unarchiving import restore

    done = restore(workspace, name, actor=actor, on_progress=_seldom(on_progress))
    return _looked_again(workspace, done.as_dict(), changed=True)


def verify_archives(
    workspace: Workspace, on_progress: Progress | None, *, name: str | None
) -> Told:
    """Reads one archive or all from end to end; see `archives.verify`. Progress is in bytes."""
    from truing.workspace import archives

    tell = _seldom(on_progress)
    return archives.verify(
        workspace, name, on_progress=lambda _, done, total: tell(done, total)
    ).as_dict()


def remove_archive(
    workspace: Workspace, on_progress: Progress | None, *, name: str, actor: str | None
) -> Told:
    """Removes an archive for good; see `archives.delete`."""
    from truing.workspace import archives

    del on_progress
    samples = archives.delete(workspace, name, actor=actor)
    return _looked_again(workspace, {"removed": name, "samples": samples}, changed=True)


def verify_media(
    workspace: Workspace, on_progress: Progress | None, *, repair: bool, quick: bool
) -> Told:
    """Looks at all media, and puts right what can be; see `inspecting.inspect`."""
    from truing.workspace.inspecting import inspect

    tell = _seldom(on_progress)
    total = sum(1 for _ in workspace.store.samples.referenced_blobs())

    def move(what: str, done: int) -> None:
        # Of the other parts nobody knows beforehand how many there are.
        tell(done, max(done, total) if what == "media" else 0)

    found = inspect(workspace, repair=repair, thorough=not quick, on_progress=move)
    broken, left = found.broken, found.left
    # What nobody repaired first: that is what somebody has to look at.
    shown = [*left, *(one for one in broken if one.repaired is not None)][:SHOWN]
    told = {
        **found.as_dict(),
        "broken": [one.as_dict() for one in shown],
        "more": found.more + len(broken) - len(shown),
        "found": len(broken) + found.more,
        "repaired": len(broken) - len(left),
        "left": len(left) + found.more,
        "repair": repair,
        "quick": quick,
    }
    return _looked_again(workspace, told, changed=repair)


def clean(workspace: Workspace, on_progress: Progress | None, *, dry_run: bool) -> Told:
    """Removes leftovers; see `cleaning.clean`."""
    from truing.workspace.cleaning import clean

    del on_progress
    told = {"dry_run": dry_run, **clean(workspace, dry_run=dry_run).as_dict()}
    return _looked_again(workspace, told, changed=not dry_run)


def empty_trash(workspace: Workspace, on_progress: Progress | None, *, actor: str | None) -> Told:
    """Erases what is in the trash; see `trash.empty`."""
    from truing.workspace import trash

    del on_progress
    samples, media = trash.empty(workspace, actor=actor)
    return _looked_again(workspace, {"samples": samples, "media": media}, changed=True)


def look_at_files(workspace: Workspace, on_progress: Progress | None) -> Told:
    """Looks at every file; see `disk.usage`."""
    del on_progress
    return _looked_again(workspace, {}, changed=True)


def filter_as_dict(where: SampleFilter) -> Told:
    """A filter as JSON, without what it leaves open."""
    given = {name: value for name, value in asdict(where).items() if value is not None}
    told: Told = json.loads(json.dumps(given))
    return told


def _filter(where: Mapping[str, Any]) -> SampleFilter:
    """The opposite of `filter_as_dict`."""
    given = dict(where)
    if "states" in given:
        given["states"] = tuple(State(one) for one in given["states"])
    if "sampling" in given:
        given["sampling"] = Sampling(given["sampling"])
    return SampleFilter(**given)


def _shown(sample: Sample) -> Told:
    return {
        "id": sample.id,
        "state": sample.state.value,
        "source": sample.source,
        "captured_at": to_iso(sample.captured_at),
        "text": sample_json.text(sample),
    }


def _looked_again(workspace: Workspace, told: Told, *, changed: bool) -> Told:
    from truing.workspace.disk import usage

    if changed:
        told["used"] = usage(workspace, fresh=True).used
    return told


def _seldom(on_progress: Progress | None) -> Progress:
    """Passes on as much as somebody who looks can see."""
    last = -EVERY

    def tell(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if on_progress is not None and (now - last >= EVERY or done == total):
            last = now
            on_progress(done, total)

    return tell
