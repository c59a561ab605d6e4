"""What commands say of a run that waits because the disk was full."""

from __future__ import annotations

import errno
import os
from functools import partial

from truing import Workspace
from truing.domain.run import RunRequest
from truing.jobs.worker import work


def full(run, context):
    context.progress(7, 20)
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "checkpoints")


def test_jobs_says_why_a_run_waits(truing, tmp_path):
    with Workspace.open(tmp_path / "ws", environ={}) as workspace:
        request = RunRequest(modality="speech", recipe="whisper", dataset="mine@1", base=None)
        run = workspace.store.runs.add("uid", request, workspace.clock.now())
        carry = partial(work, workspace.store.runs, run.id, folder=workspace.layout.root)
        carry(clock=workspace.clock, execute=full)
    said = truing("jobs")
    assert "paused" in said.out
    assert "run 1: Attempt 1 met a full disk at step 7: " in said.err
    assert "Make room" in said.err
    assert "full disk" in truing("jobs", "--json").json["jobs"][0]["notes"][0]
