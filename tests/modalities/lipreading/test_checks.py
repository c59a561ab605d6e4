"""What is found in real clips, whole and damaged on purpose, and that nothing else is found."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from truing.domain.finding import CheckReport, Severity
from truing.domain.media import Media
from truing.domain.modality import CheckInput
from truing.domain.prediction import Prediction, PredictionKind, Recognition
from truing.domain.settings import Settings, resolve
from truing.modalities.lipreading.checks import check
from truing.modalities.lipreading.frames import read_frames
from truing.modalities.lipreading.grammar import sentence_of
from truing.modalities.lipreading.media import ingest
from truing.modalities.lipreading.thresholds import THRESHOLDS

DATA = Path(__file__).parents[2] / "data"
GRID = DATA / "lipreading" / "grid"
MOUTHS = DATA / "lipreading" / "grid_s1"
CHAPLIN = DATA / "clients"
TEXT = "bin blue at f two now"

Film = list[np.ndarray]


def limits(**flags: str) -> Settings:
    named = {f"lipreading.{key}": value for key, value in flags.items()}
    return resolve(THRESHOLDS, flags=named, environ={}, file_values={}, file_origin="")


DEFAULTS = limits()


def checked(
    source: object,
    truth: str | None = None,
    *,
    said: str | None = None,
    align: object = None,
    wanted: Settings = DEFAULTS,
    span: tuple[float, float] | None = None,
    both: Mapping[PredictionKind, str] | None = None,
) -> CheckReport:
    parts = [ingest("video", source)]
    if align is not None:
        parts.append(ingest("alignment", align))
    start, end = span or (None, None)
    media = [
        Media(
            role=part.role,
            digest="sha256:x",
            size=len(part.data),
            media_type=part.media_type,
            start=start,
            end=end,
            facts=part.facts,
        )
        for part in parts
    ]
    texts = both or ({} if said is None else {PredictionKind.RECOGNIZER: said})
    guesses = [(kind, Recognition(text=text)) for kind, text in texts.items()]
    return check(
        CheckInput(
            media=media,
            data={part.role: part.data for part in parts},
            predictions=[
                Prediction(kind=kind, recognition=one, created_at=0) for kind, one in guesses
            ],
            truth=truth,
            damage={part.role: part.damage for part in parts if part.damage},
        ),
        wanted,
    )


def names(report: CheckReport) -> list[str]:
    return [found.check for found in report.findings]


@pytest.fixture(scope="module")
def film() -> Film:
    """Every second frame of `bbaf2n`, in colour."""
    return [one.image for one in read_frames(GRID / "bbaf2n.mpg")][::2]


def made(frames: Film, step: float = 0.08) -> dict[str, object]:
    return {"frames": np.stack(frames), "times": [step * n for n in range(len(frames))]}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bbaf2n", []),
        ("swwp2s", []),
        ("sbia1a", []),
        ("lrae3s", [("grid_frames", Severity.INFO)]),
        ("sgib8n", [("damaged_frames", Severity.INFO)]),
        ("pbio7a", [("face_lost", Severity.WARNING), ("picture_lost", Severity.WARNING)]),
    ],
)
def test_real_videos_have_their_known_defects_and_no_others(
    name: str, expected: list[tuple[str, Severity]]
) -> None:
    align = GRID / f"{name}.align"
    report = checked(
        GRID / f"{name}.mpg", sentence_of(name), align=align if align.exists() else None
    )
    assert [(found.check, found.severity) for found in report.findings] == expected
    assert (report.quality == 1.0) == (not expected)
    assert not report.blocked
    for found in report.findings:
        assert len(found.reason.split()) >= 4
        if found.setting is not None:
            assert found.threshold == DEFAULTS.number(found.setting)
            assert found.value is not None


def test_real_mouth_clips_pass() -> None:
    clips = sorted((MOUTHS / "mouth").glob("*.mp4"))
    assert len(clips) == 160
    for path in clips[::4]:
        align = MOUTHS / "align" / f"{path.stem}.align"
        report = checked(path, sentence_of(path.stem), align=align)
        assert names(report) == [], path.stem


def test_recordings_of_chaplin_pass_but_for_their_nominal_rate() -> None:
    for folder in sorted(CHAPLIN.glob("chaplin_*")):
        path = min(folder.rglob("*.avi"))
        report = checked(path)
        assert names(report) == ["nominal_rate"]
        assert report.findings[0].severity is Severity.INFO
    count = sum(1 for _ in read_frames(path, colour="grey"))
    known = {"path": path, "times": [n / 15.5 for n in range(count)]}
    assert names(checked(known)) == []


def lost(frames: Film, first: int, last: int) -> Film:
    """The same film with the speaker gone from frame `first` to `last`."""
    wall = cv2.GaussianBlur(frames[0][:, :1].repeat(360, axis=1), (0, 0), 3)
    noise = np.random.default_rng(1).integers(0, 12, (len(frames), *wall.shape), np.uint8)
    inside = range(first, last)
    return [wall + noise[n] if n in inside else one for n, one in enumerate(frames)]


DAMAGE: dict[str, tuple[Callable[[Film], Film], list[str]]] = {
    "face_missing": (lambda film: lost(film, 0, 99), ["face_missing"]),
    "face_lost": (lambda film: lost(film, 10, 24), ["face_lost"]),
    "several_faces": (
        lambda film: [np.hstack([one, one[:, ::-1]]) for one in film],
        ["several_faces"],
    ),
    "mouth_too_small": (
        lambda film: [cv2.resize(one[:, :352], (124, 100), interpolation=3) for one in film],
        ["mouth_too_small"],
    ),
    "mouth_cut": (lambda film: [one[:210] for one in film], ["mouth_cut"]),
    "blurred": (lambda film: [cv2.GaussianBlur(one, (0, 0), 2) for one in film], ["blurred"]),
    "dark": (lambda film: [one // 7 for one in film], ["dark"]),
    "frozen": (lambda film: film[:15] + [film[15]] * 10 + film[15:], ["frozen"]),
    "picture_lost": (
        lambda film: [np.full_like(one, 128) if n < 6 else one for n, one in enumerate(film)],
        ["picture_lost"],
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_each_damage_has_its_own_finding_and_no_other(kind: str, film: Film) -> None:
    damage, expected = DAMAGE[kind]
    report = checked(made(damage(film)), TEXT)
    assert names(report) == expected
    assert report.blocked == (kind == "face_missing")


def test_a_camera_that_gave_fewer_frames_than_were_written(film: Film, tmp_path: Path) -> None:
    path = tmp_path / "webcam.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (360, 288))
    for one in film[:20]:
        for _ in range(2):
            writer.write(np.ascontiguousarray(one[..., ::-1]))
    writer.release()
    report = checked(path, TEXT)
    assert names(report) == ["repeated_frames"]
    assert report.findings[0].value == pytest.approx(20 / 39, abs=1e-3)


def test_a_single_lost_frame_is_nothing_to_mention(film: Film) -> None:
    assert names(checked(made(lost(film, 17, 18)), TEXT)) == []


def test_too_few_frames_and_too_little_time_stay_out(film: Film) -> None:
    for report in (
        checked(made(film[:1]), TEXT),
        checked(made(film[:4]), TEXT),
        checked(made(film[:6], step=0.03), TEXT),
        checked(GRID / "bbaf2n.mpg", TEXT, span=(1.0, 1.1)),
    ):
        assert names(report) == ["too_short"]
        assert report.blocked
        assert report.quality == 0
    assert "1 frame" in checked(made(film[:1])).findings[0].reason


def test_a_film_of_several_minutes(film: Film) -> None:
    report = checked(made(film, step=8.0), TEXT)
    assert "too_long" in names(report)


def test_uneven_times_are_dropped_frames(film: Film) -> None:
    times = [0.04 * n for n in range(len(film))]
    gap = [time + (0.4 if n > 20 else 0) for n, time in enumerate(times)]
    report = checked({"frames": np.stack(film), "times": gap}, TEXT)
    assert names(report) == ["dropped_frames"]
    assert "10 frames are missing" in report.findings[0].reason
    spread = [0.04 * (n + n // 5) for n in range(len(film))]
    assert names(checked({"frames": np.stack(film), "times": spread}, TEXT)) == ["dropped_frames"]
    rng = np.random.default_rng(2)
    shaking = np.cumsum(0.04 + rng.uniform(-0.012, 0.012, len(film)))
    assert names(checked({"frames": np.stack(film), "times": shaking}, TEXT)) == []


def test_a_header_whose_rate_is_not_that_of_the_frames(film: Film) -> None:
    path = min(CHAPLIN.rglob("*.avi"))
    count = sum(1 for _ in read_frames(path, colour="grey"))
    slow = checked({"path": path, "times": [n / 13 for n in range(count)]})
    assert names(slow) == ["wrong_rate"]
    assert slow.findings[0].severity is Severity.INFO
    assert "16 frames a second, they come at 13" in slow.findings[0].reason
    very_slow = checked({"path": path, "times": [n / 10 for n in range(count)]})
    assert names(very_slow) == ["low_rate", "wrong_rate"]


def test_a_file_that_ends_before_its_header_says(film: Film) -> None:
    data = min(CHAPLIN.rglob("*.avi")).read_bytes()
    report = checked(data[: len(data) // 2])
    assert names(report) == ["damaged", "nominal_rate"]
    assert report.blocked


def test_many_undecodable_frames_are_a_warning() -> None:
    data = bytearray((GRID / "bbaf2n.mpg").read_bytes())
    rng = np.random.default_rng(1)
    data[100_000:300_000:5000] = rng.bytes(40)
    report = checked(bytes(data), TEXT)
    found = next(one for one in report.findings if one.check == "damaged_frames")
    assert found.severity is Severity.WARNING


def test_bytes_that_no_longer_decode_are_damaged() -> None:
    kept = ingest("video", GRID / "bbaf2n_mouth.mp4")
    medium = Media(role="video", digest="x", size=1, media_type=kept.media_type, facts=kept.facts)
    for data, media in ((kept.data[:1000], [medium]), (kept.data, [])):
        report = check(
            CheckInput(media=media, data={"video": data}, predictions=[], truth=None, damage={}),
            DEFAULTS,
        )
        assert names(report) == ["damaged"]
        assert report.blocked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["text_empty"]),
        ("  … ", ["text_empty"]),
        ("supercalifragilistic " * 5, ["text_too_long"]),
        ("bin blue at f too now", ["grid_label"]),
        ("Bin blue at F two now.", []),
        ("hello how are you", []),
    ],
)
def test_texts(text: str, expected: list[str]) -> None:
    assert names(checked(GRID / "bbaf2n_mouth.mp4", text)) == expected


def test_a_model_that_said_nothing_and_a_label_that_says_too_little(film: Film) -> None:
    assert names(checked(GRID / "bbaf2n_mouth.mp4", said="")) == ["text_empty"]
    assert names(checked(GRID / "bbaf2n_mouth.mp4", said="bin blue at f too now")) == []
    slow = made(film, step=0.2)
    assert "text_too_short" in names(checked(slow, "oh"))


@pytest.mark.parametrize(
    ("raw", "corrected", "unlike"),
    [
        ("SET BLUE IN A ONE AGAIN", "Lay blue at X four now.", True),
        ("SET BLUE IN A ONE AGAIN", "Set blue in A, one again.", False),
        ("BEEN BLUE AT HALF TO NOW", "Bin blue at F two now.", False),
        ("HELLO THERE", "", False),
        ("", "Hello there.", False),
    ],
)
def test_the_correction_of_another_utterance(raw: str, corrected: str, unlike: bool) -> None:
    said = {PredictionKind.RECOGNIZER: raw, PredictionKind.CORRECTOR: corrected}
    report = checked(GRID / "bbaf2n_mouth.mp4", "bin blue at f two now", both=said)
    assert names(report) == ["correction_unlike"] * unlike


def test_how_like_a_correction_must_be_can_be_set() -> None:
    said = {PredictionKind.RECOGNIZER: "BIN BLUE", PredictionKind.CORRECTOR: "Pin blue"}
    wanted = limits(least_correction_likeness="0.9")
    report = checked(GRID / "bbaf2n_mouth.mp4", "bin blue", wanted=wanted, both=said)
    assert names(report) == ["correction_unlike"]
    assert report.findings[0].value == 0.875
    assert report.findings[0].setting == "lipreading.least_correction_likeness"


def test_alignments_must_spell_the_text_and_fit_the_video() -> None:
    mouth, align = GRID / "bbaf2n_mouth.mp4", GRID / "bbaf2n.align"
    assert names(checked(mouth, TEXT, align=align)) == []
    assert names(checked(mouth, "Bin blue at F two now.", align=align)) == []
    other = checked(mouth, "set white with p two soon", align=align)
    assert names(other) == ["alignment_disagrees"]
    assert "`bin blue at f two now`" in other.findings[0].reason
    late = checked(mouth, "bin", align=[("bin", 2.9, 3.4)])
    assert names(late) == ["alignment_too_long"]


def test_a_kept_alignment_that_was_damaged() -> None:
    kept = ingest("video", GRID / "bbaf2n_mouth.mp4")
    medium = Media(role="video", digest="x", size=1, media_type=kept.media_type, facts=kept.facts)
    data = {"video": kept.data, "alignment": b"0 broken"}
    report = check(
        CheckInput(media=[medium], data=data, predictions=[], truth=TEXT, damage={}), DEFAULTS
    )
    assert names(report) == ["alignment_damaged"]


def test_without_mediapipe_one_note_stands_for_the_face_checks(
    film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    report = checked(made(lost(film, 0, 99)), TEXT)
    assert names(report) == ["face_not_checked"]
    assert report.findings[0].severity is Severity.INFO
    assert 'pip install "truing[lipreading]"' in report.findings[0].reason
    assert names(checked(GRID / "bbaf2n_mouth.mp4", TEXT)) == []
    assert names(checked(made([one // 7 for one in film]), TEXT)) == ["face_not_checked", "dark"]


def test_a_face_landmarker_that_is_not_there_is_a_note_as_well(tmp_path: Path) -> None:
    wanted = limits(face_landmarker=str(tmp_path / "gone.task"))
    report = checked(GRID / "bbaf2n.mpg", TEXT, wanted=wanted)
    assert names(report) == ["face_not_checked"]
    assert "gone.task" in report.findings[0].reason


def test_without_pyav_the_check_says_that_it_could_not_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = ingest("video", GRID / "bbaf2n_mouth.mp4")
    medium = Media(role="video", digest="x", size=1, media_type=kept.media_type, facts=kept.facts)
    monkeypatch.setitem(sys.modules, "av", None)
    given = CheckInput(
        media=[medium], data={"video": kept.data}, predictions=[], truth=None, damage={}
    )
    assert names(check(given, DEFAULTS)) == ["not_checked"]


MOVES = {
    "min_seconds": ("9", "too_short"),
    "min_frames": ("99", "too_short"),
    "max_seconds": ("1", "too_long"),
    "least_mouth_pixels": ("60", "mouth_too_small"),
    "least_sharpness": ("0.9", "blurred"),
    "least_brightness": ("200", "dark"),
    "least_contrast": ("60", "picture_lost"),
    "least_rows": ("9", "picture_lost"),
    "frozen_seconds": ("0", "frozen"),
    "repeated_share": ("0", "repeated_frames"),
    "dropped_share": ("0", "dropped_frames"),
    "least_rate": ("40", "low_rate"),
    "most_letters_per_second": ("2", "text_too_long"),
}


@pytest.mark.parametrize("name", MOVES)
def test_every_threshold_moves_its_finding(name: str) -> None:
    value, finding = MOVES[name]
    wanted = limits(**{"frozen_seconds": "9"} | {name: value})
    report = checked(GRID / "swwp2s.mpg", "set white with p two soon", wanted=wanted)
    assert names(report) == [finding]
    found = report.findings[0]
    assert found.setting == f"lipreading.{name}"


def test_only_the_span_is_judged(film: Film) -> None:
    source = made(lost(film, 20, 99), step=0.08)
    assert names(checked(source, TEXT, span=(0.0, 1.5))) == []
    assert names(checked(source, TEXT, span=(1.6, 2.9))) == ["face_missing"]


def test_sound_beside_the_pictures_does_not_disturb() -> None:
    target = BytesIO()
    with av.open(target, "w", format="mp4") as file:
        stream, sound = file.add_stream("libx264", rate=25), file.add_stream("aac", rate=16_000)
        stream.width, stream.height, stream.pix_fmt = 360, 288, "yuv420p"
        for one in read_frames(GRID / "swwp2s.mpg"):
            picture = av.VideoFrame.from_ndarray(one.image, format="rgb24")
            picture.pts = one.index
            file.mux(stream.encode(picture))
        file.mux(stream.encode(None))
        for number in range(80):
            block = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            block.sample_rate, block.pts = 16_000, 1024 * number
            file.mux(sound.encode(block))
        file.mux(sound.encode(None))
    assert names(checked(target.getvalue(), "set white with p two soon")) == []
