"""Recipe `vlm-lora`: teaches a vision-language model to read lips from mosaics, by LoRA.

Read from top to bottom: options, then one run in the order in which it happens: load the base, put
the adapter beside its language model, make the pictures, look at the first batch, descend
(`vlm_descent.py`), write. Any image-text-to-text model of transformers will do whose chat template
puts answers behind the prompt; Gemma 3n E4B is the default.

Method: supervised fine-tuning of a low-rank adapter (Hu et al., "LoRA", 2021) on pictures of twelve
mouths, as LipAgent does; with `quantize_4bit` beside weights of 4 bits (Dettmers et al., "QLoRA",
2023). The loss covers the answer and its end, nothing of the prompt.

*Scope.* Families that were tried: Gemma 3 and Idefics3. Gemma 3n loads its vision tower through
timm, and Qwen-VL and SmolVLM their video processor, through torchvision: where that is missing, the
error says so.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from truing.domain.digest import digest_bytes
from truing.domain.errors import NothingToDoError, SettingError
from truing.domain.recipe import Example, Need, RunContext, TrainingInput, TrainingResult
from truing.modalities.lipreading.recipes.vlm_adapter import attach
from truing.modalities.lipreading.recipes.vlm_dataset import Row, Rows, gather, mixed
from truing.modalities.lipreading.recipes.vlm_descent import Descent, Plan, descend
from truing.modalities.lipreading.recipes.vlm_estimate import need_of
from truing.modalities.lipreading.vlm_folder import (
    DEFAULT_BASE,
    FORMS,
    SPANS,
    Found,
    VlmNote,
    find,
)
from truing.modalities.lipreading.vlm_model import device_of, ends_of, load, precision_of, quietly
from truing.modalities.lipreading.vlm_picture import Pictures
from truing.modalities.lipreading.vlm_prompt import Dialogue
from truing.training.adapter_files import write_adapter
from truing.training.options import option, refuse

PRECISIONS = ("auto", "fp32", "bf16")
SCHEDULES = ("cosine", "linear", "constant")
PRESETS: dict[str, dict[str, object]] = {
    "full": {},
    "smoke": {"max_steps": 2, "max_samples": 4, "batch_size": 2, "accumulation": 1},
    "overfit-10": {
        "max_steps": 100,
        "max_samples": 10,
        "batch_size": 10,
        "accumulation": 1,
        "dropout": 0.0,
    },
}
"""What a preset sets, whatever the options say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VlmLoraOptions:
    """What a person may set. The defaults are LipAgent's."""

    preset: str = option(
        "full",
        "full; smoke = 2 steps to see that it runs; overfit-10 = 10 rows until they are known",
        tuple(PRESETS),
    )
    epochs: int = option(5, "passes over the training rows")
    max_steps: int = option(0, "steps instead of epochs; 0 = by epochs")
    max_samples: int = option(0, "most training rows, chosen by the seed; 0 = all")
    batch_size: int = option(8, "pictures per forward pass")
    accumulation: int = option(2, "forward passes per step: raise it when memory is short")
    learning_rate: float = option(2e-4, "peak learning rate of AdamW")
    schedule: str = option("cosine", f"after warm-up: {', '.join(SCHEDULES)}", SCHEDULES)
    warmup: float = option(0.05, "share of the steps in which the rate rises")
    weight_decay: float = option(0.0, "decay of AdamW")
    clip_norm: float = option(1.0, "largest gradient norm; 0 = never clip")
    rank: int = option(16, "rank of the adapter")
    alpha: int = option(32, "strength of the adapter; often twice the rank")
    dropout: float = option(0.05, "dropout before the adapter")
    targets: str = option("q_proj,k_proj,v_proj,o_proj", "layers of the language model with LoRA")
    quantize_4bit: bool = option(
        default=False, text="the base in 4 bits (QLoRA); a GPU and bitsandbytes"
    )
    gradient_checkpointing: bool = option(default=True, text="less memory, about a third more time")
    precision: str = option(
        "auto", "fp32, bf16; auto = bf16 where the GPU can, else fp32", PRECISIONS
    )
    device: str = option("auto", "cpu, cuda; auto = a GPU when there is one")
    span: str = option(
        "alignment",
        "frames of a picture: alignment = first to last word, if there is one; clip = all, as live",
        SPANS,
    )
    messages: int = option(2, "2 = user and assistant; 3 = with a system message first")
    replay_share: float = option(0.5, "share of replayed rows among all, if there are any")
    validation_rows: int = option(200, "most rows looked at in each validation; 0 = all")
    validate_every: int = option(0, "steps between validations; 0 = a fifth of the run")
    checkpoint_minutes: float = option(10.0, "most minutes of work that a crash can lose")

    def __post_init__(self) -> None:
        """Refuses values that cannot work.

        Raises:
            SettingError: names the option and what it takes.
        """
        wrong = {
            "preset": self.preset not in PRESETS,
            "epochs": self.epochs < 1,
            "max_steps": self.max_steps < 0,
            "max_samples": self.max_samples < 0,
            "batch_size": self.batch_size < 1,
            "accumulation": self.accumulation < 1,
            "learning_rate": self.learning_rate <= 0,
            "schedule": self.schedule not in SCHEDULES,
            "warmup": not 0 <= self.warmup < 1,
            "weight_decay": self.weight_decay < 0,
            "clip_norm": self.clip_norm < 0,
            "rank": self.rank < 1,
            "alpha": self.alpha < 1,
            "dropout": not 0 <= self.dropout < 1,
            "precision": self.precision not in PRECISIONS,
            "span": self.span not in SPANS,
            "messages": self.messages not in FORMS,
            "replay_share": not 0 <= self.replay_share < 1,
            "validation_rows": self.validation_rows < 0,
            "validate_every": self.validate_every < 0,
            "checkpoint_minutes": self.checkpoint_minutes < 0,
        }
        refuse(self, wrong)


class VlmLoraRecipe:
    """LoRA on a vision-language model; see the module for the method."""

    name = "vlm-lora"
    summary = f"LoRA on a vision-language model that reads mosaics; by default {DEFAULT_BASE}"
    options: type = VlmLoraOptions
    needs_base = False
    default_base = DEFAULT_BASE
    needs_packages: Mapping[str, str] = {
        "torch": "truing[vlm]",
        "transformers": "truing[vlm]",
        "trl": "truing[vlm]",
        "peft": "truing[vlm]",
        "datasets": "truing[vlm]",
        "PIL": "truing[vlm]",
        "av": "truing[lipreading]",
        "cv2": "truing[lipreading]",
    }

    def presets(self, examples: int, base: str | None) -> Mapping[str, object]:
        """More epochs the fewer rows there are; LipAgent's five from two hundred rows on."""
        del base
        return {"epochs": next((e for below, e in ((50, 20), (200, 10)) if examples < below), 5)}

    def estimate(self, base: str | None, options: VlmLoraOptions) -> Need | None:
        """What a run needs at least; see `vlm_estimate.py`."""
        return need_of(base, options)

    def train(self, given: TrainingInput, context: RunContext) -> TrainingResult:
        """Trains, or resumes, and writes the adapter to `given.output`.

        Raises:
            NothingToDoError: there are no training rows, or none shows a mouth.
            NotFoundError, InvalidInputError, UnavailableError: the base cannot be had, or the
                first batch lacks pictures.
            MissingDependencyError: a package is missing.
            ConflictError: the checkpoint belongs to a run with other settings or data.
            RunFailedError: the loss left the finite numbers.
        """
        import torch

        options: VlmLoraOptions = replace(given.options, **PRESETS[given.options.preset])
        device = device_of(options.device)
        _refuse_several(device)
        precision = precision_of(options.precision, device)
        found = find(given.base or DEFAULT_BASE)
        rows = _pictures(given, options, context)
        if rows is None:
            return TrainingResult(finished=False, steps=0)
        context.log(f"Loading `{found.base}` onto {device} in {precision}.")
        model, processor = load(
            found, device=device, precision=precision, four_bit=options.quantize_4bit
        )
        note = _note(found, options)
        dialogue = Dialogue(processor, note.form, ends_of(model))
        torch.manual_seed(given.seed)
        wrapped = attach(model, options, found)
        train = mixed(rows["train"].rows, rows["replay"].rows, options.replay_share, given.seed)
        validation = rows["validation"].rows
        plan = _plan(options, train, validation, device, precision, given.seed)
        context.log(
            f"{len(train)} training rows, {len(validation)} of validation; {plan.total} steps of "
            f"{plan.accumulation} x {plan.batch_size} pictures."
        )
        scratch = given.output / ".scratch"
        scratch.mkdir()
        try:
            run = descend(
                wrapped,
                processor,
                dialogue,
                plan,
                context,
                train=train,
                validation=validation,
                scratch=scratch,
            )
        finally:
            shutil.rmtree(scratch)
        if run.finished:
            with quietly():
                write_adapter(given.output, wrapped, found.base)
            processor.save_pretrained(given.output)
            note.write(given.output)
        return TrainingResult(
            finished=run.finished,
            steps=run.step,
            figures=run.figures,
            notes=tuple(_told(rows, given, found, run)),
        )


def _refuse_several(device: str) -> None:
    """TRL's trainer would spread the batches over all GPUs that one process sees, and cannot."""
    import torch

    if device.startswith("cuda") and torch.cuda.device_count() > 1:
        raise SettingError(
            f"There are {torch.cuda.device_count()} GPUs, and the recipe trains on one.",
            hint="Let it see one: set the variable CUDA_VISIBLE_DEVICES, for example to 0.",
        )


def _note(found: Found, options: VlmLoraOptions) -> VlmNote:
    base = str(Path(found.base).resolve()) if Path(found.base).is_dir() else found.base
    return VlmNote(base=base, form=options.messages, span=options.span)


def _pictures(
    given: TrainingInput, options: VlmLoraOptions, context: RunContext
) -> dict[str, Rows] | None:
    """The rows of each split as pictures; None when the run was told to stop meanwhile."""
    chosen = {
        "train": _some(given.train, options.max_samples, given.seed),
        "validation": _some(given.validation, options.validation_rows, given.seed),
        "replay": given.replay if options.replay_share else (),
    }
    context.log(f"Making {sum(map(len, chosen.values()))} pictures.")
    made: dict[str, Rows] = {}
    with Pictures(options.span) as pictures:
        for name, examples in chosen.items():
            rows = gather(examples, pictures, name=name, should_stop=context.should_stop)
            if rows is None:
                return None
            made[name] = rows
    if not made["train"].rows:
        left_out = " ".join(made["train"].notes)
        raise NothingToDoError(
            f"There are no training rows that show a mouth. {left_out}".rstrip(),
            hint="Review some samples, then freeze a dataset.",
        )
    return made


def _some(examples: Sequence[Example], most: int, seed: int) -> Sequence[Example]:
    """At most `most` of the rows, chosen by the seed; all of them when `most` is 0."""
    if not most or len(examples) <= most:
        return examples
    return [
        examples[place] for place in sorted(random.Random(seed).sample(range(len(examples)), most))
    ]


def _plan(
    options: VlmLoraOptions,
    train: Sequence[Row],
    validation: Sequence[Row],
    device: str,
    precision: str,
    seed: int,
) -> Plan:
    batches = -(-len(train) // options.batch_size)
    total = options.max_steps or options.epochs * -(-batches // options.accumulation)
    return Plan(
        total=total,
        batch_size=options.batch_size,
        accumulation=options.accumulation,
        rate=options.learning_rate,
        schedule=options.schedule,
        warmup=round(total * options.warmup),
        weight_decay=options.weight_decay,
        clip_norm=options.clip_norm,
        every=options.validate_every or max(1, total // 5),
        checkpoint_minutes=options.checkpoint_minutes,
        gradient_checkpointing=options.gradient_checkpointing,
        device=device,
        precision=precision,
        seed=seed,
        identity={
            "options": asdict(options),
            "seed": seed,
            "rows": _digest(train),
            "validation": len(validation),
        },
    )


def _digest(rows: Sequence[Row]) -> str:
    each = (digest_bytes(row.jpeg + row.text.encode()) for row in rows)
    return digest_bytes("".join(each).encode())


def _told(rows: Mapping[str, Rows], given: TrainingInput, found: Found, run: Descent) -> list[str]:
    """What a person should know about the run."""
    notes = [note for split in rows.values() for note in split.notes]
    if not given.base:
        notes.append(f"No base was named: it started from `{found.base}`.")
    if found.adapter is not None:
        notes.append("The adapter of the base was trained on; its rank and layers were kept.")
    if given.options.preset != "full":
        notes.append(f"The preset `{given.options.preset}` was used: a trial, not a model to use.")
    if run.first_loss is not None and run.losses:
        ends = f"{run.first_loss:.3f}, {run.losses[-1]:.3f}"
        notes.append(f"Loss per token of the first and last step: {ends}.")
    return notes
