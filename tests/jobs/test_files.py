import os
from pathlib import Path

import pytest

from truing.jobs.files import HELD, RunFiles, device_lock, inherited_lock
from truing.platform.locks import FileLock


def test_the_files_of_a_run_lie_in_its_folder():
    files = RunFiles.of(Path("w"), 3)

    assert files.log == Path("w/runs/3/run.log")
    assert files.checkpoints == Path("w/runs/3/checkpoints")


@pytest.mark.parametrize(
    ("device", "name"),
    [("cpu", "device-cpu.lock"), ("cuda:1", "device-cuda-1.lock"), ("a/../B", "device-a-b.lock")],
)
def test_a_device_has_one_lock_file_whatever_its_name(device, name):
    assert device_lock(Path("w"), device) == Path("w") / name


def test_an_inherited_lock_is_held_for_the_block_and_let_go_after_it(tmp_path, monkeypatch):
    path = tmp_path / "device-cpu.lock"
    starter = FileLock(path)
    assert starter.acquire()
    inherited = os.dup(starter.fileno())
    starter.release()
    monkeypatch.setenv(HELD, f"{inherited}:{path}")

    with inherited_lock():
        assert not FileLock(path).acquire()
        assert HELD not in os.environ

    assert FileLock(path).acquire()


@pytest.mark.parametrize("number", [None, 9999])
def test_a_descriptor_of_something_else_is_left_open(tmp_path, monkeypatch, number):
    path = tmp_path / "device-cpu.lock"
    path.touch()
    other = os.open(tmp_path, os.O_RDONLY)
    monkeypatch.setenv(HELD, f"{other if number is None else number}:{path}")

    with inherited_lock():
        pass

    os.fstat(other)
    os.close(other)


def test_without_an_inherited_lock_nothing_happens(monkeypatch):
    monkeypatch.delenv(HELD, raising=False)
    with inherited_lock():
        pass
