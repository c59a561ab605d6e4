"""External recognisers: real programs and a real server on this machine."""

import json
import sys
import textwrap
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError, UnavailableError
from truing.domain.prediction import Recognition
from truing.domain.recipe import MediaFile
from truing.modalities.lipreading.external import ExternalReader, is_external, take_in
from truing.modalities.lipreading.external_answer import understood

CLIP = Path(__file__).parents[2] / "data" / "lipreading" / "grid" / "bbaf2n.mpg"
MEDIA = {"video": MediaFile(path=CLIP)}


@pytest.fixture
def program(tmp_path):
    """A model folder whose command is a small Python program."""

    def made(code, **config):
        place = tmp_path / "model"
        place.mkdir(exist_ok=True)
        (place / "infer.py").write_text("import sys, json, os, time\n" + textwrap.dedent(code))
        told = {
            "model_type": "external",
            "command": [sys.executable, "infer.py", "{video}"],
        } | config
        (place / "config.json").write_text(json.dumps(told))
        return place

    return made


def read(folder, **options):
    return ExternalReader(folder, options).recognize(MEDIA)


# --- programs ------------------------------------------------------------------------------------


def test_plain_text_is_the_last_line(program):
    said = read(program("print('loading…'); print('BIN BLUE AT F TWO NOW')"))
    assert said.text == "BIN BLUE AT F TWO NOW"
    assert said.confidence is None
    assert set(said.stages) == {"decode", "model"}
    assert said.seconds == said.stages["model"] > 0


def test_the_words_of_auto_avsr(program):
    assert (
        read(program("print('hyp: PLACE RED BY G NINE AGAIN')")).text == "PLACE RED BY G NINE AGAIN"
    )


def test_json_with_all_there_is(program):
    folder = program(
        """
        print("a line that a library printed")
        print(json.dumps({"text": "bin blue", "confidence": 0.75, "seconds": 0.5,
            "words": [{"text": "bin", "start": 0.1, "end": 0.4, "confidence": 0.9}],
            "alternatives": ["win blue", {"text": "bin glue", "confidence": 0.1}]}))
        """
    )
    said = read(folder)
    assert (said.text, said.confidence, said.seconds) == ("bin blue", 0.75, 0.5)
    assert (said.words[0].text, said.words[0].end) == ("bin", 0.4)
    assert [other.text for other in said.alternatives] == ["win blue", "bin glue"]
    bare = read(folder, text_only=True)
    assert (bare.text, bare.confidence, bare.words, bare.alternatives) == ("bin blue", 0.75, (), ())


def test_the_program_gets_a_file_with_the_ending_that_belongs_to_it(program, tmp_path):
    kept = tmp_path / "0123abcd"  # stored media have no ending
    kept.write_bytes(CLIP.read_bytes())
    folder = program("print(os.path.splitext(sys.argv[1])[1], os.path.getsize(sys.argv[1]))")
    said = ExternalReader(folder, {}).recognize({"video": MediaFile(path=kept)})
    assert said.text == f".mpg {CLIP.stat().st_size}"


def test_a_span_is_cut_out(program):
    folder = program(
        """
        import av
        with av.open(sys.argv[1]) as file:
            print(len(list(file.decode(video=0))))
        """
    )
    media = {"video": MediaFile(path=CLIP, start=1.0, end=2.0)}
    assert ExternalReader(folder, {}).recognize(media).text == "25"


def test_a_program_in_another_folder(program, tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "here.txt").write_text("found")
    folder = program(
        "",
        folder="../app",
        command=[sys.executable, "-c", "print(open('here.txt').read(), '{video}'[-9:])"],
    )
    assert read(folder).text == "found /clip.mpg"


def test_a_program_that_fails_is_quoted(program):
    with pytest.raises(UnavailableError, match=r"exit code 3; the last it said: no weights here$"):
        read(program("sys.stderr.write('no weights here'); sys.exit(3)"))
    with pytest.raises(UnavailableError) as caught:
        read(
            program(
                "sys.stderr.write('x' * 2_000_000); sys.stdout.write('y' * 2_000_000); sys.exit(1)"
            )
        )
    assert len(caught.value.message) < 800


def test_the_last_line_of_a_program_that_says_very_much(program):
    much = "for n in range(40_000): print('a line that a library printed,', n)"
    assert read(program(f"{much}\nprint('hyp: BIN BLUE')")).text == "BIN BLUE"
    assert read(program(f"{much}\nprint(json.dumps({{'text': 'bin'}}))")).text == "bin"
    with pytest.raises(UnavailableError, match=r"the last line of .* is longer than 1 MB"):
        read(program("print('word ' * 300_000)"))


def test_a_program_that_never_stops_writing(program, monkeypatch):
    monkeypatch.setattr("truing.modalities.lipreading.external_answer.MOST_WRITTEN", 1 << 20)
    with pytest.raises(UnavailableError, match="wrote more than 1 MB and was ended"):
        read(program("while True: print('loading ' * 1000)"))


def test_a_program_that_takes_too_long_is_ended_with_its_children(program, tmp_path):
    folder = program(
        f"""
        import subprocess
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        open({str(tmp_path / "child")!r}, "w").write(str(child.pid))
        sys.stderr.write("reading lips"); sys.stderr.flush()
        time.sleep(60)
        """,
        seconds=5,
    )
    began = time.monotonic()
    with pytest.raises(UnavailableError, match=r"more than 5 s and was ended.*reading lips"):
        read(folder)
    assert time.monotonic() - began < 50, "it waited for the child"
    assert gone(int((tmp_path / "child").read_text()))


def test_children_that_were_left_behind_are_ended(program, tmp_path):
    folder = program(
        f"""
        import subprocess
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        open({str(tmp_path / "child")!r}, "w").write(str(child.pid))
        print("done")
        """
    )
    assert read(folder).text == "done"
    assert gone(int((tmp_path / "child").read_text()))


def gone(pid):
    from truing.platform.processes import process_start

    deadline = time.monotonic() + 50
    while process_start(pid) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    return process_start(pid) is None


def test_nothing_is_left_of_the_clip(program, tmp_path):
    folder = program("print(sys.argv[1])")
    assert not Path(read(folder).text).exists()


# --- descriptions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"command": None}, "either a `command` or a `url`"),
        ({"url": "http://127.0.0.1:1/"}, "either a `command` or a `url`"),
        ({"command": ["python", "infer.py"]}, "does not say where the video goes"),
        ({"command": "python infer.py {video}"}, "not a list"),
        ({"seconds": -1}, "`seconds` cannot be `-1`"),
        ({"command": None, "url": "ftp://127.0.0.1/"}, "`url` cannot be"),
        ({"command": None, "url": "http://desk.example:1/"}, "would leave this machine"),
    ],
)
def test_descriptions_that_cannot_be_used(program, config, says):
    with pytest.raises(InvalidInputError, match=says):
        read(program("", **config))


def test_programs_folders_and_descriptions_that_are_not_there(program, tmp_path):
    with pytest.raises(UnavailableError, match="there is no program `no-such-program`"):
        read(program("", command=["no-such-program", "{video}"]))
    with pytest.raises(NotFoundError, match="to run the recogniser in"):
        read(program("", folder="nowhere"))
    with pytest.raises(NotFoundError):
        ExternalReader(tmp_path, {})
    (tmp_path / "config.json").write_text("[1]")
    with pytest.raises(DamagedError, match="does not describe"):
        ExternalReader(tmp_path, {})
    (tmp_path / "tool").write_text("not to be run")
    (tmp_path / "config.json").write_text(json.dumps({"command": ["tool", "{video}"]}))
    with pytest.raises(UnavailableError, match="cannot be started"):
        ExternalReader(tmp_path, {}).recognize(MEDIA)


def test_options(program):
    folder = program("time.sleep(30)")
    with pytest.raises(UnavailableError, match=r"more than 0\.2 s"):
        read(folder, seconds=0.2)
    with pytest.raises(InvalidInputError, match="no option `beam`"):
        read(folder, beam=4)
    with pytest.raises(InvalidInputError, match="only audio"):
        ExternalReader(folder, {}).recognize({"audio": MediaFile(path=CLIP)})


def test_a_description_is_taken_in_with_its_folder(program, tmp_path):
    folder = program("print('here')")
    target = tmp_path / "copy"
    target.mkdir()
    assert take_in(folder, target).endswith("infer.py {video}")
    assert is_external(target)
    assert [one.name for one in target.iterdir()] == ["config.json"]
    assert read(target).text == "here"
    assert not is_external(tmp_path)


# --- answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        '{"words": []}',
        '{"text": 3}',
        '{"text": "a", "confidence": 1.5}',
        '{"text": "a", "words": 7}',
        '{"text": "a", "alternatives": [{}]}',
        '{"text": "a", "words": [{"text": "a", "start": NaN, "end": 1e999}]}',
        '{"text": "half a character: \\ud800"}',
        '{"text": ' + "[" * 100_000,
    ],
)
def test_answers_that_cannot_be_understood(answer):
    with pytest.raises(UnavailableError, match="cannot be understood"):
        understood(answer, "it")


def test_json_over_several_lines_behind_what_was_printed():
    told = json.dumps({"text": "bin blue", "words": [{"text": "bin"}]}, indent=2)
    assert understood(f"loading\n{told}\n", "it").text == "bin blue"
    assert understood(told.replace("\n", "\r\n"), "it").words[0].text == "bin"
    assert understood("loading 9%\rloading 99%\rhyp: bin\u2028blue\r\n", "it").text == (
        "bin\u2028blue"
    )


def test_silence_is_no_text():
    assert understood("\n\n", "it") == Recognition(text="")
    assert understood("{not json", "it").text == "{not json"


# --- servers -------------------------------------------------------------------------------------


@pytest.fixture
def server():
    """A server that answers as it is told to, and remembers what it was sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.got.append((self.path, self.headers["Content-Type"], body))
            self.server.go_on.wait(60)
            status, text = self.server.answer
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        running.got, running.answer = [], (200, "hyp: BIN BLUE")
        running.go_on = threading.Event()
        running.go_on.set()
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.go_on.set()
        running.shutdown()
        thread.join()


def at(server, tmp_path, **more):
    port = server.server_address[1]
    told = {"model_type": "external", "url": f"http://127.0.0.1:{port}/read?fps=25"} | more
    (tmp_path / "config.json").write_text(json.dumps(told))
    return tmp_path


def test_a_server_is_sent_the_video(server, tmp_path):
    assert read(at(server, tmp_path)).text == "BIN BLUE"
    assert server.got == [("/read?fps=25", "video/mpeg", CLIP.read_bytes())]
    server.answer = (200, '{"text": "bin blue", "confidence": 0.5}')
    assert read(at(server, tmp_path)).confidence == 0.5


def test_a_server_that_refuses_or_is_slow_or_gone(server, tmp_path):
    server.answer = (500, "out of memory")
    with pytest.raises(UnavailableError, match=r"status 500 .*out of memory"):
        read(at(server, tmp_path))
    server.answer = (200, "late")
    server.go_on.clear()
    with pytest.raises(UnavailableError, match=r"more than 0\.2 s"):
        read(at(server, tmp_path, seconds=0.2))
    with pytest.raises(UnavailableError, match="gave no text"):
        read(at(server, tmp_path, url="http://127.0.0.1:9/"))


def test_a_server_that_answers_with_very_much(server, tmp_path):
    server.answer = (200, "word " * 210_000)
    with pytest.raises(UnavailableError, match="more than 1 MB"):
        read(at(server, tmp_path))


def test_another_machine_only_when_it_is_named(server, tmp_path):
    folder = at(server, tmp_path, url="http://desk.example/", hosts=["desk.example"])
    ExternalReader(folder, {}).close()
