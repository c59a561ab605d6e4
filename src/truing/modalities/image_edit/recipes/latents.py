"""Pairs as a UNet sees them: latents of both pictures and the embedding of the instruction.

Each view of a pair is encoded once, alone, and kept while there is room; what does not fit is
encoded anew each time it is drawn, to the same numbers. The latents are the means that the VAE
gives: their spread is far below that of any noise that training adds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from truing.modalities.image_edit.recipes.views import WHOLE, View, squares, view_of
from truing.training.draws import order

if TYPE_CHECKING:
    from PIL.Image import Image

    from truing.domain.recipe import Example
    from truing.modalities.image_edit.pipeline import Parts
    from truing.modalities.image_edit.recipes.options import InstructPix2PixOptions
    from truing.platform.numerics import Numerics


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Pairs as tensors on the CPU."""

    given: Any
    """(rows, latents, height, width) of the originals, not scaled."""
    wanted: Any
    """(rows, latents, height, width) of the edited pictures, times the VAE's scale."""
    text: Any
    """(rows, tokens, width) of the instructions."""


class Encoder:
    """Pictures and texts in, latents and embeddings out; remembers what it has room for.

    Args:
        parts: of the pipeline; its VAE and text encoder are on the device already.
        options: size, views and room.
        numerics: device and precision.
        seed: decides the views.
    """

    def __init__(
        self, parts: Parts, options: InstructPix2PixOptions, numerics: Numerics, seed: int
    ) -> None:
        self._parts, self._options, self._numerics, self._seed = parts, options, numerics, seed
        self._kept: dict[tuple[str, int, View], Any] = {}
        self._texts: dict[str, Any] = {}
        self._room = options.cache_mb * 2**20

    def training(self, rows: Sequence[Example], places: Sequence[int]) -> Batch:
        """The pairs at these places in an endless row of shuffled epochs."""
        drawn = []
        for place in places:
            epoch, within = divmod(place, len(rows))
            row = order(len(rows), self._seed, "order", epoch)[within]
            options = self._options
            view = view_of(
                rows[row],
                row,
                epoch % options.views,
                seed=self._seed,
                crop=options.crop,
                mirror=options.mirror,
            )
            drawn.append((rows[row], row, view))
        return self._batch("train", drawn)

    def validation(self, rows: Sequence[Example], places: Sequence[int]) -> Batch:
        """These rows, whole."""
        return self._batch("validation", [(rows[place], place, WHOLE) for place in places])

    def text(self, text: str) -> Any:
        """The embedding of a text, (tokens, width), float32 on the CPU; of "" it is what stands
        for no instruction.
        """
        if text not in self._texts:
            self._texts[text] = self._embedded(text)
        return self._texts[text]

    def _batch(self, name: str, drawn: Sequence[tuple[Example, int, View]]) -> Batch:
        import torch

        pairs = [self._pair(name, *one) for one in drawn]
        return Batch(
            given=torch.stack([pair[0] for pair in pairs]),
            wanted=torch.stack([pair[1] for pair in pairs]),
            text=torch.stack([self.text(example.truth) for example, _, _ in drawn]),
        )

    def _pair(self, name: str, example: Example, row: int, view: View) -> Any:
        key = (name, row, view)
        found = self._kept.get(key)
        if found is None:
            import torch

            original, edited = squares(example, view, self._options.size)
            scale = float(self._parts.vae.config.scaling_factor)
            found = torch.stack([self._encoded(original), self._encoded(edited) * scale])
            size = found.nelement() * found.element_size()
            if size <= self._room:
                self._room -= size
                self._kept[key] = found
        return found

    def _encoded(self, image: Image) -> Any:
        import numpy as np
        import torch

        array = np.asarray(image).astype(np.float32) / 127.5 - 1.0
        tensor = torch.from_numpy(array).permute(2, 0, 1)[None].to(self._numerics.device)
        with torch.no_grad(), self._numerics.autocast():
            found = self._parts.vae.encode(tensor).latent_dist.mode()
        return found[0].float().cpu()

    def _embedded(self, text: str) -> Any:
        import torch

        tokenizer = self._parts.tokenizer
        ids = tokenizer(
            [text],
            padding="max_length",
            max_length=tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        ).input_ids.to(self._numerics.device)
        with torch.no_grad(), self._numerics.autocast():
            found = self._parts.text_encoder(ids).last_hidden_state
        return found[0].float().cpu()
