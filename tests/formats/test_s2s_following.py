import os
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from truing.domain.errors import InvalidInputError, NotFoundError, UnavailableError
from truing.domain.review import State
from truing.formats import s2s_database, sqlite_file
from truing.formats.s2s_database import S2SDatabase
from truing.testing.exported_rows import exported_row

CLIENTS = Path(__file__).parents[1] / "data" / "clients" / "s2s"


class SetClock:
    def __init__(self, path: Path, after: float) -> None:
        self._path = path
        self.after = after

    def now(self) -> int:
        return self._path.stat().st_mtime_ns // 1000 + round(self.after * 1e6)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    copy = tmp_path / "database.db"
    shutil.copy(CLIENTS / "s2s_2026-01_zlib_reviewed.db", copy)
    return copy


def table(path: Path) -> list[tuple]:
    connection = sqlite3.connect(path)
    rows = connection.execute(
        "SELECT id, transcript, is_reviewed, is_trained FROM s2s_training_data ORDER BY id"
    ).fetchall()
    connection.close()
    return rows


def act(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def keys(path: Path) -> dict[int, str]:
    return {int(row.key.split(":")[0]): row.key for row in S2SDatabase().read(path)}


class TestChangedSince:
    def test_only_a_change_is_one(self, path: Path) -> None:
        s2s = S2SDatabase(clock=SetClock(path, 60))
        changed, mark = s2s.changed_since(path, None)
        assert changed
        assert s2s.changed_since(path, mark) == (False, mark)
        act(path, "UPDATE s2s_training_data SET transcript = 'x' WHERE id = 4")
        changed, newer = s2s.changed_since(path, mark)
        assert changed
        assert s2s.changed_since(path, newer) == (False, newer)

    def test_a_change_in_the_log_is_one(self, path: Path) -> None:
        app = sqlite3.connect(path)
        app.execute("PRAGMA journal_mode = WAL")
        app.execute("UPDATE s2s_training_data SET transcript = 'x' WHERE id = 4")
        app.commit()
        s2s = S2SDatabase(clock=SetClock(path, 60))
        _, mark = s2s.changed_since(path, None)
        app.execute("UPDATE s2s_training_data SET transcript = 'y' WHERE id = 4")
        app.commit()
        assert s2s.changed_since(path, mark)[0]
        app.close()

    def test_reading_is_no_change(self, path: Path) -> None:
        act(path, "PRAGMA journal_mode = WAL")
        s2s = S2SDatabase(clock=SetClock(path, 60))
        _, mark = s2s.changed_since(path, None)
        assert len(list(s2s.read(path))) == 6
        assert s2s.changed_since(path, mark) == (False, mark)

    def test_a_second_change_within_the_same_tick_is_not_missed(self, path: Path) -> None:
        clock = SetClock(path, 0.5)
        s2s = S2SDatabase(clock=clock)
        _, mark = s2s.changed_since(path, None)
        before = path.stat()
        act(path, "UPDATE s2s_training_data SET is_reviewed = 0 WHERE id = 1")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size
        clock.after = 3
        assert s2s.changed_since(path, mark)[0]

    def test_nothing_there_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError, match="nowhere"):
            S2SDatabase().changed_since(tmp_path / "nowhere.db", None)


class TestWriteBack:
    def test_decided_rows_reach_the_app(self, path: Path) -> None:
        found = keys(path)
        rows = [
            exported_row(1, state=State.CORRECTED, truth="Ten pears.", source_key=found[4]),
            exported_row(
                2,
                state=State.ACCEPTED,
                truth="in being comparatively modern.",
                source_key=found[6],
                trained=True,
            ),
            exported_row(3, state=State.REJECTED, source_key=found[7]),
            exported_row(4, state=State.SKIPPED, truth=None, source_key=found[7]),
        ]
        assert S2SDatabase().write_back(path, iter(rows)) == 2
        assert table(path) == [
            (1, "WHAT JOY THERE IS IN LIVING", 1, 1),
            (2, "We are sure that one war is enough.", 1, 0),
            (3, "Tear a thin sheet from the yellow pad.", 1, 0),
            (4, "Ten pears.", 1, 0),
            (6, "in being comparatively modern.", 1, 1),
            (7, "has never been surpassed.", 0, 0),
        ]
        assert keys(path) == found

    def test_what_is_there_already_is_not_written(self, path: Path) -> None:
        row = exported_row(
            1, state=State.ACCEPTED, truth="WHAT JOY THERE IS IN LIVING", source_key=keys(path)[1]
        )
        before = path.read_bytes()
        assert S2SDatabase().write_back(path, [row]) == 0
        assert path.read_bytes() == before

    def test_a_trained_flag_is_never_taken_away(self, path: Path) -> None:
        row = exported_row(1, state=State.CORRECTED, truth="new", source_key=keys(path)[1])
        assert S2SDatabase().write_back(path, [row]) == 1
        assert table(path)[0] == (1, "new", 1, 1)

    def test_flags_that_were_null_let_the_app_train(self, tmp_path: Path) -> None:
        path = tmp_path / "database.db"
        shutil.copy(CLIENTS / "s2s_2025-09_raw_int16_nullflags.db", path)
        row = exported_row(1, state=State.ACCEPTED, truth="new", source_key=keys(path)[2])
        assert S2SDatabase().write_back(path, [row]) == 1
        assert table(path)[:3] == [
            (1, "WHAT JOY THERE IS IN LIVING", None, None),
            (2, "new", 1, 0),
            (3, "TEAR THIN SHEEP FROM THE OTHER PAT", None, None),
        ]

    @pytest.mark.parametrize("key", [None, "", "4", "4:000000000000", "x:y", "99:000000000000"])
    def test_other_rows_are_never_touched(self, path: Path, key: str | None) -> None:
        before = path.read_bytes()
        row = exported_row(1, state=State.ACCEPTED, truth="wrong", source_key=key)
        assert S2SDatabase().write_back(path, [row]) == 0
        assert path.read_bytes() == before

    def test_a_row_of_the_same_number_after_a_reset_is_another(self, path: Path) -> None:
        found = keys(path)
        act(path, "DELETE FROM s2s_training_data")
        act(path, "INSERT INTO s2s_training_data (id, transcript) VALUES (4, 'other')")
        row = exported_row(1, state=State.ACCEPTED, truth="wrong", source_key=found[4])
        assert S2SDatabase().write_back(path, [row]) == 0
        assert table(path) == [(4, "other", None, None)]

    def test_a_row_reviewed_in_the_app_at_that_moment_waits(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = exported_row(1, state=State.ACCEPTED, truth="ours", source_key=keys(path)[4])
        look = s2s_database._change

        def look_then_review(*given: object) -> object:
            change = look(*given)
            act(path, "UPDATE s2s_training_data SET transcript = 'theirs' WHERE id = 4")
            return change

        monkeypatch.setattr(s2s_database, "_change", look_then_review)
        assert S2SDatabase().write_back(path, [row]) == 0
        assert table(path)[3] == (4, "theirs", 0, 0)
        monkeypatch.undo()
        assert S2SDatabase().write_back(path, [row]) == 1
        assert table(path)[3] == (4, "ours", 1, 0)

    def test_all_or_nothing(self, path: Path) -> None:
        found = keys(path)
        act(
            path,
            "CREATE TRIGGER stop BEFORE UPDATE ON s2s_training_data WHEN old.id = 6"
            " BEGIN SELECT RAISE(ABORT, 'stopped'); END",
        )
        before = table(path)
        rows = [
            exported_row(n, state=State.ACCEPTED, truth="new", source_key=found[n]) for n in (4, 6)
        ]
        with pytest.raises(UnavailableError, match="stopped"):
            S2SDatabase().write_back(path, rows)
        assert table(path) == before

    def test_a_running_app_is_waited_for(self, path: Path) -> None:
        app = sqlite3.connect(path, check_same_thread=False)
        app.execute("PRAGMA journal_mode = WAL")
        row = exported_row(1, state=State.ACCEPTED, truth="new", source_key=keys(path)[4])
        app.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.2, app.rollback)
        timer.start()
        assert S2SDatabase().write_back(path, [row]) == 1
        timer.join()
        assert app.execute("SELECT transcript FROM s2s_training_data WHERE id = 4").fetchall() == [
            ("new",)
        ]
        app.close()

    def test_an_app_that_never_lets_go_is_named(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sqlite_file, "WAIT_SECONDS", 0.05)
        row = exported_row(1, state=State.ACCEPTED, truth="new", source_key=keys(path)[4])
        app = sqlite3.connect(path)
        app.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError, match="locked"):
            S2SDatabase().write_back(path, [row])
        app.rollback()
        app.close()

    def test_text_that_is_no_utf8_is_replaced_too(self, path: Path) -> None:
        act(path, "UPDATE s2s_training_data SET transcript = CAST(x'ff41' AS TEXT) WHERE id = 4")
        key = keys(path)[4]
        row = exported_row(1, state=State.ACCEPTED, truth="new", source_key=key)
        assert S2SDatabase().write_back(path, [row]) == 1
        assert table(path)[3] == (4, "new", 1, 0)

    def test_another_database_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "other.db"
        act(path, "CREATE TABLE notes (id)")
        with pytest.raises(InvalidInputError, match="S2S"):
            S2SDatabase().write_back(path, [])
        with pytest.raises(NotFoundError):
            S2SDatabase().write_back(tmp_path / "nowhere.db", [])
        assert not (tmp_path / "nowhere.db").exists()
