import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truing.domain.errors import ConflictError, InvalidInputError, NotFoundError
from truing.domain.format import FailedRow, ImportedRow
from truing.domain.review import State
from truing.formats.csv_table import FORMULA, TEXTS, CsvTable, guarded, unguarded
from truing.testing.exported_rows import MemoryMedia, exported_row, noise


def sound(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"RIFF")


def read(path: Path) -> list[ImportedRow | FailedRow]:
    return list(CsvTable().read(path))


class TestForeignTables:
    @pytest.mark.parametrize(
        ("text", "encoding"),
        [
            ("file_name,text\na.wav,one; two\nb.wav,\n", "utf-8"),
            ("file_name;text\r\na.wav;one; two\r\n".replace("one; two", '"one; two"'), "utf-8"),
            ("text\tpath\none; two\ta.wav\n", "utf-8"),
            ("audio_filepath|sentence\na.wav|one; two\n", "utf-8-sig"),
            ("File_Name,Transcript\na.wav,one; two\n", "utf-16"),
            ('"wav","text"\n"a.wav","one; two"', "utf-8"),
        ],
    )
    def test_whatever_the_program(self, tmp_path: Path, text: str, encoding: str) -> None:
        sound(tmp_path, "a.wav", "b.wav")
        path = tmp_path / "table.csv"
        path.write_bytes(text.encode(encoding))
        row = read(path)[0]
        assert isinstance(row, ImportedRow)
        assert (row.key, row.truth, row.context) == ("a.wav", "one; two", {})
        assert row.media == {"audio": tmp_path / "a.wav"}

    def test_files_are_relative_to_the_table(self, tmp_path: Path) -> None:
        sound(tmp_path / "deep", "clips/a.wav")
        path = tmp_path / "deep" / "validated.tsv"
        path.write_text("client_id\tpath\tsentence\tup_votes\nab12\tclips/a.wav\thello\t2\n")
        assert read(path) == [
            ImportedRow(
                key="clips/a.wav",
                media={"audio": tmp_path / "deep/clips/a.wav"},
                truth="hello",
                prediction_known=False,
                subject="ab12",
                context={"up_votes": "2"},
            )
        ]

    def test_apostrophes_of_others_stay(self, tmp_path: Path) -> None:
        sound(tmp_path, "a.wav", "b.wav")
        path = tmp_path / "table.csv"
        path.write_text("file_name,text\na.wav,'tis late\nb.wav,'=1\n")
        assert [row.truth for row in read(path)] == ["'tis late", "'=1"]

    def test_bad_rows_are_failures_with_their_line(self, tmp_path: Path) -> None:
        sound(tmp_path, "a.wav")
        path = tmp_path / "table.csv"
        path.write_bytes(
            b'file_name,text\na.wav,"two\nlines"\n,nothing\n../a.wav,x\n\na.wav,again\n'
            b"gone.wav,x\na.wav,b,c\na.wav,\xff\na.wav," + b"x" * 200_000 + b"\n"
        )
        rows = read(path)
        assert rows[0].truth == "two\nlines"
        assert {row.key: row.reason for row in rows[1:]} == {
            "table.csv:4": "line 4: it names no file (`file_name`)",
            "table.csv:5": "line 5: `../a.wav` leads out of the folder",
            "table.csv:7": "line 7: `a.wav` is listed a second time",
            "table.csv:8": "line 8: there is no file `gone.wav`",
            "table.csv:9": "line 9: 3 cells under 2 columns: texts that hold `,` must be quoted",
            "table.csv:10": "line 10: not UTF-8",
            "table.csv:11": "line 11: field larger than field limit (131072)",
        }

    def test_text_cut_in_the_middle_of_utf16(self, tmp_path: Path) -> None:
        sound(tmp_path, "a.wav")
        path = tmp_path / "table.csv"
        path.write_bytes("file_name,text\na.wav,x\na.wav,y".encode("utf-16") + b"\x00\xd8")
        good, failed = read(path)
        assert good.truth == "x"
        assert "UTF-16" in failed.reason or "UTF-8" in failed.reason

    def test_refusals(self, tmp_path: Path) -> None:
        path = tmp_path / "table.csv"
        with pytest.raises(NotFoundError, match=r"table\.csv"):
            CsvTable().read(path)
        with pytest.raises(InvalidInputError, match="not a CSV file"):
            CsvTable().read(tmp_path)
        path.write_text("name,text\na,b\n")
        with pytest.raises(InvalidInputError, match="none of the columns `file_name`"):
            CsvTable().read(path)
        path.write_text("")
        with pytest.raises(InvalidInputError, match="first line"):
            CsvTable().read(path)


class TestOurTables:
    def test_no_cell_can_be_a_formula(self, tmp_path: Path) -> None:
        evil = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'x", "=cmd|' /C calc'!A0"]
        rows = [
            exported_row(
                n,
                raw=text,
                corrected=text,
                truth=text,
                state=State.CORRECTED,
                subject=text,
                session=text,
                source_key=text,
                context={"x": text},
            )
            for n, text in enumerate(evil)
        ]
        CsvTable().write(rows, MemoryMedia(tmp_path), tmp_path / "rows.csv")
        with (tmp_path / "rows.csv").open(encoding="utf-8-sig", newline="") as stream:
            for line in csv.reader(stream):
                assert not [cell for cell in line if cell.startswith(FORMULA[:-1])]
        back = read(tmp_path / "rows.csv")
        assert [row.truth for row in back] == evil
        assert [row.subject for row in back] == evil
        assert [row.context for row in back] == [{"x": text} for text in evil]

    def test_missing_and_empty_texts_differ(self, tmp_path: Path) -> None:
        rows = [exported_row(1, raw=None, truth=""), exported_row(2, raw="", truth=None)]
        CsvTable().write(rows, MemoryMedia(tmp_path), tmp_path / "rows.csv")
        assert [(row.raw, row.truth) for row in read(tmp_path / "rows.csv")] == [
            (None, ""),
            ("", None),
        ]

    def test_a_table_without_sound_has_no_folder(self, tmp_path: Path) -> None:
        assert CsvTable().write([exported_row(1)], MemoryMedia(tmp_path), tmp_path / "r.csv") == 1
        assert [file.name for file in tmp_path.iterdir()] == ["r.csv"]

    def test_the_folder_beside_is_not_overwritten(self, tmp_path: Path) -> None:
        sound(tmp_path, "rows.media/precious.wav")
        with pytest.raises(ConflictError, match=r"rows\.media"):
            CsvTable().write([], MemoryMedia(tmp_path), tmp_path / "rows.csv")
        assert [file.name for file in tmp_path.iterdir()] == ["rows.media"]

    def test_spreadsheets_know_the_encoding(self, tmp_path: Path) -> None:
        CsvTable().write([exported_row(1, raw="é")], MemoryMedia(tmp_path), tmp_path / "r.csv")
        data = (tmp_path / "r.csv").read_bytes()
        assert data.startswith(b"\xef\xbb\xbftruing,id,uid,modality,role,file_name,")
        assert data.count(b"\r\n") == 2

    def test_a_cell_changed_in_a_spreadsheet_is_taken(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        row = exported_row(1, media={"audio": media.add_sound(noise(1))}, truth="-5 degrees")
        path = tmp_path / "rows.csv"
        CsvTable().write([row], media, path)
        text = path.read_text("utf-8-sig").replace("'-5 degrees", "minus five")
        path.write_text(text.replace(",", ";"), encoding="utf-8")
        (back,) = read(path)
        assert (back.key, back.truth) == (row.uid, "minus five")

    def test_tsv_has_tabs(self, tmp_path: Path) -> None:
        row = exported_row(1, raw="a\tb,c")
        CsvTable().write([row], MemoryMedia(tmp_path), tmp_path / "rows.tsv")
        assert (tmp_path / "rows.tsv").read_bytes().startswith(b"\xef\xbb\xbftruing\tid\tuid\t")
        assert [row.raw for row in read(tmp_path / "rows.tsv")] == ["a\tb,c"]

    def test_a_folder_holds_all_of_it(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        row = exported_row(1, media={"audio": media.add_sound(noise(1))})
        CsvTable().write([row], media, tmp_path / "samples-csv")
        assert [file.name for file in tmp_path.iterdir()] == ["samples-csv"]
        assert sorted(file.name for file in (tmp_path / "samples-csv").iterdir()) == [
            "rows.csv",
            "rows.media",
        ]
        assert [row.key for row in read(tmp_path / "samples-csv")] == [row.uid]

    def test_a_row_without_uid_fails(self, tmp_path: Path) -> None:
        path = tmp_path / "rows.csv"
        path.write_text("truing,uid,file_name\n1,,a.wav\n")
        (failed,) = read(path)
        assert "no `uid`" in failed.reason


@given(st.text(max_size=20))
def test_guarding_is_undone(text: str) -> None:
    cell = guarded(text)
    assert not cell.startswith(FORMULA[:-1])
    assert unguarded(cell) == text
    assert cell != guarded(None)


TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
CONTEXT = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(-1e9, 1e9) | TEXT,
    max_size=3,
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
                "context": CONTEXT,
            }
        ),
        max_size=4,
    )
)
def test_any_row_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list) -> None:
    folder = tmp_path_factory.mktemp("any")
    given = [exported_row(n, **row) for n, row in enumerate(rows)]
    assert CsvTable().write(given, MemoryMedia(folder), folder / "rows.csv") == len(rows)
    for row, found in zip(rows, read(folder / "rows.csv"), strict=True):
        assert {name: getattr(found, name) for name in row} == row


def test_every_worded_column_is_guarded() -> None:
    assert {"transcription", "raw", "corrected", "speaker", "session", "context"} <= TEXTS
