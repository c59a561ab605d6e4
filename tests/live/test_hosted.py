"""Models in processes of their own: what they answer, how they end and how they come back."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from truing.domain import errors
from truing.domain.prediction import Alternative, Recognition, Word
from truing.domain.recipe import MediaFile
from truing.live import hosted
from truing.live.bench import Bench, Champions
from truing.live.hosted import HostedModel, HostProgram
from truing.platform.processes import process_alive, process_start

HERE = Path(__file__).parent
SPEECH = "truing.modalities.speech.modality:Speech"
BASE = HERE.parents[1] / "src" / "truing" / "demo" / "digits" / "base" / "without-theo"
CLIP = HERE.parent / "data" / "speech" / "digits" / "7_theo_25.flac"


@pytest.fixture
def host(tmp_path, monkeypatch):
    """Starts hosted models of the toy modality, and ends them all."""
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    started = []

    def start(model="toy/1", **limits):
        told = {"modality": "toy_modality:Toy", "log": tmp_path / "truing.log"} | limits
        started.append(HostedModel(HostProgram(model=model, **told)))
        return started[-1]

    yield start
    for one in started:
        one.close()
        assert one.pid is None


@pytest.fixture
def saying(tmp_path):
    """A medium that tells the toy model what to do."""

    def write(text, **span):
        path = tmp_path / "said.txt"
        path.write_text(text, encoding="utf-8")
        return {"audio": MediaFile(path=path, **span)}

    return write


def until(true, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_every_part_of_an_answer_comes_back(host, saying):
    model = host(options={"beam_size": 2})

    assert model.recognize(saying("hello you\nthere", start=0.5, end=1.25)) == Recognition(
        text="toy/1: hello “you\nthere”\n",
        confidence=0.5,
        words=(Word(text="hello", start=0.5, end=1.25, confidence=0.25),),
        alternatives=(Alternative(text="{'beam_size': 2}", confidence=None),),
        seconds=0.125,
    )
    assert model.pid != os.getpid()


def test_what_a_library_prints_goes_to_the_log(host, saying, tmp_path):
    model = host()

    assert model.recognize(saying("print it")).text == "toy/1: print “it”\n"
    model.close()
    assert "what a library has to say" in (tmp_path / "truing.log").read_text()


KINDS = [
    (name, getattr(errors, name), f"a {name}")
    for name in ("DamagedError", "InvalidInputError", "MissingDependencyError", "NotFoundError")
]


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        *KINDS,
        ("BadTapeError", errors.DamagedError, "a BadTapeError"),
        ("MemoryError", MemoryError, "a MemoryError"),
        ("KeyError", RuntimeError, "KeyError: 'a KeyError'"),
    ],
)
def test_errors_keep_their_kind(host, saying, name, kind, message):
    model = host()
    pid = model.pid

    with pytest.raises(kind) as caught:
        model.recognize(saying(name))
    assert type(caught.value) is kind
    assert str(caught.value) == message
    if isinstance(caught.value, errors.TruingError):
        assert caught.value.hint == "mend it"
    assert model.recognize(saying("well")).text.startswith("toy/1: well")
    assert model.pid == pid


@pytest.mark.parametrize(("name", "kind", "message"), KINDS)
def test_errors_while_loading_keep_their_kind(host, name, kind, message):
    with pytest.raises(kind, match=message):
        host(name)


def test_the_log_tells_where_a_model_went_wrong_but_not_what_was_said(host, saying, tmp_path):
    with pytest.raises(RuntimeError):
        host().recognize(saying("KeyError"))

    told = (tmp_path / "truing.log").read_text()
    assert "KeyError at" in told
    assert "raise_named" in told
    assert "a KeyError" not in told


def test_a_process_that_was_killed_is_started_again_for_the_next_utterance(host, saying):
    model = host()
    first = model.pid
    os.kill(first, signal.SIGKILL)

    assert model.recognize(saying("well")).text.startswith("toy/1: well")
    assert model.pid not in (None, first)


def test_an_utterance_over_which_the_process_dies_is_asked_once_more(host, saying, tmp_path):
    model = host()

    said = model.recognize(saying(f"die-once {tmp_path / 'died'}"))
    assert said.text.startswith("toy/1: die-once")


def test_an_utterance_over_which_it_dies_twice_is_an_error(host, saying):
    model = host()

    with pytest.raises(errors.UnavailableError, match="ended with exit code 3, twice") as caught:
        model.recognize(saying("die"))
    assert "truing.log" in caught.value.hint
    assert model.recognize(saying("well")).text.startswith("toy/1: well")


def test_a_model_that_takes_too_long_is_ended_and_the_next_utterance_answered(
    host, saying, tmp_path
):
    model = host()
    first = model.pid
    model._host._seconds = 0.3  # loading may take its time

    with pytest.raises(errors.UnavailableError, match=r"took more than 0\.3 s") as caught:
        model.recognize(saying(f"wait {tmp_path / 'never'}"))
    assert "live.seconds" in caught.value.hint
    assert process_start(first) is None
    # Started anew it has all the time that the program gives.
    assert model.recognize(saying("well")).text.startswith("toy/1: well")


def test_long_media_get_the_time_they_take(host, saying, tmp_path, monkeypatch):
    model = host()
    model._host._seconds = 0.3
    monkeypatch.setattr(hosted, "BYTES_PER_SECOND", 1)
    go, media = tmp_path / "go", saying(f"wait {tmp_path / 'go'}")
    said = []
    asking = threading.Thread(target=lambda: said.append(model.recognize(media)))
    asking.start()
    until(lambda: Path(f"{go}.begun").exists())
    time.sleep(0.5)  # past the time that a short one has
    go.touch()
    asking.join(60)

    assert [one.text.split()[1] for one in said] == ["wait"]


def test_it_leaves_the_memory_when_nobody_asks_and_comes_back_when_somebody_does(host, saying):
    model = host(idle=0.3)
    first = model._host.process
    assert first.wait(timeout=60) == 0
    assert model.pid is None

    assert model.recognize(saying("well")).text.startswith("toy/1: well")
    assert model._host.process.pid != first.pid


def test_closing_waits_for_the_utterance_it_is_at(host, saying, tmp_path):
    model = host()
    go = tmp_path / "go"
    said = []
    media = saying(f"wait {go}")
    asking = threading.Thread(target=lambda: said.append(model.recognize(media)))
    asking.start()
    until(lambda: Path(f"{go}.begun").exists())
    closing = threading.Thread(target=model.close)
    closing.start()
    assert model.pid is not None
    go.touch()
    for thread in (asking, closing):
        thread.join(60)

    assert [one.text.split()[1] for one in said] == ["wait"]
    assert model.pid is None
    with pytest.raises(errors.ConflictError, match="closed"):
        model.recognize(media)


@pytest.mark.parametrize(
    ("limits", "kind", "message"),
    [
        ({"modality": "nowhere:Toy"}, errors.DamagedError, "No module named 'nowhere'"),
        ({"modality": "toy_modality:Gone"}, errors.DamagedError, "has no attribute 'Gone'"),
        ({"modality": "toy_modality:Deaf"}, errors.InvalidInputError, "cannot recognise"),
        ({"python": "/no/such/python"}, errors.UnavailableError, "`/no/such/python` cannot be"),
        ({"model": "dies"}, errors.UnavailableError, "ended with exit code 9 while it loaded"),
    ],
)
def test_what_cannot_be_started_says_why(host, limits, kind, message):
    with pytest.raises(kind, match=message):
        host(**limits)


PARENT = """
    import sys, threading
    from pathlib import Path
    from truing.domain.recipe import MediaFile
    from truing.live.hosted import HostedModel, HostProgram

    model = HostedModel(
        HostProgram(modality="toy_modality:Toy", model="toy/1", log=Path(sys.argv[1]))
    )
    print(model.pid, flush=True)
    model.recognize({"audio": MediaFile(path=Path(sys.argv[2]))})
    sys.stdin.read()
"""


@pytest.mark.parametrize("order", ["well", "wait {}/never"])
def test_it_ends_with_its_parent_also_while_the_model_hangs(saying, tmp_path, host, order):
    path = saying(order.format(tmp_path))["audio"].path
    command = [sys.executable, "-c", textwrap.dedent(PARENT), tmp_path / "log", path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        pid = int(parent.stdout.readline())
        start = process_start(pid)
        assert start is not None
        parent.kill()

    until(lambda: not process_alive(pid, start))


def test_a_champion_in_a_process_is_swapped_without_losing_an_utterance(host, saying):
    line = ["toy/1"]
    bench = Bench(
        Champions(open_model=host, champion=lambda: line[-1], fallback=lambda ref, reason: None)
    )
    media, heard = saying("well"), []
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            heard.append(bench.answer(media))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    until(lambda: heard)
    line.append("toy/2")
    until(lambda: heard[-1][1] == "toy/2")
    stop.set()
    for thread in threads:
        thread.join(60)
    bench.close()

    assert [said.text.partition(":")[0] for said, _ in heard] == [ref for _, ref in heard]
    assert {ref for _, ref in heard} == {"toy/1", "toy/2"}


REAL = """
    import sys
    from pathlib import Path
    from truing.domain.recipe import MediaFile
    from truing.live.hosted import HostedModel, HostProgram

    program = HostProgram(modality=sys.argv[1], model=sys.argv[2], log=Path(sys.argv[3]))
    model = HostedModel(program)
    said = model.recognize({"audio": MediaFile(path=Path(sys.argv[4]))})
    model.close()
    print(said.text, said.confidence, sorted(set(sys.modules) & {"torch", "transformers", "numpy"}))
"""


def test_a_real_model_answers_in_a_process_that_knows_no_torch(tmp_path):
    pytest.importorskip("transformers")
    from truing.modalities.speech.modality import Speech

    loaded = Speech().open_recognizer(str(BASE), {"device": "cpu"})
    here = loaded.recognize({"audio": MediaFile(path=CLIP)})
    loaded.close()
    code = textwrap.dedent(REAL)
    arguments = [SPEECH, BASE, tmp_path / "truing.log", CLIP]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )

    text, confidence, modules = done.stdout.split(maxsplit=2)
    assert text == here.text
    assert float(confidence) == pytest.approx(here.confidence, abs=1e-4)
    assert modules.strip() == "[]"
