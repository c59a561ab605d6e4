"""Watching the folder of a lip-reading app: its clips become samples before it removes them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from truing.domain.clock import MICROSECONDS
from truing.domain.digest import digest_file
from truing.domain.errors import DamagedError, InvalidInputError, NothingToDoError
from truing.domain.format import FailedRow
from truing.live.clip_catcher import CaughtClip, ClipCatcher
from truing.loop.import_rows import Imported
from truing.workspace.collecting import current_session
from truing.workspace.consenting import nobody_agreed, stated_consent

if TYPE_CHECKING:
    from truing.workspace import Workspace

MODALITY = "lipreading"
SOURCE = "chaplin"
FEWEST = 32
"""Frames below which Chaplin does not read a clip itself."""
_MOMENT = re.compile(r"(\d{13})\D*$")
"""Milliseconds since 1970, at the end of a clip's name."""


@dataclass(slots=True)
class Watched:
    """What became of the clips of one look."""

    outcome: Imported = field(default_factory=Imported)
    samples: list[int] = field(default_factory=list)
    short: int = 0
    """Clips of too few frames."""
    not_kept: int = 0
    """Clips that the setting `capture.mode` does not keep."""

    def __bool__(self) -> bool:
        return bool(self.samples or self.short or self.not_kept or self.outcome.failed)


class ClipWatch:
    """Keeps the clips of a folder. Use it as a context manager.

    Args:
        workspace: where they are kept.
        folder: where the app writes `webcam*.mp4` or `webcam*.avi`.
        subject: who is seen.
        session: the sitting; the last one, unless it is long ago, when left out.
        fewest: frames below which a clip is let go.
        consent: on what basis clips are kept, `person` or `operator`; `consent.policy` says it when
            left out.
        reason: of the operator; `consent.reason` when left out.

    Raises:
        NotFoundError: there is no such folder.
        UnavailableError: the folder cannot be written.
        ConsentError: the consent policy keeps nothing, or asks for a basis.
        NothingToDoError: the settings keep nothing.
    """

    def __init__(
        self,
        workspace: Workspace,
        folder: Path,
        *,
        subject: str | None = None,
        session: str | None = None,
        fewest: int = FEWEST,
        consent: str | None = None,
        reason: str | None = None,
    ) -> None:
        again = f"truing watch '{folder}'"
        stated = stated_consent(workspace, consent, reason, command=again)
        if stated is None:
            raise nobody_agreed(again)
        if workspace.settings.text("capture.mode") == "off":
            raise NothingToDoError(
                "nothing would be kept: `capture.mode` is `off`",
                hint="truing config set capture.mode every",
            )
        self._workspace, self._subject, self._session = workspace, subject, session
        self._fewest, self._consent = fewest, stated
        self._catcher = ClipCatcher(folder)

    def __enter__(self) -> Self:
        self._catcher.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._catcher.__exit__(kind, error, trace)

    def settle(self) -> None:
        """Waits until the next `look` keeps every clip that lies there finished now."""
        self._catcher.settle()

    def look(self) -> Watched:
        """Keeps the clips that became whole since the last look."""
        watched = Watched()
        for clip in self._catcher.caught():
            try:
                self._keep(clip, watched)
            except (DamagedError, InvalidInputError) as error:
                watched.outcome.fail(FailedRow(key=clip.name, reason=str(error)))
            clip.file.unlink(missing_ok=True)
        return watched

    def _keep(self, clip: CaughtClip, watched: Watched) -> None:
        from truing.modalities.lipreading.frames import probe

        facts = probe(clip.file)
        # AVI and MP4 always tell how many there are, and nothing means none.
        frames = facts.frames or (0 if facts.container in ("avi", "mp4") else self._fewest)
        if frames < self._fewest:
            watched.short += 1
            return
        session = self._session or current_session(self._workspace, SOURCE, self._subject)
        added = self._workspace.capture(
            MODALITY,
            video=clip.file,
            subject=self._subject,
            session=session,
            source=SOURCE,
            # The same clip, handed in by the app itself as well, is one sample.
            source_key=digest_file(clip.file),
            captured_at=moment_of(clip.name),
            context={"file": clip.name},
            consent=self._consent,
        )
        if added is None:
            watched.not_kept += 1
        elif added.new:
            watched.outcome.added += 1
            watched.samples.append(added.id)
        else:
            watched.outcome.skipped += 1


def moment_of(name: str) -> int | None:
    """When a clip was begun, in microseconds since 1970, as its name tells; None when not."""
    found = _MOMENT.search(Path(name).stem)
    return int(found[1]) * MICROSECONDS // 1000 if found is not None else None
