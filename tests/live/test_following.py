"""An utterance that is followed while it goes on, and where the time of an answer goes."""

import threading
import time

import pytest

from truing.domain.clock import SystemClock
from truing.domain.errors import ConflictError, NotFoundError
from truing.domain.modality import CanStream
from truing.domain.prediction import Alternative, Recognition
from truing.live.bench import Champions
from truing.live.corrector import Corrector
from truing.live.recognizer import Recognizer
from truing.modalities.speech.modality import Speech


class Stream:
    """Says how much it was given, every second piece."""

    def __init__(self):
        self.given = []

    def push(self, piece, time, /):
        self.given.append((piece, time))
        return Recognition(text=f"{len(self.given)} so far") if len(self.given) % 2 == 0 else None

    def finish(self):
        time.sleep(0.01)
        return Recognition(
            text=" ".join(str(piece) for piece, _ in self.given),
            confidence=0.5,
            alternatives=(Alternative(text="other"),),
        )


class Follows:
    """A model that can follow."""

    def __init__(self, name="speech/1"):
        self.name, self.closed, self.streams = name, False, []

    def recognize(self, media):
        return Recognition(text=self.name, seconds=0.5, stages={"decode": 0.1, "model": 0.4})

    def stream(self):
        self.streams.append(Stream())
        return self.streams[-1]

    def close(self):
        self.closed = True


class Waits:
    """One that needs the whole."""

    def recognize(self, media):
        return Recognition(text="whole", seconds=0.25)

    def close(self):
        pass


@pytest.fixture
def recognizer():
    """Makes recognizers over one model, or over what a callable says."""
    made = []

    def build(model, champion=lambda: "speech/1", **more):
        open_model = model if callable(model) else lambda _: model
        champions = Champions(open_model=open_model, champion=champion, fallback=lambda *_: None)
        made.append(Recognizer(Speech(), champions, clock=SystemClock(), **more))
        return made[-1]

    yield build
    for one in made:
        one.close()


def test_the_text_so_far_and_the_whole(recognizer):
    model = Follows()
    assert isinstance(model, CanStream)
    assert not isinstance(Waits(), CanStream)
    with recognizer(model).following() as following:
        assert following.push("a", 0.0) is None
        assert following.push("b", 0.04).text == "2 so far"
        said = following.finish()
    assert (said.text, said.confidence, said.model) == ("a b", 0.5, "speech/1")
    assert said.alternatives == (Alternative(text="other"),)
    assert said.seconds >= 0.01
    assert said.sample is None
    assert model.streams[0].given == [("a", 0.0), ("b", 0.04)]


def test_a_model_that_needs_the_whole(recognizer, digit):
    made = recognizer(Waits())
    with made.following() as following:
        assert following is None
    assert made.transcribe(digit).text == "whole"


def test_nobody_else_is_answered_meanwhile(recognizer, digit):
    made = recognizer(Follows())
    answered = threading.Event()

    def ask():
        made.transcribe(digit)
        answered.set()

    with made.following():
        thread = threading.Thread(target=ask)
        thread.start()
        assert not answered.wait(0.2)
    assert answered.wait(60)
    thread.join()


def test_a_new_champion_takes_over_after_the_utterance(recognizer):
    champion, models = ["speech/1"], {}

    def open_model(ref):
        models[ref] = Follows(ref)
        return models[ref]

    made = recognizer(open_model, champion=lambda: champion[-1])
    with made.following() as following:
        champion.append("speech/2")
        assert made.refresh() == "speech/2"
        assert not models["speech/1"].closed
        assert following.finish().model == "speech/1"
    deadline = time.monotonic() + 60
    while not models["speech/1"].closed and time.monotonic() < deadline:
        time.sleep(0.01)
    assert models["speech/1"].closed
    with made.following() as following:
        assert following.finish().model == "speech/2"


def test_without_a_champion_and_after_closing(recognizer):
    with pytest.raises(NotFoundError), recognizer(Follows(), champion=lambda: None).following():
        pass
    made = recognizer(Follows())
    made.close()
    with pytest.raises(ConflictError), made.following():
        pass


def test_where_the_time_of_an_answer_goes(recognizer, digit, chat):
    said = recognizer(Follows(), corrector=Corrector(chat.address, "llm")).transcribe(digit)
    assert list(said.took) == ["ingest", "decode", "model", "corrector"]
    assert said.took["ingest"] > 0
    assert (said.took["decode"], said.took["model"]) == (0.1, 0.4)
    assert said.took["corrector"] == said.correction.seconds > 0
    assert list(recognizer(Waits()).transcribe(digit).took.items())[1:] == [("model", 0.25)]


def test_stages_outlast_json():
    said = Recognition(text="a", seconds=0.5, stages={"mouth": 0.4, "model": 0.1})
    assert Recognition.from_dict(said.as_dict()).stages == {"mouth": 0.4, "model": 0.1}
    assert "stages" not in Recognition(text="a").as_dict()
    assert said == Recognition(text="a", seconds=0.5)
    with pytest.raises(TypeError):
        Recognition.from_dict({"text": "a", "stages": [1]})
