"""A camera and what is recorded from it: a video file in its place, and made-up devices."""

import itertools
import queue
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError, UnavailableError
from truing.live import camera as module
from truing.live.camera import Picture, camera, devices, recorded
from truing.live.clip import ClipFile

GRID = Path(__file__).parents[1] / "data" / "lipreading" / "grid"


def pictures(rate, seconds, jitter=0.0):
    """What a camera of that rate gives; the picture tells which one it is."""
    random = np.random.default_rng(7)
    for number in range(round(rate * seconds)):
        image = np.full((4, 4, 3), number % 256, np.uint8)
        late = random.uniform(0, jitter) if number else 0.0
        yield Picture(image=image, time=number / rate + late)


# --- a file in the place of a camera -------------------------------------------------------------


def test_a_file_gives_its_frames_at_their_own_times():
    with camera(GRID / "bbaf2n.mpg", paced=False) as shown:
        seen = list(shown)
    assert [round(one.time, 6) for one in seen] == [round(k * 0.04, 6) for k in range(75)]
    assert {one.image.shape for one in seen} == {(288, 360, 3)}


def test_its_colours_are_red_green_blue():
    import av

    with camera(GRID / "swwp2s.mpg", paced=False) as shown:
        image = next(shown).image
    with av.open(str(GRID / "swwp2s.mpg")) as file:
        decoded = next(file.decode(video=0)).to_ndarray(format="rgb24")
    assert abs(image.astype(int) - decoded).max() <= 2


def test_a_paced_file_takes_as_long_as_it_shows():
    began = time.monotonic()
    with camera(GRID / "bbaf2n.mpg") as shown:
        last = [next(shown) for _ in range(11)][-1]
    assert last.time == pytest.approx(0.4)
    assert time.monotonic() - began >= 0.4


def test_a_file_that_is_no_video(tmp_path):
    text = tmp_path / "renamed.mp4"
    text.write_text("this was a text file")
    with pytest.raises(DamagedError, match=r"renamed\.mp4"), camera(text):
        pass


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(NotFoundError, match="no camera and no video file"), camera(tmp_path / "no"):
        pass


# --- devices ------------------------------------------------------------------------------------


class Library:
    """Stands at the border to OpenCV: devices that this machine does not have."""

    CAP_PROP_POS_MSEC = 0
    COLOR_BGR2RGB = 4

    class utils:  # noqa: N801
        class logging:  # noqa: N801
            LOG_LEVEL_SILENT = 0
            getLogLevel = staticmethod(lambda: 3)  # noqa: N815
            setLogLevel = staticmethod(lambda level: None)  # noqa: N815

    def __init__(self, device):
        self.device = device

    def VideoCapture(self, which):  # noqa: N802
        self.device.which = which
        return self.device

    def cvtColor(self, image, code):  # noqa: N802
        return image[..., ::-1]


class Webcam:
    """Gives pictures at real moments, stamped by its driver or not, and then nothing more."""

    def __init__(self, count, *, opens=True, stamped=True, gap=0.005, bunch=1):
        self.count, self.opens, self.stamped = count, opens, stamped
        self.gap, self.bunch = gap, bunch
        self.given, self.released, self.taken = 0, False, []

    def isOpened(self):  # noqa: N802
        return self.opens

    def read(self):
        if self.given == self.count:
            return False, None
        if self.given % self.bunch == 0:
            time.sleep(self.gap)
        self.given += 1
        self.taken.append(time.monotonic() - 0.1)
        return True, np.full((2, 2, 3), (0, 0, self.given), np.uint8)

    def get(self, _what):
        return self.taken[-1] * 1000 if self.stamped else 0.0

    def release(self):
        self.released = True


@pytest.fixture
def webcam(monkeypatch):
    def plug(**kind):
        device = Webcam(**kind)
        monkeypatch.setattr(module, "_library", lambda: Library(device))
        # However late this machine reads it: a picture's own stamp is believed.
        monkeypatch.setattr(module, "LONGEST_WAIT", 60.0)
        return device

    return plug


@pytest.mark.parametrize("stamped", [True, False])
def test_a_device_gives_pictures_with_the_times_they_were_taken_at(webcam, stamped):
    device = webcam(count=20, stamped=stamped)
    seen = []
    with pytest.raises(UnavailableError, match="or is gone"), camera(3) as shown:
        seen.extend(shown)  # until it is unplugged
    assert device.which == 3
    assert device.released
    times = [one.time for one in seen]
    assert times[0] == 0.0
    assert [int(one.image[0, 0, 0]) for one in seen] == list(range(1, 21))
    if stamped:
        assert times == pytest.approx([at - device.taken[0] for at in device.taken])
    assert all(later - sooner >= 0.001 for sooner, later in itertools.pairwise(times))


def test_pictures_that_waited_in_a_buffer_together_count_once(webcam):
    webcam(count=12, bunch=3)
    seen = []
    with pytest.raises(UnavailableError), camera(0) as shown:
        seen.extend(shown)
    assert len(seen) < 12
    times = [round(one.time * 1000) for one in seen]
    assert times == sorted(set(times))


def test_a_device_that_sends_nothing(monkeypatch):
    waiting = queue.Queue()
    with pytest.raises(UnavailableError, match=r"nothing for 0\.05 s"):
        next(module._pictures(waiting, 0.05))


def test_the_camera_is_let_go_when_the_block_is_left(webcam):
    device = webcam(count=10_000)
    with camera(0) as shown:
        next(shown)
    assert device.released
    assert "truing-camera" not in {thread.name for thread in threading.enumerate()}


def test_no_camera_names_those_there_are(webcam, monkeypatch):
    webcam(count=0, opens=False)
    monkeypatch.setattr(module, "devices", lambda: [(2, "USB Camera"), (4, "Front")])
    with pytest.raises(UnavailableError, match="there is no camera 0") as caught, camera(0):
        pass
    assert caught.value.hint == "choose one of 2 (USB Camera), 4 (Front)"
    with pytest.raises(UnavailableError, match="camera 2 cannot be opened") as caught, camera(2):
        pass
    assert "end the program that uses it" in caught.value.hint
    monkeypatch.setattr(module, "devices", list)
    with pytest.raises(UnavailableError) as caught, camera(0):
        pass
    assert "plug in a camera" in caught.value.hint


def test_devices_are_named_by_the_system(monkeypatch, tmp_path):
    for name, label in (("video2", "USB Camera\n"), ("video0", "Front\n"), ("v4l-subdev0", "x")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text(label)
    monkeypatch.setattr(module, "_NAMES", tmp_path)
    assert devices() == [(0, "Front"), (2, "USB Camera")]
    monkeypatch.setattr(module, "_NAMES", tmp_path / "nothing")
    assert devices() == []


# --- recordings ----------------------------------------------------------------------------------


def test_all_pictures_or_those_of_a_lower_rate_with_their_own_times():
    assert len(list(recorded(pictures(30, 4)))) == 120
    kept = list(recorded(pictures(30, 4), rate=16))
    # Every second picture of 30 would be 15 a second: 60 of them.
    assert len(kept) in (63, 64, 65)
    assert all(one.time * 30 == pytest.approx(round(one.time * 30)) for one in kept)


@pytest.mark.parametrize(("rate", "jitter"), [(16, 0.004), (25, 0.01), (30, 0.02), (60, 0.01)])
def test_jitter_does_not_cost_pictures(rate, jitter):
    kept = list(recorded(pictures(rate, 10, jitter), rate=16))
    assert 155 <= len(kept) <= 162


def test_a_slow_camera_gives_all_it_has():
    assert len(list(recorded(pictures(10, 3), rate=16))) == 30


def test_a_recording_ends_when_it_is_told_or_takes_too_long():
    asked = itertools.count(1)
    seen = list(recorded(pictures(25, 9), finished=lambda: next(asked) == 5))
    assert len(seen) == 5
    assert [one.time for one in recorded(pictures(25, 9), longest=0.1)][-1] == pytest.approx(0.12)


# --- clips ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(48, 64), (47, 63)])
def test_a_clip_keeps_pictures_and_their_real_times(tmp_path, size):
    import av

    times = [0.0, 0.0331, 0.1017, 0.1442, 0.9009]
    level = [16, 60, 120, 180, 235]
    with ClipFile(tmp_path / "webcam1.mkv", rate=16) as clip:
        for at, grey in zip(times, level, strict=True):
            clip.add(np.full((*size, 3), grey, np.uint8), at)
    assert clip.times == [0.0, 0.033, 0.102, 0.144, 0.901]
    with av.open(str(tmp_path / "webcam1.mkv")) as file:
        frames = list(file.decode(video=0))
        assert float(file.streams.video[0].average_rate) == 16
    assert [float(one.time) for one in frames] == pytest.approx(clip.times)
    assert [one.to_ndarray(format="rgb24").shape[:2] for one in frames] == [size] * 5
    means = [one.to_ndarray(format="rgb24").mean() for one in frames]
    assert means == pytest.approx(level, abs=3)


def test_a_clip_takes_pictures_in_their_order_only(tmp_path):
    image = np.zeros((32, 32, 3), np.uint8)
    with ClipFile(tmp_path / "clip.mkv") as clip:
        clip.add(image, 0.5)
        with pytest.raises(InvalidInputError, match="cannot follow"):
            clip.add(image, 0.5004)
        clip.add(image, 0.54)
    clip.close()
    assert clip.times == [0.5, 0.54]
