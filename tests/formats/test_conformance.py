import sqlite3
from pathlib import Path

from truing.domain.clock import MICROSECONDS
from truing.formats.audiofolder import AudioFolder
from truing.formats.csv_table import CsvTable
from truing.formats.jsonl import JsonLines
from truing.formats.s2s_database import S2SDatabase
from truing.testing.format_conformance import FormatConformance


class TestS2SDatabase(FormatConformance):
    target = "database.db"

    def format(self):
        return S2SDatabase()

    def holds(self, row):
        return row.state.value != "rejected"

    def expected(self, row):
        decided = row.state.has_truth
        return {
            "captured_at": row.captured_at // MICROSECONDS * MICROSECONDS,
            "raw": None if decided else row.raw,
            "truth": row.truth if decided else None,
            "trained": row.trained,
            "prediction_known": not decided,
        }

    def damage(self, target: Path) -> None:
        with sqlite3.connect(target) as connection:
            connection.execute(
                "UPDATE s2s_training_data SET audio_blob = substr(audio_blob, 1, 1501) WHERE id = 2"
            )
        connection.close()


class TestAudioFolder(FormatConformance):
    target = "folder"

    def format(self):
        return AudioFolder()

    def holds(self, row):
        return "audio" in row.media

    def expected(self, row):
        return {**super().expected(row), "context": {"source": "app"}}

    def damage(self, target: Path) -> None:
        cut_line(target / "metadata.jsonl")


class TestCsvTable(FormatConformance):
    target = "rows.csv"

    def format(self):
        return CsvTable()

    def damage(self, target: Path) -> None:
        sound = sorted((target.parent / "rows.media").iterdir())[2]
        sound.write_bytes(sound.read_bytes()[:-1])


class TestCsvTableInFolder(TestCsvTable):
    target = "samples-csv"

    def damage(self, target: Path) -> None:
        super().damage(target / "rows.csv")


class TestJsonLines(FormatConformance):
    target = "rows.jsonl"

    def format(self):
        return JsonLines()

    def damage(self, target: Path) -> None:
        cut_line(target)


class TestJsonLinesInFolder(FormatConformance):
    target = "v1.2-jsonl"

    def format(self):
        return JsonLines()

    def damage(self, target: Path) -> None:
        cut_line(target / "rows.jsonl")


def cut_line(table: Path) -> None:
    lines = table.read_bytes().split(b"\n")
    lines[2] = lines[2][:40]
    table.write_bytes(b"\n".join(lines))
