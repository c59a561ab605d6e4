import threading
import time

from truing.domain.clock import SystemClock
from truing.jobs.log import PIECE, RunLog, lines_after, read_lines
from truing.jobs.pace import Pace, spoken


def test_lines_carry_the_time_and_further_lines_are_indented(tmp_path):
    class Noon:
        def now(self):
            return 1_700_000_000_123_456

    log = RunLog(tmp_path / "a" / "run.log", Noon())
    log.line("one\ntwo\n")
    log.line("")
    log.line("\ud800 ä")
    log.close()

    assert (tmp_path / "a" / "run.log").read_bytes().decode() == (
        "2023-11-14T22:13:20Z one\n    two\n2023-11-14T22:13:20Z \n2023-11-14T22:13:20Z \\ud800 ä\n"
    )


def test_a_log_written_by_several_threads_holds_each_line_whole(tmp_path):
    path = tmp_path / "run.log"
    logs = [RunLog(path, SystemClock()) for _ in range(4)]

    def write(log, name):
        for number in range(200):
            log.line(f"{name} {number} " + "x" * 300)

    threads = [threading.Thread(target=write, args=(log, i)) for i, log in enumerate(logs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for log in logs:
        log.close()

    lines = [line.split() for line in path.read_text().splitlines()]
    assert sorted((int(one[1]), int(one[2])) for one in lines) == [
        (name, number) for name in range(4) for number in range(200)
    ]
    assert {one[3] for one in lines} == {"x" * 300}


def test_what_is_there_is_read_without_waiting(tmp_path):
    path = tmp_path / "run.log"
    path.write_bytes(b"one\ntw\xff\nhalf")

    assert list(read_lines(path, more=lambda: False)) == ["one", "tw\ufffd", "half"]
    assert list(read_lines(tmp_path / "none", more=lambda: False)) == []


def test_following_holds_a_line_back_until_it_is_whole(tmp_path):
    path = tmp_path / "run.log"
    going = [True]
    lines = read_lines(path, more=lambda: going[0])

    def write():
        with path.open("ab", buffering=0) as stream:
            for piece in (b"on", b"e\ntwo\nth", b"ree"):
                stream.write(piece)
                time.sleep(0.15)
        going[0] = False

    thread = threading.Thread(target=write)
    thread.start()

    assert list(lines) == ["one", "two", "three"]
    thread.join()


def test_a_long_log_is_read_in_pieces(tmp_path):
    path = tmp_path / "run.log"
    path.write_text("".join(f"{number} {'y' * 90}\n" for number in range(5000)))

    lines = list(read_lines(path, more=lambda: False))

    assert [int(line.split()[0]) for line in lines] == list(range(5000))


def test_the_pace_tells_the_time_left():
    pace = Pace()
    assert pace.remaining(0, 100) is None
    pace.see(0, 10)
    assert pace.remaining(1_000_000, 100) is None
    pace.see(4_000_000, 20)

    assert pace.remaining(4_000_000, 100) == 32.0
    assert pace.remaining(4_000_000, 15) == 0.0


def test_a_run_that_goes_back_is_measured_anew():
    pace = Pace()
    pace.see(0, 0)
    pace.see(1_000_000, 100)
    pace.see(10_000_000, 50)
    assert pace.remaining(10_000_000, 100) is None
    pace.see(20_000_000, 60)

    assert pace.remaining(20_000_000, 100) == 40.0


def test_durations_are_spoken_in_two_units_at_most():
    assert [spoken(one) for one in (0.4, 59.4, 59.6, 185, 3600, 7800)] == [
        "0 s",
        "59 s",
        "1 min 00 s",
        "3 min 05 s",
        "1 h 00 min",
        "2 h 10 min",
    ]


def test_lines_after_a_place_are_whole_ones(tmp_path):
    path = tmp_path / "run.log"
    assert lines_after(path, 0) == ([], 0)
    path.write_bytes("ein\n\nzwö\nhal".encode())
    lines, place = lines_after(path, 0)
    assert lines == ["ein", "", "zwö"]
    assert lines_after(path, place) == ([], place)
    with path.open("ab") as log:
        log.write(b"b\n")
    assert lines_after(path, place)[0] == ["halb"]
    assert lines_after(path, 10_000) == ([], 10_000)


def test_a_line_longer_than_a_piece_is_told_in_pieces(tmp_path):
    path = tmp_path / "run.log"
    path.write_bytes(b"x" * (PIECE + 5) + b"\nend\n")
    first, place = lines_after(path, 0)
    assert (first, place) == (["x" * PIECE], PIECE)
    assert lines_after(path, place)[0] == ["xxxxx", "end"]


def test_the_pace_tells_steps_per_second():
    pace = Pace()
    assert pace.speed(0) is None
    pace.see(0, 10)
    assert pace.speed(1_000_000) is None
    pace.see(2_000_000, 30)
    assert pace.speed(4_000_000) == 5.0
    assert pace.remaining(4_000_000, 40) == 2.0
