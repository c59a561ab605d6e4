"""Preferences over HTTP: pairs without names, choices, taking back, results, several people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from truing import Workspace
from truing.domain.person import Role
from truing.testing.contest import DATASET, NAMES, Arranged, arrange
from truing.testing.http_client import Client
from truing.web.server import Address, Server
from truing.workspace import people

COUNT, EQUAL = 10, 1
PASSWORD = "three plain words"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """A served workspace with something to compare."""

    workspace: Workspace
    client: Client
    arranged: Arranged

    @property
    def uids(self) -> dict[str, str]:
        return {"first": self.arranged.a.uid, "second": self.arranged.b.uid}

    @property
    def query(self) -> str:
        return "&".join(f"{name}={uid}" for name, uid in self.uids.items())

    def ask(self, method: str, path: str, data: object = None, status: int = 200) -> Any:
        answer = self.client.ask(method, f"/api/preferences{path}", data)
        assert answer.status == status, answer.body
        return answer.json

    def next(self, more: str = "") -> list[Any]:
        found: list[Any] = self.ask("GET", f"/next?{self.query}{more}")["pairs"]
        return found

    def choose(self, sample: str, choice: str, status: int = 200) -> Any:
        return self.ask("POST", "", {**self.uids, "sample": sample, "choice": choice}, status)


@pytest.fixture
def contest(tmp_path: Path) -> Iterator[Contest]:
    with Workspace.create(tmp_path / "ws", environ={}) as workspace:
        arranged = arrange(workspace, COUNT, equal=EQUAL, size=(96, 72))
        with Server(workspace, Address(port=0)).running() as url:
            yield Contest(workspace=workspace, client=Client(url), arranged=arranged)


def side_of_second(contest: Contest, pair: Any) -> str:
    """Where the second model's picture stands, told by its bytes."""
    place = contest.arranged.uids.index(pair["sample"])
    wanted = contest.workspace.blobs.read(contest.arranged.pictures[place][1])
    sides = {side: contest.client.ask("GET", pair[side]).body for side in ("left", "right")}
    assert sides["left"] != sides["right"]
    return next(side for side, data in sides.items() if data == wanted)


def test_nothing_tells_a_name_before_the_result(contest: Contest) -> None:
    answers: list[bytes] = []
    queue = {pair["sample"]: pair for pair in contest.next("&limit=8")}
    for sample, pair in queue.items():
        for path in (pair["left"], pair["right"], pair["original"]["url"]):
            given = contest.client.ask("GET", path)
            answers += [given.body, repr(given.headers).encode()]
        body = {**contest.uids, "sample": sample, "choice": "left"}
        answers.append(contest.client.ask("POST", "/api/preferences", body).body)
    for method, path in (("GET", f"/next?{contest.query}&limit=8"), ("POST", "/undo")):
        body = contest.uids if method == "POST" else None
        answers.append(contest.client.ask(method, f"/api/preferences{path}", body).body)
    digests = (contest.arranged.a.model_digest, contest.arranged.b.model_digest)
    for told in (*NAMES, *digests):
        for data in answers:
            assert told.encode() not in data
    assert len(answers) > 50
    assert NAMES[1] in str(contest.ask("GET", f"/result?{contest.query}"))


def test_a_pair_has_all_that_is_shown(contest: Contest) -> None:
    (pair,) = contest.next("&limit=1")
    sample = contest.workspace.store.samples.by_uids([pair["sample"]])[pair["sample"]]
    assert (pair["number"], pair["kind"]) == (sample.id, "pictures")
    assert pair["instruction"] == sample.truth
    assert (pair["original"]["width"], pair["original"]["height"]) == (96, 72)
    answer = contest.client.ask("GET", pair["left"])
    assert answer.headers["content-type"] == "image/png"
    assert answer.body[:8] == b"\x89PNG\r\n\x1a\n"
    assert "no-cache" in answer.headers["cache-control"]
    # The pictures of one model are all older than those of the other.
    assert "last-modified" not in answer.headers


def test_who_always_likes_the_second_makes_it_win(contest: Contest) -> None:
    for _ in range(COUNT - EQUAL):
        (pair,) = contest.next("&limit=1")
        told = contest.choose(pair["sample"], side_of_second(contest, pair))
    assert told["progress"]["enough"]
    assert contest.next() == []
    found = contest.ask("GET", f"/result?{contest.query}")
    rate = found["win_rate"]
    assert (rate["wins"], rate["losses"], rate["equal"]) == (9, 0, 1)
    assert rate["ci"][0] > 0.5
    assert (found["first"]["model"], found["second"]["model"]) == NAMES
    state = contest.ask("GET", f"?first={NAMES[0]}&second={NAMES[1]}&dataset={DATASET}")
    assert state["win_rate"] == rate
    assert state["page"] == f"/review/ab?{contest.query}"
    turned = contest.ask("GET", f"?first={NAMES[1]}&second={NAMES[0]}&dataset={DATASET}")
    assert turned["win_rate"]["losses"] == 9


def test_choices_are_taken_back_one_by_one(contest: Contest) -> None:
    contest.ask("POST", "/undo", contest.uids, 409)
    first, second = contest.next("&limit=2")
    contest.choose(first["sample"], "left")
    contest.choose(second["sample"], "tie")
    again = contest.ask("POST", "/undo", contest.uids)
    assert again["pair"] == second
    assert again["progress"]["own"] == 1
    assert contest.ask("POST", "/undo", contest.uids)["pair"] == first
    assert (
        contest.workspace.preferences.result(
            contest.workspace.preferences.of(*contest.uids.values())
        )
        is None
    )


def test_one_choice_per_row_and_person(contest: Contest) -> None:
    (pair,) = contest.next("&limit=1")
    once = contest.choose(pair["sample"], "left")
    assert contest.choose(pair["sample"], "left") == once
    contest.choose(pair["sample"], "right", 409)
    assert contest.ask("GET", f"/result?{contest.query}")["win_rate"]["votes"] == 1


def test_pairs_that_are_passed_over(contest: Contest) -> None:
    first, second = contest.next("&limit=2")
    rest = contest.next(f"&limit=8&without={first['sample']}&without={second['sample']}")
    assert len(rest) == COUNT - EQUAL - 2
    assert {first["sample"], second["sample"]}.isdisjoint(one["sample"] for one in rest)


def test_what_cannot_be_asked(contest: Contest) -> None:
    for method, path, data, status in (
        ("GET", "/next?first=nobody&second=nobody", None, 404),
        ("GET", "/next?first=a%2Fb&second=x", None, 400),
        ("GET", "/picture?{query}&sample=nobody&side=left", None, 404),
        ("GET", "/picture?{query}&sample=nobody&side=middle", None, 400),
        ("POST", "", {"sample": "nobody", "choice": "left"}, 400),
        ("POST", "", {"sample": "nobody", "choice": "up"}, 400),
        ("GET", "?first=image_edit/1&second=image_edit/1&dataset=tested@1", None, 400),
        ("GET", "?first=image_edit/1&second=image_edit/7&dataset=tested@1", None, 404),
        ("GET", "?first=image_edit/1&second=image_edit/2&dataset=other@1", None, 404),
    ):
        body = {**contest.uids, **data} if data is not None else None
        told = contest.ask(method, path.replace("{query}", contest.query), body, status)
        assert told["error"]["message"]


def test_two_people_choose_for_themselves(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "ws", environ={}).close()
    flags = {"serve.auth": "users"}
    with Workspace.open(tmp_path / "ws", flags=flags, environ={}) as workspace:
        arranged = arrange(workspace, 6, size=(96, 72))
        people.add(workspace, "ann", Role.ADMIN, PASSWORD)
        people.add(workspace, "bob", Role.REVIEWER, PASSWORD)
        people.add(workspace, "cem", Role.CONTRIBUTOR, PASSWORD)
        with Server(workspace, Address(port=0)).running() as url:
            ann, bob, cem = (
                Contest(workspace=workspace, client=signed_in(url, name), arranged=arranged)
                for name in ("ann", "bob", "cem")
            )
            for one in (ann, bob):
                for pair in one.next("&limit=6"):
                    one.choose(pair["sample"], side_of_second(one, pair))
            rate = bob.ask("GET", f"/result?{bob.query}")["win_rate"]
            assert (rate["wins"], rate["votes"], rate["people"]) == (6, 12, 2)
            assert rate["agreement"] == 1
            for path in (f"/next?{cem.query}", f"/result?{cem.query}"):
                cem.ask("GET", path, None, 403)
            cem.choose(arranged.uids[0], "left", 403)
            folder = "/api/preferences?first=/etc&second=image_edit/2&dataset=tested@1"
            assert bob.client.ask("GET", folder).status == 400
            assert Client(url).ask("GET", f"/api/preferences/next?{bob.query}").status == 401


def signed_in(url: str, name: str) -> Client:
    client = Client(url)
    assert client.ask("POST", "/api/login", {"name": name, "password": PASSWORD}).status == 200
    return client
