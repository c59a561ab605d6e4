"""A trained network at work on real clips: texts, times, confidence, batches, and live."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from tests.modalities.lipreading.conftest import Trained

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError
from truing.domain.grammar import GRID
from truing.domain.modality import CanStream, CanWeighText
from truing.domain.recipe import MediaFile
from truing.modalities.lipreading.frames import read_frames
from truing.modalities.lipreading.recognize import open_recognizer
from truing.modalities.lipreading.visual_tcn_runtime import VisualTcnReader

DATA = Path(__file__).parents[2] / "data" / "lipreading"


@pytest.fixture(scope="module")
def reader(trained: Trained) -> VisualTcnReader:
    return VisualTcnReader(trained.folder, {})


def accuracy(pairs: list[tuple[str, str]]) -> float:
    right = [a == b for one, two in pairs for a, b in zip(one.split(), two.split(), strict=True)]
    return sum(right) / len(right)


def test_held_out_sentences_are_read_with_words_times_and_alternatives(
    trained: Trained, reader: VisualTcnReader
) -> None:
    assert isinstance(reader, CanStream)
    assert isinstance(reader, CanWeighText)
    said = reader.recognize_many([row.media for row in trained.held_out])
    assert accuracy([(r.truth, s.text) for r, s in zip(trained.held_out, said, strict=True)]) > 0.44
    for one in said:
        assert GRID.fits(one.text)
        assert [word.text for word in one.words] == one.text.split()
        edges = [edge for word in one.words for edge in (word.start or 0.0, word.end or 0.0)]
        assert edges == sorted(edges)
        assert 0 <= edges[0] < edges[-1] <= 3.0
        assert all(0 <= (word.confidence or 0) <= 1 for word in one.words)
        assert len(one.alternatives) == 4
        assert one.text not in {other.text for other in one.alternatives}
        assert one.stages.keys() == {"mouth", "model"}


def test_words_lie_where_the_alignment_has_them(trained: Trained, reader: VisualTcnReader) -> None:
    from truing.modalities.lipreading import alignment

    gaps = []
    for row in trained.held_out[:12]:
        said = reader.recognize(row.media)
        known = alignment.read(row.media["alignment"].path)
        gaps += [
            abs((word.start or 0) - (true.start or 0))
            for word, true in zip(said.words, known, strict=True)
        ]
    assert np.median(gaps) < 0.1, "seconds"


def test_confidence_tells_right_words_from_wrong_ones(
    trained: Trained, reader: VisualTcnReader
) -> None:
    said = reader.recognize_many([row.media for row in trained.held_out])
    right, wrong = [], []
    for row, one in zip(trained.held_out, said, strict=True):
        for truth, word in zip(row.truth.split(), one.words, strict=True):
            (right if word.text == truth else wrong).append(word.confidence or 0.0)
    assert np.mean(right) > np.mean(wrong) + 0.1
    assert abs(np.mean(right + wrong) - len(right) / len(right + wrong)) < 0.15, "calibrated"


def test_one_by_one_and_in_batches_are_the_same(trained: Trained, reader: VisualTcnReader) -> None:
    rows = [row.media for row in trained.held_out[:5]]
    media = dict(rows[2], video=MediaFile(path=rows[2]["video"].path, start=0.2, end=2.8))
    rows[2] = media
    together = reader.recognize_many(iter(rows), batch_size=3)
    for one, alone in zip(together, map(reader.recognize, rows), strict=True):
        assert one.text == alone.text
        assert one.confidence == pytest.approx(alone.confidence, abs=1e-3)


def test_text_only_leaves_the_rest_out(trained: Trained) -> None:
    brief = open_recognizer(str(trained.folder), {"text_only": True})
    said = brief.recognize(trained.held_out[0].media)
    assert said.words == ()
    assert said.alternatives == ()
    assert said.confidence is not None
    full = VisualTcnReader(trained.folder, {}).recognize(trained.held_out[0].media)
    assert (said.text, said.confidence) == (full.text, full.confidence)


def test_a_text_can_be_weighed(trained: Trained, reader: VisualTcnReader) -> None:
    media = trained.held_out[0].media
    said = reader.recognize(media)
    assert reader.confidence_in(media, said.text) == pytest.approx(said.confidence, abs=1e-4)
    other = said.alternatives[0]
    assert reader.confidence_in(media, other.text) == pytest.approx(other.confidence, abs=1e-4)
    assert reader.confidence_in(media, "good morning") is None


def test_live_the_text_grows_and_ends_as_the_whole(
    trained: Trained, reader: VisualTcnReader
) -> None:
    row = trained.held_out[0]
    stream = reader.stream()
    partial, waited = [], []
    for frame in read_frames(row.media["video"].path, colour="rgb"):
        began = time.process_time()
        said = stream.push(frame.image, frame.time)
        waited.append(time.process_time() - began)
        if said is not None:
            partial.append((frame.time, said.text))
    whole = stream.finish()
    assert whole.text == reader.recognize(row.media).text
    assert len(partial) >= 3
    counts = [len(text.split()) for _, text in partial]
    assert counts == sorted(counts), "words are added while they are said"
    assert max(counts) == 6
    assert sum(waited) < 1.5, "CPU seconds for 3 seconds of video, on a busy machine"


def test_a_face_video_is_read_live_and_whole(reader: VisualTcnReader) -> None:
    video = DATA / "grid" / "bbaf2n.mpg"
    said = reader.recognize({"video": MediaFile(path=video)})
    stream = reader.stream()
    for frame in read_frames(video, colour="rgb"):
        stream.push(frame.image, frame.time)
    live = stream.finish()
    truth = "bin blue at f two now"
    assert GRID.fits(said.text)
    assert accuracy([(truth, said.text)]) >= 0.5
    assert accuracy([(truth, live.text)]) >= 0.5


def test_nothing_seen_is_nothing_said(reader: VisualTcnReader) -> None:
    stream = reader.stream()
    for frame in range(10):
        assert stream.push(np.zeros((120, 160, 3), np.uint8), frame / 25) is None
    assert stream.finish().text == ""


def test_errors_say_what_repairs_them(trained: Trained, tmp_path: Path) -> None:
    reader = VisualTcnReader(trained.folder, {"threads": "1", "batch_size": "2"})
    torn = tmp_path / "torn"
    torn.write_bytes(b"\0" * 100)
    with pytest.raises((DamagedError, InvalidInputError)):
        reader.recognize({"video": MediaFile(path=torn)})
    with pytest.raises(InvalidInputError, match="no video"):
        reader.recognize({})
    with pytest.raises(NotFoundError):
        VisualTcnReader(tmp_path, {})
    with pytest.raises(InvalidInputError, match="no option `text_onyl`") as caught:
        VisualTcnReader(trained.folder, {"text_onyl": True})
    assert caught.value.hint == "did you mean `text_only`?"
    with pytest.raises(InvalidInputError, match="`batch_size` cannot be `0`"):
        VisualTcnReader(trained.folder, {"batch_size": 0})
    reader.close()
    reader.close()
    with pytest.raises(InvalidInputError, match="closed"):
        reader.recognize(trained.held_out[0].media)
