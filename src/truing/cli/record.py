"""`truing record`: record from the microphone and confirm what was heard."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from truing.cli import output
from truing.cli.arguments import seconds
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.cli.keys import Person
    from truing.domain.prediction import Recognition
    from truing.live.recognizer import Recognizer
    from truing.workspace import Workspace

    Sound = tuple[Any, int]

HELP = LINES["record"]
EXAMPLE = "truing record --speaker ann\ntruing record --pause 1.5"
SOURCE = "record"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("--speaker", metavar="NAME", help="who speaks")
    parser.add_argument(
        "--session", metavar="NAME", help="the sitting; the last one, unless it is long ago"
    )
    parser.add_argument(
        "--pause",
        type=seconds,
        metavar="S",
        help="end a recording after so many seconds of quiet instead of with Enter",
    )
    parser.add_argument("--device", metavar="NAME", help="which microphone, by part of its name")
    parser.add_argument("--once", action="store_true", help="one recording, then end")


def run(args: argparse.Namespace) -> int:
    """Records, shows what the champion hears, asks; `live.recorder` is the library twin."""
    from truing.cli.keys import person
    from truing.cli.opening import writing_workspace

    with writing_workspace(args) as workspace:
        recognizer = _recognizer(workspace, args.speaker)
        try:
            sitting = Sitting(workspace, args, person(), recognizer)
            while sitting.utterance() and not args.once:
                pass
        finally:
            if recognizer is not None:
                recognizer.close()
    return 0


def _recognizer(workspace: Workspace, speaker: str | None) -> Recognizer | None:
    from truing.domain.model import GENERAL
    from truing.workspace.models import champion_for

    audience = f"subject:{speaker}" if speaker else GENERAL
    if champion_for(workspace.store.models, "speech", audience) is None:
        output.hint("there is no champion yet, so that nothing is recognised; type what was said")
        return None
    return workspace.recognizer("speech", audience=audience, keep=False)


@dataclass(slots=True)
class Sitting:
    """Recordings one after the other."""

    workspace: Workspace
    args: argparse.Namespace
    person: Person
    recognizer: Recognizer | None

    def utterance(self) -> bool:
        """Records, keeps and asks about one utterance; False when the person has had enough."""
        begin = self.person.line("Enter records, q ends: ")
        if begin is None or begin.lower() == "q":
            return False
        sound = self._recorded()
        heard = self.recognizer.transcribe(sound) if self.recognizer is not None else None
        # Kept before anything is asked: an utterance is never lost to a closed terminal.
        added = self._kept(sound, heard, None)
        if heard is not None:
            output.show(f"RAW OUTPUT      {output.one_line(heard.text)}")
        if added is not None:
            output.show(f"kept as sample {added}")
        return self._settled(sound, heard, added)

    def _recorded(self) -> Sound:
        from truing.live import recorder

        with recorder.microphone(device=self.args.device) as blocks:
            if self.args.pause is not None:
                output.show("speak; a pause ends the recording")
                return recorder.record(blocks, pause=self.args.pause)
            output.show("speak; Enter ends the recording")
            return recorder.record(blocks, finished=recorder.enter_pressed(sys.stdin))

    def _kept(self, sound: Sound, heard: Recognition | None, truth: str | None) -> int | None:
        from truing.workspace.collecting import current_session

        speaker = self.args.speaker
        added = self.workspace.capture(
            "speech",
            audio=sound,
            raw=heard,
            truth=truth,
            model=getattr(heard, "model", None),
            subject=speaker,
            session=self.args.session or current_session(self.workspace, SOURCE, speaker),
            source=SOURCE,
        )
        return added.id if added is not None else None

    def _settled(self, sound: Sound, heard: Recognition | None, added: int | None) -> bool:
        from truing.cli.asking import Deed, ask
        from truing.cli.review_session import VERDICTS

        while True:
            answer = ask(self.person, heard.text if heard is not None else None, keys="ynes")
            if answer.deed in VERDICTS:
                break
            if answer.deed is Deed.QUIT:
                return False
            output.show("answer y, n, e, s or x first; q ends")
        if added is not None:
            verdict = VERDICTS[answer.deed]
            self.workspace.review(added, verdict, answer.truth, shown_because="recorded")
        elif answer.truth is not None:
            # capture.mode `corrections`: only what was wrong is kept.
            output.show(f"kept as sample {self._kept(sound, heard, answer.truth)}")
        else:
            output.hint("not kept: the setting capture.mode says so")
        return True
