"""Models that say what they heard, champions that change, and a workspace that keeps utterances."""

import random
import threading
import time
from pathlib import Path

import pytest

from truing.domain.clock import SystemClock
from truing.domain.digest import digest_file
from truing.domain.ids import Uuid7Source
from truing.domain.prediction import Recognition
from truing.domain.settings import resolve
from truing.domain.settings_table import SETTINGS
from truing.live.bench import Champions
from truing.live.recognizer import Recognizer
from truing.loop.capture import CapturePorts, capture
from truing.modalities.speech.modality import Speech
from truing.stores.blobs_local import LocalBlobs
from truing.stores.database.store import open_database
from truing.testing.chat_server import chat_server

DIGITS = Path(__file__).parent.parent / "data" / "speech" / "digits"


class Model:
    """Says its own name and the digest of what it was given; notices misuse."""

    def __init__(self, ref, stage):
        self.ref = ref
        self.stage = stage
        self.closed = False
        self._busy = threading.Lock()

    def recognize(self, media):
        if self.closed:
            self.stage.misuse.append(f"{self.ref} asked after it was closed")
        if not self._busy.acquire(blocking=False):
            self.stage.misuse.append(f"{self.ref} asked by two threads at once")
        try:
            self.stage.asked.set()
            self.stage.may_answer.wait()
            time.sleep(self.stage.seconds)
            self.stage.heard.append((self.ref, media["audio"].path))
            error = self.stage.faults.get(self.ref)
            if error is not None:
                raise error
            return Recognition(text=f"{self.ref} {digest_file(media['audio'].path)}")
        finally:
            self._busy.release()

    def close(self):
        if self._busy.locked():
            self.stage.misuse.append(f"{self.ref} closed while it answers")
        self.closed = True
        if self.ref in self.stage.close_faults:
            raise self.stage.close_faults[self.ref]


class Stage:
    """A line of champions, as a workspace would have it."""

    def __init__(self):
        self.line = ["speech/1"]
        self.faults = {}
        self.load_faults = {}
        self.close_faults = {}
        self.misuse = []
        self.seconds = 0.0
        self.load_seconds = 0.0
        self.asked = threading.Event()
        self.may_answer, self.may_load = threading.Event(), threading.Event()
        self.may_answer.set()
        self.may_load.set()
        self.opened = []
        self.heard = []
        self.fallbacks = []
        self._moving = threading.Lock()

    def champion(self):
        return self.line[-1] if self.line else None

    def promote(self, ref):
        self.line.append(ref)

    def open_model(self, ref):
        self.may_load.wait()
        time.sleep(self.load_seconds)
        if ref in self.load_faults:
            raise self.load_faults[ref]
        model = Model(ref, self)
        self.opened.append(model)
        return model

    def fallback(self, ref, reason):
        with self._moving:
            self.fallbacks.append((ref, reason))
            if self.line[-1] == ref and len(self.line) > 1:
                self.line.pop()
                return self.line[-1]
            return None

    def previous(self, ref):
        at = self.line.index(ref) if ref in self.line else 0
        return self.line[at - 1] if at else None

    @property
    def in_memory(self):
        return [model.ref for model in self.opened if not model.closed]


@pytest.fixture
def stage():
    return Stage()


@pytest.fixture
def make(stage, tmp_path):
    """Makes recognizers over the stage and closes them in the end."""
    made = []

    def build(*, errors_before_fallback=3, stands_in=True, **more):
        champions = Champions(
            open_model=stage.open_model,
            champion=stage.champion,
            fallback=stage.fallback,
            errors_before_fallback=errors_before_fallback,
            **({"previous": stage.previous} if stands_in else {}),
        )
        folder = tmp_path / "heard"
        folder.mkdir(exist_ok=True)
        one = Recognizer(Speech(), champions, clock=SystemClock(), folder=folder, **more)
        made.append(one)
        return one

    yield build
    stage.may_answer.set()
    stage.may_load.set()
    for one in made:
        one.close()
    assert list((tmp_path / "heard").glob("*")) == []
    assert stage.misuse == []


class Keeper:
    """Keeps utterances in a real database and blob folder."""

    def __init__(self, folder):
        clock = SystemClock()
        self.store = open_database(folder / "truing.db")
        self.blobs = LocalBlobs(folder / "blobs")
        self.flags = {}
        self._ports = CapturePorts(
            samples=self.store.samples,
            blobs=self.blobs,
            clock=clock,
            ids=Uuid7Source(clock),
            rng=random.Random(1),
            compare=lambda modality, report, given: (report, modality.group_keys(given.media)),
        )

    def __call__(self, utterance):
        speech = Speech()
        table = (*SETTINGS, *speech.settings)
        settings = resolve(
            table, flags=self.flags, environ={}, file_values={}, file_origin="truing.toml"
        )
        return capture(speech, utterance, self._ports, settings)

    def sample(self, transcript):
        return self.store.samples.get(transcript.sample.id)


@pytest.fixture
def keeper(tmp_path):
    made = Keeper(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def digit():
    """The bytes of a spoken digit."""
    return (DIGITS / "7_theo_25.flac").read_bytes()


@pytest.fixture
def chat():
    """A real chat server on this machine."""
    with chat_server() as running:
        yield running
