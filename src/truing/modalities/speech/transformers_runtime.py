"""Whisper through transformers and torch: folders as they are trained, no conversion needed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from truing.domain.errors import (
    DamagedError,
    InvalidInputError,
    MissingDependencyError,
    NotFoundError,
    UnavailableError,
)
from truing.modalities.speech.decoding import (
    FRAME,
    Decoded,
    Reading,
    RecognizerOptions,
    align,
    enough,
    most_tokens,
)
from truing.modalities.speech.recording import RATE
from truing.modalities.speech.vocabulary import Vocabulary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NARROW = 192
"""A model at most this wide (`d_model`) gets one thread: several spend their time on waiting for
each other, and on a busy machine take many times as long."""


class TransformersRuntime:
    """A Whisper folder in the format of transformers, in float32.

    Decoding is greedy (or by beam) and deterministic. Probabilities are among text tokens and the
    end, from one pass over the finished text; the same pass gives the attention from which words
    get their times.

    Raises:
        MissingDependencyError: torch or transformers is not installed.
        NotFoundError: the folder lacks weights or tokenizer.
        DamagedError: weights that cannot be read.
        UnavailableError: no such device.
    """

    def __init__(self, folder: Path, options: RecognizerOptions) -> None:
        self._options = options
        torch = _torch()
        self._model: Any = _load(folder).eval().to(_device(torch, options.device))
        config = self._model.config
        if threads := options.threads or int(config.d_model <= NARROW):
            torch.set_num_threads(threads)
        self.seconds = config.max_source_positions * FRAME
        self.vocabulary = Vocabulary(folder, config.vocab_size)
        self._language = self.vocabulary.language(options.language)
        self._extractor = _extractor(config.num_mel_bins, self.seconds)
        self._heads = _alignment_heads(self._model)

    def close(self) -> None:
        """Frees the model's memory; a second call does nothing."""
        self._model = None

    def decode(self, sounds: Sequence[NDArray[np.float32]]) -> list[Decoded]:
        """Reads a batch of sounds, 16 kHz, each at most `seconds` long."""
        import torch

        if self._model is None:
            raise InvalidInputError("the recognizer is closed", hint="open it again")
        with torch.inference_mode():
            encoded = self._model.get_encoder()(self._features(sounds))
            languages = self._languages(encoded)
            prompts = [self.vocabulary.prompt(one, self._options.task) for one in languages]
            room = self._model.config.max_target_positions - len(prompts[0]) - 1
            limits = [most_tokens(len(sound), room) for sound in sounds]
            best = self._search(encoded, prompts, limits)
            frames = [max(1, math.ceil(len(s) / RATE / FRAME)) for s in sounds]
            scored = self._score(encoded, prompts, best, frames)
            near = [enough(*pair) for pair in zip(best, limits, strict=True)]
            others = self._others(encoded, prompts, near)
        return [
            Decoded(
                best=Reading(tokens=tuple(tokens), logprob=float(sum(map(_log, (*p, end))))),
                probabilities=p,
                times=times,
                others=found,
                language=language,
                no_speech=silence,
            )
            for tokens, (p, end, silence, times), found, language in zip(
                best, scored, others, languages, strict=True
            )
        ]

    def weigh(self, sound: NDArray[np.float32], texts: Sequence[Sequence[int]]) -> list[float]:
        """The confidence in each token sequence; see `Runtime.weigh`."""
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        with torch.inference_mode():
            encoded = self._model.get_encoder()(self._features([sound]))
            prompt = self.vocabulary.prompt(self._languages(encoded)[0], self._options.task)
            room = self._model.config.max_target_positions - len(prompt) - 1
            rows = [list(tokens[:room]) for tokens in texts]
            state = encoded.last_hidden_state.repeat_interleave(len(rows), dim=0)
            scores = self._score(BaseModelOutput(state), [prompt] * len(rows), rows, None)
        return [
            Reading(tokens=tuple(row), logprob=sum(map(_log, (*chances, end)))).confidence
            for row, (chances, end, _, _) in zip(rows, scores, strict=True)
        ]

    def _features(self, sounds: Sequence[NDArray[np.float32]]) -> Any:
        # Sound, not features, is padded with zeros: the model was trained that way.
        found = self._extractor(
            list(sounds),
            sampling_rate=RATE,
            padding="max_length",
            max_length=round(self.seconds * RATE),
            truncation=True,
            return_tensors="pt",
        )
        return found.input_features.to(self._model.device)

    def _languages(self, encoded: Any) -> list[str | None]:
        import torch

        rows = len(encoded.last_hidden_state)
        if self._language is not None or not self.vocabulary.multilingual:
            return [self._language] * rows
        start = torch.full((rows, 1), self.vocabulary.start, device=self._model.device)
        logits = self._model(encoder_outputs=encoded, decoder_input_ids=start).logits[:, 0]
        codes = list(self.vocabulary.languages)
        numbers = torch.tensor(list(self.vocabulary.languages.values()), device=logits.device)
        return [codes[i] for i in logits[:, numbers].argmax(dim=-1).tolist()]

    def _search(self, encoded: Any, prompts: list[list[int]], limits: list[int]) -> list[list[int]]:
        """Text tokens of the best reading of each row."""
        if self._options.beam_size > 1:
            found = self._beams(encoded, prompts, limits, self._options.beam_size, 1)
            return [rows[0] for rows in found]
        return self._greedy(encoded, prompts, limits)

    def _greedy(self, encoded: Any, prompts: list[list[int]], limits: list[int]) -> list[list[int]]:
        import torch

        settings, end = self._model.generation_config, self.vocabulary.end
        never = torch.tensor([*(settings.suppress_tokens or []), *self.vocabulary.marks])
        at_first = torch.tensor(settings.begin_suppress_tokens or [], dtype=torch.long)
        tokens, cache = torch.tensor(prompts, device=self._model.device), None
        rows: list[list[int]] = [[] for _ in prompts]
        running = [True] * len(prompts)
        while any(running):
            out = self._model(
                encoder_outputs=encoded,
                decoder_input_ids=tokens,
                past_key_values=cache,
                use_cache=True,
            )
            scores, cache = out.logits[:, -1].float(), out.past_key_values
            scores[:, never] = -torch.inf
            if not any(rows):
                scores[:, at_first] = -torch.inf
            tokens = scores.argmax(dim=-1, keepdim=True)
            for row, token in enumerate(tokens[:, 0].tolist()):
                running[row] = running[row] and token != end and len(rows[row]) < limits[row]
                if running[row]:
                    rows[row].append(token)
        return [[t for t in row if self.vocabulary.is_text(t)] for row in rows]

    def _beams(
        self, encoded: Any, prompts: list[list[int]], limits: list[int], beams: int, wanted: int
    ) -> list[list[list[int]]]:
        """The `wanted` likeliest token sequences of each row by beam search."""
        import torch
        from transformers import GenerationConfig, GenerationMixin
        from transformers.modeling_outputs import BaseModelOutput

        settings = self._model.generation_config
        # Whisper's own `generate` adds timestamps and windows; the plain one is what is wanted.
        found = GenerationMixin.generate(
            self._model,
            encoder_outputs=BaseModelOutput(last_hidden_state=encoded.last_hidden_state.clone()),
            # Whisper hears all of its input; transformers asks for a mask where end pads.
            attention_mask=torch.ones_like(encoded.last_hidden_state[..., 0]),
            decoder_input_ids=torch.tensor(prompts, device=self._model.device),
            generation_config=GenerationConfig(
                num_beams=beams,
                num_return_sequences=wanted,
                do_sample=False,
                max_length=len(prompts[0]) + max(limits),
                eos_token_id=self.vocabulary.end,
                pad_token_id=self.vocabulary.end,
                decoder_start_token_id=self.vocabulary.start,
                suppress_tokens=[*(settings.suppress_tokens or []), *self.vocabulary.marks],
                begin_suppress_tokens=settings.begin_suppress_tokens or None,
            ),
        )
        texts = [
            [t for t in row[:limit] if self.vocabulary.is_text(t)]
            for row, limit in zip(
                found[:, len(prompts[0]) :].tolist(),
                (limit for limit in limits for _ in range(wanted)),
                strict=True,
            )
        ]
        return [texts[i : i + wanted] for i in range(0, len(texts), wanted)]

    def _others(
        self, encoded: Any, prompts: list[list[int]], limits: list[int]
    ) -> list[tuple[Reading, ...]]:
        """Readings beside the best one, scored like it."""
        from transformers.modeling_outputs import BaseModelOutput

        wanted = self._options.readings
        if not wanted:
            return [()] * len(prompts)
        beams = wanted + 2
        rows = self._beams(encoded, prompts, limits, beams, beams)
        flat = [tokens for row in rows for tokens in row]
        repeated = BaseModelOutput(encoded.last_hidden_state.repeat_interleave(beams, dim=0))
        owners = [prompt for prompt in prompts for _ in range(beams)]
        scores = self._score(repeated, owners, flat, None)
        readings = [
            Reading(tokens=tuple(tokens), logprob=sum(map(_log, (*p, end))))
            for tokens, (p, end, _, _) in zip(flat, scores, strict=True)
        ]
        return [
            tuple(sorted(readings[i : i + beams], key=lambda r: -r.confidence))
            for i in range(0, len(readings), beams)
        ]

    def _score(
        self,
        encoded: Any,
        prompts: list[list[int]],
        rows: list[list[int]],
        frames: list[int] | None,
    ) -> list[tuple[tuple[float, ...], float, float, tuple[float, ...]]]:
        """Per row: token probabilities, that of the end, that of silence, and token times."""
        import torch

        end, first = self.vocabulary.end, len(prompts[0])
        longest = max(map(len, rows))
        inputs = [
            p + t + [end] * (longest - len(t) + 1) for p, t in zip(prompts, rows, strict=True)
        ]
        times = frames is not None and self._options.times_words and longest > 0
        with _Attention(self._model, self._heads if times else []) as attention:
            tokens = torch.tensor(inputs, device=self._model.device)
            out = self._model(encoder_outputs=encoded, decoder_input_ids=tokens, use_cache=False)
        logits = out.logits.float()
        silence = self.vocabulary.no_speech
        nobody = logits[:, 0].softmax(dim=-1)
        logits[:, :, self.vocabulary.marks] = -torch.inf
        chances = logits.softmax(dim=-1)
        found = []
        for row, text in enumerate(rows):
            said = [*text, end]
            places = torch.arange(first - 1, first - 1 + len(said))
            p = chances[row, places, torch.tensor(said)].tolist()
            quiet = 0.0 if silence is None else float(nobody[row, silence])
            begins: tuple[float, ...] = ()
            if times and frames is not None and text:
                begins = attention.times(row, first, len(text), frames[row])
            found.append((tuple(p[:-1]), p[-1], quiet, begins))
        return found


def _log(chance: float) -> float:
    return math.log(max(chance, 1e-30))


class _Attention:
    """Records cross-attention of chosen heads while a model runs, whatever attention it uses."""

    def __init__(self, model: Any, heads: list[tuple[int, int]]) -> None:
        self._layers = model.model.decoder.layers
        self._heads = heads
        self._weights: dict[int, Any] = {}
        self._hooks: list[Any] = []

    def __enter__(self) -> Self:
        for layer in sorted({layer for layer, _ in self._heads}):
            module = self._layers[layer].encoder_attn
            hook = module.register_forward_pre_hook(self._recorder(layer), with_kwargs=True)
            self._hooks.append(hook)
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _recorder(self, layer: int) -> Callable[[Any, Any, Any], None]:
        def record(module: Any, args: Any, kwargs: Any) -> None:
            hidden = kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]
            sound = kwargs["key_value_states"] if "key_value_states" in kwargs else args[1]
            shape = (len(hidden), -1, module.num_heads, module.head_dim)
            query = (module.q_proj(hidden) * module.scaling).view(shape).transpose(1, 2)
            key = module.k_proj(sound).view(shape).permute(0, 2, 3, 1)
            chosen = [head for place, head in self._heads if place == layer]
            self._weights[layer] = (query[:, chosen] @ key[:, chosen]).softmax(dim=-1).cpu().numpy()

        return record

    def times(self, row: int, first: int, length: int, frames: int) -> tuple[float, ...]:
        """Seconds at which each of `length` tokens from `first` begins, and the end begins."""
        import numpy as np

        weights = np.concatenate([w[row] for _, w in sorted(self._weights.items())])
        # The row of a token is the one that predicted it, as in OpenAI's timing.
        begins = align(weights[:, first - 1 : first + length, :frames].astype(np.float64))
        return tuple(float(b) * FRAME for b in begins)


def _alignment_heads(model: Any) -> list[tuple[int, int]]:
    """(layer, head) pairs that follow the sound: the checkpoint's own, else its later half."""
    named = getattr(model.generation_config, "alignment_heads", None)
    if named:
        return [(int(layer), int(head)) for layer, head in named]
    layers, heads = model.config.decoder_layers, model.config.decoder_attention_heads
    return [(layer, head) for layer in range(layers // 2, layers) for head in range(heads)]


def _torch() -> Any:
    try:
        import torch
        import transformers  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            f"this model runs on torch and transformers, and `{error.name}` is not installed",
            hint='pip install "truing[train]"',
        ) from error
    return torch


def _load(folder: Path) -> Any:
    from safetensors import SafetensorError
    from transformers import WhisperForConditionalGeneration

    if not any(folder.glob("*.safetensors")):
        raise NotFoundError(
            f"the model folder `{folder}` has no `model.safetensors`",
            hint="weights in pickle (`pytorch_model.bin`) are not opened; convert them first",
        )
    try:
        with without_progress_bars():
            return WhisperForConditionalGeneration.from_pretrained(
                str(folder), local_files_only=True, use_safetensors=True, dtype="float32"
            )
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise DamagedError(
            f"the model in `{folder}` cannot be loaded: {error}",
            hint="copy or download the model again",
        ) from error


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Keeps transformers from drawing bars into a caller's terminal while it loads."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _extractor(mels: int, seconds: float) -> Any:
    from transformers import WhisperFeatureExtractor

    return WhisperFeatureExtractor(feature_size=mels, chunk_length=math.ceil(seconds))


def _device(torch: Any, wanted: str) -> Any:
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.mps.is_available()}
    if wanted == "auto":
        return "cuda" if there["cuda"] else "cpu"
    if not there.get(wanted.partition(":")[0], False):
        raise UnavailableError(
            f"there is no device `{wanted}`",
            hint=f"use one of {', '.join(k for k, v in there.items() if v)}, or auto",
        )
    return wanted
