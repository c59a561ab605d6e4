"""Room over HTTP: what is taken, what rules take, and that a full server refuses whole requests."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

from truing.domain.retention import KEY
from truing.domain.sample import SampleFilter
from truing.testing.factories import START, make_media, make_sample
from truing.workspace import disk

CLIENTS = Path(__file__).parents[1] / "data" / "clients" / "nexvision" / "training-data"
Serve = Callable[..., object]


def add(served, count: int) -> list[int]:
    """Samples that came years ago."""
    new = [make_sample(added_at=START, media=(make_media(n, size=1000),)) for n in range(count)]
    return [one.id for one in served.workspace.store.samples.add(new)]


def pair() -> dict[str, str]:
    folder = min(CLIENTS.glob("session-*"))
    files = {"original": "original-*", "edited": "reimagined-*"}
    return {
        role: base64.b64encode(next(folder.glob(pattern)).read_bytes()).decode()
        for role, pattern in files.items()
    }


def test_the_disk_is_told_with_a_forecast(empty) -> None:
    add(empty, 3)
    told = empty.get("/api/disk")
    assert told["quota"] is None
    assert told["used"] >= told["parts"]["database"] > 0
    assert 0 < told["room"] < told["free"] <= told["disk"]
    assert told["forecast"]["per_day"] == 0
    assert len(told["forecast"]["weeks"]) == 4


def test_without_rules_nothing_goes(empty) -> None:
    assert empty.get("/api/retention") == {"items": [], "trash_days": 7.0}
    assert empty.get("/api/retention/plan", 409)["error"]["code"] == "nothing-to-do"
    assert empty.post("/api/retention", status=409)["error"]["code"] == "nothing-to-do"


def test_rules_are_shown_and_carried_out(serve, empty) -> None:
    numbers = add(empty, 4)
    answer = empty.client.ask("PUT", f"/api/settings/{KEY}", {"value": "older than 30 days"})
    assert answer.status == 200
    assert empty.get("/api/retention")["items"] == [
        {"rule": "older than 30 days", "deed": "delete"}
    ]
    plan = empty.get("/api/retention/plan")
    assert (plan["applied"], plan["samples"], plan["bytes"]) == (False, 4, 4000)
    assert [one["id"] for one in plan["rules"][0]["examples"]] == numbers[:0:-1]
    assert empty.workspace.store.trash.count() == 0
    done = empty.post("/api/retention")
    assert (done["applied"], done["samples"]) == (True, 4)
    assert empty.workspace.store.trash.count() == 4
    assert empty.get("/api/retention/plan")["samples"] == 0


def test_a_rule_that_nobody_understands_is_refused(empty) -> None:
    answer = empty.client.ask("PUT", f"/api/settings/{KEY}", {"value": "rejectd beyond 1 GB"})
    assert answer.status == 400
    error = answer.json["error"]
    assert "`rejectd`" in error["message"]
    assert "`rejected`" in error["hint"]


def test_a_full_server_refuses_whole_pairs_with_507(serve, tmp_path: Path, empty) -> None:
    used = disk.usage(empty.workspace, fresh=True).used
    images = pair()
    sizes = [len(one) * 3 // 4 for one in images.values()]
    quota = str((used + max(sizes) + 4000) / 1e9)
    full = serve(
        empty.workspace.layout.root, {"storage.quota_gb": quota, "storage.warn_share": "0.1"}
    )
    sent = {"modality": "image_edit", "raw": "add snow", "media": images}
    error = full.post("/api/samples", sent, 507)["error"]
    assert error["code"] == "full"
    assert "storage.quota_gb" in error["message"]
    assert "truing retain" in error["hint"]
    assert full.workspace.store.samples.count(SampleFilter()) == 0
    assert list(full.workspace.blobs.digests()) == []
    (step, *_) = full.get("/api/next")["items"]
    assert (step["kind"], step["href"]) == ("make-room", "/admin/storage")


def test_a_post_of_the_app_that_does_not_fit_keeps_nothing(serve, empty) -> None:
    used = disk.usage(empty.workspace, fresh=True).used
    full = serve(empty.workspace.layout.root, {"storage.quota_gb": str((used + 5000) / 1e9)})
    images = {role: base64.b64decode(text) for role, text in pair().items()}
    parts = {
        'originalImage"; filename="original.jpg': images["original"],
        'reimaginedImage"; filename="reimagined.jpg': images["edited"],
        "instruction": b"add snow",
    }
    body = b"".join(
        f'--EDGE\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + data + b"\r\n"
        for name, data in parts.items()
    )
    kind = {"Content-Type": "multipart/form-data; boundary=EDGE"}
    answer = full.client.ask("POST", "/api/store-image", body=body + b"--EDGE--\r\n", headers=kind)
    assert answer.status == 507
    assert answer.json["error"] == "Failed to store images"
    assert "do not fit" in answer.json["hint"]
    assert full.workspace.store.samples.count(SampleFilter()) == 0
    assert list(full.workspace.blobs.digests()) == []
