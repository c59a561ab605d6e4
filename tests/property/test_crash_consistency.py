"""A power cut at any moment loses nothing that was said to be stored.

What the durable paths do is recorded call by call; then every state that file systems allow after
each call is laid out and looked at: unsynced bytes missing or torn, unsynced names undone, in any
combination (see `truing.testing.disk_replay`, after ALICE and CrashMonkey). The negative controls
leave one precaution out; each of them must be found.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from truing.domain.digest import digest_bytes
from truing.domain.errors import ConflictError
from truing.domain.model import ModelRef
from truing.domain.settings import read_toml
from truing.domain.settings_table import SETTINGS
from truing.jobs.checkpoints import CheckpointFolder
from truing.stores import blobs_local
from truing.stores.blobs_local import LocalBlobs
from truing.stores.model_files import LocalModelFiles, folder_digest
from truing.testing.disk_replay import Crash, RecordedDisk
from truing.workspace.folder import Layout, create, set_value


class Places:
    """The parts of a workspace that are files, as the product makes them."""

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root=root)
        self.blobs = LocalBlobs(root / "blobs")
        self.models = LocalModelFiles(root / "models")
        self.checkpoints = CheckpointFolder(root / "runs" / "1" / "checkpoints", say=lambda _: None)


@dataclass
class Step:
    """One deed: what it does, and what is promised when it is done."""

    name: str
    value: object
    do: Callable[[Places], None]

    def __repr__(self) -> str:
        return f"{self.name}({self.value!r})"


def data_of(number: int) -> bytes:
    return f"sound {number} ".encode() * 3


def put(number: int) -> Step:
    def do(places: Places) -> None:
        places.blobs.put(data_of(number))

    return Step("put", number, do)


def put_file(number: int) -> Step:
    def do(places: Places) -> None:
        with tempfile.TemporaryDirectory() as elsewhere:
            given = Path(elsewhere, "given.wav")
            given.write_bytes(data_of(number))
            places.blobs.put_file(given)

    return Step("put", number, do)


def put_together(*numbers: int) -> Step:
    def do(places: Places) -> None:
        with places.blobs.together():
            for number in numbers:
                places.blobs.put(data_of(number))

    return Step("put together", numbers, do)


def delete(number: int) -> Step:
    def do(places: Places) -> None:
        places.blobs.delete(digest_bytes(data_of(number)))

    return Step("delete", number, do)


def collect(*kept: int) -> Step:
    def do(places: Places) -> None:
        for digest in list(places.blobs.digests()):
            os.utime(places.blobs.path(digest), (0, 0))
        needed = [digest_bytes(data_of(number)) for number in kept]
        places.blobs.collect_orphans(needed, older_than=3600)

    return Step("collect", kept, do)


def install(number: int) -> Step:
    def do(places: Places) -> None:
        with places.models.draft() as draft:
            (draft / "model.safetensors").write_bytes(data_of(number))
            (draft / "tokens").mkdir()
            (draft / "tokens" / "config.json").write_text("{}", encoding="utf-8")
            places.models.install(draft, ModelRef(modality="speech", number=number), {"n": number})

    return Step("install", number, do)


def checkpoint(step: int) -> Step:
    def do(places: Places) -> None:
        places.checkpoints.save(step, lambda folder: write_checkpoint(folder, step))

    return Step("checkpoint", step, do)


def write_checkpoint(folder: Path, step: int) -> None:
    (folder / "state").write_bytes(data_of(step))


def setting(minutes: int) -> Step:
    def do(places: Places) -> None:
        set_value(places.layout, SETTINGS, "capture.session_gap_minutes", str(minutes))

    return Step("setting", minutes, do)


@dataclass
class Promised:
    """What must be there, given what was said to be done and what had only begun."""

    blobs: dict[int, bool | None] = field(default_factory=dict)
    """Whether it is there; None: either, it had begun to change."""
    models: set[int] = field(default_factory=set)
    checkpoint: int | None = None
    checkpoints_begun: set[int] = field(default_factory=set)
    settings: set[float] = field(default_factory=lambda: {30.0})


def promised(marks: Sequence[object]) -> Promised:
    what = Promised()
    for begun, name, value in marks:  # type: ignore[misc]
        if name in ("put", "put together", "delete"):
            for number in value if name == "put together" else (value,):
                was, will = what.blobs.get(number, False), name != "delete"
                what.blobs[number] = will if not begun or was is will else None
        elif name == "collect":
            gone = {number for number, there in what.blobs.items() if there is not False}
            what.blobs |= dict.fromkeys(gone - set(value), None if begun else False)
        elif name == "install" and not begun:
            what.models.add(value)
        elif name == "checkpoint":
            what.checkpoints_begun.add(value)
            what.checkpoint = what.checkpoint if begun else value
        elif name == "setting":
            what.settings = {*what.settings, value} if begun else {value}
    return what


def faults(root: Path, marks: Sequence[object]) -> Iterator[str]:
    """Promises that are broken in a workspace as a power cut left it."""
    places, what = Places(root), promised(marks)
    for number, there in what.blobs.items():
        digest = digest_bytes(data_of(number))
        if there is not None and places.blobs.exists(digest) != there:
            yield f"blob {number} is {'lost' if there else 'back again'}"
    for digest in places.blobs.digests():
        if not places.blobs.verify(digest):
            yield f"{digest[:15]} has other bytes"
    visible = {int(one.name) for one in root.glob("models/speech/*")}
    if lost := what.models - visible:
        yield f"models {lost} are lost"
    for number in visible:
        folder = root / "models" / "speech" / str(number)
        try:
            sealed = json.loads((folder / "model.json").read_bytes())["digest"]
            whole = folder_digest(folder) == sealed
        except (OSError, ValueError, LookupError):
            whole = False
        if not whole:
            yield f"half of model {number} is visible"
    yield from checkpoint_faults(places, what)
    try:
        values = read_toml(places.layout.settings.read_text(encoding="utf-8"), "truing.toml")
    except (OSError, ValueError) as error:
        yield f"the settings cannot be read: {error}"
    else:
        gap = values.get("capture.session_gap_minutes", 30.0)
        if gap not in what.settings:
            yield f"the setting is {gap}, not one of {what.settings}"


def checkpoint_faults(places: Places, what: Promised) -> Iterator[str]:
    found = places.checkpoints.latest()
    if found is None:
        if what.checkpoint is not None:
            yield "no checkpoint is left"
        return
    step, folder = found
    if step not in what.checkpoints_begun or (what.checkpoint or 0) > step:
        yield f"the newest checkpoint is {step}, not {what.checkpoint}"
    if (folder / "state").read_bytes() != data_of(step):
        yield f"checkpoint {step} has other bytes"


def record(root: Path, steps: Sequence[Step], *, deaf: str | None = None) -> RecordedDisk:
    create(root)
    places = Places(root)
    disk = RecordedDisk(root, deaf=deaf)
    with disk.recording():
        for step in steps:
            disk.mark((True, step.name, step.value))
            step.do(places)
            disk.mark((False, step.name, step.value))
    return disk


def looked_at(crash: Crash, folder: Path) -> list[str]:
    shutil.rmtree(folder, ignore_errors=True)
    crash.lay_out(folder)
    return list(faults(folder, crash.marks))


def replay(steps: Sequence[Step], *, deaf: str | None = None) -> tuple[int, list[str]]:
    """How many states were looked at, and what is wrong in the first that is not sound."""
    with tempfile.TemporaryDirectory() as place:
        disk = record(Path(place, "ws"), steps, deaf=deaf)
        count = 0
        for count, crash in enumerate(disk.crashes(), 1):
            wrong = looked_at(crash, Path(place, "after"))
            if wrong:
                return count, [f"after {crash.after} of {len(disk.events)} events", *wrong]
        return count, []


EACH = {
    "put": [put(1)],
    "put_file": [put_file(1)],
    "put twice": [put(1), put(2), put(1)],
    "put together": [put(2), put_together(1, 2, 3)],
    "collect": [put_together(1, 2), collect(1), put(2)],
    "delete": [put(1), delete(1), put(1)],
    "install": [install(1), install(2)],
    "checkpoint": [checkpoint(1), checkpoint(2), checkpoint(3)],
    "setting": [setting(5), setting(6)],
}


@pytest.mark.parametrize("name", EACH)
def test_nothing_is_lost_whenever_the_power_goes(name: str) -> None:
    count, wrong = replay(EACH[name])
    assert wrong == []
    assert count > 5, "too few states: the recording noticed nothing"


@pytest.mark.parametrize("deaf", ["files", "folders"])
@pytest.mark.parametrize("name", EACH)
def test_control_without_a_sync_the_loss_is_found(name: str, deaf: str) -> None:
    assert replay(EACH[name], deaf=deaf)[1]


def test_control_a_row_before_its_blob_is_found(tmp_path: Path) -> None:
    disk = RecordedDisk(create(tmp_path / "ws").root)
    with disk.recording():
        # As if the row were committed, and the bytes written after it.
        disk.mark((False, "put", 1))
        Places(tmp_path / "ws").blobs.put(data_of(1))
    found = [looked_at(crash, tmp_path / "after") for crash in disk.crashes()]
    assert ["blob 1 is lost"] in found
    assert found[-1] == []


def test_control_a_manifest_before_its_files_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hasty(self: CheckpointFolder, step: int, write: Callable[[Path], None]) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        folder = self._fresh(step)
        write(folder)
        folder.with_name(folder.name + ".json").write_bytes(b"sealed")
        return folder

    monkeypatch.setattr(CheckpointFolder, "save", hasty)
    assert replay([checkpoint(1)])[1]


def test_control_a_blob_written_in_place_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def in_place(self: LocalBlobs, data: bytes) -> str:
        target = self.target(digest_bytes(data))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return digest_bytes(data)

    monkeypatch.setattr(LocalBlobs, "put", in_place)
    assert replay([put(1)])[1]


def test_a_blob_that_fails_within_a_batch_never_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = LocalBlobs(tmp_path / "blobs")
    given = tmp_path / "growing.wav"
    given.write_bytes(data_of(1))
    real = blobs_local.digest_file

    def read_then_grow(path: Path) -> str:
        digest = real(path)
        path.write_bytes(data_of(2))
        return digest

    with blobs.together():
        kept = blobs.put(data_of(3))
        monkeypatch.setattr(blobs_local, "digest_file", read_then_grow)
        with pytest.raises(ConflictError):
            blobs.put_file(given)
        monkeypatch.undo()
    assert list(blobs.digests()) == [kept]
    assert blobs.verify(kept)


def test_a_blob_that_another_process_has_only_just_renamed_lasts(tmp_path: Path) -> None:
    places = Places(create(tmp_path / "ws").root)
    places.blobs.put(data_of(1))
    target = places.blobs.target(digest_bytes(data_of(1)))
    draft = target.with_name(".tmp-1-abc")
    target.rename(draft)
    disk = RecordedDisk(tmp_path / "ws")
    with disk.recording():
        # The other process was ended between its rename and its sync of the folder.
        draft.rename(target)
        disk.mark((True, "put", 1))
        places.blobs.put(data_of(1))
        disk.mark((False, "put", 1))
    for crash in disk.crashes():
        assert looked_at(crash, tmp_path / "after") == []


deeds = st.one_of(
    st.integers(1, 3).map(put),
    st.integers(1, 3).map(put_file),
    st.integers(1, 3).map(delete),
    st.integers(1, 60).map(setting),
    st.just(None),
)


def check_any_order(drawn: list[Step | None], models: list[bool]) -> None:
    """Any deeds one after the other; a None becomes the next model or checkpoint."""
    numbers = itertools.count(1)
    steps = [
        step or (install if model else checkpoint)(next(numbers))
        for step, model in zip(drawn, models, strict=False)
    ]
    count, wrong = replay(steps)
    event(f"{len(str(count))} digits of states")
    assert wrong == [], steps


lists = (st.lists(deeds, min_size=2, max_size=6), st.lists(st.booleans(), min_size=6, max_size=6))


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(*lists)
def test_no_order_of_deeds_loses_anything(drawn: list[Step | None], models: list[bool]) -> None:
    check_any_order(drawn, models)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(*lists)
def test_many_orders_of_deeds_lose_nothing(drawn: list[Step | None], models: list[bool]) -> None:
    check_any_order(drawn, models)
