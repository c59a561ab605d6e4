"""What is wrong with a video, its text and its alignment; what each finding means is in its reason.

Only video that cannot teach anything (damaged, no face, too short) keeps a sample out; everything
else is for a person to judge. Ready mouth clips are not searched for faces.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from truing.domain.errors import InvalidInputError, MissingDependencyError, TruingError
from truing.domain.finding import CheckReport, Finding, Severity
from truing.domain.limits import Limits
from truing.domain.media import Media
from truing.domain.modality import CheckInput
from truing.domain.prediction import Prediction, PredictionKind
from truing.domain.settings import Settings
from truing.modalities.lipreading import alignment
from truing.modalities.lipreading.grammar import GRID
from truing.modalities.lipreading.landmarks import TASK_SETTING
from truing.modalities.lipreading.media import ALIGNMENT, VIDEO
from truing.modalities.lipreading.observation import Observation, observe
from truing.modalities.lipreading.wording import grid_slip, letters, likeness, plain_words

PENALTIES = {Severity.BLOCKING: 0.0, Severity.WARNING: 0.5, Severity.INFO: 0.9}
"""Factor on the quality for each finding."""
NOMINAL_ONLY = ("avi", "mp4", "mov")
"""Containers whose writers often put a rate in front and no times behind it."""
CHAPLIN_RATE = 16.0
"""Frames per second that Chaplin writes in its files, whatever the camera gave."""


GRID_FRAMES, GRID_RATE = 75, 25.0
LENIENCE = 0.25
"""Seconds by which a recording may miss the edges of its speech."""
SECONDS_FOR_SLOWNESS = 5.0
GAP = 1.5
"""A step between frames this much longer than the usual one has lost some."""


def check(given: CheckInput, settings: Settings) -> CheckReport:
    """Looks at one sample and attaches findings; never raises for odd data."""
    findings = tuple(_findings(given, Limits("lipreading", settings), settings.text(TASK_SETTING)))
    quality = 1.0
    for found in findings:
        quality *= PENALTIES[found.severity]
    return CheckReport(findings=findings, quality=round(quality, 4))


def _findings(given: CheckInput, limits: Limits, task: str) -> Iterator[Finding]:
    medium = next((medium for medium in given.media if medium.role == VIDEO), None)
    if medium is None or VIDEO not in given.data:
        yield _damaged("the sample has no video")
        return
    said = given.damage.get(VIDEO) or medium.facts.get("damage")
    if said:
        yield _damaged(str(said))
    try:
        seen = observe(
            given.data[VIDEO],
            framing=str(medium.facts.get("framing", "face")),
            start=medium.start,
            end=medium.end,
            task=Path(task) if task else None,
        )
    except MissingDependencyError as error:
        reason = f"the video could not be looked at: {error.message} ({error.hint})"
        yield Finding(check="not_checked", severity=Severity.INFO, reason=reason)
        return
    except TruingError as error:
        if not said:
            yield _damaged(error.message)
        return
    seconds = medium.duration or seen.seconds
    hopeless = next(_hopeless(seen, seconds, limits), None)
    if hopeless is not None:
        yield hopeless
        return
    yield from _of_video(medium, seen, seconds, limits)
    yield from _of_words(given, medium, seconds, limits)


def _damaged(reason: str) -> Finding:
    return Finding(check="damaged", severity=Severity.BLOCKING, reason=reason)


def _hopeless(seen: Observation, seconds: float, limits: Limits) -> Iterator[Finding]:
    block = Severity.BLOCKING
    if seen.frames < limits["min_frames"]:
        frames = "1 frame" if seen.frames == 1 else f"{seen.frames} frames"
        reason = f"the video has {frames}, too few for a word"
        yield limits.finding("too_short", block, seen.frames, "min_frames", reason)
    if seconds < limits["min_seconds"]:
        reason = f"the video is {seconds:.3f} s long, too short for a word"
        yield limits.finding("too_short", block, seconds, "min_seconds", reason)
    if seen.lost[0] == 1.0:
        reason = f"no face is found in any of {len(seen.glances)} frames"
        yield limits.finding("face_missing", block, 1.0, "face_lost_share", reason)


def _of_video(
    medium: Media, seen: Observation, seconds: float, limits: Limits
) -> Iterator[Finding]:
    if seconds > limits["max_seconds"]:
        reason = f"the video is {seconds:.0f} s long, more than one utterance"
        yield limits.finding("too_long", Severity.WARNING, seconds, "max_seconds", reason)
    yield from _of_faces(seen, limits)
    yield from _of_pictures(seen, limits)
    yield from _of_stream(seen, limits)
    yield from _of_times(seen, limits)
    yield from _of_rate(medium, limits)


def _of_faces(seen: Observation, limits: Limits) -> Iterator[Finding]:
    warn, count = Severity.WARNING, len(seen.glances)
    if seen.unmeshed is not None:
        reason = f"faces were not looked for: {seen.unmeshed}"
        yield Finding(check="face_not_checked", severity=Severity.INFO, reason=reason)
    share, longest = seen.lost
    if share > limits["face_lost_share"]:
        reason = f"no face in {round(share * count)} of {count} frames, up to {longest:.1f} s long"
        yield limits.finding("face_lost", warn, share, "face_lost_share", reason)
    elif longest >= limits["face_lost_seconds"]:
        reason = f"no face for {longest:.1f} s"
        yield limits.finding("face_lost", warn, longest, "face_lost_seconds", reason)
    several = [one.faces for one in seen.glances if one.faces is not None and one.faces > 1]
    if len(several) > limits["several_faces_share"] * count:
        reason = f"{max(several, default=0)} faces in {len(several)} of {count} frames"
        share = len(several) / count
        yield limits.finding("several_faces", warn, share, "several_faces_share", reason)
    cut = sum(not one.inside for one in seen.glances)
    if cut > limits["mouth_cut_share"] * count:
        reason = f"the mouth leaves the picture in {cut} of {count} frames"
        yield limits.finding("mouth_cut", warn, cut / count, "mouth_cut_share", reason)
    widths = [one.mouth_width for one in seen.glances if one.mouth_width is not None]
    if widths and statistics.median(widths) < limits["least_mouth_pixels"]:
        width = statistics.median(widths)
        reason = f"the mouth is only {width:.0f} pixels wide: come nearer to the camera"
        yield limits.finding("mouth_too_small", warn, width, "least_mouth_pixels", reason)


def _of_pictures(seen: Observation, limits: Limits) -> Iterator[Finding]:
    warn = Severity.WARNING
    brightness = _median([one.brightness for one in seen.glances])
    if brightness is not None and brightness < limits["least_brightness"]:
        reason = f"the mouth is too dark to see: mean luma {brightness:.0f}, where black is 16"
        yield limits.finding("dark", warn, brightness, "least_brightness", reason)
    else:
        yield from _of_lost(seen, limits)
    sharpness = _median([one.sharpness for one in seen.glances])
    if sharpness is not None and sharpness < limits["least_sharpness"]:
        reason = "the mouth is out of focus or blurred by movement"
        yield limits.finding("blurred", warn, sharpness, "least_sharpness", reason)
    if seen.frozen >= limits["frozen_seconds"]:
        reason = f"the picture stands still for {seen.frozen:.1f} s"
        yield limits.finding("frozen", warn, seen.frozen, "frozen_seconds", reason)
    elif seen.repeated >= limits["repeated_share"]:
        reason = f"{100 * seen.repeated:.0f} % of the frames repeat the one before"
        yield limits.finding("repeated_frames", warn, seen.repeated, "repeated_share", reason)


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _of_lost(seen: Observation, limits: Limits) -> Iterator[Finding]:
    """Frames that were decoded into grey, or into stripes drawn down from a picture's edge."""
    flat = _below(seen, "contrast", limits["least_contrast"])
    drawn = _below(seen, "rows", limits["least_rows"])
    lost = len(flat.keys() | drawn.keys())
    reason = f"the picture is lost in {lost} of {len(seen.glances)} frames looked at"
    if flat:
        worst = min(flat.values())
        yield limits.finding("picture_lost", Severity.WARNING, worst, "least_contrast", reason)
    elif drawn:
        worst = min(drawn.values())
        yield limits.finding("picture_lost", Severity.WARNING, worst, "least_rows", reason)


def _below(seen: Observation, figure: str, limit: float) -> dict[float, float]:
    """Time -> figure of the glances that have less of it."""
    figures = ((one.time, getattr(one, figure)) for one in seen.glances)
    return {time: value for time, value in figures if value is not None and value < limit}


def _of_stream(seen: Observation, limits: Limits) -> Iterator[Finding]:
    if seen.damaged:
        share = seen.damaged / seen.frames
        warn, info = Severity.WARNING, Severity.INFO
        reason = f"{seen.damaged} of {seen.frames} frames could not be decoded whole"
        if share >= limits["damaged_share"]:
            yield limits.finding("damaged_frames", warn, share, "damaged_share", reason)
        else:
            yield limits.finding("damaged_frames", info, share, "damaged_share", reason)


def _of_times(seen: Observation, limits: Limits) -> Iterator[Finding]:
    steps = [after - before for before, after in pairwise(seen.times)]
    usual = statistics.median(steps) if steps else 0.0
    if usual <= 0:
        return
    missing = sum(round(step / usual) - 1 for step in steps if step > GAP * usual)
    longest, share = max(steps), missing / (len(seen.times) + missing)
    warn = Severity.WARNING
    reason = f"about {missing} frames are missing; the longest gap is {longest:.2f} s"
    if longest > GAP * usual and longest >= limits["gap_seconds"]:
        yield limits.finding("dropped_frames", warn, longest, "gap_seconds", reason)
    elif share >= limits["dropped_share"]:
        yield limits.finding("dropped_frames", warn, share, "dropped_share", reason)


def _of_rate(medium: Media, limits: Limits) -> Iterator[Finding]:
    facts = medium.facts
    rate, measured, real = facts.get("rate"), facts.get("measured_rate"), facts.get("times")
    if not isinstance(measured, (int, float)) or measured <= 0:
        return
    if measured < limits["least_rate"]:
        reason = f"only {measured:.1f} frames a second"
        yield limits.finding("low_rate", Severity.WARNING, measured, "least_rate", reason)
    if not isinstance(rate, (int, float)):
        return
    off = abs(rate / measured - 1)
    if off > limits["rate_difference"]:
        reason = f"the file says {rate:g} frames a second, they come at {measured:.4g}"
        if not real:
            yield limits.finding("wrong_rate", Severity.WARNING, off, "rate_difference", reason)
        else:
            reason += "; their real times are kept"
            yield limits.finding("wrong_rate", Severity.INFO, off, "rate_difference", reason)
    elif rate == CHAPLIN_RATE and not real and facts.get("container") in NOMINAL_ONLY:
        yield Finding(
            check="nominal_rate",
            severity=Severity.INFO,
            reason="the file says 16 frames a second, as Chaplin writes whatever the camera gave, "
            "and holds no times of its own: speech may seem faster or slower than it was",
            value=rate,
        )


def _of_words(
    given: CheckInput, medium: Media, seconds: float, limits: Limits
) -> Iterator[Finding]:
    text = given.truth
    if text is None and given.predictions:
        text = given.predictions[-1].text
    if text is not None:
        yield from _of_text(text, seconds, limits)
    yield from _of_correction(given.predictions, limits)
    if given.truth is not None:
        yield from _of_grid(given.truth, medium)
    if ALIGNMENT in given.data:
        yield from _of_alignment(given.data[ALIGNMENT], given.truth, seconds, limits)


def _of_text(text: str, seconds: float, limits: Limits) -> Iterator[Finding]:
    warn, length = Severity.WARNING, letters(text)
    if not length:
        yield Finding(check="text_empty", severity=warn, reason="there is a video but no text")
        return
    rate = length / max(seconds, 0.05)
    said = f"{length:.0f} letters in a video of {seconds:.1f} s"
    fastest, slowest = "most_letters_per_second", "least_letters_per_second"
    if length > limits[fastest] * (seconds + LENIENCE):
        reason = f"{said}: nobody speaks so fast"
        yield limits.finding("text_too_long", warn, rate, fastest, reason)
    if seconds >= SECONDS_FOR_SLOWNESS and rate < limits[slowest]:
        reason = f"{said}: that cannot be all that was said"
        yield limits.finding("text_too_short", warn, rate, slowest, reason)


def _of_correction(predictions: Sequence[Prediction], limits: Limits) -> Iterator[Finding]:
    """An app that waits for no answer may store the correction of the utterance before."""
    said = {one.kind: one.text for one in predictions}
    raw, corrected = said.get(PredictionKind.RECOGNIZER), said.get(PredictionKind.CORRECTOR)
    if not raw or not corrected:
        return
    least = "least_correction_likeness"
    alike = likeness(raw, corrected)
    if alike < limits[least]:
        reason = f"the correction has little in common with what was read: `{corrected}`"
        yield limits.finding("correction_unlike", Severity.WARNING, alike, least, reason)


def _of_grid(truth: str, medium: Media) -> Iterator[Finding]:
    slip = grid_slip(truth)
    if slip is not None:
        reason = f"{slip}: otherwise this is a sentence of the GRID corpus"
        yield Finding(check="grid_label", severity=Severity.INFO, reason=reason)
    facts, whole = medium.facts, medium.start is None and medium.end is None
    short = facts.get("frames") == GRID_FRAMES - 1 and facts.get("rate") == GRID_RATE
    if whole and short and GRID.fits(truth):
        yield Finding(
            check="grid_frames",
            severity=Severity.INFO,
            reason=f"{GRID_FRAMES - 1} frames, where clips of the GRID corpus have {GRID_FRAMES}",
            value=GRID_FRAMES - 1,
            threshold=GRID_FRAMES,
        )


def _of_alignment(
    data: bytes, truth: str | None, seconds: float, limits: Limits
) -> Iterator[Finding]:
    warn = Severity.WARNING
    try:
        words = alignment.parse(data)
    except InvalidInputError as error:
        reason = f"the alignment cannot be read: {error.message}"
        yield Finding(check="alignment_damaged", severity=warn, reason=reason)
        return
    spelled = alignment.text_of(words)
    if truth is not None and plain_words(spelled) != plain_words(truth):
        reason = f"the alignment spells `{spelled}`, the text is `{truth}`"
        yield Finding(check="alignment_disagrees", severity=warn, reason=reason)
    end = max((word.end or 0.0 for word in words), default=0.0)
    late, slack = end - seconds, "alignment_slack"
    if late > limits[slack]:
        reason = f"the alignment ends at {end:.2f} s, the video after {seconds:.2f} s"
        yield limits.finding("alignment_too_long", warn, late, slack, reason)
