"""Checking again, and copies: exact ones and near ones, when they come and among what is there."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from truing import Workspace
from truing.domain.errors import NotFoundError
from truing.domain.finding import Finding
from truing.domain.sample import MARK, Sample, SampleFilter
from truing.loop import check as checking

SPEECH = Path(__file__).parents[1] / "data" / "speech"
CLEAN = SPEECH / "quality" / "sb_clean.flac"
OTHER = SPEECH / "quality" / "grid_clean.flac"
Signal = Any


def sound(path: Path = CLEAN) -> tuple[Signal, int]:
    return soundfile.read(path)


def mp3(path: Path = CLEAN) -> bytes:
    samples, rate = sound(path)
    stream = io.BytesIO()
    soundfile.write(stream, samples * 0.4, rate, format="MP3", subtype="MPEG_LAYER_III")
    return stream.getvalue()


def captured(workspace: Workspace, audio: object, **details: object) -> Sample:
    added = workspace.capture("speech", audio=audio, **details)
    assert added is not None
    return workspace.sample(added.id)


def copies(sample: Sample) -> list[Finding]:
    names = (checking.DUPLICATE, checking.NEAR_DUPLICATE)
    return [found for found in sample.findings if found.check in names]


def tying(sample: Sample) -> set[str]:
    return {key for key in sample.groups if not key.startswith(MARK)}


class TestCopies:
    def test_a_copy_coded_anew_names_the_first_and_is_tied_to_it(
        self, workspace: Workspace
    ) -> None:
        first, other = captured(workspace, CLEAN), captured(workspace, OTHER)
        copy = captured(workspace, mp3())
        assert copies(first) == copies(other) == []
        (found,) = copies(copy)
        assert (found.check, found.value) == ("near_duplicate", float(first.id))
        assert found.setting == "speech.near_duplicate"
        assert f"sample {first.id}" in found.reason
        assert copy.quality < first.quality
        assert tying(first) < tying(copy)
        assert tying(other).isdisjoint(tying(copy))

    def test_an_exact_copy_is_no_near_one(self, workspace: Workspace) -> None:
        first = captured(workspace, CLEAN)
        near = captured(workspace, mp3())
        again = captured(workspace, sound())
        (found,) = copies(again)
        assert (found.check, found.value) == ("duplicate", float(first.id))
        # The near copy carries the key of the first, and is no exact copy for that.
        workspace.store.samples.erase([first.id])
        workspace.check()
        assert copies(workspace.sample(near.id)) == []
        (found,) = copies(workspace.sample(again.id))
        assert (found.check, found.value) == ("near_duplicate", float(near.id))

    def test_the_threshold_is_a_setting(self, workspace: Workspace) -> None:
        captured(workspace, CLEAN)
        strict = Workspace.open(
            workspace.layout.root, flags={"speech.near_duplicate": "0.9999"}, environ={}
        )
        with strict:
            assert copies(captured(strict, mp3())) == []

    def test_near_copies_never_straddle_a_split(self, workspace: Workspace) -> None:
        pairs = []
        for path in sorted((SPEECH / "digits").glob("*.flac"))[:16]:
            samples, rate = sound(path)
            pair = [captured(workspace, path, raw="one", sampling="wholesale")]
            copy = (soxr.resample(samples * 0.5, rate, 11_025), 11_025)
            pair.append(captured(workspace, copy, raw="one", sampling="wholesale"))
            assert copies(pair[1])[0].value == pair[0].id
            pairs.append(pair)
        for pair in pairs:
            for one in pair:
                workspace.review(one.id, "accepted")
        version = workspace.freeze("mine", test_share=0.4)
        rows = workspace.store.datasets.rows(version.ref)
        part = {row.sample_uid: row.split for row in rows}
        assert len(set(part.values())) >= 2
        for pair in pairs:
            assert part[pair[0].uid] == part[pair[1].uid]

    def test_copies_within_one_import_are_tied(self, workspace: Workspace, tmp_path: Path) -> None:
        folder = tmp_path / "given"
        folder.mkdir()
        (folder / "a.flac").write_bytes(CLEAN.read_bytes())
        (folder / "b.mp3").write_bytes(mp3())
        (folder / "c.flac").write_bytes(OTHER.read_bytes())
        samples, rate = sound()
        soundfile.write(folder / "d.wav", samples, rate, subtype="PCM_16")
        rows = [{"file_name": name, "transcription": "mend"} for name in ("a.flac", "b.mp3")]
        rows += [{"file_name": name, "transcription": "mend"} for name in ("c.flac", "d.wav")]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / "metadata.jsonl").write_text(lines, encoding="utf-8")
        workspace.import_from("audiofolder", folder)
        first, near, other, same = workspace.store.samples.iterate(SampleFilter())
        assert [found.check for found in copies(near)] == ["near_duplicate"]
        assert [found.check for found in copies(same)] == ["duplicate"]
        assert copies(first) == copies(other) == []
        assert copies(near)[0].value is None
        assert tying(first) <= tying(near) & tying(same)
        # Once stored they have numbers, and checking again names them.
        workspace.check()
        assert copies(workspace.sample(near.id))[0].value == first.id

    def test_a_candidate_whose_bytes_are_lost_is_passed_over(self, workspace: Workspace) -> None:
        first = captured(workspace, CLEAN)
        workspace.blobs.delete(first.media[0].digest)
        assert copies(captured(workspace, mp3())) == []

    def test_candidates_erased_meanwhile_are_passed_over(self, workspace: Workspace) -> None:
        captured(workspace, CLEAN)
        speech, blobs = workspace.modality("speech"), workspace.blobs
        samples: Any = Vanishing(workspace.store.samples)
        near = checking.Neighbours(speech, samples, blobs, workspace.settings)
        near.stored()
        assert _compared(near, speech, CLEAN) == []
        report, _ = near.compare(*_examined(speech, mp3()))
        assert report.findings == ()

    def test_what_waits_is_bounded(
        self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(checking, "WAITING_BYTES", 100_000)
        speech = workspace.modality("speech")
        samples, blobs = workspace.store.samples, workspace.blobs
        near = checking.Neighbours(speech, samples, blobs, workspace.settings, remembers=True)
        for path in (CLEAN, OTHER, OTHER, OTHER):
            near.compare(*_examined(speech, path))
        # The first has made room; what came last is still known.
        assert _compared(near, speech, CLEAN) == []
        assert _compared(near, speech, OTHER) == ["duplicate"]
        near.stored()
        assert _compared(near, speech, OTHER) == []


class Vanishing:
    """Samples that somebody erases between being found and being read."""

    def __init__(self, samples: Any) -> None:
        self.by_groups = samples.by_groups

    def get(self, number: int) -> Sample:
        raise NotFoundError(f"no sample `{number}`", hint="`truing samples` lists them")


def _examined(speech: Any, path: object) -> Any:
    from truing.domain.finding import CheckReport
    from truing.domain.media import Media
    from truing.domain.modality import CheckInput

    kept = speech.ingest("audio", path)
    medium = Media(role="audio", digest="d", size=1, media_type=kept.media_type, facts=kept.facts)
    data = {"audio": kept.data}
    given = CheckInput(media=(medium,), data=data, predictions=(), truth=None, damage={})
    return CheckReport(), given


def _compared(near: checking.Neighbours, speech: Any, path: Path) -> list[str]:
    report, _ = near.compare(*_examined(speech, path))
    return [found.check for found in report.findings]


class TestCheckingAgain:
    def test_nothing_is_written_when_nothing_changed(self, workspace: Workspace) -> None:
        captured(workspace, CLEAN)
        captured(workspace, mp3())
        done = workspace.check()
        assert (done.samples, done.with_findings, done.changed) == (2, 1, 0)
        assert dict(done.findings) == {"near_duplicate": 1}

    def test_a_moved_threshold_changes_reports(self, workspace: Workspace) -> None:
        number = captured(workspace, CLEAN).id
        flags = {"speech.quiet_peak": "0.99"}
        with Workspace.open(workspace.layout.root, flags=flags, environ={}) as strict:
            assert strict.check().changed == 1
            assert [one.check for one in strict.sample(number).findings] == ["too_quiet"]
        assert workspace.check().changed == 1
        assert workspace.sample(number).findings == ()

    def test_an_interrupted_check_goes_on_behind_the_last_sample(
        self, workspace: Workspace
    ) -> None:
        rng = random.Random(3)
        numbers = []
        for _ in range(6):
            noise = np.array([rng.uniform(-0.1, 0.1) for _ in range(4_000)])
            numbers.append(captured(workspace, (noise, 8_000)).id)
        seen: list[tuple[int, int]] = []

        def stop(done: int, number: int) -> None:
            seen.append((done, number))
            if done == 4:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            workspace.check(on_progress=stop)
        assert seen[-1] == (4, numbers[3])
        assert workspace.check(after=seen[-1][1]).samples == 2

    def test_lost_bytes_are_a_finding(self, workspace: Workspace) -> None:
        sample = captured(workspace, CLEAN)
        workspace.blobs.delete(sample.media[0].digest)
        assert dict(workspace.check().findings) == {"damaged": 1}


NEXVISION = Path(__file__).parents[1] / "data" / "clients" / "nexvision" / "training-data"


class TestCopiesOfSeveralMedia:
    def pairs(self, workspace: Workspace, *names: str) -> list[Sample]:
        found = []
        for name in names:
            folder = NEXVISION / f"session-2026-11-20T09-49-36-{name}"
            added = workspace.capture(
                "image_edit",
                original=next(folder.glob("original-*")),
                edited=next(folder.glob("reimagined-*")),
                raw="edit it",
            )
            assert added is not None
            found.append(workspace.sample(added.id))
        return found

    def test_one_original_with_several_results_is_no_copy_and_yet_tied(
        self, workspace: Workspace
    ) -> None:
        first, second, chained = self.pairs(workspace, "051Z", "107Z", "399Z")
        assert copies(first) == copies(second) == copies(chained) == []
        assert tying(first) & tying(second)
        assert tying(first) & tying(chained)

    def test_the_same_pair_is_a_copy(self, workspace: Workspace) -> None:
        first, _, again = self.pairs(workspace, "051Z", "107Z", "572Z")
        (found,) = copies(again)
        assert (found.check, found.value) == ("duplicate", float(first.id))
