"""A lip reader of kernel ridges: one for the word of each slot of a grammar.

The pixels of an instant are reduced to their principal components. The ridge of a slot looks at
the lips from a little before its word to a little after, resampled to `LOOKS` instants, wherever
the word was found (see `word_bounds`). Its scores become probabilities by a softmax, whose
sharpness is chosen on held-out predictions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.errors import DamagedError, MissingDependencyError, NotFoundError
from truing.domain.grammar import Grammar
from truing.modalities.lipreading.pixels import between
from truing.modalities.lipreading.recipes.kernel_ridge import KernelRidge, fit
from truing.modalities.lipreading.recipes.word_bounds import WordBounds, motion_span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Clips = NDArray[np.float32]
    Places = NDArray[np.float64]

KIND = "pixel-ridge"
VERSION = 1
WEIGHTS = "model.safetensors"
FINDERS = ("learned", "given", "motion")
"""How the words are found: by ridges, from an alignment, or only where the lips move."""
BEFORE, AFTER, LOOKS = -0.3, 1.3, 8
"""From where to where a word is looked at, in lengths of the word, and how often."""
LOOKS_AT_SPAN = 24
"""The same for all of the speech, where single words are not found."""
SHARPNESS = tuple(1.25**step for step in range(25))
"""Factors of the scores that are tried: 1 to 212."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SlotReader:
    """Tells the words of one slot apart."""

    ridge: KernelRidge
    sharpness: float

    def probabilities(self, windows: Clips) -> NDArray[np.float64]:
        """Of the slot's words, shape (clips, words).

        Args:
            windows: see `window`.
        """
        return softmax(self.sharpness * self.ridge.predict(windows))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SlotRidge:
    """The whole reader, with the training clips it compares with."""

    grammar: Grammar
    finder: str
    """One of `FINDERS`."""
    basis: NDArray[np.float32]
    """Principal components of an instant's pixels, shape (cells, components)."""
    clips: NDArray[np.float32]
    """The training clips in them, shape (clips, instants, components)."""
    places: NDArray[np.float64]
    """Bounds of their words, in instants: shape (clips, words + 1), by motion (clips, 2)."""
    bounds: WordBounds | None
    """What finds them in other clips, for the finder `learned`."""
    slots: tuple[SlotReader, ...]

    def find(self, values: Clips, given: Places | None = None) -> Places:
        """Bounds of the words in instants.

        Args:
            values: pixels, shape (clips, instants, cells).
            given: for the finder `given`, what the alignments say.
        """
        if given is not None and self.finder == "given":
            return given
        if self.bounds is not None:
            return self.bounds.find(values @ self.basis)
        return motion_span(values)

    def with_slots(self, slots: Sequence[SlotReader]) -> SlotRidge:
        """The same with what tells the words of its slots apart."""
        return replace(self, slots=tuple(slots))

    def read(self, values: Clips, places: Places) -> list[NDArray[np.float64]]:
        """For each slot the probabilities of its words, shape (clips, words)."""
        clips = values @ self.basis
        return [
            slot.probabilities(window(clips, places, number, self.finder))
            for number, slot in enumerate(self.slots)
        ]

    def save(self, folder: Path) -> None:
        """Writes `config.json` and `model.safetensors`.

        Raises:
            MissingDependencyError: `safetensors` is not installed.
        """
        import numpy as np

        try:
            from safetensors.numpy import save_file
        except ImportError as error:
            raise _missing() from error
        told: dict[str, NDArray[np.generic]] = {
            "basis": self.basis,
            "clips": self.clips,
            "places": self.places,
            "sharpness": np.array([slot.sharpness for slot in self.slots]),
        }
        for number, slot in enumerate(self.slots):
            told |= slot.ridge.tensors(f"slots.{number}")
        if self.bounds is not None:
            told |= self.bounds.tensors()
        config = {
            "model_type": KIND,
            "version": VERSION,
            "finder": self.finder,
            "aligned": len(self.bounds.first.rows) if self.bounds is not None else 0,
            "grammar": self.grammar.as_dict(),
        }
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        single = {name: np.ascontiguousarray(one, np.float32) for name, one in told.items()}
        save_file(single, folder / WEIGHTS)

    @staticmethod
    def load(folder: Path) -> SlotRidge:
        """Reads a folder that `save` wrote.

        Raises:
            NotFoundError: a file is missing.
            DamagedError: a file cannot be read, or is not that of such a model.
            MissingDependencyError: `safetensors` is not installed.
        """
        try:
            from safetensors import SafetensorError
            from safetensors.numpy import load_file
        except ImportError as error:
            raise _missing() from error
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            told = load_file(folder / WEIGHTS)
            return _of_tensors(config, told)
        except FileNotFoundError as error:
            raise NotFoundError(
                f"the model in `{folder}` is not whole: there is no `{WEIGHTS}` or `config.json`",
                hint="copy the model again, or train it again",
            ) from error
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise DamagedError(
                f"the model in `{folder}` cannot be read: {error}",
                hint="copy the model again, or train it again",
            ) from error


def _of_tensors(config: dict[str, object], told: dict[str, NDArray[np.generic]]) -> SlotRidge:
    import numpy as np

    grammar, finder = config["grammar"], str(config["finder"])
    if not isinstance(grammar, dict) or finder not in FINDERS:
        raise TypeError(f"no grammar, or a finder `{finder}`")
    clips, places = told["clips"].astype(np.float32), told["places"].astype(float)
    aligned = clips[: int(str(config["aligned"]))]
    slots = tuple(
        SlotReader(
            ridge=KernelRidge.from_tensors(
                f"slots.{number}", told, window(clips, places, number, finder)
            ),
            sharpness=float(sharp),
        )
        for number, sharp in enumerate(told["sharpness"].astype(float))
    )
    return SlotRidge(
        grammar=Grammar.from_dict(grammar),
        finder=finder,
        basis=told["basis"].astype(np.float32),
        clips=clips,
        places=places,
        bounds=WordBounds.from_tensors(aligned, told) if finder == "learned" else None,
        slots=slots,
    )


def _missing() -> MissingDependencyError:
    return MissingDependencyError(
        "a pixel-ridge model is kept in safetensors, which is not installed",
        hint='pip install "truing[lipreading]"',
    )


def principal(values: Clips, components: int) -> NDArray[np.float32]:
    """Principal components of the pixels of all instants, shape (cells, components)."""
    import numpy as np

    instants = values.reshape(-1, values.shape[2])
    _, vectors = np.linalg.eigh((instants.T @ instants / len(instants)).astype(np.float64))
    return np.ascontiguousarray(vectors[:, ::-1][:, :components], dtype=np.float32)


def window(clips: Clips, places: Places, slot: int, finder: str) -> Clips:
    """What the ridge of a slot looks at, shape (clips, looks, components)."""
    import numpy as np

    if finder == "motion":
        first, last, looks = places[:, :1], places[:, 1:2], np.linspace(0, 1, LOOKS_AT_SPAN)
    else:
        looks = np.linspace(BEFORE, AFTER, LOOKS)
        first, last = places[:, slot : slot + 1], places[:, slot + 1 : slot + 2]
    return between(clips, first + (last - first) * looks)


def learn_slot(
    windows: Clips,
    words: NDArray[np.intp],
    count: int,
    beside: tuple[Clips, NDArray[np.intp]] | None,
) -> tuple[SlotReader, float]:
    """Learns to tell the words of a slot apart.

    Args:
        windows: of the training clips, shape (clips, looks, components).
        words: number of the word in each.
        count: words of the slot.
        beside: the same of held-out clips, on which the figures are chosen; without them the
            training clips are left out in turn.

    Returns:
        The reader, and the share of the held-out words it reads right.
    """
    import numpy as np

    targets = np.eye(count)[words]
    apart, held = (None, words) if beside is None else beside
    aim = np.eye(count)[held]

    def loss(scores: NDArray[np.float64]) -> float:
        # Errors first; the squares settle between figures that make equally many.
        return float((scores.argmax(1) != held).mean() + 1e-3 * np.square(scores - aim).mean())

    fitted = fit(windows, targets, loss, beside=apart)

    def surprise(sharpness: float) -> float:
        chances = softmax(sharpness * fitted.held)[np.arange(len(held)), held]
        return float(-np.log(np.maximum(chances, 1e-12)).mean())

    right = float((fitted.held.argmax(1) == held).mean())
    return SlotReader(ridge=fitted.ridge, sharpness=min(SHARPNESS, key=surprise)), right


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities along the last axis."""
    import numpy as np

    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))
