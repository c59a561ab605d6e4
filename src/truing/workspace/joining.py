"""Joining what an app hands over part by part: a video with its raw output, later a correction.

    utterances = Workspace.open("lips").joining("lipreading", source="chaplin")
    utterances.saw(sequence_num, video_path, output)
    utterances.corrected(sequence_num, corrected_text)

The app is never held up and never fails for our sake: the bytes of the video are read before `saw`
returns, everything else happens in one thread behind it, and what goes wrong is logged and counted.
An utterance is kept as soon as it was seen; a correction is added to it whenever it comes, also
before its video, or never.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.closing import Closing
from truing.domain.digest import digest_bytes
from truing.domain.prediction import Alternative, Prediction, PredictionKind, Recognition
from truing.live.bench import without_words
from truing.workspace.clip_watching import moment_of
from truing.workspace.collecting import current_session

if TYPE_CHECKING:
    from truing.workspace import Workspace

MOST_WAITING = 1000
"""Corrections without a video that are remembered, and samples whose correction may yet come."""
_HEARD = ("confidence", "words", "alternatives")
"""Details that belong to the raw output."""
log = logging.getLogger(__name__)


class Joining(Closing):
    """Utterances of a running app; see the module. Safe from several threads.

    Args:
        workspace: where they are kept; stays open until `close`.
        modality: such as `lipreading`; its first role is what was seen.
        source: the app.
        subject: who uses it.
    """

    def __init__(
        self, workspace: Workspace, modality: str, *, source: str, subject: str | None = None
    ) -> None:
        self._workspace, self._modality = workspace, modality
        self._role = workspace.modality(modality).roles[0]
        self._source, self._subject = source, subject
        # Its thread deals with what is left when the interpreter ends.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="truing-joining")
        self._turn = threading.Lock()
        self._samples: dict[Hashable, int | None] = {}
        """By key: the sample, None when the settings did not keep it."""
        self._early: dict[Hashable, str] = {}
        """Corrections whose video has not been seen."""
        self.failed = 0
        """Calls whose part was lost; the log tells why."""

    def saw(self, key: Hashable, video: str | Path, raw: str | None, **details: Any) -> None:  # noqa: ANN401
        """Hands over the video of an utterance and what the app's model read in it.

        Args:
            key: what the app calls the utterance, such as a number; of this object only.
            video: its file, which may be removed as soon as this returns.
            raw: the raw output.
            details: more that `Workspace.capture` takes: `confidence`, `alternatives`, `context`.
                Alternatives may be texts.
        """
        try:
            data = Path(video).read_bytes()
        except OSError as error:
            self._lost(error)
            return
        self._later(self._keep, key, data, Path(video).name, raw, details)

    def corrected(self, key: Hashable, text: str) -> None:
        """Hands over what a language model made of the raw output of an utterance."""
        self._later(self._correct, key, text.strip())

    def close(self) -> None:
        """Returns when everything handed over is kept; a second call does nothing."""
        self._thread.shutdown(wait=True)

    # --- behind the app's back --------------------------------------------------------------------

    def _later(self, deed: Callable[..., None], *given: object) -> None:
        try:
            self._thread.submit(deed, *given).add_done_callback(self._done)
        except RuntimeError as error:  # closed, or the interpreter ends
            self._lost(error)

    def _done(self, future: Future[None]) -> None:
        error = future.exception()
        if isinstance(error, Exception):
            self._lost(error)

    def _lost(self, error: Exception) -> None:
        with self._turn:
            self.failed += 1
        log.warning("a part of an utterance of %s was lost: %s", self._source, without_words(error))

    def _keep(
        self, key: Hashable, data: bytes, name: str, raw: str | None, details: Mapping[str, Any]
    ) -> None:
        workspace = self._workspace
        early = self._early.pop(key, None)
        heard = _recognition(raw, details) if raw is not None else None
        details = {name: value for name, value in details.items() if name not in _HEARD}
        added = workspace.capture(
            self._modality,
            raw=heard,
            corrected=early,
            subject=self._subject,
            session=current_session(workspace, self._source, self._subject),
            source=self._source,
            source_key=digest_bytes(data),
            captured_at=moment_of(name),
            **{"context": {"file": name}, **details, self._role: data},
        )
        self._samples[key] = added.id if added is not None else None
        if added is not None and not added.new:
            # It came before from the app's folder, where nobody says what was read in it.
            sample = workspace.sample(added.id)
            if heard is not None and heard.text and sample.raw is None:
                workspace.add_prediction(added.id, heard, model=details.get("model"))
            if early is not None and sample.corrected is None:
                self._add_correction(added.id, early)
        _forget_oldest(self._samples)

    def _correct(self, key: Hashable, text: str) -> None:
        if not text:
            return
        if key not in self._samples:
            self._early[key] = text
            _forget_oldest(self._early)
            return
        number = self._samples[key]
        if number is not None:
            self._add_correction(number, text)

    def _add_correction(self, number: int, text: str) -> None:
        self._workspace.store.samples.add_prediction(
            number,
            Prediction(
                kind=PredictionKind.CORRECTOR,
                recognition=Recognition(text=text),
                created_at=self._workspace.clock.now(),
            ),
        )


def _recognition(raw: str, details: Mapping[str, Any]) -> Recognition:
    """What the app's model read; other readings may be given as texts alone."""
    others = details.get("alternatives", ())
    return Recognition(
        text=raw,
        confidence=details.get("confidence"),
        words=tuple(details.get("words", ())),
        alternatives=tuple(Alternative(text=o) if isinstance(o, str) else o for o in others),
    )


def _forget_oldest(remembered: dict[Hashable, Any]) -> None:
    while len(remembered) > MOST_WAITING:
        del remembered[next(iter(remembered))]
