"""Video to text with a vision-language model: the mosaic of a video, one question, one answer.

The picture is that of training (`vlm_picture`), the question that of training (`vlm_prompt`).
Writing is greedy. Confidence is the geometric mean of the probabilities of all tokens of the
answer and of its end. A model says nothing of when a word was spoken, so words have no times.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.errors import InvalidInputError
from truing.domain.prediction import Alternative, Recognition, Word
from truing.domain.runtime_options import like_usual, read_options
from truing.modalities.lipreading.vlm_folder import VlmNote, find
from truing.modalities.lipreading.vlm_model import (
    device_of,
    ends_of,
    load,
    precision_of,
    quietly,
    with_adapter,
)
from truing.modalities.lipreading.vlm_picture import Pictures
from truing.modalities.lipreading.vlm_prompt import Dialogue, asked_of

if TYPE_CHECKING:
    from truing.domain.recipe import MediaFile

UNTRAINED = VlmNote(base="", form=3, span="clip")
"""How a model is asked that nobody trained for this: the longer question says what is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VlmOptions:
    """What a caller may set."""

    base: str = ""
    """Where an adapter's base lies now; empty = where it was trained."""
    device: str = "auto"
    precision: str = "auto"
    quantize_4bit: bool = False
    batch_size: int = 8
    max_new_tokens: int = 24
    num_alternatives: int = 0
    """Other readings, by beam search: each costs as much as the reading itself."""
    threads: int = 0
    text_only: bool = False

    @staticmethod
    def of(options: Mapping[str, object]) -> VlmOptions:
        """Reads a mapping, converting texts from a command line.

        Raises:
            InvalidInputError: an unknown option or a value of the wrong kind.
        """
        return read_options(options, VlmOptions(), _converted, of="the vision-language reader")


def _converted(name: str, value: object, usual: object) -> object:
    return like_usual(name, value, usual, from_zero=("num_alternatives", "threads"))


class VlmReader:
    """A vision-language model in memory; not to be shared between threads.

    Args:
        folder: an adapter as `vlm-lora` writes it, or a whole image-text-to-text model.
        options: see `VlmOptions`.

    Raises:
        NotFoundError: no model in the folder, or an adapter whose base is gone.
        UnavailableError: the base cannot be fetched.
        MissingDependencyError: an extra is not installed.
        DamagedError, InvalidInputError, ConflictError: files that cannot be read or do not fit.
        SettingError: no such device, or one that cannot compute so.
    """

    def __init__(self, folder: Path, options: Mapping[str, object]) -> None:
        self._options = chosen = VlmOptions.of(options)
        found = find(str(folder), chosen.base or None)
        self.note = found.note or UNTRAINED
        """How the model was trained."""
        device = device_of(chosen.device)
        if chosen.threads:
            import torch

            torch.set_num_threads(chosen.threads)
        model, self._processor = load(
            found,
            device=device,
            precision=precision_of(chosen.precision, device),
            four_bit=chosen.quantize_4bit,
        )
        self._dialogue = Dialogue(self._processor, self.note.form, ends_of(model))
        if found.adapter is not None:
            model = with_adapter(model, found.adapter)
        self._model: Any = model.eval()
        self._pictures = Pictures(self.note.span)

    def recognize(self, media: Mapping[str, MediaFile]) -> Recognition:
        """The text of one sample; empty where too few frames show a mouth.

        Raises:
            DamagedError: media that cannot be decoded.
        """
        return self.recognize_many([media])[0]

    def recognize_many(
        self, many: Iterable[Mapping[str, MediaFile]], batch_size: int | None = None
    ) -> list[Recognition]:
        """The texts of many samples, `batch_size` pictures at a time.

        Raises:
            DamagedError: media that cannot be decoded.
        """
        stream, found = iter(many), list[Recognition]()
        while batch := list(islice(stream, batch_size or self._options.batch_size)):
            found += self._read(batch)
        return found

    def close(self) -> None:
        """Frees the model's memory; a second call does nothing."""
        self._model = None
        self._pictures.close()

    def _read(self, batch: Sequence[Mapping[str, MediaFile]]) -> list[Recognition]:
        if self._model is None:
            raise InvalidInputError("the recognizer is closed", hint="open it again")
        started = time.perf_counter()
        jpegs = [self._pictures.jpeg(media) for media in batch]
        shown = [jpeg for jpeg in jpegs if jpeg is not None]
        answers = iter(self._answers(shown) if shown else ())
        told = [Recognition(text="") if jpeg is None else next(answers) for jpeg in jpegs]
        share = (time.perf_counter() - started) / len(batch)
        return [replace(one, seconds=share) for one in told]

    def _answers(self, jpegs: Sequence[bytes]) -> list[Recognition]:
        import torch

        with torch.inference_mode(), quietly():
            asked = asked_of(self._processor, self._dialogue, jpegs).to(self._model.device)
            # Pictures in the precision of the weights; whole numbers stay what they are.
            asked = asked.to(self._model.dtype)
            best = self._written(asked)
            others = self._others(asked, len(jpegs))
        return [
            Recognition(
                text=_text(self._processor, tokens),
                confidence=_mean(chances),
                words=() if self._options.text_only else self._words(tokens, chances),
                alternatives=tuple(
                    one for one in found if one.text != _text(self._processor, tokens)
                )[: self._options.num_alternatives],
            )
            for (tokens, chances), found in zip(best, others, strict=True)
        ]

    def _written(self, asked: Any) -> list[tuple[list[int], list[float]]]:
        """Per row the tokens of the answer, and their log probabilities with that of the end."""
        import torch

        out = self._generate(asked, output_logits=True)
        tokens = out.sequences[:, asked["input_ids"].shape[1] :]
        logits = torch.stack(out.logits, dim=1).float().log_softmax(dim=-1)
        chances = logits.gather(2, tokens[..., None])[..., 0].tolist()
        found = []
        for row, logs in zip(tokens.tolist(), chances, strict=True):
            end = self._length(row)
            found.append((row[:end], logs[: end + 1]))
        return found

    def _others(self, asked: Any, rows: int) -> list[list[Alternative]]:
        """Per row other readings, likeliest first; they may repeat the best."""
        wanted = 0 if self._options.text_only else self._options.num_alternatives
        if not wanted:
            return [[] for _ in range(rows)]
        beams = wanted + 1
        out = self._generate(asked, num_beams=beams, num_return_sequences=beams)
        written = out.sequences[:, asked["input_ids"].shape[1] :].tolist()
        texts = [_text(self._processor, row[: self._length(row)]) for row in written]
        read = [
            Alternative(text=text, confidence=math.exp(score))
            for text, score in zip(texts, out.sequences_scores.tolist(), strict=True)
        ]
        return [read[i : i + beams] for i in range(0, len(read), beams)]

    def _length(self, row: Sequence[int]) -> int:
        """Tokens of an answer before its end."""
        return next((i for i, one in enumerate(row) if one in self._dialogue.ends), len(row))

    def _generate(self, asked: Any, **settings: Any) -> Any:
        from transformers import GenerationConfig

        return self._model.generate(
            **asked,
            generation_config=GenerationConfig(
                max_new_tokens=self._options.max_new_tokens,
                do_sample=False,
                length_penalty=1.0,
                eos_token_id=self._dialogue.ends,
                pad_token_id=self._processor.tokenizer.pad_token_id,
                return_dict_in_generate=True,
                output_scores=True,
                **settings,
            ),
        )

    def _words(self, tokens: Sequence[int], logs: Sequence[float]) -> tuple[Word, ...]:
        """The words, each as sure as its least likely token."""
        found: list[tuple[str, float]] = []
        for place, log in enumerate(logs[: len(tokens)], 1):
            read = _text(self._processor, tokens[:place]).split()
            for which in range(max(0, len(found) - 1), len(read)):
                if which == len(found):
                    found.append((read[which], log))
                elif read[which] != found[which][0]:
                    found[which] = (read[which], min(found[which][1], log))
        return tuple(Word(text=word, confidence=math.exp(log)) for word, log in found)


def _text(processor: Any, tokens: Sequence[int]) -> str:
    """One line without characters that nobody can see."""
    text = processor.tokenizer.decode(tokens, skip_special_tokens=True)
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _mean(logs: Sequence[float]) -> float | None:
    """The geometric mean of probabilities; None where there is none."""
    return math.exp(sum(logs) / len(logs)) if logs else None
