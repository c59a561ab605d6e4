"""A second look at the pixels of each word, once the network has found where it is said.

One kernel ridge per slot compares a word's coarse pictures with those of training words: the
network sees motion within a fifth of a second, the ridge a whole word at once. Its scores are added
to the network's log posteriors. The ridges' rows are true words of training clips; they learned
from these and from copies with shifted bounds (a Nyström approximation: Williams & Seeger, "Using
the Nyström method to speed up kernel machines", 2001).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from truing.modalities.lipreading.pixels import between
from truing.modalities.lipreading.recipes.kernel_ridge import KernelRidge
from truing.modalities.lipreading.recipes.sentence_model import Heard, Look

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 16
"""Cells of a picture, in height and in width."""
LOOKS = 10
"""Instants at which a word is looked at, from its beginning to the beginning of the next."""
LENGTH = 3.0
"""Weight of a word's length in frames beside its pixels, which have about the deviation 1."""
WEIGHT = 5.0
"""Of the ridges' scores, which are about 1 for the right word and 0 for others."""
LEAST = 1e-4
"""Is added to the network's posteriors: it may be as sure as it likes, and wrong."""
USUAL = 1.6
"""The temperature that was measured, for a run without clips to calibrate on."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SecondStage:
    """The ridges of all slots."""

    basis: NDArray[np.float32]
    """Principal components of an instant's cells, (`SIDE`², components)."""
    slots: tuple[KernelRidge, ...]
    temperature: float = USUAL
    """The sum of log posterior and score is divided by it."""

    def look_at(self, clips: Sequence[NDArray[np.float32]]) -> Look:
        """What `SentenceModel.read` and its like are to ask about a batch.

        Args:
            clips: standardised frames (T, H, W) of each clip.
        """

        def look(clip: int, heard: Heard) -> tuple[NDArray[np.float64], ...]:
            return self.chances(self.sums(clips[clip], heard))

        return look

    def sums(self, clip: NDArray[np.float32], heard: Heard) -> list[NDArray[np.float64]]:
        """For each slot the log posteriors of its words, plus what the pixels say.

        Args:
            clip: standardised frames (T, H, W).
            heard: of the same clip.
        """
        import numpy as np

        rows = rows_of(cells_of(clip) @ self.basis, heard.edges[None])
        return [
            np.log(chances + LEAST) + WEIGHT * ridge.predict(rows[:, slot])[0]
            for slot, (ridge, chances) in enumerate(zip(self.slots, heard.slots, strict=True))
        ]

    def chances(self, sums: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], ...]:
        """The same as probabilities."""
        import numpy as np

        found = []
        for one in sums:
            raised = np.exp((one - one.max()) / self.temperature)
            found.append(raised / raised.sum())
        return tuple(found)

    def cooled(self, temperature: float) -> SecondStage:
        """The same with another temperature."""
        return replace(self, temperature=temperature)

    def tensors(self) -> dict[str, NDArray[np.generic]]:
        """All of it by name, in half precision where there is much of it."""
        import numpy as np

        told: dict[str, NDArray[np.generic]] = {
            "basis": self.basis.astype(np.float16),
            "temperature": np.array([self.temperature], dtype=np.float32),
        }
        for number, ridge in enumerate(self.slots):
            told[f"slots.{number}.rows"] = ridge.rows.astype(np.float16)
            for name, value in ridge.tensors(f"slots.{number}").items():
                told[name] = value.astype(np.float32)
        return told

    @staticmethod
    def from_tensors(told: Mapping[str, NDArray[np.generic]], sizes: Sequence[int]) -> SecondStage:
        """Reads what `tensors` told.

        Args:
            told: arrays by name.
            sizes: words of each slot of the grammar.

        Raises:
            KeyError: something is missing.
            ValueError: its parts do not belong together.
        """
        import numpy as np

        slots = tuple(
            KernelRidge.from_tensors(
                f"slots.{number}", told, told[f"slots.{number}.rows"].astype(np.float32)
            )
            for number in range(len(sizes))
        )
        basis = told["basis"].astype(np.float32)
        width = LOOKS * basis.shape[1] + 1
        if len(basis) != SIDE**2 or any(
            ridge.weights.shape[1] != size or ridge.rows.shape[1] != width
            for ridge, size in zip(slots, sizes, strict=True)
        ):
            raise ValueError("the second stage does not fit the grammar")
        temperature = round(float(told["temperature"].astype(np.float32)[0]), 4)
        return SecondStage(basis=basis, slots=slots, temperature=temperature)


def cells_of(clip: NDArray[np.float32]) -> NDArray[np.float32]:
    """Coarse pictures without the clip's mean picture, (T, `SIDE`²).

    Args:
        clip: standardised frames (T, H, W); both sides are multiples of `SIDE`.
    """
    import numpy as np

    frames, height, width = clip.shape
    split = clip.reshape(frames, SIDE, height // SIDE, SIDE, width // SIDE)
    cells = split.mean(axis=(2, 4), dtype=np.float32).reshape(frames, -1)
    return np.asarray(cells - cells.mean(axis=0), dtype=np.float32)


def rows_of(values: NDArray[np.float32], edges: NDArray[np.float64]) -> NDArray[np.float32]:
    """What the ridges compare, (variants, slots, `LOOKS` * components + 1), in half precision.

    Args:
        values: principal components of a clip's cells, (T, components).
        edges: in frames, where each word begins and the last one ends, (variants, slots + 1).
    """
    import numpy as np

    share = np.linspace(0.0, 1.0, LOOKS)
    lengths = np.diff(edges, axis=1)
    places = edges[:, :-1, None] + lengths[:, :, None] * share
    seen = between(values[None], places.reshape(1, -1)).reshape(*lengths.shape, -1)
    rows = np.concatenate([seen, LENGTH * lengths[..., None]], axis=2)
    return rows.astype(np.float16).astype(np.float32)
