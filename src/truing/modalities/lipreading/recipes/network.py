"""The network of `visual-tcn`: a convolution front for each moment, temporal convolutions, outputs.

Five neighbouring frames are the channels of one picture, so that the front sees motion. The trunk
is residual one-dimensional convolutions (Bai, Kolter & Koltun 2018; for lips Martinez et al. 2020):
there is no recurrence, and any length will do. An output sees six frames to either side: with
twice that, words of sentences never seen were read less well (GRID, one speaker).

Shapes: B clips, T frames of 25 per second, a window of H x W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import torch  # noqa: TID253 - imported by what trains or serves a network, never to list recipes
from torch import nn  # noqa: TID253

from truing.domain.errors import DamagedError

NEIGHBOURS = 5
"""Frames in one picture of the front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The sizes of a network, as `config.json` keeps them."""

    outputs: int
    height: int = 48
    width: int = 64
    channels: tuple[int, ...] = (16, 32, 64)
    """Of the three convolutions of the front."""
    hidden: int = 256
    kernel: int = 3
    """Frames that a residual block of the trunk looks at."""
    dilations: tuple[int, ...] = (1, 1, 1, 1)
    """Of the residual blocks of the trunk."""
    dropout: float = 0.3

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return asdict(self)

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Shape:
        """Reads the JSON form.

        Raises:
            DamagedError: a size is missing or malformed.
        """
        try:
            sizes: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in data.items()
            }
            return Shape(**sizes)
        except TypeError as error:
            raise DamagedError(
                f"The sizes of the network cannot be read: {error}",
                hint="Copy the model again from where it was made.",
            ) from error


# torch is not type-checked here.
class LipNetwork(nn.Module):  # type: ignore[misc]
    """Scores of outputs for each frame of mouth clips.

    Args:
        shape: its sizes.
        sounds: while it learns, shares of sounds in outputs (outputs, sounds): outputs that sound
            alike are then learned together. `plain` is the same network without them.
    """

    def __init__(self, shape: Shape, sounds: torch.Tensor | None = None) -> None:
        super().__init__()
        self.shape = shape
        layers: list[nn.Module] = []
        before = NEIGHBOURS
        for rank, channels in enumerate(shape.channels):
            size, stride = (5, 2) if rank == 0 else (3, 1)
            layers += [
                nn.Conv2d(before, channels, size, stride=stride, padding=size // 2),
                nn.MaxPool2d(2),  # before the norm, which then has a quarter of the work
                nn.BatchNorm2d(channels),
                nn.ReLU(),
            ]
            before = channels
        self.front = nn.Sequential(*layers).to(memory_format=torch.channels_last)
        shrink = 2 ** (len(shape.channels) + 1)
        seen = before * (shape.height // shrink) * (shape.width // shrink)
        self.join = nn.Sequential(
            nn.Dropout(shape.dropout), nn.Linear(seen, shape.hidden), nn.BatchNorm1d(shape.hidden)
        )
        # Along time only; two-dimensional ones are faster in half precision on a CPU.
        self.trunk = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(
                    shape.hidden,
                    shape.hidden,
                    (1, shape.kernel),
                    padding=(0, shape.kernel // 2 * step),
                    dilation=(1, step),
                ),
                nn.BatchNorm2d(shape.hidden),
                nn.ReLU(),
                nn.Dropout(shape.dropout),
            )
            for step in shape.dilations
        ).to(memory_format=torch.channels_last)
        self.head = nn.Linear(shape.hidden, shape.outputs)
        self.register_buffer("sounds", sounds, persistent=False)
        self.voice = None if sounds is None else nn.Linear(shape.hidden, sounds.shape[1])
        if self.voice is not None:  # so that a base says at first what it said before
            nn.init.zeros_(self.voice.weight)
            nn.init.zeros_(self.voice.bias)

    def forward(
        self,
        clips: torch.Tensor,
        autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> torch.Tensor:
        """(B, T, outputs) from standardised clips (B, T, H, W).

        `autocast` surrounds all of it; the scores are float32.
        """
        return self.both(clips, autocast)[0]

    def both(
        self,
        clips: torch.Tensor,
        autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The scores, and those of sounds (B, T, sounds) while it learns with them."""
        count, frames = clips.shape[:2]
        with autocast():
            seen = self.front(_moments(clips)).flatten(1)
            hidden = torch.relu(self.join(seen)).view(count, 1, frames, -1).permute(0, 3, 1, 2)
            for block in self.trunk:
                hidden = hidden + block(hidden)
            found = hidden.squeeze(2).transpose(1, 2)
            scores = self.head(found).float()
            heard = None if self.voice is None else self.voice(found).float()
        return (scores if heard is None else scores + heard @ self.sounds.T), heard

    def plain(self) -> LipNetwork:
        """The same network with all that it learned of sounds in its outputs."""
        plain = LipNetwork(self.shape)
        tensors = self.state_dict()
        if self.voice is not None:
            for kind in ("weight", "bias"):
                learned = self.sounds @ tensors[f"voice.{kind}"]
                tensors[f"head.{kind}"] = tensors[f"head.{kind}"] + learned
        wanted = plain.state_dict()
        plain.load_state_dict({name: tensors[name] for name in wanted})
        plain.to(self.head.weight.device).train(self.training)
        return plain

    def freeze_norms(self) -> None:
        """Keeps the statistics of normalisation as they are: few clips make bad ones."""
        for module in self.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                module.eval()


# torch is not type-checked here.
class Together(nn.Module):  # type: ignore[misc]
    """Networks of one shape, read as one: their mean scores.

    That is the mean of their log posteriors in each frame, since what all scores of a frame have
    in common cancels in every decoder. Networks from different seeds err in different places:
    Hansen & Salamon, "Neural network ensembles" (1990).

    Args:
        networks: one or more.
        mirrored: each also sees the mirror image.
    """

    def __init__(self, networks: Sequence[LipNetwork], *, mirrored: bool) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.mirrored = mirrored

    def forward(
        self,
        clips: torch.Tensor,
        autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> torch.Tensor:
        """(B, T, outputs) from standardised clips (B, T, H, W)."""
        views = (clips, clips.flip(-1)) if self.mirrored else (clips,)
        found = [network(view, autocast) for network in self.networks for view in views]
        return torch.stack(found).mean(dim=0)


def _moments(clips: torch.Tensor) -> torch.Tensor:
    """(B * T, 5, H, W): each frame with two before and two after it; ends are repeated."""
    count, frames, height, width = clips.shape
    half = NEIGHBOURS // 2
    padded = torch.cat(
        [clips[:, :1].expand(-1, half, -1, -1), clips, clips[:, -1:].expand(-1, half, -1, -1)],
        dim=1,
    )
    moments = padded.unfold(1, NEIGHBOURS, 1).reshape(count * frames, height, width, NEIGHBOURS)
    return moments.permute(0, 3, 1, 2)  # already channels-last in memory


def batch_of(clips: Sequence[Any]) -> tuple[torch.Tensor, list[int]]:
    """Clips (T, H, W) of several lengths as one tensor, the short ones with their last frame held.

    Returns:
        The tensor (B, longest T, H, W), float32, and the frames of each clip.
    """
    lengths = [len(clip) for clip in clips]
    batch = torch.empty((len(clips), max(lengths), *clips[0].shape[1:]))
    for row, clip in zip(batch, clips, strict=True):
        row[: len(clip)] = torch.from_numpy(clip)
        row[len(clip) :] = row[len(clip) - 1]
    return batch, lengths
