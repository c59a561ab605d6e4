"""`truing record`: record from the microphone or the camera and confirm what was recognised."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from truing.cli import output, record_camera
from truing.cli.arguments import seconds
from truing.cli.asking import Deed
from truing.cli.recording import Device, Taken
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from truing.cli.keys import Person
    from truing.domain.prediction import Recognition
    from truing.live.corrector import Corrector
    from truing.live.recognizer import Recognizer
    from truing.workspace import Workspace

HELP = LINES["record"]
EXAMPLE = (
    "truing record --speaker ann\ntruing record --pause 1.5\ntruing record --camera --speaker ann"
)
SOURCE = "record"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("--speaker", metavar="NAME", help="who speaks")
    parser.add_argument(
        "--session", metavar="NAME", help="the sitting; the last one, unless it is long ago"
    )
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="which model recognises: the champion when left out, else such as speech/3, a folder "
        "or a hub id",
    )
    parser.add_argument(
        "--pause",
        type=seconds,
        metavar="S",
        help="end a recording after so many seconds of quiet instead of with Enter",
    )
    parser.add_argument("--device", metavar="NAME", help="which microphone, by part of its name")
    parser.add_argument("--once", action="store_true", help="one recording, then end")
    parser.add_argument(
        "--consent",
        action="store_true",
        help="whoever is recorded agreed to be kept; asked for where consent.policy is ask",
    )
    record_camera.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Records, shows what the model recognises, asks; `live.recorder` and `live.camera` are the
    library twins.
    """
    from truing.cli.keys import person
    from truing.cli.opening import writing_workspace
    from truing.workspace.hosting import corrector_of

    camera = args.camera is not None
    if not camera:
        record_camera.refuse(args)
    device: Device = record_camera.Camera.of(args) if camera else Microphone(args)
    answering = person()
    with writing_workspace(args) as workspace:
        args.consent = args.consent or _agreed(workspace, answering)
        if not args.consent:
            output.hint("nothing was recorded: nobody agreed to be kept")
            return 1
        recognizer = _recognizer(workspace, device.modality, args)
        corrector = corrector_of(workspace.settings, device.modality) if camera else None
        try:
            sitting = Sitting(workspace, args, answering, device, recognizer, corrector)
            while sitting.utterance() and not args.once:
                pass
        finally:
            if recognizer is not None:
                recognizer.close()
    return 0


def _agreed(workspace: Workspace, person: Person) -> bool:
    """Whether a recording may be kept as far as its person is concerned: asked once a sitting."""
    if workspace.settings.text("consent.policy") != "ask":
        return True
    answer = person.line("Does whoever is recorded agree to be kept? (y/n) ")
    return answer is not None and answer.strip().lower() in ("y", "yes")


def _recognizer(workspace: Workspace, modality: str, args: argparse.Namespace) -> Recognizer | None:
    from truing.domain.model import GENERAL
    from truing.workspace.models import champion_for

    if args.model is not None and args.model != "champion":
        return _one_model(workspace, modality, args.model)
    audience = f"subject:{args.speaker}" if args.speaker else GENERAL
    if champion_for(workspace.store.models, modality, audience) is None:
        output.hint("there is no champion yet, so that nothing is recognised; type what was said")
        return None
    return workspace.recognizer(modality, audience=audience, keep=False)


def _one_model(workspace: Workspace, modality: str, name: str) -> Recognizer:
    """A recognizer with one model, whoever the champion is."""
    from truing.domain.errors import InvalidInputError
    from truing.domain.modality import CanRecognize
    from truing.live.bench import Champions
    from truing.live.recognizer import Recognizer
    from truing.workspace.models import model_named

    kind = workspace.modality(modality)
    if not isinstance(kind, CanRecognize):
        raise InvalidInputError(
            f"`{modality}` cannot recognise anything", hint="truing plugins shows what can"
        )
    found = model_named(workspace, name, modality)
    champions = Champions(
        open_model=lambda _: kind.open_recognizer(found.location, {}),
        champion=lambda: found.name,
        fallback=lambda _broken, _why: None,
    )
    return Recognizer(kind, champions, clock=workspace.clock)


class Microphone:
    """Records speech.

    Args:
        args: of the command.
    """

    modality = "speech"
    role = "audio"
    thanks: Mapping[Deed, str] = {}

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args

    @contextmanager
    def recorded(self, recognizer: Recognizer | None) -> Iterator[Taken | None]:
        """See `recording.Device`."""
        del recognizer
        yield Taken(source=self._sound())

    def recognised(self, recognizer: Recognizer, taken: Taken) -> Recognition | None:
        """See `recording.Device`."""
        return recognizer.transcribe(taken.source)

    def _sound(self) -> tuple[Any, int]:
        from truing.live import recorder

        with recorder.microphone(device=self._args.device) as blocks:
            if self._args.pause is not None:
                output.show("speak; a pause ends the recording")
                return recorder.record(blocks, pause=self._args.pause)
            output.show("speak; Enter ends the recording")
            return recorder.record(blocks, finished=recorder.enter_pressed(sys.stdin))


@dataclass(slots=True)
class Sitting:
    """Recordings one after the other."""

    workspace: Workspace
    args: argparse.Namespace
    person: Person
    device: Device
    recognizer: Recognizer | None
    corrector: Corrector | None = None

    def utterance(self) -> bool:
        """Records, keeps and asks about one utterance; False when the person has had enough."""
        begin = self.person.line("Enter records, q ends: ")
        if begin is None or begin.lower() == "q":
            return False
        with self.device.recorded(self.recognizer) as taken:
            return True if taken is None else self._dealt_with(taken)

    def _dealt_with(self, taken: Taken) -> bool:
        heard = taken.heard
        if heard is None and self.recognizer is not None:
            heard = self.device.recognised(self.recognizer, taken)
        if heard is not None:
            output.show(f"RAW OUTPUT      {output.one_line(heard.text)}")
        corrected = self._corrected(heard)
        # Kept before anything is asked: an utterance is never lost to a closed terminal.
        added = self._kept(taken, heard, corrected, None)
        if added is not None:
            output.show(f"kept as sample {added}")
            self._show_findings(added)
        return self._settled(taken, heard, corrected, added)

    def _corrected(self, heard: Recognition | None) -> str | None:
        """What the language model of the settings makes of a text; None without one."""
        if self.corrector is None or heard is None or not heard.text:
            return None
        correction = self.corrector.correct(heard.text)
        if correction.text is None:
            output.hint(f"no correction: {correction.problem}")
            return None
        output.show(f"LLM CORRECTION  {output.one_line(correction.text)}")
        return correction.text

    def _kept(
        self, taken: Taken, heard: Recognition | None, corrected: str | None, truth: str | None
    ) -> int | None:
        from truing.workspace.collecting import current_session

        speaker = self.args.speaker
        added = self.workspace.capture(
            self.device.modality,
            raw=heard,
            corrected=corrected,
            truth=truth,
            model=getattr(heard, "model", None),
            subject=speaker,
            session=self.args.session or current_session(self.workspace, SOURCE, speaker),
            source=SOURCE,
            consent=self.args.consent,
            **{self.device.role: taken.source},
        )
        return added.id if added is not None else None

    def _show_findings(self, number: int) -> None:
        from truing.domain.finding import Severity

        for found in self.workspace.sample(number).findings:
            if self.args.camera is not None and found.severity is not Severity.INFO:
                output.show(f"finding         {found.check}: {output.one_line(found.reason)}")

    def _settled(
        self, taken: Taken, heard: Recognition | None, corrected: str | None, added: int | None
    ) -> bool:
        from truing.cli.asking import ask
        from truing.cli.review_session import VERDICTS

        proposal = corrected if corrected is not None else heard.text if heard is not None else None
        while True:
            answer = ask(self.person, proposal, keys="ynes")
            if answer.deed in VERDICTS:
                break
            if answer.deed is Deed.QUIT:
                return False
            output.show("answer y, n, e, s or x first; q ends")
        if added is not None:
            verdict = VERDICTS[answer.deed]
            self.workspace.review(added, verdict, answer.truth, shown_because="recorded")
            self._thank(answer.deed)
            return True
        # capture.mode `corrections`: only what was wrong is kept.
        number = self._kept(taken, heard, corrected, answer.truth) if answer.truth else None
        if number is not None:
            output.show(f"kept as sample {number}")
        if number is not None or answer.deed is Deed.ACCEPT:
            self._thank(answer.deed)
        if number is None:
            output.hint("not kept: the setting capture.mode says so")
        return True

    def _thank(self, deed: Deed) -> None:
        if deed in self.device.thanks:
            output.show(self.device.thanks[deed])
