"""Speech to text with a Whisper model: pieces of long sound in, text with words and doubts out.

Which runtime serves a model follows from its folder: `model.bin` is CTranslate2, safetensors are
transformers. What a runtime says of pieces becomes one `Recognition` here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from truing.domain.errors import InvalidInputError
from truing.domain.prediction import Alternative, Recognition, Word
from truing.domain.recipe import MediaFile
from truing.modalities.speech.decoding import Decoded, Reading, RecognizerOptions, Runtime
from truing.modalities.speech.model_folder import find_model, is_ctranslate2
from truing.modalities.speech.pieces import Piece, audible_span, pieces
from truing.modalities.speech.recording import RATE, Recording

SILENT_PEAK = 1e-4
"""Sound that never gets louder (-80 dB) is not shown to the model, which would make words up."""
NO_SPEECH = 0.6
"""With this probability of silence, and a confidence below `UNSURE`, nothing was said (Radford et
al. 2022, section 4.5)."""
UNSURE = math.exp(-1.0)
LONGEST_LAST_WORD = 1.0
"""Seconds; what is audible later is not the last word."""


def open_recognizer(model: str, options: Mapping[str, object]) -> SpeechRecognizer:
    """Loads a Whisper model from a folder or hub id, warm enough for the first call.

    Args:
        model: a folder in the format of transformers or CTranslate2, or a hub id.
        options: `language` (default: the model's own, else detected), `task`, `beam_size` (1 =
            greedy), `num_alternatives` (3), `word_times` (True), `batch_size` (8, for many),
            `text_only` (no alternatives, no times), `device` (`auto`), `compute_type`
            (CTranslate2 only), `threads` (0 = as it is; narrow models take one).

    Raises:
        NotFoundError: no such folder, or no model in it.
        UnavailableError: a hub that cannot be reached, or no such device.
        MissingDependencyError: the extra that brings the runtime is not installed.
        DamagedError: model files that cannot be read.
        InvalidInputError: an unknown option, language or kind of model.
    """
    chosen = RecognizerOptions.of(options)
    folder = find_model(model)
    runtime: Runtime
    if is_ctranslate2(folder):
        from truing.modalities.speech.ctranslate2_runtime import CTranslate2Runtime

        runtime = CTranslate2Runtime(folder, chosen)
    else:
        from truing.modalities.speech.transformers_runtime import TransformersRuntime

        runtime = TransformersRuntime(folder, chosen)
    recognizer = SpeechRecognizer(runtime, chosen)
    recognizer.warm_up()
    return recognizer


class SpeechRecognizer:
    """A Whisper model in memory; see `open_recognizer`. Not to be shared between threads."""

    def __init__(self, runtime: Runtime, options: RecognizerOptions) -> None:
        self._runtime, self._options = runtime, options

    @property
    def seconds(self) -> float:
        """Longest sound the model hears at once; longer sound is cut at pauses."""
        return self._runtime.seconds

    def warm_up(self) -> None:
        """Runs once over a faint noise, so that the first real call is as fast as the next."""
        import numpy as np

        noise = np.random.default_rng(0).standard_normal(RATE // 10) * 1e-3
        self._runtime.decode([noise.astype(np.float32)])

    def recognize(self, media: Mapping[str, MediaFile]) -> Recognition:
        """The text of one sample, of any length.

        Raises:
            NotFoundError: no such file.
            DamagedError: media that cannot be decoded.
        """
        return self.recognize_many([media])[0]

    def recognize_many(
        self, many: Iterable[Mapping[str, MediaFile]], batch_size: int | None = None
    ) -> list[Recognition]:
        """The texts of many samples, `batch_size` pieces of sound at a time.

        Raises:
            NotFoundError: no such file.
            DamagedError: media that cannot be decoded.
        """
        size = batch_size or self._options.batch_size
        told: list[list[tuple[Piece, Decoded]]] = []
        spent: list[float] = []
        stream = self._pieces(many, told, spent)
        while batch := list(islice(stream, size)):
            started = time.perf_counter()
            heard = [(owner, piece) for owner, piece in batch if _audible(piece)]
            decoded = self._runtime.decode([piece.sound for _, piece in heard]) if heard else []
            share = (time.perf_counter() - started) / max(1, len(heard))
            for (owner, piece), one in zip(heard, decoded, strict=True):
                told[owner].append((piece, one))
                spent[owner] += share
        return [self._told(*pair) for pair in zip(told, spent, strict=True)]

    def confidence_in(self, media: Mapping[str, MediaFile], text: str) -> float | None:
        """How likely the model finds a text, in the writing it finds likeliest: as it stands, in
        small letters, as a sentence, or in capitals. None for sound that it hears in pieces.

        Raises:
            NotFoundError: no such file.
            DamagedError: media that cannot be decoded.
        """
        with Recording(_audio(media)) as recording:
            heard = list(islice(pieces(recording, self._runtime.seconds), 2))
        if len(heard) != 1 or not _audible(heard[0]):
            return None
        tokens = (self._runtime.vocabulary.tokens(form) for form in _writings(text))
        texts = [one for one in tokens if one]
        return max(self._runtime.weigh(heard[0].sound, texts)) if texts else None

    def _pieces(
        self,
        many: Iterable[Mapping[str, MediaFile]],
        told: list[list[tuple[Piece, Decoded]]],
        spent: list[float],
    ) -> Iterator[tuple[int, Piece]]:
        for owner, media in enumerate(many):
            told.append([])
            spent.append(0.0)
            with Recording(_audio(media)) as recording:
                for piece in pieces(recording, self._runtime.seconds):
                    yield owner, piece

    def _told(self, parts: Sequence[tuple[Piece, Decoded]], seconds: float) -> Recognition:
        spoken = [(piece, one) for piece, one in parts if not _nobody_speaks(one)]
        readings = [one.best for _, one in spoken]
        return Recognition(
            text=self._text(readings),
            confidence=_confidence(readings),
            words=tuple(word for piece, one in spoken for word in self._words(piece, one)),
            alternatives=self._alternatives([one for _, one in spoken]),
            seconds=seconds,
        )

    def _text(self, readings: Iterable[Reading]) -> str:
        texts = (self._runtime.vocabulary.text(reading.tokens) for reading in readings)
        return " ".join(text for text in texts if text)

    def _words(self, piece: Piece, one: Decoded) -> list[Word]:
        found = self._runtime.vocabulary.words(one.best.tokens, one.language)
        spans = _spans(piece, one, found)
        return [
            Word(
                text=text,
                start=start,
                end=end,
                # A word is as sure as its least likely token.
                confidence=min(one.probabilities[first:after]) if one.probabilities else None,
            )
            for (text, first, after), (start, end) in zip(found, spans, strict=True)
        ]

    def _alternatives(self, parts: Sequence[Decoded]) -> tuple[Alternative, ...]:
        """Other readings of the whole, each with one piece read differently, likeliest first."""
        best = [one.best for one in parts]
        seen = {self._text(best)}
        candidates = [
            [*best[:place], other, *best[place + 1 :]]
            for place, one in enumerate(parts)
            for other in one.others
        ]
        found: list[Alternative] = []
        for readings in sorted(candidates, key=lambda r: -(_confidence(r) or 0.0)):
            text = self._text(readings)
            if text not in seen:
                seen.add(text)
                found.append(Alternative(text=text, confidence=_confidence(readings)))
        return tuple(found[: self._options.readings])

    def close(self) -> None:
        """Frees the model's memory; a second call does nothing."""
        self._runtime.close()


def _audio(media: Mapping[str, MediaFile]) -> MediaFile:
    if "audio" not in media:
        raise InvalidInputError(
            f"speech is recognised from `audio`, and there is only {', '.join(media) or 'nothing'}",
            hint="give the sound under the role `audio`",
        )
    return media["audio"]


def _writings(text: str) -> list[str]:
    plain = " ".join(text.split())
    low = plain.lower()
    sentence = low[:1].upper() + low[1:]
    forms = dict.fromkeys((plain, low, sentence, f"{sentence.rstrip('.')}.", plain.upper()))
    # Whisper begins its text with a blank; small models trained from nothing may not.
    return [form for one in forms for form in (f" {one}", one)] if plain else []


def _audible(piece: Piece) -> bool:
    return bool(len(piece.sound)) and float(abs(piece.sound).max()) > SILENT_PEAK


def _nobody_speaks(one: Decoded) -> bool:
    return one.no_speech > NO_SPEECH and one.best.confidence < UNSURE


def _confidence(readings: Sequence[Reading]) -> float | None:
    """Geometric mean over all tokens and ends; None when there was nothing to read."""
    tokens = sum(len(reading.tokens) + 1 for reading in readings)
    return math.exp(sum(r.logprob for r in readings) / tokens) if tokens else None


def _spans(
    piece: Piece, one: Decoded, words: Sequence[tuple[str, int, int]]
) -> list[tuple[float | None, float | None]]:
    """Start and end of each word in the recording; None where the runtime gave no times."""
    if not one.times or not words:
        return [(None, None)] * len(words)
    starts = [one.times[first] for _, first, _ in words]
    ends = [max(one.times[after], one.times[first]) for _, first, after in words]
    # Attention says when a word is dealt with, but neither when the first one begins nor when the
    # last one ends: there the model attends to anything. The sound itself knows.
    begin, finish = audible_span(piece.sound)
    if starts[0] < begin < ends[0]:
        starts[0] = begin
    ends[-1] = max(ends[-1], min(finish, starts[-1] + LONGEST_LAST_WORD))
    limit = len(piece.sound) / RATE
    return [
        (round(piece.start + min(s, limit), 3), round(piece.start + min(e, limit), 3))
        for s, e in zip(starts, ends, strict=True)
    ]
