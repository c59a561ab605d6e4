import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truing.domain.consent import ASKED
from truing.domain.dataset import Split
from truing.domain.errors import InvalidInputError, NotFoundError
from truing.domain.format import FailedRow, ImportedRow
from truing.domain.prediction import Word
from truing.domain.review import State
from truing.formats import lines
from truing.formats.jsonl import JsonLines
from truing.testing.exported_rows import MemoryMedia, exported_row, noise


def read(path: Path) -> list[ImportedRow | FailedRow]:
    return list(JsonLines().read(path))


def written(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


class TestOurLines:
    def test_everything_is_said(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        medium = replace(
            media.add_sound(noise(1)), start=0.01, end=0.05, facts={"sample_rate": 16000}
        )
        row = exported_row(
            7,
            media={"audio": medium},
            state=State.CORRECTED,
            truth="Ja 👋",
            confidence=0.5,
            rating=4,
            subject="ana",
            source_key="x",
            split=Split.TEST,
            context={"a": [1, {"b": None}]},
            consent=ASKED,
        )
        path = tmp_path / "rows.jsonl"
        assert JsonLines().write([row], media, path) == 1
        digest = medium.digest.removeprefix("sha256:")
        said = json.loads(path.read_text("utf-8"))
        assert said == {
            "schema": 1,
            "id": 7,
            "uid": row.uid,
            "modality": "speech",
            "state": "corrected",
            "truth": "Ja 👋",
            "raw": "row 7",
            "corrected": None,
            "prediction_known": True,
            "confidence": 0.5,
            "rating": 4,
            "trained": False,
            "captured_at": "2026-01-03T10:27:30.250001Z",
            "subject": "ana",
            "session": None,
            "source": "app",
            "source_key": "x",
            "split": "test",
            "context": {"a": [1, {"b": None}]},
            "media": {
                "audio": {
                    "path": f"rows.media/{digest}.flac",
                    "digest": medium.digest,
                    "size": medium.size,
                    "media_type": "audio/flac",
                    "start": 0.01,
                    "end": 0.05,
                    "facts": {"sample_rate": 16000},
                }
            },
            "consent": {"policy": "ask", "purposes": ["evaluation", "training"]},
        }
        (again,) = read(path)
        assert again.consent == ASKED
        assert (tmp_path / "rows.media" / f"{digest}.flac").read_bytes() == media.read(
            medium.digest
        )

    def test_a_blob_that_rows_share_is_written_once(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        whole = media.add_sound(noise(1))
        spans = [replace(whole, start=n / 100, end=(n + 1) / 100) for n in range(5)]
        rows = [exported_row(n, media={"audio": one}) for n, one in enumerate(spans)]
        JsonLines().write(rows, media, tmp_path / "rows.jsonl")
        assert len(list((tmp_path / "rows.media").iterdir())) == 1
        assert len(read(tmp_path / "rows.jsonl")) == 5

    def test_roles_are_kept_apart(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        row = exported_row(
            1,
            media={
                "original": media.add(b"one", "image/png", role="original"),
                "edited": media.add(b"two", "image/jpeg", role="edited"),
            },
        )
        JsonLines().write([row], media, tmp_path / "rows.jsonl")
        (back,) = read(tmp_path / "rows.jsonl")
        assert {role: path.read_bytes() for role, path in back.media.items()} == {
            "original": b"one",
            "edited": b"two",
        }

    def test_keys_of_a_later_version_are_context(self, tmp_path: Path) -> None:
        path = written(
            tmp_path / "rows.jsonl",
            {"schema": 2, "uid": "u", "truth": "x", "mood": "good", "context": {"a": 1}},
        )
        (row,) = read(path)
        assert (row.key, row.truth, row.context) == ("u", "x", {"a": 1, "mood": "good"})

    @pytest.mark.parametrize(
        ("medium", "reason"),
        [
            ("a.flac", "`audio` has no path"),
            ({}, "`audio` has no path"),
            ({"path": "../a.flac"}, "leads out"),
            ({"path": "gone.flac"}, "no file"),
            ({"path": "a.flac", "digest": "sha256:00"}, "not those that were exported"),
            ({"path": "a.flac", "start": "soon"}, "no time"),
            ({"path": "a.flac", "start": -1}, "no time"),
            ({"path": "a.flac", "start": 0, "end": 1}, "cannot be decoded"),
        ],
    )
    def test_media_that_cannot_be_used(self, tmp_path: Path, medium: object, reason: str) -> None:
        (tmp_path / "a.flac").write_bytes(b"no sound")
        path = written(
            tmp_path / "rows.jsonl",
            {"schema": 1, "uid": "a", "media": {"audio": medium}},
            {"schema": 1, "uid": "b"},
        )
        failed, good = read(path)
        assert isinstance(failed, FailedRow)
        assert failed.key == "rows.jsonl:1"
        assert reason in failed.reason
        assert good.key == "b"

    def test_a_uid_is_needed_once(self, tmp_path: Path) -> None:
        path = written(
            tmp_path / "rows.jsonl",
            {"schema": 1, "truth": "x"},
            {"schema": 1, "uid": "a"},
            {"schema": 1, "uid": "a"},
        )
        first, good, third = read(path)
        assert "no `uid`" in first.reason
        assert good.key == "a"
        assert "second time" in third.reason


class TestForeignLines:
    def test_a_manifest_of_another_program(self, tmp_path: Path) -> None:
        (tmp_path / "a.wav").write_bytes(b"RIFF")
        words = [{"text": "hi", "start": 0, "end": 1, "confidence": None}]
        path = written(
            tmp_path / "manifest.jsonl",
            {"audio_filepath": "a.wav", "duration": 1.5, "text": "hi", "words": words},
        )
        assert read(path) == [
            ImportedRow(
                key="a.wav",
                media={"audio": tmp_path / "a.wav"},
                truth="hi",
                prediction_known=False,
                words=(Word(text="hi", start=0.0, end=1.0),),
                context={"duration": 1.5},
            )
        ]

    def test_lines_longer_than_sense_fail_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lines, "LONGEST_LINE", 100)
        for name in ("a.wav", "b.wav", "c.wav"):
            (tmp_path / name).touch()
        path = written(
            tmp_path / "rows.jsonl",
            {"file": "a.wav"},
            {"file": "b.wav", "text": "x" * 1000},
            {"file": "c.wav"},
        )
        rows = read(path)
        assert [row.key for row in rows] == ["a.wav", "rows.jsonl:2", "c.wav"]
        assert "longer than 100" in rows[1].reason

    @pytest.mark.parametrize("text", ["[]", "a,b\n", "\x00\x01", "null"])
    def test_something_else_is_refused(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "rows.jsonl"
        path.write_text(text)
        with pytest.raises(InvalidInputError, match="does not begin with a JSON object"):
            JsonLines().read(path)

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError, match=r"rows\.jsonl"):
            JsonLines().read(tmp_path / "rows.jsonl")
        with pytest.raises(InvalidInputError, match="not a JSON lines file"):
            JsonLines().read(tmp_path)

    def test_an_empty_file_has_no_rows(self, tmp_path: Path) -> None:
        (tmp_path / "rows.jsonl").write_bytes(b"\n\n")
        assert read(tmp_path / "rows.jsonl") == []


TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(-1e300, 1e300) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXT.filter(lambda text: text is not None), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "truth": TEXT,
                "raw": TEXT,
                "corrected": TEXT,
                "subject": TEXT,
                "session": TEXT,
                "confidence": st.none() | st.floats(0, 1),
                "rating": st.none() | st.integers(1, 5),
                "captured_at": st.integers(0, 4_000_000_000_000_000),
                "trained": st.booleans(),
                "prediction_known": st.booleans(),
                "context": st.dictionaries(st.text("abcschema", max_size=9), JSON, max_size=3),
            }
        ),
        max_size=4,
    )
)
def test_any_row_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list) -> None:
    folder = tmp_path_factory.mktemp("any")
    given = [exported_row(n, **row) for n, row in enumerate(rows)]
    assert JsonLines().write(given, MemoryMedia(folder), folder / "rows.jsonl") == len(rows)
    for row, found in zip(rows, read(folder / "rows.jsonl"), strict=True):
        assert {name: getattr(found, name) for name in row} == row
