"""Whisper through CTranslate2: published folders, several times faster on a CPU than torch.

Scope: `ctranslate2` is used directly, not through faster-whisper, because that one assumes 30 s of
input: a model with shorter input is given sound padded to its own length. Only the log-mel features
are faster-whisper's. torch is not needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.errors import DamagedError, InvalidInputError, MissingDependencyError
from truing.modalities.speech.decoding import (
    FRAME,
    Decoded,
    Reading,
    RecognizerOptions,
    enough,
    most_tokens,
)
from truing.modalities.speech.recording import RATE
from truing.modalities.speech.vocabulary import Vocabulary, read_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

USUAL_SECONDS, USUAL_MELS, USUAL_TOKENS = 30, 80, 448
FRAMES_PER_SECOND = 100
"""Of the features; the encoder halves them."""


class CTranslate2Runtime:
    """A Whisper folder written by CTranslate2.

    Input length and mel bands are read from `preprocessor_config.json` (`chunk_length`,
    `feature_size`), without which 30 s and the model's own number of bands are taken.

    Raises:
        MissingDependencyError: ctranslate2 or faster-whisper is not installed.
        NotFoundError: the folder has no `tokenizer.json`.
        DamagedError: files that cannot be read.
    """

    def __init__(self, folder: Path, options: RecognizerOptions) -> None:
        self._options = options
        ctranslate2, extractor = _libraries()
        self._arrays = ctranslate2.StorageView
        self._model: Any = _load(ctranslate2, folder, options)
        told = read_json(folder / "preprocessor_config.json", {})
        self.seconds = float(told.get("chunk_length", USUAL_SECONDS))
        mels = int(told.get("feature_size", getattr(self._model, "n_mels", USUAL_MELS)))
        self._extractor = extractor(feature_size=mels, chunk_length=round(self.seconds))
        self.vocabulary = Vocabulary(folder, _vocabulary_size(folder))
        self._language = self.vocabulary.language(options.language)
        self._room = int(self.vocabulary.generation.get("max_length") or USUAL_TOKENS) - 1

    def close(self) -> None:
        """Frees the model's memory; a second call does nothing."""
        if self._model is not None:
            self._model.unload_model()
        self._model = None

    def decode(self, sounds: Sequence[NDArray[np.float32]]) -> list[Decoded]:
        """Reads a batch of sounds, 16 kHz, each at most `seconds` long."""
        if self._model is None:
            raise InvalidInputError("the recognizer is closed", hint="open it again")
        features = self._features(sounds)
        encoded = self._model.encode(self._arrays.from_array(features))
        languages = self._languages(encoded, len(sounds))
        prompts = [self.vocabulary.prompt(one, self._options.task) for one in languages]
        limits = [most_tokens(len(sound), self._room - len(prompts[0])) for sound in sounds]
        size, wanted = self._options.beam_size, self._options.readings
        best = self._generate(encoded, prompts, limits, size, 1)
        texts = [readings[0].tokens for readings, _ in best]
        near = [enough(*pair) for pair in zip(texts, limits, strict=True)]
        others = self._generate(encoded, prompts, near, wanted + 2, wanted + 2) if wanted else []
        aligned = self._aligned(encoded, features, prompts, texts, [len(s) for s in sounds])
        return [
            Decoded(
                best=readings[0],
                probabilities=chances,
                times=times,
                others=others[row][0] if others else (),
                language=languages[row],
                no_speech=no_speech,
            )
            for row, ((readings, no_speech), (chances, times)) in enumerate(
                zip(best, aligned, strict=True)
            )
        ]

    def weigh(self, sound: NDArray[np.float32], texts: Sequence[Sequence[int]]) -> list[float]:
        """The confidence in each token sequence; see `Runtime.weigh`. The end does not count."""
        features = self._arrays.from_array(self._features([sound]))
        language = self._languages(self._model.encode(features), 1)[0]
        prompt = self.vocabulary.prompt(language, self._options.task)[:-1]
        frames = max(2, math.ceil(len(sound) / RATE * FRAMES_PER_SECOND))
        found = []
        for tokens in texts:
            row = list(tokens[: self._room - len(prompt) - 1])
            aligned = self._model.align(features, prompt, [row], [frames])[0]
            logs = [math.log(max(float(p), 1e-30)) for p in aligned.text_token_probs]
            found.append(math.exp(sum(logs) / max(1, len(logs))))
        return found

    def _features(self, sounds: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Log-mel features, shape (rows, mels, frames)."""
        import numpy as np

        size = round(self.seconds * RATE)
        # Sound, not features, is padded with zeros: the model was trained that way.
        padded = (np.pad(s[:size], (0, max(0, size - len(s)))) for s in sounds)
        return np.ascontiguousarray(
            np.stack([self._extractor(sound, padding=0) for sound in padded]), dtype=np.float32
        )

    def _languages(self, encoded: Any, rows: int) -> list[str | None]:
        if self._language is not None or not self.vocabulary.multilingual:
            return [self._language] * rows
        # CTranslate2 tells multilingual models by the empty token in OpenAI's vocabulary.
        if not self._model.is_multilingual:
            raise InvalidInputError(
                "this model cannot tell which language is spoken",
                hint="give the option `language`, such as `en`",
            )
        likeliest = (found[0][0] for found in self._model.detect_language(encoded))
        return [str(token).strip("<|>") for token in likeliest]

    def _generate(
        self, encoded: Any, prompts: list[list[int]], limits: list[int], beams: int, wanted: int
    ) -> list[tuple[tuple[Reading, ...], float]]:
        """For each row the likeliest readings, and the probability that nobody speaks."""
        found = self._model.generate(
            encoded,
            prompts,
            beam_size=beams,
            num_hypotheses=wanted,
            # CTranslate2 stops at half of `max_length`, leaving the rest to a previous text.
            max_length=2 * max(limits),
            # -1 stands for the model's own list.
            suppress_tokens=[-1, *self.vocabulary.marks],
            return_scores=True,
            return_no_speech_prob=True,
        )
        return [
            (
                tuple(
                    self._reading(ids, score, limit)
                    for ids, score in zip(one.sequences_ids, one.scores, strict=True)
                ),
                float(one.no_speech_prob),
            )
            for one, limit in zip(found, limits, strict=True)
        ]

    def _reading(self, ids: list[int], score: float, limit: int) -> Reading:
        # The score is the sum of log probabilities, end included, over the tokens without it.
        logprob = float(score) * max(1, len(ids))
        tokens = tuple(token for token in ids[:limit] if self.vocabulary.is_text(token))
        return Reading(tokens=tokens, logprob=logprob)

    def _aligned(
        self,
        encoded: Any,
        features: NDArray[np.float32],
        prompts: list[list[int]],
        texts: list[tuple[int, ...]],
        samples: list[int],
    ) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
        """Per row: probability of each token, and seconds at which each and the end begin."""
        if not self._options.times_words:
            return [((), ())] * len(texts)
        lengths = [max(2, math.ceil(n / RATE * FRAMES_PER_SECOND)) for n in samples]
        rows = [list(text) for text in texts]
        # `align` adds the no-timestamps token to the prompt by itself.
        if all(prompt == prompts[0] for prompt in prompts):
            found = self._model.align(encoded, prompts[0][:-1], rows, lengths)
        else:
            found = [
                self._model.align(self._arrays.from_array(f[None]), p[:-1], [t], [n])[0]
                for f, p, t, n in zip(features, prompts, rows, lengths, strict=True)
            ]
        return [_token_times(one, len(text)) for one, text in zip(found, texts, strict=True)]


def _token_times(aligned: Any, length: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if not length:
        return (), ()
    begins: dict[int, float] = {}
    for token, frame in aligned.alignments:
        begins.setdefault(token, frame * FRAME)
    times = tuple(begins[place] for place in range(length + 1))
    return tuple(map(float, aligned.text_token_probs)), times


def _libraries() -> tuple[Any, Any]:
    try:
        import ctranslate2
        from faster_whisper.feature_extractor import FeatureExtractor
    except ImportError as error:
        raise MissingDependencyError(
            f"this model runs on CTranslate2, and `{error.name}` is not installed",
            hint='pip install "truing[serve-models]"',
        ) from error
    return ctranslate2, FeatureExtractor


def _load(ctranslate2: Any, folder: Path, options: RecognizerOptions) -> Any:
    device, _, index = options.device.partition(":")
    try:
        return ctranslate2.models.Whisper(
            str(folder),
            device=device,
            device_index=int(index or 0),
            compute_type=options.compute_type,
            intra_threads=options.threads,
        )
    except (RuntimeError, ValueError) as error:
        raise DamagedError(
            f"the model in `{folder}` cannot be loaded: {error}",
            hint="copy or publish the model again; `device` and `compute_type` must suit this "
            "machine",
        ) from error


def _vocabulary_size(folder: Path) -> int:
    told = read_json(folder / "vocabulary.json", {})
    if told:
        return len(told)
    lines = folder / "vocabulary.txt"
    return len(lines.read_text(encoding="utf-8").splitlines()) if lines.is_file() else 0
