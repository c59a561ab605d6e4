"""On what basis an import is kept: stated once for a source, or told by its rows; never guessed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from truing import Workspace
from truing.domain.errors import ConsentError, InvalidInputError
from truing.domain.sample import SampleFilter
from truing.stores.object_tree import send_tree

if TYPE_CHECKING:
    from truing.domain.consent import Consent

CLIENTS = Path(__file__).parents[1] / "data" / "clients"
THERE = {
    "nexvision": CLIENTS / "nexvision_doc",
    "chaplin": CLIENTS / "chaplin_samples",
}
WRITTEN = ("s2s", "audiofolder", "csv")
REASON = "a published corpus"
Opened = Callable[..., Workspace]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Opens one workspace with the settings given; the one before is closed."""
    Workspace.create(tmp_path / "kept", environ={}).close()
    open_ones: list[Workspace] = []

    def with_settings(**settings: str) -> Workspace:
        for one in open_ones:
            one.close()
        flags = {key.replace("__", "."): value for key, value in settings.items()}
        open_ones.append(Workspace.open(tmp_path / "kept", flags=flags, environ={}))
        return open_ones[-1]

    yield with_settings
    for one in open_ones:
        one.close()


@pytest.fixture
def source(workspace: Workspace, fill: Any, tmp_path: Path) -> Callable[[str], Path]:
    """A source in a format: a real app's, or written by a workspace under own use."""

    def made(format: str) -> Path:
        if format in THERE:
            return THERE[format]
        fill(3)
        return Path(workspace.export(format, tmp_path / "out" / f"source-{format}"))

    return made


def consents(workspace: Workspace) -> list[Consent]:
    return [sample.consent for sample in workspace.store.samples.iterate(SampleFilter())]


def nothing_came(workspace: Workspace) -> bool:
    events = [one for one in workspace.store.events.all() if one.kind == "imported"]
    return (consents(workspace), list(workspace.blobs.digests()), events) == ([], [], [])


@pytest.mark.parametrize("format", [*THERE, *WRITTEN])
def test_where_consent_is_asked_for_an_import_says_whose(
    opened: Opened, source: Callable[[str], Path], format: str
) -> None:
    place = source(format)
    asking = opened(consent__policy="ask")
    with pytest.raises(ConsentError, match="`ask`") as raised:
        asking.import_from(format, place)
    assert f"truing import {format} '{place}' --consent person" in (raised.value.hint or "")
    assert nothing_came(asking)

    outcome = asking.import_from(format, place, consent="person")
    assert outcome.added > 0
    assert {(one.policy, one.basis) for one in consents(asking)} == {("ask", "person")}
    # A second time nothing is new, and nobody has to agree to nothing.
    again = asking.import_from(format, place)
    assert (again.added, again.skipped) == (0, outcome.added)


def test_an_operator_states_a_reason(opened: Opened) -> None:
    asking = opened(consent__policy="ask")
    with pytest.raises(ConsentError, match="without a reason") as raised:
        asking.import_from("nexvision", THERE["nexvision"], consent="operator")
    assert '--consent operator --reason "' in (raised.value.hint or "")
    assert nothing_came(asking)

    given = {"consent": "operator", "reason": REASON}
    outcome = asking.import_from("nexvision", THERE["nexvision"], **given)
    told = outcome.as_dict()
    assert (told["consent"], told["consent_basis"]) == ("operator", "operator")
    assert told["consent_reason"] == REASON
    assert {(one.policy, one.reason) for one in consents(asking)} == {("operator", REASON)}


def test_what_an_import_says_counts_under_every_policy_that_keeps(opened: Opened) -> None:
    reasoned = opened(consent__policy="operator", consent__reason="staff")
    assert reasoned.import_from("nexvision", THERE["nexvision"], consent="person").added == 2
    assert {one.basis for one in consents(reasoned)} == {"person"}
    reasoned.import_from("chaplin", THERE["chaplin"])
    assert {one.reason for one in consents(reasoned)} == {None, "staff"}

    closed = opened(consent__policy="off")
    before = len(consents(closed))
    with pytest.raises(ConsentError, match="`off`"):
        closed.import_from("nexvision", CLIENTS / "nexvision", consent="person")
    assert len(consents(closed)) == before


@pytest.mark.parametrize(
    ("said", "named"),
    [({"consent": "yes"}, "`yes`"), ({"reason": REASON}, "reason"),
     ({"consent": "person", "reason": REASON}, "reason")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(opened: Opened, said: dict[str, str], named: str) -> None:
    own = opened()
    with pytest.raises(InvalidInputError, match=named) as raised:
        own.import_from("nexvision", THERE["nexvision"], **said)
    assert "--consent operator --reason WHY" in (raised.value.hint or "")
    assert nothing_came(own)


def test_a_consent_in_the_file_comes_along(
    workspace: Workspace, fill: Any, opened: Opened, tmp_path: Path
) -> None:
    fill(2)
    lines = Path(workspace.export("jsonl", tmp_path / "rows.jsonl"))
    rows = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
    assert rows[0]["consent"]["policy"] == "own-use"
    rows[0]["consent"] = {"policy": "operator", "purposes": ["training"], "reason": "staff"}
    lines.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")

    # All rows say it themselves: nobody has to say it for them.
    asking = opened(consent__policy="ask")
    assert asking.import_from("jsonl", lines).added == 2
    told = {one.policy: one for one in consents(asking)}
    assert sorted(told) == ["operator", "own-use"]
    assert told["operator"].reason == "staff"
    assert {one.value for one in told["operator"].purposes} == {"training"}


def test_rows_that_do_not_say_it_need_it_and_leave_the_others_theirs(
    workspace: Workspace, fill: Any, opened: Opened, tmp_path: Path
) -> None:
    fill(3)
    lines = Path(workspace.export("jsonl", tmp_path / "rows.jsonl"))
    rows = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
    rows[1]["consent"] = None
    rows[2]["consent"] = {"policy": "never heard of", "purposes": []}
    lines.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")

    asking = opened(consent__policy="ask")
    with pytest.raises(ConsentError):
        asking.import_from("jsonl", lines)
    assert nothing_came(asking)
    outcome = asking.import_from("jsonl", lines, consent="person")
    assert (outcome.added, outcome.failed) == (2, 1)
    assert "`consent`" in outcome.failures[0].reason
    assert sorted(one.policy for one in consents(asking)) == ["ask", "own-use"]


def test_a_bucket_is_named_in_the_refusal(opened: Opened, bucket: str, s3_server: str) -> None:
    url = f"s3://{bucket}/app?endpoint={s3_server}"
    send_tree(THERE["nexvision"], url, last="training-log.jsonl")
    asking = opened(consent__policy="ask")
    with pytest.raises(ConsentError) as raised:
        asking.import_from("nexvision", url)
    assert f"truing import nexvision '{url}' --consent person" in (raised.value.hint or "")
    assert nothing_came(asking)
    assert asking.import_from("nexvision", url, consent="person").added == 2
