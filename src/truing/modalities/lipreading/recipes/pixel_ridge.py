"""Recipe `pixel-ridge`: kernel ridge regression on the pixels of the lips, seconds on a CPU.

Read from top to bottom: options, one run in the order in which it happens, then the reader of the
model. There is one ridge per word slot of a grammar, GRID's or one inferred from the texts. The
alignments of training clips, where there are any, teach where words begin; at recognition none is
needed. It is what a larger model has to beat; see `learn_ridge`, `word_bounds` and `slot_ridge`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.errors import InvalidInputError, NothingToDoError, SettingError
from truing.domain.prediction import Alternative, Recognition, Word
from truing.domain.recipe import (
    Example,
    MediaFile,
    Need,
    RunContext,
    TrainingInput,
    TrainingResult,
)
from truing.modalities.lipreading.pixels import POINTS, WIDTH, Pixels, pixels_of
from truing.modalities.lipreading.recipes.learn_ridge import (
    FEWEST_ALIGNED,
    Rows,
    bounds_of,
    find_words,
    gather,
    grammar_of,
    learn_slots,
    spelled,
)
from truing.modalities.lipreading.recipes.slot_ridge import SlotRidge
from truing.training.options import option, refuse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ALIGNMENTS = ("auto", "use", "ignore")
READINGS = 5
"""Other readings that a recognition names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelRidgeOptions:
    """What a person may set."""

    alignment: str = option(
        "auto",
        "auto = alignments teach where words are, none is needed to read; use = an alignment is "
        "needed to read, too; ignore = none is looked at",
        ALIGNMENTS,
    )
    components: int = option(32, "principal components of the pixels of an instant")
    rounds: int = option(2, "how often the found bounds of words are mended")
    most_rows: int = option(1500, "most training clips; time grows with their cube")

    def __post_init__(self) -> None:
        """Refuses values that cannot work.

        Raises:
            SettingError: names the option and what it takes.
        """
        wrong = {
            "alignment": self.alignment not in ALIGNMENTS,
            "components": not 1 <= self.components <= WIDTH,
            "rounds": not 0 <= self.rounds <= 5,
            "most_rows": self.most_rows < 2,
        }
        refuse(self, wrong)


class PixelRidgeRecipe:
    """Trains kernel ridges on mouth pixels; see the module for the method."""

    name = "pixel-ridge"
    summary = "kernel ridge on mouth pixels, one per word of a grammar: seconds on a CPU"
    options: type = PixelRidgeOptions
    needs_base = False
    needs_packages: Mapping[str, str] = {
        "av": "truing[lipreading]",
        "cv2": "truing[lipreading]",
        "safetensors": "truing[lipreading]",
    }

    def presets(self, examples: int, base: str | None) -> Mapping[str, object]:
        """Nothing: the defaults suit any number of clips."""
        del examples, base
        return {}

    def estimate(self, base: str | None, options: PixelRidgeOptions) -> Need:
        """Bytes for `most_rows` clips: the matrices of clips and those of their distances."""
        del base
        rows = options.most_rows
        clips = rows * POINTS * 4
        return Need(
            disk={"model": clips * options.components + (1 << 20)},
            memory={
                "clips": clips * (WIDTH + 4 * options.components),
                "distances": 6 * rows * rows * 8,
            },
            remedies=("--set most_rows=500",),
        )

    def train(self, given: TrainingInput, context: RunContext) -> TrainingResult:
        """Trains and writes the model to `given.output`; it is over too soon for checkpoints.

        `given.base` must be None and `given.replay` is not used.

        Raises:
            NothingToDoError: there are no training rows, or none that can be used.
            SettingError: a base was given.
            InvalidInputError: the texts follow no grammar.
            MissingDependencyError: the packages that decode video are not installed.
        """
        options: PixelRidgeOptions = given.options
        if given.base is not None:
            raise SettingError(
                f"the recipe `pixel-ridge` takes no base model (`{given.base}`)",
                hint="leave the base out",
            )
        started = time.perf_counter()
        grammar = grammar_of([spelled(example) for example in given.train])
        aligned = options.alignment != "ignore"
        rows = gather(spread(given.train, options.most_rows), grammar, aligned=aligned)
        beside = gather(given.validation, grammar, aligned=aligned)
        finder = finder_for(options.alignment, rows)
        if finder == "given":
            rows, beside = _only_aligned(rows), _only_aligned(beside)
        if len(rows) < 2:
            raise NothingToDoError(
                f"{len(rows)} training clips can be used. {' '.join(rows.notes[:3])}",
                hint="review more samples, or look at their findings: truing check",
            )
        context.log(
            f"{len(rows)} training and {len(beside)} validation clips, {len(rows.bounds)} with "
            f"alignment; grammar {grammar.name} of {len(grammar.slots)} slots; words {finder}."
        )
        reader = find_words(
            rows, grammar, finder=finder, components=options.components, rounds=options.rounds
        )
        slots, rights = [], []
        for slot, right in learn_slots(reader, rows, beside):
            slots.append(slot)
            rights.append(right)
            name = grammar.slots[len(rights) - 1].name
            context.report(len(rights), {f"validation_right_{name}": right})
            context.progress(len(rights), len(grammar.slots))
            if context.should_stop() and len(rights) < len(grammar.slots):
                return TrainingResult(finished=False, steps=len(rights))
        reader.with_slots(slots).save(given.output)
        figures = {
            "validation_wer": 1 - sum(rights) / len(rights),
            "train_seconds": time.perf_counter() - started,
        }
        context.report(len(rights), {"validation_wer": figures["validation_wer"]})
        notes = (*rows.notes, *beside.notes)
        return TrainingResult(finished=True, steps=len(rights), figures=figures, notes=notes)


def spread(examples: Sequence[Example], most: int) -> list[Example]:
    """At most so many examples, evenly from all of them."""
    count = min(len(examples), most)
    return [examples[place * len(examples) // count] for place in range(count)]


def finder_for(alignment: str, rows: Rows) -> str:
    """How the words of these clips are to be found, with the option `alignment`."""
    if alignment == "use":
        return "given"
    return "learned" if len(rows.bounds) >= FEWEST_ALIGNED else "motion"


def _only_aligned(rows: Rows) -> Rows:
    count = len(rows.bounds)
    return Rows(
        values=rows.values[:count], words=rows.words[:count], bounds=rows.bounds, notes=rows.notes
    )


class PixelRidgeReader:
    """A trained model in memory; see `open_recognizer`.

    Args:
        folder: a folder that the recipe wrote.
        options: `text_only` (no times, no other readings).

    Raises:
        NotFoundError, DamagedError, MissingDependencyError: see `SlotRidge.load`.
        InvalidInputError: an unknown option.
    """

    def __init__(self, folder: Path, options: Mapping[str, object]) -> None:
        unknown = sorted(set(options) - {"text_only"})
        if unknown:
            raise InvalidInputError(
                f"a pixel-ridge model has no option `{unknown[0]}`", hint="it has `text_only`"
            )
        self._text_only = str(options.get("text_only", False)).lower() in ("true", "1", "yes")
        self._model: SlotRidge | None = SlotRidge.load(folder)

    def recognize(self, media: Mapping[str, MediaFile]) -> Recognition:
        """The likeliest sentence of the grammar; an empty text when no face is seen.

        Raises:
            InvalidInputError: no video, or no alignment for a model that was trained to use it.
            NotFoundError: no such file.
            DamagedError: nothing can be decoded.
        """
        import numpy as np

        started = time.perf_counter()
        model = self._loaded()
        if "video" not in media:
            raise InvalidInputError(
                f"lips are read from `video`, and there is only {', '.join(media) or 'nothing'}",
                hint="give the video under the role `video`",
            )
        pixels = pixels_of(media["video"])
        if pixels.seen == 0:
            return Recognition(text="", confidence=0.0, seconds=time.perf_counter() - started)
        places = model.find(pixels.values[None], self._given(model, media, pixels))
        chances = [slot[0] for slot in model.read(pixels.values[None], places)]
        readings = best_sentences(chances, 1 if self._text_only else READINGS + 1)
        choice, confidence = readings[0]
        texts = [slot.words for slot in model.grammar.slots]
        said = [words[number] for words, number in zip(texts, choice, strict=True)]
        sure = [float(np.max(slot)) for slot in chances]
        return Recognition(
            text=" ".join(said),
            confidence=confidence,
            words=() if self._text_only else _words(said, sure, places[0], pixels),
            alternatives=tuple(
                Alternative(
                    text=" ".join(words[i] for words, i in zip(texts, other, strict=True)),
                    confidence=chance,
                )
                for other, chance in readings[1:]
            ),
            seconds=time.perf_counter() - started,
        )

    def recognize_many(self, many: Sequence[Mapping[str, MediaFile]]) -> list[Recognition]:
        """The sentences of many samples; raises as `recognize`."""
        return [self.recognize(media) for media in many]

    def close(self) -> None:
        """Frees the model's memory; a second call does nothing."""
        self._model = None

    def _loaded(self) -> SlotRidge:
        if self._model is None:
            raise InvalidInputError("the model was closed", hint="open it again")
        return self._model

    def _given(
        self, model: SlotRidge, media: Mapping[str, MediaFile], pixels: Pixels
    ) -> NDArray[np.float64] | None:
        """The bounds an alignment tells. The model never sees its words, only their times."""
        import numpy as np

        if model.finder != "given":
            return None
        bounds = bounds_of(media.get("alignment"), pixels, len(model.grammar.slots))
        if bounds is None:
            raise InvalidInputError(
                "this model reads only clips with an alignment of as many words as its grammar",
                hint="train one that needs none: truing train pixel-ridge --set alignment=auto",
            )
        return np.array([bounds])


def _words(
    said: Sequence[str], sure: Sequence[float], places: NDArray[np.float64], pixels: Pixels
) -> tuple[Word, ...]:
    """Words with the times at which they were found; without times where only motion was."""
    if len(places) != len(said) + 1:
        return tuple(Word(text=one, confidence=c) for one, c in zip(said, sure, strict=True))
    times = [min(max(pixels.time(float(one)), pixels.first), pixels.last) for one in places]
    return tuple(
        Word(text=one, start=round(times[n], 3), end=round(times[n + 1], 3), confidence=sure[n])
        for n, one in enumerate(said)
    )


def best_sentences(
    chances: Sequence[NDArray[np.float64]], count: int
) -> list[tuple[tuple[int, ...], float]]:
    """The likeliest sentences of independent slots, the likeliest first.

    Args:
        chances: for each slot the probabilities of its words.
        count: how many.

    Returns:
        (number of the word in each slot, geometric mean of their probabilities).
    """
    kept: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    for slot in chances:
        # A sentence among the best so many has a beginning among the best so many.
        grown = [
            ((*start, word), total + math.log(max(float(chance), 1e-12)))
            for start, total in kept
            for word, chance in enumerate(slot)
        ]
        kept = sorted(grown, key=lambda one: -one[1])[:count]
    return [(choice, math.exp(total / len(chances))) for choice, total in kept]
