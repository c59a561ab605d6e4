"""Storage over HTTP: archives, media that are looked at, rules that are tried, the trash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.web.conftest import Served

from truing import Workspace
from truing.domain.retention import KEY
from truing.domain.sample import SampleFilter
from truing.testing.factories import START, make_media, make_sample
from truing.workspace import configuring, trash
from truing.workspace.archiving import archive

REJECTED = {"where": {"state": ["rejected"]}}


@pytest.fixture
def decided(filled: Served) -> Served:
    """Twelve real recordings, three of them rejected."""
    for number in (1, 2, 3):
        filled.workspace.review(number, "rejected")
    return filled


def done(served: Served, path: str, data: object = None) -> Any:
    """What came of long work."""
    return served.post(f"{path}?wait=60", data)


def count(served: Served) -> int:
    return served.workspace.store.samples.count(SampleFilter())


# --- archives ------------------------------------------------------------------------------------


def test_archiving_is_tried_done_and_listed(decided: Served) -> None:
    assert decided.get("/api/archives") == {"items": [], "next": None}
    plan = done(decided, "/api/archives", {**REJECTED, "dry_run": True})
    assert (plan["dry_run"], plan["samples"], plan["archives"]) == (True, 3, [])
    assert plan["media_bytes"] > 0
    assert [one["id"] for one in plan["examples"]] == [1, 2, 3]
    assert count(decided) == 12
    told = done(decided, "/api/archives", REJECTED)
    assert (told["samples"], len(told["archives"]), told["freed"] > 0) == (3, 1, True)
    assert count(decided) == 9
    (one,) = decided.get("/api/archives")["items"]
    assert (one["name"], one["samples"], one["archived"]) == (told["archives"][0], 3, 3)
    assert (one["reason"], one["whole"], one["there"]) == ("rejected", True, True)
    assert one["checked_at"] == one["created_at"]
    assert decided.get("/api/disk")["parts"]["archives"] == one["bytes"]


def test_why_names_nobody(decided: Served) -> None:
    where = {"speaker": decided.workspace.sample(1).subject, "until": "2026-01-01"}
    done(decided, "/api/archives", {"where": where})
    (one,) = decided.get("/api/archives")["items"]
    assert one["reason"] == "samples captured before 2026-01-01 narrowed further"


def test_what_the_rules_archive_says_which_rule(empty: Served) -> None:
    new = [make_sample(added_at=START, media=(), modality="speech") for _ in range(2)]
    empty.workspace.store.samples.add(new)
    rule = "archive pending older than 30 days"
    told = done(empty, "/api/retention", {"rules": [rule]})
    assert (told["applied"], told["samples"]) == (True, 2)
    (one,) = empty.get("/api/archives")["items"]
    assert (one["reason"], one["samples"]) == (rule, 2)


def test_an_archive_that_chooses_everything_is_refused(decided: Served) -> None:
    told = decided.post("/api/archives", {"where": {}}, 400)["error"]
    assert "every sample" in told["message"]
    assert "until" in told["hint"]
    assert count(decided) == 12


def test_an_archive_comes_back_and_is_removed_when_its_number_is_named(decided: Served) -> None:
    first = done(decided, "/api/archives", REJECTED)["archives"][0]
    back = done(decided, f"/api/archives/{first}/restore")
    assert (back["samples"], back["ids"], back["present"]) == (3, [1, 2, 3], 0)
    assert count(decided) == 12
    assert decided.get("/api/samples/1")["state"] == "rejected"
    (one,) = decided.get("/api/archives")["items"]
    assert one["archived"] == 0

    second = done(decided, "/api/archives", REJECTED)["archives"][0]
    refused = decided.post(f"/api/archives/{second}/delete", {"samples": 2}, 409)["error"]
    assert "3 samples lie in" in refused["message"]
    assert len(decided.get("/api/archives")["items"]) == 2
    assert done(decided, f"/api/archives/{second}/delete", {"samples": 3})["samples"] == 3
    assert [one["name"] for one in decided.get("/api/archives")["items"]] == [first]


def test_checksums_are_looked_at_and_damage_is_remembered(decided: Served) -> None:
    name = done(decided, "/api/archives", REJECTED)["archives"][0]
    assert done(decided, f"/api/archives/{name}/verify")["ok"]
    (one,) = decided.get("/api/archives")["items"]
    assert one["checked_at"] > one["created_at"]
    assert (one["whole"], one["why"]) == (True, None)
    file = Path(one["file"])
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)
    told = done(decided, "/api/archives/verify")
    assert (told["ok"], told["archives"], len(told["problems"])) == (False, 1, 1)
    (one,) = decided.get("/api/archives")["items"]
    assert one["whole"] is False
    assert "manifest" in one["why"]
    refused = decided.post(f"/api/archives/{name}/restore?wait=60", status=422)
    assert refused["error"]["code"] == "damaged"
    assert count(decided) == 9


def test_a_browser_names_archives_of_the_workspace_alone(decided: Served, tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "other", environ={}) as other:
        other.store.samples.add([make_sample(media=())])
        archive(other, ids=[1], name="theirs")
        strange = str(other.layout.archives / "theirs.tar")
    for name in ("nobody", quote(strange, safe="")):
        for deed, sent in (("restore", None), ("verify", None), ("delete", {"samples": 1})):
            answer = decided.client.ask("POST", f"/api/archives/{name}/{deed}", sent)
            assert answer.status in (404, 405), answer.body
    assert Path(strange).is_file()


# --- media ---------------------------------------------------------------------------------------


def test_damaged_media_are_found_and_brought_back_from_an_archive(decided: Served) -> None:
    workspace = decided.workspace
    whole = done(decided, "/api/media/verify", {})
    assert (whole["ok"], whole["media"], whole["found"]) == (True, 12, 0)
    name = done(decided, "/api/archives", REJECTED)["archives"][0]
    done(decided, f"/api/archives/{name}/restore")
    kept, lost = (workspace.sample(number).media[0].digest for number in (1, 7))
    for digest in (kept, lost):
        workspace.blobs.delete(digest)
    found = done(decided, "/api/media/verify", {"quick": True})
    assert (found["ok"], found["found"], found["left"], found["repair"]) == (False, 2, 2, False)
    assert sorted(one["samples"] for one in found["broken"]) == [[1], [7]]
    mended = done(decided, "/api/media/verify", {"repair": True})
    assert (mended["found"], mended["repaired"], mended["left"]) == (2, 1, 1)
    assert (mended["broken"][0]["samples"], mended["broken"][0]["repaired"]) == ([7], None)
    assert mended["broken"][1]["repaired"] == f"the archive {name}"
    listed = decided.get("/api/samples?finding=damaged")["items"]
    assert [one["id"] for one in listed] == [7]


def test_long_work_is_answered_at_once_and_listed(decided: Served) -> None:
    begun = decided.post("/api/media/verify?wait=0", {}, 202)["work"]
    assert (begun["deed"], begun["state"]) == ("verify-media", "running")
    items = decided.get("/api/errands")["items"]
    assert [(one["id"], one["deed"]) for one in items] == [(begun["id"], "verify-media")]
    told = decided.until(
        f"/api/errands/{begun['id']}", lambda now: now["work"]["state"] != "running"
    )
    assert (told["work"]["state"], told["result"]["media"]) == ("done", 12)
    assert (told["work"]["done"], told["work"]["total"]) == (12, 12)
    stopped = decided.post(f"/api/errands/{begun['id']}/stop")["work"]
    assert stopped["state"] == "done"


# --- rules that are tried ------------------------------------------------------------------------


def test_a_rule_is_tried_before_it_is_kept(empty: Served) -> None:
    new = [make_sample(added_at=START, media=(make_media(n, size=1000),)) for n in range(4)]
    empty.workspace.store.samples.add(new)
    configuring.change(empty.workspace, KEY, "rejected older than 30 days")
    tried = quote("pending beyond the newest 1")
    plan = empty.get(f"/api/retention/plan?wait=60&rule={tried}")
    assert (plan["samples"], plan["bytes"], plan["applied"]) == (3, 3000, False)
    assert empty.get("/api/retention/plan?wait=60")["samples"] == 0
    assert empty.get("/api/retention/plan?rule=pendng", 400)["error"]["code"] == "setting"
    told = done(empty, "/api/retention", {"rules": ["pending beyond the newest 1"]})
    assert (told["applied"], told["samples"]) == (True, 3)
    assert empty.workspace.store.trash.count() == 3


# --- trash and leftovers -------------------------------------------------------------------------


def test_the_trash_is_emptied_when_its_number_is_named(decided: Served) -> None:
    trash.delete(decided.workspace, ids=[1, 2])
    assert decided.get("/api/trash") == {"samples": 2, "days": 7.0}
    refused = decided.post("/api/trash/empty", {"samples": 1}, 409)["error"]
    assert refused["message"] == "2 samples are in the trash, not 1"
    told = done(decided, "/api/trash/empty", {"samples": 2})
    assert (told["samples"], told["media"]) == (2, 2)
    assert decided.get("/api/trash")["samples"] == 0
    last = decided.workspace.store.events.all(limit=1000, kind="trash-emptied")[-1]
    assert last.actor == decided.get("/api/me")["name"]


def test_leftovers_are_counted_before_they_go(empty: Served) -> None:
    told = done(empty, "/api/clean", {"dry_run": True})
    assert (told["dry_run"], told["count"]) == (True, 0)
    assert done(empty, "/api/clean", {})["count"] == 0


def test_a_look_at_every_file_tells_what_is_there_now(empty: Served) -> None:
    before = empty.get("/api/disk")["parts"]
    (empty.workspace.layout.exports).mkdir(exist_ok=True)
    (empty.workspace.layout.exports / "copy").write_bytes(bytes(5000))
    assert empty.get("/api/disk")["parts"] == before
    done(empty, "/api/disk/look")
    after = empty.get("/api/disk")["parts"]
    assert (after["exports"], after["other"] - before["other"] >= 5000) == (5000, True)


def test_the_description_shows_each_answer(empty: Served) -> None:
    paths = json.loads(empty.client.ask("GET", "/api/openapi.json").body)["paths"]
    mine = ("/api/archives", "/api/trash", "/api/clean", "/api/disk", "/api/retention")
    for path, methods in paths.items():
        if path.startswith((*mine, "/api/media/verify", "/api/errands")):
            for method, told in methods.items():
                good = [told["responses"][one] for one in told["responses"] if one.startswith("2")]
                assert all("example" in body for one in good for body in one["content"].values()), (
                    f"{method} {path}"
                )
                assert told["description"], f"{method} {path}"
