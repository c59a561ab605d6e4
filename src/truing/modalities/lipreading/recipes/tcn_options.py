"""What a person may set for `visual-tcn`, with the values that were measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from truing.domain.errors import SettingError
from truing.modalities.lipreading.recipes.augmentation import MARGIN, Variation
from truing.modalities.lipreading.recipes.numerics import PRECISIONS

VOCABULARIES = ("auto", "grammar", "words", "characters")
EFFORTS = {"quick": 9, "standard": 30, "long": 120}
"""Epochs over 600 clips: about 3, 10 and 40 minutes of one CPU core."""
MEASURED = 600
"""Clips at which these were measured; fewer are shown more often, up to `MOST_REPEATS` times."""
MOST_REPEATS = 8
SWITCHES = ("auto", "off")
CROSSED, CROSSED_FROM = 0.5, 300
"""What `cross` is by itself, with so many clips or more, and not in a quick run: with fewer, or in
as few steps, crossed clips were read less well."""


def option(default: Any, text: str, choices: Sequence[str] = ()) -> Any:
    """A dataclass field with a default, and the help text and the choices that forms show."""
    return field(default=default, metadata={"help": text, "choices": tuple(choices)})


@dataclass(frozen=True, slots=True, kw_only=True)
class VisualTcnOptions:
    """What a person may set."""

    vocabulary: str = option(
        "auto", "grammar, words or characters; auto = grammar when the texts have one", VOCABULARIES
    )
    effort: str = option("standard", "quick, standard or long; decides the epochs", tuple(EFFORTS))
    epochs: int = option(0, "times that every clip is seen; 0 = as many as `effort` says")
    starts: int = option(
        1, "networks from different seeds, trained one after the other and read together"
    )
    mirror: bool = option(
        default=False, text="read the mirror image as well: a little surer, twice the time to read"
    )
    learning_rate: float = option(2e-3, "peak learning rate of AdamW")
    batch_size: int = option(16, "clips per step")
    warmup: float = option(0.08, "share of the run in which the rate rises")
    weight_decay: float = option(0.03, "decay of AdamW on matrices")
    clip_norm: float = option(10.0, "largest gradient norm; 0 = never clip")
    average: float = option(0.995, "decay per step of the running average that becomes the model")
    patience: int = option(0, "stop after this many epochs without gain; 0 = never")
    framewise_weight: float = option(3.0, "weight of the loss per frame, where words have times")
    label_smoothing: float = option(0.1, "smoothing of the loss per frame")
    sequence_loss_from: int = option(50, "step, from 0, from which whole sentences compete")
    replay_share: float = option(0.5, "share of each batch that is replayed, if there is any")
    freeze_norms: bool = option(
        default=False, text="keep the base's statistics of normalisation; few clips"
    )
    lexicon: bool = option(
        default=False, text="characters: read only words that were in the training texts"
    )
    stretch: float = option(0.12, "tempo varies by this, as deviation of its log")
    word_stretch: float = option(0.10, "the same for each word by itself")
    start_frames: float = option(3.0, "the sentence starts this many frames earlier or later")
    repeat: float = option(0.05, "share of frames that are shown twice")
    freeze: float = option(0.3, "chance that one to four frames stand still")
    shift: int = option(3, f"most pixels that the mouth is moved, at most {MARGIN}")
    flip: float = option(0.5, "chance of the mirror image")
    gain: float = option(0.15, "contrast varies by this, as deviation of its log")
    erase: float = option(0.3, "chance that a rectangle is hidden")
    frames: int = option(60, "silence around aligned words is cut to so many frames; 0 = never")
    cross: float = option(
        -1.0,
        "chance that a clip goes on as another; needs alignments; "
        f"-1 = {CROSSED} from {CROSSED_FROM} clips on, unless the effort is quick",
    )
    paste: float = option(0.0, "chance of a word from another clip; needs alignments")
    phones: str = option(
        "auto", "auto = words that share sounds are learned together (GRID); off", SWITCHES
    )
    hidden: int = option(256, "width of the network after its front")
    dropout: float = option(0.3, "dropout")
    precision: str = option("auto", "fp32, bf16; auto = bf16 where it is built in", PRECISIONS)
    device: str = option("auto", "cpu, cuda, mps; auto = a GPU when there is one")
    threads: int = option(1, "threads of torch; 0 = leave as it is")
    checkpoint_minutes: float = option(5.0, "most minutes of work that a crash can lose")

    def __post_init__(self) -> None:
        """Refuses values that cannot work.

        Raises:
            SettingError: names the option and what it takes.
        """
        chances = (
            "replay_share",
            "repeat",
            "freeze",
            "flip",
            "erase",
            "paste",
            "label_smoothing",
        )
        wrong = {
            "vocabulary": self.vocabulary not in VOCABULARIES,
            "effort": self.effort not in EFFORTS,
            "precision": self.precision not in PRECISIONS,
            "phones": self.phones not in SWITCHES,
            "cross": self.cross != -1 and not 0 <= self.cross <= 1,
            "epochs": self.epochs < 0,
            "starts": self.starts < 1,
            "learning_rate": self.learning_rate <= 0,
            "batch_size": self.batch_size < 2,
            "frames": self.frames < 0,
            "hidden": self.hidden < 8,
            "shift": not 0 <= self.shift <= MARGIN,
            "dropout": not 0 <= self.dropout < 1,
            "average": not 0 <= self.average < 1,
            "warmup": not 0 <= self.warmup < 1,
            **{name: not 0 <= getattr(self, name) <= 1 for name in chances},
        }
        for name in (name for name, bad in wrong.items() if bad):
            told = type(self).__dataclass_fields__[name].metadata["help"]
            raise SettingError(
                f"The option `{name}` cannot be `{getattr(self, name)}`.", hint=f"{name}: {told}."
            )

    def variation_for(self, clips: int) -> Variation:
        """How far each of so many clips is varied."""
        cross = self.cross
        if cross < 0:
            cross = CROSSED if clips >= CROSSED_FROM and self.effort != "quick" else 0.0
        return Variation(
            stretch=self.stretch,
            word_stretch=self.word_stretch,
            start=self.start_frames,
            repeat=self.repeat,
            freeze=self.freeze,
            shift=self.shift,
            flip=self.flip,
            gain=self.gain,
            erase=self.erase,
            frames=self.frames,
            cross=cross,
            paste=self.paste,
        )

    def epochs_for(self, clips: int) -> int:
        """Epochs for so many clips."""
        if self.epochs:
            return self.epochs
        usual = EFFORTS[self.effort]
        return round(usual * min(MOST_REPEATS, max(1.0, MEASURED / clips)))
