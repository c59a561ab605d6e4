"""All steps together: twice, killed in the middle, and two at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from truing.domain.errors import ConflictError, NothingToDoError
from truing.modalities.lipreading.grid.corpus import Corpus
from truing.modalities.lipreading.grid.pipeline import Choices, at_work, run

DATA = Path(__file__).parents[3] / "data" / "lipreading"


def test_all_steps_and_again(my_videos, mouth_clips, tmp_path, files_of) -> None:
    corpus = Corpus(tmp_path / "out")
    run(corpus, ["download"], Choices(local_path=mouth_clips(20)))
    choices = Choices(local_path=my_videos)
    told = []
    done = run(corpus, choices=choices, on_progress=lambda *said: told.append(said))
    assert [one.step for one in done.outcomes] == ["download", "align", "prepare", "format"]
    assert done.report.as_dict()["ok"]
    assert done.report.problems == []
    assert sum(done.report.counts.values()) == 25
    assert ("prepare", 26, 26) in told
    before = files_of(corpus.root)
    again = run(corpus, choices=choices)
    assert again.made == 0
    assert files_of(corpus.root) == before


def test_steps_need_clips(tmp_path) -> None:
    with pytest.raises(NothingToDoError, match="no videos of s3"):
        run(Corpus(tmp_path), ["prepare"], Choices(speakers=("s3",)))


def test_one_process_at_a_time(tmp_path) -> None:
    corpus = Corpus(tmp_path)
    with at_work(corpus), pytest.raises(ConflictError, match="another `truing grid`"):
        run(corpus, ["align"])
    with pytest.raises(NothingToDoError):
        run(corpus, ["align"])


COMMAND = [sys.executable, "-m", "truing", "grid", "run", "--output"]


def originals(folder: Path, copies: int) -> Path:
    """So many sentences with the moving pictures of one, each at another place of it."""
    raw = folder / "s1"
    raw.mkdir(parents=True)
    names = sorted(path.stem for path in (DATA / "grid_s1" / "align").iterdir())[:copies]
    for name in names:
        shutil.copy(DATA / "grid" / "swwp2s.mpg", raw / f"{name}.mpg")
        words = (DATA / "grid_s1" / "align" / f"{name}.align").read_text("utf-8").split()[2::3]
        first = 4 + names.index(name)
        lines = [
            f"{(first + 5 * place) * 1000} {(first + 5 * place + 5) * 1000} {word}"
            for place, word in enumerate(word for word in words if word not in ("sil", "sp"))
        ]
        (raw / f"{name}.align").write_text("\n".join(lines), encoding="utf-8")
    return folder


HELD = """
import os, time
real = os.replace

def replace(source, target, **more):
    # Whoever would put the ninth mosaic in its place waits, until it is killed.
    folder, name = os.path.split(target)
    while name.endswith(".jpg") and sum(one.endswith(".jpg") for one in os.listdir(folder)) > 7:
        time.sleep(0.01)
    return real(source, target, **more)

os.replace = replace
"""


def held(folder: Path) -> dict[str, str]:
    """Variables with which all processes of a command stop before their work is done."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(HELD, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(folder)}


def children(pid: int) -> list[int]:
    """Processes that a process started."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return [int(one) for one in found]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_killed_and_started_again(tmp_path, files_of) -> None:
    mine = originals(tmp_path / "mine", 24)
    words = ["--local-path", str(mine), "--workers", "2"]
    whole = tmp_path / "whole"
    subprocess.run([*COMMAND, str(whole), *words], check=True, capture_output=True)
    out = tmp_path / "out"
    killed = subprocess.Popen(
        [*COMMAND, str(out), *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=held(tmp_path / "held"),
    )
    deadline = time.monotonic() + 120
    while len(list(out.glob("mosaics/s1/*.jpg"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    workers = children(killed.pid)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    while any(Path(f"/proc/{one}/exe").exists() for one in workers):
        assert time.monotonic() < deadline, "workers outlive their parent"
        time.sleep(0.05)
    made = len(list(out.glob("mosaics/s1/*.jpg")))
    assert 5 <= made < 24
    assert len(workers) >= 2
    assert not (out / "grid_dataset_train.jsonl").exists()
    (out / "mosaics" / "s1" / ".bbaf2n.jpg.1.tmp").write_bytes(b"half a mosaic")
    done = subprocess.run([*COMMAND, str(out), *words], check=True, capture_output=True, text=True)
    assert f"prepare: {24 - made} made, {made} there already" in done.stdout
    assert files_of(out) == files_of(whole)
