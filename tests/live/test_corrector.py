"""The live corrector against a real server: what it sends, and that no failure costs anything."""

import socket

import pytest

from truing.domain.errors import SettingError
from truing.live.corrector import MOST_BYTES, Corrector
from truing.testing.chat_server import LONGEST_WAIT


def test_the_text_goes_to_the_server_and_its_answer_comes_back(chat):
    chat.text = "  I scream, you scream.\n"
    corrector = Corrector(chat.address + "/", "small-chat", key="secret", seconds=60)

    said = corrector.correct("ice cream you scream")

    assert (said.text, said.model, said.problem) == ("I scream, you scream.", "small-chat", None)
    assert 0 < said.seconds < 60
    ((path, headers, question),) = chat.asked
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer secret"
    assert question["model"] == "small-chat"
    assert question["messages"][-1] == {"role": "user", "content": "ice cream you scream"}


def test_without_a_key_none_is_sent(chat):
    Corrector(chat.address, "m").correct("well")

    assert "Authorization" not in chat.asked[0][1]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"status": 500}, "127.0.0.1: status 500 Internal Server Error"),
        ({"body": b"no json"}, "127.0.0.1 gave no chat answer: JSONDecodeError"),
        ({"body": b'{"choices": []}'}, "127.0.0.1 gave no chat answer: IndexError"),
        ({"body": b'{"error": "busy"}'}, "127.0.0.1 gave no chat answer: KeyError"),
        ({"text": None}, "127.0.0.1 gave no chat answer: TypeError"),
        ({"text": " \n"}, "the answer is empty"),
        ({"text": "x" * 100}, "the answer has 100 characters, the text 4"),
        ({"body": b" " * (MOST_BYTES + 1)}, f"127.0.0.1: an answer of more than {MOST_BYTES}"),
    ],
)
def test_an_answer_that_is_no_correction_is_a_problem_and_no_error(chat, answer, problem):
    for name, value in answer.items():
        setattr(chat, name, value)

    said = Corrector(chat.address, "m").correct("well")

    assert said.text is None
    assert said.problem.startswith(problem)


def test_a_server_that_does_not_answer_costs_no_more_than_the_time_it_is_given(chat):
    chat.silent = True

    said = Corrector(chat.address, "m", seconds=0.2).correct("well")

    assert said.seconds < LONGEST_WAIT
    assert (said.text, said.problem) == (None, "no answer within 0.2 s")


def test_a_server_that_is_not_there_is_a_problem(chat):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        said = Corrector(f"http://127.0.0.1:{port}/v1", "m").correct("well")

    assert (said.text, said.problem) == (None, "127.0.0.1: Connection refused")


def test_no_other_server_gets_the_text(chat, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    chat.status, chat.headers = 307, {"Location": chat.address + "/elsewhere"}

    said = Corrector(chat.address, "m").correct("well")

    assert said.problem == "127.0.0.1: status 307 Temporary Redirect"
    assert len(chat.asked) == 1


@pytest.mark.parametrize(
    "url", ["ftp://host/v1", "host:80", "http://", "http://host:99999/v1", "http://[::1"]
)
def test_an_address_that_cannot_be_used_is_named(url):
    with pytest.raises(SettingError, match=r"`corrector.url` cannot be") as caught:
        Corrector(url, "m")
    assert url in caught.value.message


def test_a_server_without_a_model_is_refused():
    with pytest.raises(SettingError, match=r"`corrector.model` is empty"):
        Corrector("https://host/v1", "")
