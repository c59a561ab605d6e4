import json
import os
import signal
import time
from dataclasses import replace

import pytest

from truing.domain.run import Run, RunRequest, RunState, Want
from truing.jobs import deaths
from truing.jobs.deaths import (
    CLEAN,
    MOST_SHORTAGES,
    SHORTAGES,
    TROUBLES,
    after_death,
    exit_words,
    killed_for_memory,
    note_memory_kills,
)
from truing.platform.memory import MemoryKills

RUN = Run(
    id=3, uid="u", request=RunRequest(modality="speech", recipe="r", dataset="d@1", base=None),
    state=RunState.RUNNING, want=Want.RUN, fence=1, lease_until=0, boot_id="b", pid=1, pid_start=1,
    attempts=1, step=7, total_steps=9, created_at=0, started_at=0, ended_at=None, error=None,
    result={},
)  # fmt: skip


def test_a_first_death_is_forgiven_and_told():
    ending = after_death(RUN, "ended by SIGKILL", max_attempts=2)
    assert ending.state is RunState.PAUSED
    assert ending.result[TROUBLES] == ["Attempt 1 ended at step 7: ended by SIGKILL."]


def test_the_last_death_fails_the_run():
    ending = after_death(replace(RUN, attempts=2), "ended by SIGSEGV", max_attempts=2)
    assert ending.state is RunState.FAILED
    assert ending.error == (
        "the worker process died in each of 2 attempts (ended by SIGSEGV), the last time at step "
        "7 of 9; `truing logs 3` shows what it said"
    )


def test_attempts_that_ended_by_themselves_do_not_count():
    run = replace(RUN, attempts=5, result={CLEAN: 4})
    assert after_death(run, "x", max_attempts=2).state is RunState.PAUSED


@pytest.mark.parametrize(
    ("want", "state"), [(Want.STOP, RunState.STOPPED), (Want.PAUSE, RunState.PAUSED)]
)
def test_what_a_person_wants_comes_first(want, state):
    ending = after_death(replace(RUN, attempts=9, want=want), "x", max_attempts=1)
    assert (ending.state, ending.error) == (state, None)


def test_a_shortage_of_memory_is_counted_apart_until_nothing_is_left_to_halve():
    run = RUN
    for count in range(1, MOST_SHORTAGES + 1):
        ending = after_death(run, "no memory", max_attempts=1, short_of_memory=True)
        assert (ending.state, ending.result[SHORTAGES]) == (RunState.PAUSED, count)
        run = replace(run, attempts=run.attempts + 1, result=ending.result)
    ending = after_death(run, "no memory", max_attempts=1, short_of_memory=True)
    assert ending.state is RunState.FAILED
    assert "(no memory)" in ending.error


def test_only_so_many_troubles_are_kept():
    run = replace(RUN, result={TROUBLES: [f"trouble {n}" for n in range(20)]})
    told = after_death(run, "x", max_attempts=9).result[TROUBLES]
    assert (len(told), told[0]) == (20, "trouble 1")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (None, "killed, out of memory or the machine went down"),
        (0, "exit code 0"),
        (-9, "ended by SIGKILL"),
        (-99, "ended by signal 99"),
    ],
)
def test_how_a_process_ended_in_words(code, words):
    assert exit_words(code) == words


@pytest.mark.parametrize(
    ("before", "now", "code", "memory"),
    [
        (("group", 1), ("group", 2), -9, True),
        (("group", 1), ("group", 2), None, True),
        (("group", 1), ("group", 1), -9, False),
        (("group", 1), ("other", 2), -9, False),
        (("group", 1), ("group", 2), 1, False),
        (("group", 1), None, -9, False),
    ],
)
def test_the_systems_count_tells_whether_it_was_for_want_of_memory(
    before, now, code, memory, tmp_path, monkeypatch
):
    told = [MemoryKills(group=before[0], count=before[1])]
    monkeypatch.setattr(deaths, "memory_kills", lambda: told[-1])
    note_memory_kills(tmp_path / "kills.json")
    told.append(now and MemoryKills(group=now[0], count=now[1]))
    assert killed_for_memory(tmp_path / "kills.json", code) is memory


@pytest.mark.parametrize("text", [None, "", "[]", json.dumps({"group": "x"})])
def test_without_a_count_from_before_nothing_is_told(text, tmp_path, monkeypatch):
    monkeypatch.setattr(deaths, "memory_kills", lambda: MemoryKills(group="x", count=5))
    if text is not None:
        (tmp_path / "kills.json").write_text(text)
    assert not killed_for_memory(tmp_path / "kills.json", -9)


def test_where_the_system_does_not_count_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(deaths, "memory_kills", lambda: None)
    (tmp_path / "kills.json").write_text("old")
    note_memory_kills(tmp_path / "kills.json")
    assert not (tmp_path / "kills.json").exists()


def test_a_worker_that_the_system_ended_for_want_of_memory_begins_anew_with_less(yard, monkeypatch):
    """A real kill; that the kernel counted it as its own is what is made up."""
    run_id = yard.queue(holds_before=[6])
    supervisor = yard.supervisor(max_attempts=1)
    supervisor.start(run_id)
    deadline = time.monotonic() + 60
    while (run := yard.runs.get(run_id)).step < 6:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    before = json.loads((yard.folder / "runs" / "1" / "memory-kills.json").read_text())
    os.kill(run.pid, signal.SIGKILL)
    now = MemoryKills(group=before["group"], count=before["count"] + 1)
    monkeypatch.setattr(deaths, "memory_kills", lambda: now)

    ended = supervisor.wait(run_id).run

    assert (ended.state, ended.attempts) == (RunState.DONE, 2)
    assert ended.result["figures"] == {"sum": 210}
    assert "the system ended it for want of memory" in ended.result["notes"][0]
    assert "takes half as much 1 times" in yard.log(run_id)
