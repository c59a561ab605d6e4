import array
import hashlib
import shutil
import sqlite3
import zlib
from pathlib import Path

import numpy as np
import pytest

from truing.domain.clock import from_iso
from truing.domain.errors import InvalidInputError, NotFoundError
from truing.domain.format import FailedRow, Followed, ImportedRow
from truing.domain.review import State
from truing.formats.s2s_blob import LIMIT
from truing.formats.s2s_database import S2SDatabase
from truing.testing.exported_rows import MemoryMedia, exported_row, noise

CLIENTS = Path(__file__).parents[1] / "data" / "clients" / "s2s"
SCHEMA = """CREATE TABLE s2s_training_data (id INTEGER PRIMARY KEY AUTOINCREMENT, transcript TEXT,
    audio_blob BLOB, is_reviewed INTEGER, is_trained INTEGER,
    timestamp DATETIME DEFAULT CURRENT_TIMESTAMP)"""


def run(path: Path, *statements: tuple) -> None:
    connection = sqlite3.connect(path)
    for statement, *values in statements:
        connection.execute(statement, values)
    connection.commit()
    connection.close()


INSERT = """INSERT INTO s2s_training_data
    (transcript, audio_blob, is_reviewed, is_trained, timestamp) VALUES (?, ?, ?, ?, ?)"""


def database(folder: Path, *rows: tuple) -> Path:
    """Rows are (transcript, blob, is_reviewed, is_trained, timestamp)."""
    path = folder / "database.db"
    run(path, (SCHEMA,), *[(INSERT, *row) for row in rows])
    return path


def packed(samples: np.ndarray) -> bytes:
    return zlib.compress(samples.astype("<i2").tobytes(), 1)


def read(path: Path, **options: float) -> list[ImportedRow | FailedRow]:
    return list(S2SDatabase(**options).read(path))


def only_failure(path: Path) -> str:
    (row,) = read(path)
    assert isinstance(row, FailedRow)
    assert row.key.startswith("1:")
    return row.reason


TIME = "2026-01-03 10:20:30"
SOUND = packed(noise(1))


@pytest.mark.parametrize("name", sorted(file.name for file in CLIENTS.glob("*.db")))
def test_every_generation_is_read_bit_by_bit_and_equally_twice(name: str) -> None:
    source = sqlite3.connect(f"{(CLIENTS / name).as_uri()}?immutable=1", uri=True)
    stored = source.execute("SELECT * FROM s2s_training_data ORDER BY id").fetchall()
    source.close()
    before = hashlib.sha256((CLIENTS / name).read_bytes()).hexdigest()

    first, second = read(CLIENTS / name), read(CLIENTS / name)

    assert len(first) == len(stored) >= 6
    for (number, text, blob, reviewed, trained, time), row, again in zip(
        stored, first, second, strict=True
    ):
        plain = blob if "raw" in name else zlib.decompress(blob)
        samples, rate = row.media["audio"]
        assert rate == 16_000
        assert samples.dtype == np.int16
        assert samples.tolist() == array.array("h", plain).tolist()
        assert (row.truth if reviewed else row.raw) == text
        assert (row.raw if reviewed else row.truth) is None
        assert row.prediction_known is not bool(reviewed)
        assert row.trained is bool(trained)
        assert row.captured_at == from_iso(time)
        assert row.key.startswith(f"{number}:")
        assert (row.key, row.truth, row.session) == (again.key, again.truth, again.session)
        assert samples.tolist() == again.media["audio"][0].tolist()
    assert hashlib.sha256((CLIENTS / name).read_bytes()).hexdigest() == before
    assert not list(CLIENTS.glob("*-*al"))


def test_the_reviewed_database_says_what_was_done_in_the_app() -> None:
    rows = read(CLIENTS / "s2s_2026-01_zlib_reviewed.db")
    told = [(row.key.split(":")[0], row.raw, row.truth, row.trained) for row in rows]
    assert told == [
        ("1", None, "WHAT JOY THERE IS IN LIVING", True),
        ("2", None, "We are sure that one war is enough.", False),
        ("3", None, "Tear a thin sheet from the yellow pad.", False),
        ("4", "KEN PAIRS LACK FULL FLAVOR", None, False),
        ("6", "in being comparatively modern.", None, False),
        ("7", "has never been surpassed.", None, False),
    ]
    assert all(row.model is None and row.context == {} for row in rows)


def test_keys_outlive_review_and_training_but_not_a_reset(tmp_path: Path) -> None:
    path = tmp_path / "database.db"
    shutil.copy(CLIENTS / "s2s_2025-10_zlib_nullflags.db", path)
    before = [row.key for row in read(path)]
    run(path, ("UPDATE s2s_training_data SET transcript = 'x', is_reviewed = 1, is_trained = 1",))
    assert [row.key for row in read(path)] == before

    run(path, ("DROP TABLE s2s_training_data",), (SCHEMA,))
    insert = "INSERT INTO s2s_training_data (transcript, audio_blob) VALUES ('x', ?)"
    run(path, (insert, SOUND))
    (again,) = read(path)
    assert again.key.startswith("1:")
    assert again.key not in before


def test_the_highest_id_decides_when_reading_ends(tmp_path: Path) -> None:
    path = database(tmp_path, *[(str(n), SOUND, 0, 0, TIME) for n in range(450)])
    rows = S2SDatabase().read(path)
    read_before = [next(rows).raw for _ in range(3)]
    run(
        path,
        ("INSERT INTO s2s_training_data (transcript) VALUES ('late')",),
        ("UPDATE s2s_training_data SET transcript = 'changed' WHERE id = 400",),
        ("DELETE FROM s2s_training_data WHERE id BETWEEN 250 AND 300",),
    )
    texts = [*read_before, *(row.raw for row in rows)]
    wanted = [str(n) for n in range(450) if not 249 <= n <= 299]
    wanted[wanted.index("399")] = "changed"
    assert texts == wanted


def test_large_rows_come_in_small_batches(tmp_path: Path) -> None:
    blobs = [noise(n, 1_100_000).tobytes() for n in range(5)]
    path = database(tmp_path, *[(str(n), blob, 0, 0, TIME) for n, blob in enumerate(blobs)])
    for number, row in enumerate(read(path)):
        assert row.raw == str(number)
        assert row.media["audio"][0].tobytes() == blobs[number]


class TestOddRows:
    def test_no_sound_is_no_failure(self, tmp_path: Path) -> None:
        empty = zlib.compress(b"", 1)
        path = database(tmp_path, *[("a", blob, 0, 0, TIME) for blob in (None, b"", empty)])
        assert [row.media for row in read(path)] == [{}, {}, {}]

    def test_texts_may_be_missing(self, tmp_path: Path) -> None:
        path = database(tmp_path, (None, SOUND, None, None, TIME), (None, SOUND, 1, 0, TIME))
        unreviewed, reviewed = read(path)
        assert (unreviewed.raw, unreviewed.truth, unreviewed.prediction_known) == (None, None, True)
        assert (reviewed.raw, reviewed.truth, reviewed.prediction_known) == (None, None, False)

    def test_an_empty_transcript_is_a_truth(self, tmp_path: Path) -> None:
        (row,) = read(database(tmp_path, ("", SOUND, 1, 0, TIME)))
        assert row.truth == ""

    @pytest.mark.parametrize("time", ["yesterday", "2026-13-40 00:00:00", "99999-01-01"])
    def test_an_odd_time_is_kept_as_it_is(self, tmp_path: Path, time: str) -> None:
        (row,) = read(database(tmp_path, ("a", SOUND, 0, 0, time)))
        assert row.captured_at is None
        assert row.context == {"timestamp": time}

    def test_no_time_is_no_failure(self, tmp_path: Path) -> None:
        (row,) = read(database(tmp_path, ("a", SOUND, 0, 0, None)))
        assert (row.captured_at, row.session, row.context) == (None, None, {})

    def test_text_that_is_no_utf8_fails_alone(self, tmp_path: Path) -> None:
        path = database(tmp_path, ("a", SOUND, 0, 0, TIME), ("b", SOUND, 0, 0, TIME))
        run(path, ("UPDATE s2s_training_data SET transcript = CAST(x'ff41' AS TEXT) WHERE id = 1",))
        failed, good = read(path)
        assert isinstance(failed, FailedRow)
        assert "utf-8" in failed.reason
        assert good.raw == "b"

    def test_a_text_in_place_of_sound_fails(self, tmp_path: Path) -> None:
        assert "`text`" in only_failure(database(tmp_path, ("a", "sound", 0, 0, TIME)))

    def test_a_blob_over_the_limit_is_not_read(self, tmp_path: Path) -> None:
        path = database(tmp_path, ("a", None, 0, 0, TIME))
        run(path, ("UPDATE s2s_training_data SET audio_blob = zeroblob(?)", LIMIT + 2))
        assert str(LIMIT + 2) in only_failure(path)

    def test_a_bomb_is_defused(self, tmp_path: Path) -> None:
        bomb = zlib.compress(bytes(LIMIT + 4), 1)
        assert len(bomb) < LIMIT / 200
        assert "unpacks to more" in only_failure(database(tmp_path, ("a", bomb, 0, 0, TIME)))

    def test_a_broken_page_costs_one_row(self, tmp_path: Path) -> None:
        rows = [(f"row {n}", packed(noise(n, 20_000)), 0, 0, TIME) for n in range(1, 6)]
        path = database(tmp_path, *rows)
        data = bytearray(path.read_bytes())
        # The third row's sound lies on pages chained by number: lead its chain out of the file.
        start = data.index(rows[2][1][8000:8064]) // 4096 * 4096
        data[start : start + 4] = b"\x7f\xff\xff\xff"
        path.write_bytes(data)
        result = read(path)
        assert [row.raw for row in result if isinstance(row, ImportedRow)] == [
            "row 1",
            "row 2",
            "row 4",
            "row 5",
        ]
        (failed,) = (row for row in result if isinstance(row, FailedRow))
        assert failed.key == "3"
        assert "malformed" in failed.reason


class TestRefusals:
    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError, match="nowhere"):
            S2SDatabase().read(tmp_path / "nowhere.db")
        assert list(tmp_path.iterdir()) == []

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInputError, match="folder"):
            S2SDatabase().read(tmp_path)

    def test_another_kind_of_file(self, tmp_path: Path) -> None:
        path = tmp_path / "x.db"
        path.write_text("id,transcript\n" * 100)
        with pytest.raises(InvalidInputError, match="not an SQLite database"):
            S2SDatabase().read(path)

    def test_another_database(self, tmp_path: Path) -> None:
        path = tmp_path / "x.db"
        run(path, ("CREATE TABLE s2s_training_data (id INTEGER PRIMARY KEY, transcript TEXT)",))
        with pytest.raises(InvalidInputError, match="lacks `audio_blob`, `is_reviewed`"):
            S2SDatabase().read(path)

    def test_an_empty_file(self, tmp_path: Path) -> None:
        path = tmp_path / "x.db"
        path.touch()
        with pytest.raises(InvalidInputError, match="lacks `id`"):
            S2SDatabase().read(path)


class TestSessions:
    TIMES = (
        "2026-01-03 10:00:00",
        "2026-01-03 10:29:59",
        "2026-01-03 10:59:59",
        "2026-01-03 11:30:00",
        "2026-01-03 09:00:00",
    )

    def test_a_longer_pause_starts_a_new_one(self, tmp_path: Path) -> None:
        path = database(tmp_path, *[("a", None, 0, 0, time) for time in self.TIMES])
        first = "s2s-2026-01-03T10:00:00Z"
        third = "s2s-2026-01-03T11:30:00Z"
        clock_set_back = "s2s-2026-01-03T09:00:00Z"
        assert [row.session for row in read(path)] == [first] * 3 + [third, clock_set_back]
        assert len({row.session for row in read(path, gap_minutes=31)}) == 2
        assert len({row.session for row in read(path, gap_minutes=0)}) == 5

    def test_later_rows_leave_the_names_as_they_are(self, tmp_path: Path) -> None:
        path = database(tmp_path, *[("a", None, 0, 0, time) for time in self.TIMES[:2]])
        before = [row.session for row in read(path)]
        insert = "INSERT INTO s2s_training_data (timestamp) VALUES (?)"
        run(path, *[(insert, time) for time in self.TIMES[2:]])
        after = [row.session for row in read(path)]
        assert after[:2] == before
        assert after[2] == before[1]

    def test_a_row_without_time_or_with_damage_stays_in_its_sitting(self, tmp_path: Path) -> None:
        times = ["2026-01-03 10:00:00", "?", "2026-01-03 10:20:00", "2026-01-03 10:40:00"]
        blobs = [None, None, b"odd", None]
        path = database(
            tmp_path, *[("a", blob, 0, 0, t) for t, blob in zip(times, blobs, strict=True)]
        )
        sessions = {row.session for row in read(path) if isinstance(row, ImportedRow)}
        assert sessions == {"s2s-2026-01-03T10:00:00Z"}


class TestWrite:
    def test_the_app_finds_what_it_would_have_written(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        rows = [
            exported_row(3, media={"audio": media.add_sound(noise(1))}),
            exported_row(
                5,
                media={"audio": media.add_sound(noise(2))},
                state=State.CORRECTED,
                truth="True words.",
                trained=True,
            ),
            exported_row(9, state=State.REJECTED),
        ]
        target = tmp_path / "database.db"
        assert S2SDatabase().write(rows, media, target) == 2
        connection = sqlite3.connect(target)
        found = connection.execute("SELECT * FROM s2s_training_data ORDER BY id").fetchall()
        types = connection.execute(
            "SELECT DISTINCT typeof(transcript), typeof(audio_blob), typeof(is_reviewed),"
            " typeof(timestamp) FROM s2s_training_data"
        ).fetchall()
        connection.close()
        assert found == [
            (1, "row 3", packed(noise(1)), 0, 0, "2026-01-03 10:23:30"),
            (2, "True words.", packed(noise(2)), 1, 1, "2026-01-03 10:25:30"),
        ]
        assert types == [("text", "blob", "integer", "text")]

    def test_a_copy_of_a_real_database_has_its_sounds(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        source = read(CLIENTS / "s2s_2026-01_zlib_reviewed.db")
        rows = [
            exported_row(
                number,
                media={"audio": media.add_sound(row.media["audio"][0])},
                state=State.PENDING if row.truth is None else State.ACCEPTED,
                raw=row.raw,
                truth=row.truth,
                captured_at=row.captured_at,
                trained=row.trained,
            )
            for number, row in enumerate(source, start=1)
        ]
        S2SDatabase().write(rows, media, tmp_path / "copy.db")
        for one, other in zip(source, read(tmp_path / "copy.db"), strict=True):
            assert other.media["audio"][0].tolist() == one.media["audio"][0].tolist()
            assert (other.raw, other.truth, other.captured_at, other.trained, other.session) == (
                one.raw,
                one.truth,
                one.captured_at,
                one.trained,
                one.session,
            )

    def test_other_sound_is_brought_to_the_apps_rate(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        time = np.arange(48_000) / 48_000
        tone = np.round(8000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)
        stereo = np.stack([tone, tone], axis=1)
        row = exported_row(1, media={"audio": media.add_sound(stereo, 48_000)})
        S2SDatabase().write([row], media, tmp_path / "database.db")
        (back,) = read(tmp_path / "database.db")
        samples, rate = back.media["audio"]
        assert (len(samples), rate) == (16_000, 16_000)
        wanted = 8000 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
        assert np.abs(samples - wanted)[200:-200].max() < 20


def test_it_can_be_followed() -> None:
    assert isinstance(S2SDatabase(), Followed)
