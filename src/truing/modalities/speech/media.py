"""Sound in and out: what an app gave becomes bytes to keep, and kept bytes become samples.

* Lossless sound (WAV, AIFF, SPHERE, arrays, ...) is kept as FLAC at its own rate and depth: 8, 16
  and 24 bits exactly; 32-bit integers and floats as 24 bits, which is beyond any microphone. A
  float file that goes over full scale, more than 8 channels, or a rate FLAC cannot hold stay WAV.
* FLAC and everything already lossy (MP3, Opus, Vorbis, µ-law, ...) is kept as it came.
* WebM and MP4, which browsers and phones record, are kept as FLAC of one channel at 16 kHz.

Scope: whatever libsndfile decodes and those two, up to four hours. Long sound is decoded in blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError
from truing.domain.media import IngestedMedia, Media
from truing.modalities.speech.browser_recording import decoded, is_browser_recording
from truing.modalities.speech.container import header_damage
from truing.modalities.speech.fingerprint import Listener
from truing.modalities.speech.pcm import PcmDigest, as_block, checked_rate, finite, to_24_bits
from truing.modalities.speech.recording import RATE, blocks, opened, read_mono

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Waveform", "group_keys", "ingest", "read_mono"]

ROLE = "audio"
MOST_SECONDS = 4 * 3600
MOST_SAMPLES = MOST_SECONDS * 48_000 * 2
"""Frames x channels: four hours of stereo at 48 kHz. Compressed silence can unpack to anything."""
MOST_BYTES = 1 << 31
LOSSY_SLACK = 0.15
"""Seconds by which a lossy file may end early: encoders count their own delay as sound."""
FLAC_CHANNELS = 8
FLAC_RATE = 655_350

LOSSLESS = {"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"}
DEPTHS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
MEDIA_TYPES = {
    "FLAC": "audio/flac",
    "WAV": "audio/wav",
    "WAVEX": "audio/wav",
    "RF64": "audio/wav",
    "MP3": "audio/mpeg",
    "OGG": "audio/ogg",
    "AIFF": "audio/aiff",
    "AU": "audio/basic",
}


@dataclass(frozen=True, slots=True, eq=False)
class Waveform:
    """Sound in memory: samples of shape (frames,) or (frames, channels), float or int16."""

    samples: NDArray[Any]
    sample_rate: int


def ingest(role: str, source: object) -> IngestedMedia:
    """Turns a path, bytes of a sound file, `(array, rate)` or a `Waveform` into bytes to keep.

    `facts` holds `duration` (s), `sample_rate` (Hz), `channels`, `frames`, `bits` (None when
    lossy), `codec` of the kept bytes, `content` (see `PcmDigest`), `marks` and `sketch` (see
    `fingerprint`; not of silence) and, for a source that is not whole, `damage`.

    Raises:
        InvalidInputError: a type it cannot take, another role, or more than four hours of sound.
        NotFoundError: no such file.
        DamagedError: bytes that cannot be decoded at all.
        MissingDependencyError: WebM or MP4, and the extra `media` is not installed.
    """
    if role != ROLE:
        raise InvalidInputError(
            f"speech has no medium `{role}`", hint=f"its only medium is `{ROLE}`"
        )
    if isinstance(source, Waveform):
        return _ingest_array(source.samples, source.sample_rate)
    if isinstance(source, (str, Path)):
        return _ingest_file(_file_bytes(Path(source)), str(source))
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _ingest_file(bytes(source), "the given bytes")
    if isinstance(source, tuple) and len(source) == 2:
        return _ingest_array(*source)
    raise InvalidInputError(
        f"speech cannot be made of `{type(source).__name__}`",
        hint="give a path, the bytes of a sound file, or (samples, sample_rate)",
    )


def group_keys(media: Sequence[Media]) -> tuple[str, ...]:
    """The content digest of each medium: equal sound must not straddle a split."""
    found = (medium.facts.get("content") for medium in media)
    return tuple(sorted({key for key in found if isinstance(key, str)}))


def _file_bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise _too_large(str(path), f"{size} bytes")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file `{path}`", hint="check its name") from error
    except OSError as error:
        raise InvalidInputError(
            f"`{path}` cannot be read: {error.strerror}", hint="give a readable sound file"
        ) from error


def _too_large(name: str, size: str) -> InvalidInputError:
    return InvalidInputError(
        f"`{name}` is too large: {size}",
        hint=f"cut it into pieces of at most {MOST_SECONDS // 3600} hours",
    )


def _ingest_array(samples: object, rate: object) -> IngestedMedia:
    block, hertz, damage = as_block(samples, rate)
    if block.size > MOST_SAMPLES or len(block) > MOST_SECONDS * hertz:
        raise _too_large("the array", f"{len(block) / hertz:.0f} s")
    bits = 16 if block.dtype.itemsize == 2 else 24
    kept = _Kept(rate=hertz, channels=block.shape[1], bits=bits)
    kept.add(block if bits == 16 else to_24_bits(block))
    return kept.finish(damage)


def _ingest_file(data: bytes, name: str) -> IngestedMedia:
    if len(data) > MOST_BYTES:
        raise _too_large(name, f"{len(data)} bytes")
    if is_browser_recording(data):
        return _ingest_browser_recording(data, name)
    with opened(data, name) as file:
        frames, rate = file.frames, checked_rate(file.samplerate)
        if frames > MOST_SECONDS * rate or frames * file.channels > MOST_SAMPLES:
            raise _too_large(name, f"{frames / rate:.0f} s of {file.channels} channels")
        damage = header_damage(data)
        convert = _conversion(file, name) if frames else None
        if convert is None:
            return _as_it_came(data, file, name, damage)
        bits = min(24, DEPTHS.get(file.subtype, 24))
        kept = _Kept(rate=rate, channels=file.channels, bits=bits)
        bad = 0
        try:
            for block in blocks(file, _read_type(file.subtype), name):
                bad += _not_numbers(block)
                kept.add(convert(block))
        except DamagedError as error:
            damage = damage or error.message
    if bad:
        damage = damage or f"{bad} samples are not numbers (NaN or infinity)"
    return kept.finish(damage or kept.short_of(frames))


def _ingest_browser_recording(data: bytes, name: str) -> IngestedMedia:
    kept = _Kept(rate=RATE, channels=1, bits=16)
    frames, damage = 0, None
    try:
        for block in decoded(data, name):
            frames += len(block)
            if frames > MOST_SECONDS * RATE:
                raise _too_large(name, f"more than {MOST_SECONDS} s")
            kept.add(block)
    except DamagedError as error:
        if frames == 0:
            raise
        damage = error.message
    return kept.finish(damage)


def _conversion(file: Any, name: str) -> Callable[[Any], Any] | None:
    """How blocks become what FLAC keeps; None for a file that stays as it came."""
    if file.subtype not in LOSSLESS or file.format == "FLAC":
        return None
    if file.subtype in ("FLOAT", "DOUBLE"):
        peak = max(float(abs(finite(b)).max()) for b in blocks(file, "float64", name))
        file.seek(0)
        return None if peak > 1.0 else lambda block: to_24_bits(finite(block))
    return to_24_bits if file.subtype == "PCM_32" else lambda block: block


def _not_numbers(block: NDArray[Any]) -> int:
    import numpy as np

    return int(block.size - np.isfinite(block).sum()) if block.dtype.kind == "f" else 0


def _read_type(subtype: str) -> str:
    if subtype in ("FLOAT", "DOUBLE"):
        return "float64"
    return "int32" if subtype in ("PCM_24", "PCM_32") else "int16"


def _as_it_came(data: bytes, file: Any, name: str, damage: str | None) -> IngestedMedia:
    lossless = file.subtype in LOSSLESS
    digest, frames = PcmDigest(file.samplerate, file.channels), 0
    listener = Listener(file.samplerate)
    try:
        for block in blocks(file, _read_type(file.subtype) if lossless else "float32", name):
            digest.update(block)
            listener.add(block)
            frames += len(block)
    except DamagedError as error:
        if frames == 0:
            raise
        damage = damage or error.message
    if frames < file.frames - (0 if lossless else LOSSY_SLACK * file.samplerate):
        damage = damage or _short(frames, file.frames, file.samplerate)
    if frames == 0:
        damage = damage or "the file holds no sound"
    codec = file.format if lossless else file.subtype
    return IngestedMedia(
        role=ROLE,
        data=data,
        media_type=MEDIA_TYPES.get(file.format, f"audio/x-{file.format.lower()}"),
        facts=_facts(
            frames=frames,
            rate=file.samplerate,
            channels=file.channels,
            bits=DEPTHS.get(file.subtype, 32) if lossless else None,
            codec=codec.lower().removeprefix("mpeg_").replace("layer_iii", "mp3"),
            content=digest.value(),
            heard=listener.facts(),
            damage=damage,
        ),
        damage=damage,
    )


def _facts(
    *,
    frames: int,
    rate: int,
    channels: int,
    bits: int | None,
    codec: str,
    content: str,
    heard: dict[str, object],
    damage: str | None,
) -> dict[str, object]:
    facts: dict[str, object] = {
        "duration": frames / rate,
        "sample_rate": rate,
        "channels": channels,
        "frames": frames,
        "bits": bits,
        "codec": codec,
        "content": content,
    } | heard
    return facts | ({"damage": damage} if damage else {})


def _short(frames: int, promised: int, rate: int) -> str:
    return f"the file promises {promised / rate:.2f} s and ends after {frames / rate:.2f} s"


class _Kept:
    """FLAC (or WAV, where FLAC cannot) in the making, with the digest of what goes in."""

    def __init__(self, *, rate: int, channels: int, bits: int) -> None:
        import soundfile

        fits = channels <= FLAC_CHANNELS and rate <= FLAC_RATE and (rate < 65_536 or rate % 10 == 0)
        self._format = "FLAC" if fits else "WAV"
        self._rate, self._channels, self._bits, self._frames = rate, channels, bits, 0
        eight = "PCM_S8" if fits else "PCM_U8"
        self._buffer = BytesIO()
        self._digest = PcmDigest(rate, channels)
        self._listener = Listener(rate)
        self._file = soundfile.SoundFile(
            self._buffer,
            "w",
            samplerate=rate,
            channels=channels,
            format=self._format,
            subtype=eight if bits == 8 else f"PCM_{bits}",
        )

    def add(self, block: Any) -> None:
        self._file.write(block)
        self._digest.update(block)
        self._listener.add(block)
        self._frames += len(block)

    def short_of(self, promised: int) -> str | None:
        return _short(self._frames, promised, self._rate) if self._frames < promised else None

    def finish(self, damage: str | None) -> IngestedMedia:
        self._file.close()
        if self._frames == 0:
            damage = damage or "there is no sound in it"
        facts = _facts(
            frames=self._frames,
            rate=self._rate,
            channels=self._channels,
            bits=self._bits,
            codec=self._format.lower(),
            content=self._digest.value(),
            heard=self._listener.facts(),
            damage=damage,
        )
        return IngestedMedia(
            role=ROLE,
            data=self._buffer.getvalue(),
            media_type=MEDIA_TYPES[self._format],
            facts=facts,
            damage=damage,
        )
