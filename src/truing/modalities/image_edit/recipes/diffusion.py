"""The loss of a diffusion step, for training with chance and for validation without.

Method: the edited picture's latents are noised to a random time step and the UNet says the noise
(Ho, Jain and Abbeel, 2020), the velocity (Salimans and Ho, "Progressive distillation", 2022) or the
picture itself, as the scheduler of the base asks; the loss is the mean squared error. A share of
the pairs is shown without instruction, without original, or without either, so that guidance can
weigh the two against each other (Brooks, Holynski and Efros, 2023, section 3.2.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from truing.domain.errors import SettingError
from truing.modalities.image_edit.recipes.draws import noise_for
from truing.training.draws import random_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from truing.modalities.image_edit.recipes.latents import Batch
    from truing.platform.numerics import Numerics

TIMES = 4
"""Time steps, spread evenly, at which each validation pair is looked at."""
PREDICTIONS = ("epsilon", "v_prediction", "sample")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Noised:
    """What the UNet is shown and should say, on the CPU; rows come first."""

    seen: Any
    """(rows, 2 x latents, height, width): noisy edited picture, then the original."""
    times: Any
    text: Any
    target: Any

    def pieces(self, parts: int) -> list[Noised]:
        """Cut along the rows into nearly equal pieces of at least one row."""
        cut = min(parts, len(self.times))
        fields = (self.seen, self.times, self.text, self.target)
        return [
            Noised(seen=seen, times=times, text=text, target=target)
            for seen, times, text, target in zip(
                *(one.tensor_split(cut) for one in fields), strict=True
            )
        ]


class Diffusion:
    """Noise as the base's scheduler adds it, and the loss of what a UNet makes of it.

    Args:
        scheduler: of the base, from diffusers.
        empty: embedding of no instruction, (tokens, width).
        dropout: shares of rows without text, without original, and without either.
        seed: decides noise, time steps and dropout.

    Raises:
        SettingError: the scheduler asks for something else than noise, velocity or picture.
    """

    def __init__(
        self, scheduler: Any, empty: Any, dropout: tuple[float, float, float], seed: int
    ) -> None:
        asked = scheduler.config.get("prediction_type", "epsilon")
        if asked not in PREDICTIONS:
            raise SettingError(
                f"The scheduler of the base asks for `{asked}`.",
                hint=f"Start from a base with one of {', '.join(PREDICTIONS)}.",
            )
        self._asked = asked
        self._shares = scheduler.alphas_cumprod.float().cpu()
        self._empty, self._dropout, self._seed = empty, dropout, seed

    def training(self, batch: Batch, pass_number: int) -> Noised:
        """A batch noised by chance that depends on the number of the forward pass alone."""
        import torch

        rows = len(batch.given)
        draw = random_for(self._seed, "times", pass_number)
        times = torch.from_numpy(draw.integers(0, len(self._shares), rows))
        noise = noise_for(self._seed, "noise", pass_number, batch.wanted.shape)
        chance = torch.from_numpy(random_for(self._seed, "dropout", pass_number).random(rows))
        only_text, only_image, both = self._dropout
        no_text = chance < only_text + both
        no_image = (chance >= only_text) & (chance < only_text + both + only_image)
        given = torch.where(no_image.view(-1, 1, 1, 1), torch.zeros(()), batch.given)
        text = torch.where(no_text.view(-1, 1, 1), self._empty, batch.text)
        return self._noised(given, batch.wanted, text, noise, times)

    def validation(self, batch: Batch, places: Sequence[int]) -> Noised:
        """Each row at `TIMES` time steps, with noise that depends on its place alone."""
        import torch

        span = len(self._shares) / TIMES
        times = torch.tensor([int((k + 0.5) * span) for k in range(TIMES)]).repeat(len(places))
        shape = (TIMES, *batch.wanted.shape[1:])
        noise = torch.cat([noise_for(self._seed, "validation", place, shape) for place in places])
        given, wanted, text = (
            one.repeat_interleave(TIMES, dim=0) for one in (batch.given, batch.wanted, batch.text)
        )
        return self._noised(given, wanted, text, noise, times)

    def _noised(self, given: Any, wanted: Any, text: Any, noise: Any, times: Any) -> Noised:
        import torch

        share = self._shares[times].view(-1, 1, 1, 1)
        picture, noisy = share.sqrt(), (1.0 - share).sqrt()
        target = {
            "epsilon": lambda: noise,
            "v_prediction": lambda: picture * noise - noisy * wanted,
            "sample": lambda: wanted,
        }[self._asked]()
        seen = torch.cat([picture * wanted + noisy * noise, given], dim=1)
        return Noised(seen=seen, times=times, text=text, target=target)


def loss_of(unet: Any, noised: Noised, numerics: Numerics) -> Any:
    """Squared error summed over the rows, each the mean over its latents: a scalar tensor."""
    import torch

    seen, times, text, target = (
        one.to(numerics.device) for one in (noised.seen, noised.times, noised.text, noised.target)
    )
    with numerics.autocast():
        said = unet(seen, times, encoder_hidden_states=text).sample
    each = torch.nn.functional.mse_loss(said.float(), target, reduction="none")
    return each.flatten(1).mean(1).sum()
