"""What is wrong with a sample: its sound by itself, and its text against its sound.

Only sound that cannot teach anything (damaged, silent, too short to hold a word) keeps a sample
out; everything else is for a person to judge.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator

from truing.domain.errors import TruingError
from truing.domain.finding import CheckReport, Finding, Severity
from truing.domain.limits import Limits
from truing.domain.media import Media
from truing.domain.modality import CheckInput
from truing.domain.settings import Settings
from truing.modalities.speech.acoustics import LONGEST, Acoustics, measure
from truing.modalities.speech.recording import Recording

ROLE = "audio"
PENALTIES = {Severity.BLOCKING: 0.0, Severity.WARNING: 0.5, Severity.INFO: 0.9}
"""Factor on the quality for each finding."""
LONG_ENOUGH_FOR_SHARES = 3.0
SPACELESS_CHARACTER = 3
"""A character of a script without spaces says about as much as three letters."""
SHORTEST_TEXT = 12
"""Letters from which a speaking rate means anything."""
BRIGHT, HIGH = 900.0, 330.0
"""Hertz of brightness and pitch beyond any speaker met: sound played too fast."""
LENIENCE, LENIENCE_SHORT = 0.1, 0.25
"""Seconds by which the measured span of speech may be short; more when the text is short."""
SPAN_FOR_SLOWNESS = 3.0
CUT_END, BRISK = -6.0, 11.0
"""Sound whose last frames are this near its loudest ended before the speaker did; with a brisk
text of this many letters a second, words are missing."""


def check(given: CheckInput, settings: Settings) -> CheckReport:
    """Looks at one sample and attaches findings; never raises for odd data."""
    findings = tuple(_findings(given, settings))
    quality = 1.0
    for found in findings:
        quality *= PENALTIES[found.severity]
    return CheckReport(findings=findings, quality=round(quality, 4))


def _findings(given: CheckInput, settings: Settings) -> Iterator[Finding]:
    medium = next((medium for medium in given.media if medium.role == ROLE), None)
    if medium is None or ROLE not in given.data:
        yield _damaged("the sample has no sound")
        return
    said = given.damage.get(ROLE) or medium.facts.get("damage")
    if said:
        yield _damaged(str(said))
    try:
        sound = _measured(medium, given.data[ROLE])
    except TruingError as error:
        if not said:
            yield _damaged(error.message)
        return
    if sound is None:
        if not said:
            yield _damaged("the sound is empty")
        return
    limits = Limits("speech", settings)
    seconds = medium.duration or sound.seconds
    hopeless = next(_hopeless(sound, seconds, limits), None)
    if hopeless is not None:
        yield hopeless
        return
    yield from _of_recording(sound, seconds, limits)
    text = _text(given)
    if text is not None and not said:
        yield from _of_text(text, sound, limits)


def _damaged(reason: str) -> Finding:
    return Finding(check="damaged", severity=Severity.BLOCKING, reason=reason)


def _measured(medium: Media, data: bytes) -> Acoustics | None:
    """Figures of the sample's span; None when there is no sound in it.

    Raises:
        DamagedError: the bytes cannot be decoded.
    """
    start = medium.start or 0.0
    with Recording(data) as recording:
        end = start + LONGEST if medium.end is None else min(medium.end, start + LONGEST)
        block = recording.block(start, end)
        return measure(block, recording.own_rate) if len(block) else None


def _text(given: CheckInput) -> str | None:
    """The truth, else what the model last said; None when nobody said anything yet."""
    if given.truth is not None:
        return given.truth
    return given.predictions[-1].text if given.predictions else None


def _hopeless(sound: Acoustics, seconds: float, limits: Limits) -> Iterator[Finding]:
    block = Severity.BLOCKING
    if sound.peak <= limits["silent_peak"]:
        reason = f"nothing can be heard: the loudest sample is {sound.peak:.5f} of full scale"
        yield limits.finding("silent", block, sound.peak, "silent_peak", reason)
    if seconds < limits["min_seconds"]:
        reason = f"the sound is {seconds:.3f} s long, too short for a word"
        yield limits.finding("too_short", block, seconds, "min_seconds", reason)


def _of_recording(sound: Acoustics, seconds: float, limits: Limits) -> Iterator[Finding]:
    warn, info = Severity.WARNING, Severity.INFO
    if seconds > limits["max_seconds"]:
        reason = f"the sound is {seconds:.0f} s long; a model hears that much in pieces only"
        yield limits.finding("too_long", warn, seconds, "max_seconds", reason)
    if sound.peak < limits["quiet_peak"]:
        reason = f"the loudest sample is {sound.peak:.4f} of full scale"
        yield limits.finding("too_quiet", warn, sound.peak, "quiet_peak", reason)
    if sound.flat_share >= limits["clipped_share"]:
        reason = f"{100 * sound.flat_share:.2f} % of the samples lie on flat tops"
        yield limits.finding("clipped", warn, sound.flat_share, "clipped_share", reason)
    if abs(sound.offset) > limits["most_dc_offset"]:
        reason = f"the waveform lies {sound.offset:+.3f} of full scale off zero"
        yield limits.finding("dc_offset", info, abs(sound.offset), "most_dc_offset", reason)
    lost = [gap for gap in sound.gaps if gap >= limits["dropout_milliseconds"]]
    if lost:
        reason = f"the sound breaks off abruptly {len(lost)} times, for {sum(lost):.0f} ms in all"
        yield limits.finding("dropouts", warn, max(lost), "dropout_milliseconds", reason)
    if sound.treble_drop is not None and sound.treble_drop > limits["least_treble_drop"]:
        reason = "there is nothing above about 4 kHz, as over a telephone"
        yield limits.finding("band_limited", info, sound.treble_drop, "least_treble_drop", reason)
    yield from _of_channels(sound, limits)
    yield from _of_background(sound, limits)


def _of_channels(sound: Acoustics, limits: Limits) -> Iterator[Finding]:
    loudest = max(sound.channel_levels)
    below = [20 * math.log10(loudest / max(level, 1e-9)) for level in sound.channel_levels]
    dead = [number for number, level in enumerate(below, 1) if level > limits["dead_channel"]]
    if dead:
        reason = f"channel {', '.join(map(str, dead))} of {len(below)} carries nothing"
        yield limits.finding("dead_channel", Severity.INFO, max(below), "dead_channel", reason)
    if sound.kept_by_mixing < limits["cancelling"]:
        reason = "the channels cancel each other: one is wired the wrong way round"
        yield limits.finding(
            "antiphase", Severity.WARNING, sound.kept_by_mixing, "cancelling", reason
        )


def _of_background(sound: Acoustics, limits: Limits) -> Iterator[Finding]:
    warn = Severity.WARNING
    tone, height = sound.hum
    if height > limits["least_hum"]:
        reason = f"a mains tone of {tone:.0f} Hz stands {height:.0f} dB above its neighbourhood"
        yield limits.finding("hum", warn, height, "least_hum", reason)
        return  # everything else about the background would only repeat it
    if sound.risen_seconds is not None and sound.risen_seconds < limits["least_speech_seconds"]:
        reason = "nothing rises above a steady background: nobody speaks"
        yield limits.finding("no_speech", warn, sound.risen_seconds, "least_speech_seconds", reason)
        return
    share = sound.speech_share
    if sound.seconds >= LONG_ENOUGH_FOR_SHARES and share < limits["least_speech_share"]:
        reason = f"only {100 * share:.0f} % of {sound.seconds:.1f} s is spoken"
        yield limits.finding("mostly_silence", warn, share, "least_speech_share", reason)
    if sound.snr is not None and sound.snr < limits["least_snr"]:
        reason = f"speech is only {sound.snr:.0f} dB above the background"
        yield limits.finding("noisy", warn, sound.snr, "least_snr", reason)


def letters(text: str) -> float:
    """Letters and digits, those of scripts without spaces counting three."""
    kept = (c for c in text if c.isalnum())
    return sum(SPACELESS_CHARACTER if unicodedata.east_asian_width(c) == "W" else 1 for c in kept)


def _of_text(text: str, sound: Acoustics, limits: Limits) -> Iterator[Finding]:
    warn, info = Severity.WARNING, Severity.INFO
    length, spoken = letters(text), sound.speech_seconds
    heard = sound.risen_seconds is None or sound.risen_seconds >= limits["least_speech_seconds"]
    if not length:
        if heard:
            yield Finding(check="text_empty", severity=warn, reason="there is sound but no text")
        return
    if sound.seconds >= LONGEST or not heard or sound.hum[1] > limits["least_hum"]:
        return  # speech was not measured as a whole
    rate = length / max(spoken, 0.05)
    said = f"{length:.0f} letters in {spoken:.1f} s of speech"
    fastest = "most_letters_per_second"
    lenience = LENIENCE if length >= SHORTEST_TEXT else LENIENCE_SHORT
    fast = length > limits[fastest] * (spoken + lenience)
    clear = sound.snr is not None and sound.snr >= limits["least_snr"]
    if _played_too_fast(sound, fast=fast):
        reason = f"{said}, and a voice this high: the sample rate in the header is wrong"
        yield limits.finding("wrong_rate", warn, rate, fastest, reason)
    elif fast:
        yield limits.finding("text_too_long", warn, rate, fastest, f"{said}: nobody speaks so fast")
    elif clear and length >= SHORTEST_TEXT and sound.end_level > CUT_END and rate > BRISK:
        reason = f"{said}, and the sound ends in the middle of speech: its end is missing"
        yield limits.finding("text_too_long", warn, rate, fastest, reason)
    slow = rate if spoken >= SPAN_FOR_SLOWNESS else math.inf
    if slow < limits["least_letters_per_second"]:
        reason = f"{said}: that cannot be all that was said"
        yield limits.finding("text_too_short", warn, rate, "least_letters_per_second", reason)
    elif slow < limits["slow_letters_per_second"]:
        reason = f"{said}: unusually slow"
        yield limits.finding("speaking_rate", info, rate, "slow_letters_per_second", reason)


def _played_too_fast(sound: Acoustics, *, fast: bool) -> bool:
    bright = sound.brightness > BRIGHT
    high = sound.pitch is not None and sound.pitch > HIGH
    return (bright and high) or (fast and (bright or high))
