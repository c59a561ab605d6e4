import json
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from truing.domain.clock import from_iso
from truing.domain.dataset import Split
from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError
from truing.domain.format import FailedRow, ImportedRow
from truing.domain.prediction import Word
from truing.domain.review import State
from truing.formats import audiofolder_table
from truing.formats.audiofolder import AudioFolder
from truing.testing.exported_rows import MemoryMedia, exported_row, noise


def sound(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"RIFF")


def table(folder: Path, *rows: dict[str, object] | str, name: str = "metadata.jsonl") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def read(folder: Path) -> dict[str, ImportedRow]:
    rows = list(AudioFolder().read(folder))
    assert [row for row in rows if isinstance(row, FailedRow)] == []
    return {row.key: row for row in rows if isinstance(row, ImportedRow)}


def failures(folder: Path) -> dict[str, str]:
    rows = AudioFolder().read(folder)
    return {row.key: row.reason for row in rows if isinstance(row, FailedRow)}


class TestTables:
    def test_every_column_is_understood(self, tmp_path: Path) -> None:
        sound(tmp_path, "a.wav")
        table(
            tmp_path,
            {
                "file_name": "a.wav",
                "transcription": "Hello there.",
                "raw": "HELLO THEIR",
                "corrected": "Hello their.",
                "confidence": 0.5,
                "speaker": "ana",
                "session": "monday",
                "timestamp": "2026-01-03T10:20:30.5+01:00",
                "trained": True,
                "model": "whisper",
                "words": [{"text": "HELLO", "start": 0.1, "end": 0.4, "confidence": 0.9}],
                "source": "phone",
                "accent": "scottish",
            },
        )
        (row,) = read(tmp_path).values()
        assert row == ImportedRow(
            key="a.wav",
            media={"audio": tmp_path / "a.wav"},
            truth="Hello there.",
            raw="HELLO THEIR",
            corrected="Hello their.",
            confidence=0.5,
            subject="ana",
            session="monday",
            captured_at=from_iso("2026-01-03T09:20:30.5Z"),
            trained=True,
            model="whisper",
            words=(Word(text="HELLO", start=0.1, end=0.4, confidence=0.9),),
            context={"source": "phone", "accent": "scottish"},
        )

    @pytest.mark.parametrize("column", ["transcription", "text", "sentence", "transcript", "Text"])
    def test_truth_has_many_names(self, tmp_path: Path, column: str) -> None:
        sound(tmp_path, "a.wav")
        table(tmp_path, {"file_name": "a.wav", column: "hello"})
        (row,) = read(tmp_path).values()
        assert (row.truth, row.raw, row.prediction_known) == ("hello", None, False)
        assert row.context == {}

    def test_a_truth_beside_a_prediction_knows_it(self, tmp_path: Path) -> None:
        sound(tmp_path, "a.wav", "b.wav")
        table(
            tmp_path,
            {"file_name": "a.wav", "text": "hello", "prediction": "yellow"},
            {"file_name": "b.wav", "prediction": "yellow"},
        )
        rows = read(tmp_path)
        assert (rows["a.wav"].raw, rows["a.wav"].prediction_known) == ("yellow", True)
        assert (rows["b.wav"].truth, rows["b.wav"].prediction_known) == (None, True)

    def test_csv_with_mark_and_windows_lines(self, tmp_path: Path) -> None:
        sound(tmp_path, "a.wav", "ä b.wav", "c.wav")
        text = '\ufefffile_name,transcription,speaker\r\na.wav,"one, ""two""",x\r\n'
        text += "ä b.wav,,\r\n\r\nc.wav,drei\r\n"
        (tmp_path / "metadata.csv").write_bytes(text.encode())
        rows = read(tmp_path)
        assert [(key, row.truth, row.subject) for key, row in rows.items()] == [
            ("a.wav", 'one, "two"', "x"),
            ("ä b.wav", None, None),
            ("c.wav", "drei", None),
        ]

    def test_jsonl_with_mark_and_windows_lines(self, tmp_path: Path) -> None:
        sound(tmp_path, "a.wav", "b.wav")
        lines = b'\xef\xbb\xbf{"file_name": "a.wav", "text": ""}\r\n\r\n  \n{"file_name": "b.wav"}'
        (tmp_path / "metadata.jsonl").write_bytes(lines)
        assert [(row.key, row.truth) for row in read(tmp_path).values()] == [
            ("a.wav", ""),
            ("b.wav", None),
        ]

    def test_splits_and_folders_below(self, tmp_path: Path) -> None:
        sound(
            tmp_path, "train/x/a.wav", "test/b.flac", "data/dev/c.mp3", "more/d.ogg", "test/n.txt"
        )
        table(tmp_path / "train", {"file_name": "x/a.wav", "text": "a"})
        table(tmp_path / "test", "file_name,text", "b.flac,b", name="metadata.csv")
        rows = read(tmp_path)
        assert {key: (row.truth, row.context) for key, row in rows.items()} == {
            "test/b.flac": ("b", {"split": "test"}),
            "train/x/a.wav": ("a", {"split": "train"}),
            "data/dev/c.mp3": (None, {"split": "validation"}),
            "more/d.ogg": (None, {}),
        }
        assert rows["train/x/a.wav"].media == {"audio": tmp_path / "train/x/a.wav"}

    def test_a_table_above_covers_the_folders_below(self, tmp_path: Path) -> None:
        sound(tmp_path, "train/a.wav", "train/forgotten.wav")
        table(tmp_path, {"file_name": "train/a.wav", "text": "a"})
        assert failures(tmp_path) == {
            "train/forgotten.wav": "no line of `metadata.jsonl` names `train/forgotten.wav`"
        }

    def test_no_table_gives_rows_without_truth(self, tmp_path: Path) -> None:
        sound(tmp_path, "b.WAV", "a.flac", "sub/c.opus", ".hidden.wav", "__MACOSX/a.flac", "x.txt")
        rows = read(tmp_path)
        assert list(rows) == ["a.flac", "b.WAV", "sub/c.opus"]
        assert all(row.truth is None and row.raw is None for row in rows.values())
        assert all(row.prediction_known for row in rows.values())

    def test_names_in_either_unicode_form(self, tmp_path: Path) -> None:
        composed, split = (unicodedata.normalize(form, "é.wav") for form in ("NFC", "NFD"))
        sound(tmp_path, f"1{composed}", f"2{split}")
        table(tmp_path, {"file_name": f"1{split}"}, {"file_name": f"2{composed}"})
        assert len(read(tmp_path)) == 2

    def test_names_as_windows_and_shells_write_them(self, tmp_path: Path) -> None:
        sound(tmp_path, "sub/a.wav", "b.wav")
        table(tmp_path, {"file_name": "sub\\a.wav"}, {"file_name": "./b.wav"})
        assert list(read(tmp_path)) == ["sub/a.wav", "b.wav"]


class TestFailures:
    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("../a.wav", "leads out"),
            ("x/../../a.wav", "leads out"),
            ("..\\a.wav", "leads out"),
            ("/etc/passwd", "absolute"),
            ("C:\\a.wav", "absolute"),
            ("c:a.wav", "absolute"),
            ("\\\\server\\a.wav", "absolute"),
            ("gone.wav", "no file"),
            ("sub", "no file"),
            (".", "names no file"),
            ("", "names no file"),
            ("x" * 5000, "no file"),
            ("a\0b.wav", "no file"),
            (["a.wav"], "not a text"),
            (None, "names no file"),
        ],
    )
    def test_a_file_that_cannot_be_used(self, tmp_path: Path, name: object, reason: str) -> None:
        sound(tmp_path / "folder", "good.wav", "sub/x.wav")
        sound(tmp_path, "a.wav")
        table(
            tmp_path / "folder",
            {"file_name": "good.wav"},
            {"file_name": name},
            {"file_name": "sub/x.wav"},
        )
        rows = list(AudioFolder().read(tmp_path / "folder"))
        assert [row.key for row in rows] == ["good.wav", "metadata.jsonl:2", "sub/x.wav"]
        assert isinstance(rows[1], FailedRow)
        assert rows[1].reason.startswith("line 2: ")
        assert reason in rows[1].reason

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ('{"file_name": "b.wav"', "not JSON"),
            ("[1]", "not an object"),
            ("null", "not an object"),
            ('{"file_name": "b.wav", "text": {"a": 1}}', "`text` is a dict"),
            ('{"file_name": "b.wav", "text": true}', "not a text"),
            ('{"file_name": "b.wav", "text": "\\ud800"}', "half a character"),
            ("[" * 100_000, "nested too deeply"),
            ('{"n": ' + "9" * 5000 + "}", "not JSON"),
            ('{"file_name": "a.wav"}', "second time"),
        ],
    )
    def test_a_line_that_cannot_be_read(self, tmp_path: Path, line: str, reason: str) -> None:
        sound(tmp_path, "a.wav", "b.wav", "c.wav")
        table(tmp_path, {"file_name": "a.wav"}, line, {"file_name": "c.wav"})
        rows = [row for row in AudioFolder().read(tmp_path) if row.key != "b.wav"]
        assert [row.key for row in rows] == ["a.wav", "metadata.jsonl:2", "c.wav"]
        assert isinstance(rows[1], FailedRow)
        assert reason in rows[1].reason
        assert len(rows[1].reason) < 300

    def test_bytes_that_are_no_utf8(self, tmp_path: Path) -> None:
        sound(tmp_path, "a.wav", "b.wav")
        good = b'{"file_name": "b.wav"}\n'
        (tmp_path / "metadata.jsonl").write_bytes(b'{"file_name": "a.wav", "x": "\xff"}\n' + good)
        assert "UTF-8" in failures(tmp_path)["metadata.jsonl:1"]
        (tmp_path / "metadata.jsonl").unlink()
        (tmp_path / "metadata.csv").write_bytes(b"file_name,text\na.wav,\xff\nb.wav,ok\n")
        assert failures(tmp_path)["metadata.csv:2"] == "line 2: not UTF-8"

    def test_more_cells_than_columns(self, tmp_path: Path) -> None:
        sound(tmp_path, "a.wav", "b.wav")
        table(tmp_path, "file_name,text", "a.wav,well, no", "b.wav,yes", name="metadata.csv")
        assert "3 cells under 2 columns" in failures(tmp_path)["metadata.csv:2"]

    def test_cells_that_do_not_fit_stay_in_the_context(self, tmp_path: Path) -> None:
        sound(tmp_path, "a.wav")
        odd = {
            "confidence": 95,
            "timestamp": "00:03:12",
            "trained": "maybe",
            "state": "Texas",
            "words": "many",
            "context": "kitchen",
        }
        table(tmp_path, {"file_name": "a.wav", **odd, "nothing": None})
        (row,) = read(tmp_path).values()
        assert row.context == odd
        assert (row.confidence, row.captured_at, row.trained, row.rejected) == (
            None,
            None,
            False,
            False,
        )

    def test_numbers_json_does_not_have(self, tmp_path: Path) -> None:
        sound(tmp_path, "a.wav")
        table(tmp_path, '{"file_name": "a.wav", "confidence": NaN, "x": 1e999, "y": [Infinity]}')
        (row,) = read(tmp_path).values()
        assert (row.confidence, row.context) == (None, {"y": [None]})


@pytest.mark.parametrize(
    ("cell", "instant"),
    [
        ("2026-01-03 10:20:30", from_iso("2026-01-03T10:20:30Z")),
        ("20260103", from_iso("2026-01-03")),
        (1_700_000_000, 1_700_000_000_000_000),
        ("1700000000.25", 1_700_000_000_250_000),
        (1_700_000_000_123, 1_700_000_000_123_000),
        (1_700_000_000_123_456, 1_700_000_000_123_456),
        (-5, -5_000_000),
        (1e300, None),
        (True, None),
    ],
)
def test_times(tmp_path: Path, cell: object, instant: int | None) -> None:
    sound(tmp_path, "a.wav")
    table(tmp_path, {"file_name": "a.wav", "timestamp": cell})
    (row,) = read(tmp_path).values()
    assert row.captured_at == instant


class TestRefusals:
    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError, match="nowhere"):
            AudioFolder().read(tmp_path / "nowhere")

    def test_a_folder_without_sound(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").touch()
        with pytest.raises(InvalidInputError, match="neither"):
            AudioFolder().read(tmp_path)

    def test_a_table_without_files(self, tmp_path: Path) -> None:
        table(tmp_path, "LJ001-0001|Printing|Printing", name="metadata.csv")
        with pytest.raises(InvalidInputError, match="`file_name`"):
            AudioFolder().read(tmp_path)

    def test_a_column_twice(self, tmp_path: Path) -> None:
        table(tmp_path, "file_name,text,text", name="metadata.csv")
        with pytest.raises(InvalidInputError, match="`text` stands twice"):
            AudioFolder().read(tmp_path)


class TestWrite:
    def test_what_lies_there_afterwards(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        medium = media.add_sound(noise(1))
        rows = [
            exported_row(
                1,
                media={"audio": medium},
                state=State.CORRECTED,
                truth="Straße 👋",
                confidence=0.25,
                subject="ana",
                context={"secret": "document"},
            ),
            exported_row(2),
        ]
        target = tmp_path / "out"
        assert AudioFolder().write(rows, media, target) == 1
        uid = rows[0].uid
        assert sorted(file.name for file in target.iterdir()) == [f"{uid}.flac", "metadata.jsonl"]
        assert (target / f"{uid}.flac").read_bytes() == media.read(medium.digest)
        assert (target / "metadata.jsonl").read_text("utf-8") == (
            f'{{"file_name": "{uid}.flac", "transcription": "Straße 👋", "raw": "row 1", '
            '"corrected": null, "state": "corrected", "prediction_known": true, '
            '"confidence": 0.25, "speaker": "ana", "session": null, '
            '"timestamp": "2026-01-03T10:21:30.250001Z", "trained": false, "source": "app"}\n'
        )

    def test_a_folder_per_split(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        rows = [
            exported_row(n, media={"audio": media.add_sound(noise(n))}, split=split)
            for n, split in enumerate([*Split, None, Split.TRAIN])
        ]
        assert AudioFolder().write(rows, media, tmp_path / "out") == 5
        found = sorted(
            file.relative_to(tmp_path / "out").parent.as_posix()
            for file in (tmp_path / "out").rglob("*.flac")
        )
        assert found == [".", "test", "train", "train", "validation"]
        splits = {row.context.get("split") for row in read(tmp_path / "out").values()}
        assert splits == {"train", "validation", "test", None}

    @pytest.mark.parametrize(
        ("media_type", "ending"),
        [
            ("audio/mpeg", ".mp3"),
            ("audio/ogg", ".ogg"),
            ("audio/x-nist", ".nist"),
            ("audio/FLAC; x=1", ".flac"),
            ("../..", ".bin"),
        ],
    )
    def test_endings(self, tmp_path: Path, media_type: str, ending: str) -> None:
        media = MemoryMedia(tmp_path)
        row = exported_row(1, media={"audio": media.add(b"bytes", media_type)})
        AudioFolder().write([row], media, tmp_path / "out")
        assert (tmp_path / "out" / (row.uid + ending)).read_bytes() == b"bytes"

    def test_a_uid_that_comes_twice(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        row = exported_row(1, media={"audio": media.add_sound(noise(1))})
        with pytest.raises(InvalidInputError, match="comes twice"):
            AudioFolder().write([row, row], media, tmp_path / "out")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("uid", ["../x", "", "a b", ".x", "a/b", "x" * 300])
    def test_a_uid_that_is_no_name(self, tmp_path: Path, uid: str) -> None:
        media = MemoryMedia(tmp_path)
        row = exported_row(1, media={"audio": media.add_sound(noise(1))})
        with pytest.raises(InvalidInputError, match="file name"):
            AudioFolder().write([replace(row, uid=uid)], media, tmp_path / "out")
        assert list(tmp_path.iterdir()) == []

    def test_a_span_of_sound_that_cannot_be_decoded(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        medium = replace(media.add(b"no sound", "audio/flac"), start=1.0, end=2.0)
        with pytest.raises(DamagedError, match="decoded"):
            AudioFolder().write([exported_row(1, media={"audio": medium})], media, tmp_path / "out")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("depth", ["PCM_16", "PCM_24"])
    def test_a_span_keeps_rate_depth_and_channels(self, tmp_path: Path, depth: str) -> None:
        media = MemoryMedia(tmp_path)
        samples = np.random.default_rng(1).integers(-(2**31), 2**31, (4000, 2)).astype(np.int32)
        stream = BytesIO()
        soundfile.write(stream, samples, 8000, format="FLAC", subtype=depth)
        medium = replace(media.add(stream.getvalue(), "audio/flac"), start=0.1, end=0.3)
        row = exported_row(1, media={"audio": medium})
        AudioFolder().write([row], media, tmp_path / "out")
        with soundfile.SoundFile(tmp_path / "out" / f"{row.uid}.flac") as file:
            assert (file.samplerate, file.subtype, file.frames) == (8000, depth, 1600)
            cut = file.read(dtype="int32")
        whole, _ = soundfile.read(BytesIO(stream.getvalue()), dtype="int32")
        assert (cut == whole[800:2400]).all()

    def test_many_rows_are_written_in_flat_memory(self, tmp_path: Path) -> None:
        import tracemalloc

        media = MemoryMedia(tmp_path)
        medium = media.add_sound(noise(1))
        rows = (exported_row(n, media={"audio": medium}) for n in range(1000))
        AudioFolder().write([], media, tmp_path / "first")
        tracemalloc.start()
        assert AudioFolder().write(rows, media, tmp_path / "out") == 1000
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1_000_000


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def written_and_read(folder: Path, rows: list, make: Callable[[], AudioFolder]) -> list:
    media = MemoryMedia(folder)
    medium = media.add_sound(noise(1, 160))
    given = [exported_row(n, media={"audio": medium}, **row) for n, row in enumerate(rows)]
    target = folder / "out"
    assert make().write(given, media, target) == len(rows)
    return list(make().read(target))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "truth": st.none() | TEXT,
                "raw": st.none() | TEXT,
                "corrected": st.none() | TEXT,
                "subject": st.none() | TEXT,
                "session": st.none() | TEXT,
                "confidence": st.none() | st.floats(0, 1),
                "captured_at": st.integers(0, 4_000_000_000_000_000),
                "trained": st.booleans(),
                "prediction_known": st.booleans(),
                "state": st.sampled_from(State),
            }
        ),
        max_size=4,
    )
)
def test_any_row_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list) -> None:
    back = written_and_read(tmp_path_factory.mktemp("any"), rows, AudioFolder)
    for row, found in zip(rows, back, strict=True):
        wanted = {**row, "rejected": row["state"] is State.REJECTED}
        del wanted["state"]
        assert {name: getattr(found, name) for name in wanted} == wanted


class TestOneTypePerColumn:
    """Hugging Face's loader takes types from the first 10 MB of each split, and they must agree."""

    @staticmethod
    def types(table: Path) -> dict[str, str]:
        json_reader = pytest.importorskip("pyarrow.json")
        with table.open("rb") as stream:
            head = stream.read(10 << 20) + stream.readline()
        options = json_reader.ReadOptions(block_size=len(head) + 1)
        schema = json_reader.read_json(BytesIO(head), read_options=options).schema
        return {field.name: str(field.type) for field in schema}

    def rows(self, media: MemoryMedia) -> list:
        sound = {"audio": media.add_sound(noise(1, 160))}
        return [
            exported_row(1, media=sound, split=Split.TRAIN, session="2026-01-03"),
            exported_row(2, media=sound, split=Split.TRAIN, session="2026-01-03", confidence=0.0),
            exported_row(3, media=sound, split=Split.TRAIN, session="x", truth="2026-01-03 "),
            exported_row(4, media=sound, split=Split.TEST, corrected="", captured_at=0),
            exported_row(5, media=sound, split=Split.TEST, session="2026-01-03T10:20:30Z"),
            exported_row(6, media=sound, split=Split.TEST, confidence=1, truth="a 2026-01-03"),
            exported_row(7, media=sound, split=Split.VALIDATION),
        ]

    def test_every_split_has_the_same_types(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        AudioFolder().write(self.rows(media), media, tmp_path / "out")
        train, test, validation = (
            self.types(tmp_path / "out" / split / "metadata.jsonl")
            for split in ("train", "test", "validation")
        )
        assert train == test == validation
        assert train.pop("speaker") == "null"
        assert train.pop("confidence") == "double"
        assert {train.pop("prediction_known"), train.pop("trained")} == {"bool"}
        assert set(train.values()) == {"string"}

    def test_reading_takes_the_placeholders_back(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        rows = self.rows(media)
        AudioFolder().write(rows, media, tmp_path / "out")
        assert (tmp_path / "out" / ".truing.json").exists()
        back = {Path(key).stem: row for key, row in read(tmp_path / "out").items()}
        for row in rows:
            found = back[row.uid]
            assert (found.truth, found.corrected, found.confidence, found.session, found.raw) == (
                row.truth,
                row.corrected,
                row.confidence,
                row.session,
                row.raw,
            )

    def test_a_column_that_fills_late_is_typed_early(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(audiofolder_table, "INFERRED", 2000)
        media = MemoryMedia(tmp_path)
        sound = {"audio": media.add_sound(noise(1, 160))}
        rows = [exported_row(n, media=sound, truth="late" if n > 30 else None) for n in range(40)]
        AudioFolder().write(rows, media, tmp_path / "out")
        lines = (tmp_path / "out" / "metadata.jsonl").read_text("utf-8").splitlines()
        said = [json.loads(line)["transcription"] for line in lines]
        assert said == [""] + [None] * 30 + ["late"] * 9
        assert [row.truth for row in read(tmp_path / "out").values()] == [None] * 31 + ["late"] * 9

    def test_nothing_to_note_leaves_no_note(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        row = exported_row(1, media={"audio": media.add_sound(noise(1))}, truth="x")
        AudioFolder().write([row], media, tmp_path / "out")
        assert not (tmp_path / "out" / ".truing.json").exists()

    @pytest.mark.parametrize("note", ["", "[]", '{"placeholders": {"a.wav": 1}}', '{"padded": 1}'])
    def test_a_damaged_note_is_named(self, tmp_path: Path, note: str) -> None:
        sound(tmp_path, "a.wav")
        table(tmp_path, {"file_name": "a.wav"})
        (tmp_path / ".truing.json").write_text(note)
        with pytest.raises(InvalidInputError, match=r"\.truing\.json"):
            AudioFolder().read(tmp_path)
