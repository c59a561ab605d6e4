"""Options of `instruct-pix2pix`: fields that explain themselves."""

from __future__ import annotations

from dataclasses import dataclass

from truing.platform.numerics import PRECISIONS
from truing.training.options import option, refuse
from truing.training.steps import SCHEDULES

ADAPTERS = ("none", "lora")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructPix2PixOptions:
    """What a person may set. Dropout, guidance and size are those of Brooks et al. (2023)."""

    size: int = option(256, "side in pixels of the squares that pairs are cut to")
    batch_size: int = option(4, "pairs per forward pass")
    accumulation: int = option(4, "forward passes per step: raise it when memory is short")
    max_steps: int = option(0, "steps instead of epochs; 0 = by epochs")
    epochs: int = option(20, "passes over the training pairs")
    learning_rate: float = option(5e-5, "peak learning rate of AdamW")
    schedule: str = option("constant", f"after warm-up: {', '.join(SCHEDULES)}", SCHEDULES)
    warmup_steps: int = option(50, "steps of rising rate; at most a tenth of the run")
    weight_decay: float = option(0.01, "decay of AdamW on matrices")
    clip_norm: float = option(1.0, "largest gradient norm; 0 = never clip")
    adapter: str = option(
        "none", "lora = small weights beside those of the UNet's attention, none = all", ADAPTERS
    )
    adapter_rank: int = option(16, "rank of a lora adapter")
    adapter_alpha: float = option(16.0, "strength of a lora adapter; often its rank or twice it")
    adapter_targets: str = option("to_q,to_k,to_v,to_out.0", "layers of the UNet with an adapter")
    dropout_text: float = option(0.05, "share of pairs trained on without their instruction")
    dropout_image: float = option(0.05, "share of pairs trained on without their original")
    dropout_both: float = option(0.05, "share of pairs trained on without either")
    ema: float = option(0.999, "decay of the running average of the weights, kept; 0 = none")
    mirror: bool = option(
        default=True, text="mirror half of the pairs, both pictures; none that speaks of sides"
    )
    crop: float = option(0.1, "most of a side that is cut off, alike from both pictures")
    views: int = option(4, "differently mirrored and cut views of each pair")
    cache_mb: int = option(4000, "memory for latents that are computed once; 0 = each time anew")
    gradient_checkpointing: bool = option(
        default=False, text="less memory, about a third more time"
    )
    validation_rows: int = option(64, "most pairs looked at in each validation; 0 = all")
    validate_every: int = option(0, "steps between validations; 0 = a tenth of the run")
    pictures: int = option(4, "validation pairs whose edits are shown as they come; 0 = none")
    pictures_every: int = option(0, "steps between them; 0 = with each validation")
    steps: int = option(20, "denoising steps of the edits that are shown, and later of the model")
    text_guidance: float = option(7.5, "how strongly they follow the instruction; 1 = as it comes")
    image_guidance: float = option(1.5, "how strongly they keep to the original; at least 1")
    precision: str = option(
        "auto", "fp32, bf16, fp16; auto = bf16 or fp16 on a GPU, else fp32", PRECISIONS
    )
    device: str = option("auto", "cpu, cuda, mps; auto = a GPU when there is one")
    threads: int = option(0, "threads of torch; 0 = leave as it is")
    checkpoint_minutes: float = option(10.0, "most minutes of work that a crash can lose")

    def __post_init__(self) -> None:
        """Refuses values that cannot work.

        Raises:
            SettingError: names the option, its value and what it takes.
        """
        dropped = (self.dropout_text, self.dropout_image, self.dropout_both)
        wrong = {
            "size": self.size < 8,
            "batch_size": self.batch_size < 1,
            "accumulation": self.accumulation < 1,
            "max_steps": self.max_steps < 0,
            "epochs": self.epochs < 1,
            "learning_rate": self.learning_rate <= 0,
            "schedule": self.schedule not in SCHEDULES,
            "adapter": self.adapter not in ADAPTERS,
            "adapter_rank": self.adapter_rank < 1,
            "dropout_text": min(dropped) < 0 or sum(dropped) > 1,
            "ema": not 0 <= self.ema < 1,
            "crop": not 0 <= self.crop < 1,
            "views": self.views < 1,
            "cache_mb": self.cache_mb < 0,
            "steps": self.steps < 1,
            "text_guidance": self.text_guidance < 0,
            "image_guidance": self.image_guidance < 1,
            "precision": self.precision not in PRECISIONS,
        }
        refuse(self, wrong)
