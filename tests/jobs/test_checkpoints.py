import os
import random
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truing.domain.errors import InvalidInputError, UnavailableError
from truing.jobs.checkpoints import CheckpointFolder


def write(content):
    def fill(folder):
        (folder / "model").write_bytes(content)
        (folder / "deep" / "er").mkdir(parents=True)
        (folder / "deep" / "er" / "state").write_bytes(content * 2)

    return fill


def test_the_newest_is_given_and_holds_what_was_written(tmp_path):
    checkpoints = CheckpointFolder(tmp_path / "c")
    assert checkpoints.latest() is None
    checkpoints.save(10, write(b"ten"))
    checkpoints.save(20, write(b"twenty"))

    step, folder = checkpoints.latest()

    assert step == 20
    assert (folder / "model").read_bytes() == b"twenty"
    assert (folder / "deep" / "er" / "state").read_bytes() == b"twentytwenty"


def test_only_the_newest_are_kept(tmp_path):
    checkpoints = CheckpointFolder(tmp_path, keep=2)
    for step in (1, 2, 3, 4):
        checkpoints.save(step, write(b"x"))

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "000003-step-3",
        "000003-step-3.json",
        "000004-step-4",
        "000004-step-4.json",
    ]


def test_a_step_can_be_saved_again_and_an_earlier_one_after_a_later(tmp_path):
    checkpoints = CheckpointFolder(tmp_path)
    for step, content in ((30, b"a"), (20, b"b"), (20, b"c")):
        checkpoints.save(step, write(content))

    step, folder = checkpoints.latest()

    assert (step, (folder / "model").read_bytes()) == (20, b"c")


def test_a_write_that_fails_leaves_the_older_ones(tmp_path):
    checkpoints = CheckpointFolder(tmp_path)
    checkpoints.save(1, write(b"good"))

    def torn(folder):
        (folder / "model").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(UnavailableError, match="no space left"):
        checkpoints.save(2, torn)

    assert checkpoints.latest()[0] == 1
    assert len(list(tmp_path.iterdir())) == 2


def test_an_unsealed_folder_is_never_trusted_and_goes_with_the_next_save(tmp_path):
    said = []
    checkpoints = CheckpointFolder(tmp_path, say=said.append)
    checkpoints.save(1, write(b"good"))
    stray = tmp_path / "000002-step-9"
    stray.mkdir()
    (stray / "model").write_bytes(b"looks fine")

    assert checkpoints.latest()[0] == 1
    assert said == ["passing over checkpoint `000002-step-9`: it was never sealed"]
    checkpoints.save(2, write(b"next"))
    assert not stray.exists()


def test_a_damaged_one_does_not_count_among_those_kept(tmp_path):
    checkpoints = CheckpointFolder(tmp_path, keep=2, say=lambda _: None)
    for step in (1, 2):
        checkpoints.save(step, write(b"good"))
    (tmp_path / "000002-step-2" / "model").write_bytes(b"gone")
    assert checkpoints.latest()[0] == 1

    checkpoints.save(3, write(b"good"))

    kept = sorted(path.name for path in tmp_path.iterdir() if path.is_dir())
    assert kept == ["000001-step-1", "000003-step-3"]


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / "deep" / "er" / "state").unlink(),
        lambda folder: (folder / "more").write_bytes(b""),
        lambda folder: (folder / "model").write_bytes(b"goo"),
        lambda folder: (folder / "model").rename(folder / "model2"),
        lambda folder: folder.with_name(folder.name + ".json").unlink(),
        lambda folder: folder.with_name(folder.name + ".json").write_bytes(b""),
        lambda folder: folder.rename(folder.with_name("000002-step-3")),
        lambda folder: ((folder / "model").unlink(), (folder / "model").symlink_to("/dev/zero")),
    ],
    ids=["missing", "extra", "short", "renamed", "unsealed", "empty seal", "other step", "link"],
)
def test_harm_makes_it_fall_back_to_the_one_before(tmp_path, harm):
    said = []
    checkpoints = CheckpointFolder(tmp_path, say=said.append)
    checkpoints.save(1, write(b"good"))
    harm(checkpoints.save(2, write(b"good")))

    assert checkpoints.latest()[0] == 1
    assert len(said) == 1
    assert "passing over" in said[0]


@settings(max_examples=60, deadline=None)
@given(data=st.data(), content=st.binary(min_size=1, max_size=200))
def test_any_single_flipped_bit_or_cut_is_noticed(tmp_path_factory, data, content):
    checkpoints = CheckpointFolder(tmp_path_factory.mktemp("c"), say=lambda _: None)
    folder = checkpoints.save(5, write(content))
    files = [folder / "model", folder / "deep" / "er" / "state"]
    files.append(folder.with_name(folder.name + ".json"))
    path = data.draw(st.sampled_from(files))
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        bit = 1 << data.draw(st.integers(0, 7))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :])
    else:
        path.write_bytes(whole[:at])

    assert checkpoints.latest() is None
    path.write_bytes(whole)
    assert checkpoints.latest() == (5, folder)


def test_a_link_is_refused_when_saving(tmp_path):
    checkpoints = CheckpointFolder(tmp_path)

    with pytest.raises(InvalidInputError, match="`latest`, which is no plain file"):
        checkpoints.save(1, lambda folder: (folder / "latest").symlink_to(folder))

    assert list(tmp_path.iterdir()) == []


SAVER = """
import os, sys
from pathlib import Path
from truing.jobs.checkpoints import CheckpointFolder
checkpoints = CheckpointFolder(Path(sys.argv[1]), say=lambda _: None)
found = checkpoints.latest()
step = found[0] if found else 0
while True:
    step += 1
    def fill(folder):
        for name in ("a", "b", "c"):
            (folder / name).write_bytes(step.to_bytes(8, "big") * 5000)
    checkpoints.save(step, fill)
    print(step, flush=True)
"""


def test_killed_at_any_moment_the_last_acknowledged_one_is_there_and_whole(tmp_path):
    rng = random.Random(7)
    reached = 0
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        with process:
            first = int(process.stdout.readline())
            assert first == reached + 1
            time.sleep(rng.uniform(0, 0.15))
            os.kill(process.pid, signal.SIGKILL)
            acknowledged = [first, *map(int, process.stdout.read().split())][-1]

        reached, folder = CheckpointFolder(tmp_path, say=lambda _: None).latest()

        # The kill may fall between the seal and its acknowledgement.
        assert reached in (acknowledged, acknowledged + 1)
        for name in ("a", "b", "c"):
            assert (folder / name).read_bytes() == reached.to_bytes(8, "big") * 5000
