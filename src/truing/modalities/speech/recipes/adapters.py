"""Which weights a run trains: all, chosen layers, or small adapters beside frozen ones.

Adapters are those of peft: LoRA (Hu et al. 2021), DoRA (Liu et al. 2024) and (IA)3 (Liu et al.
2022). They are trained in place of the weights they stand beside and added to them at the end, so
that the model written is an ordinary one; the adapter alone lies in its folder `adapter`.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.errors import (
    ConflictError,
    MissingDependencyError,
    NotFoundError,
    SettingError,
)
from truing.modalities.speech.model_folder import write_model_folder
from truing.modalities.speech.recipes.options import prepare_torch
from truing.modalities.speech.recipes.pretrained import load_base
from truing.training.adapter_files import write_adapter

if TYPE_CHECKING:
    from collections.abc import Callable

    from truing.modalities.speech.recipes.whisper import WhisperOptions

ADAPTERS = ("none", "lora", "dora", "ia3")
FOLDER = "adapter"
"""Where in a model's folder its adapter lies."""
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "out_proj")
FEEDFORWARD = ("fc1", "fc2")
IA3_TARGETS = ("k_proj", "v_proj", "fc2")
"""What (IA)3 scales: keys, values and the second half of each feed-forward layer."""
PART = re.compile(r"(encoder|decoder)(?::(\d+))?")


class Adapter:
    """An adapter in a model, until it is merged.

    Args:
        wrapped: the model as peft holds it.
        base: what the adapter belongs to, as a person names it.
    """

    def __init__(self, wrapped: Any, base: str) -> None:
        self._wrapped, self._base = wrapped, base

    def write(self, folder: Path) -> None:
        """Writes the adapter alone, in the format of peft, into `folder`."""
        write_adapter(folder, self._wrapped, self._base)

    def merge(self) -> None:
        """Adds what was learnt to the model's own weights, in place; the adapter is gone then."""
        self._wrapped.merge_and_unload()


def choose_layers(model: Any, layers: str) -> Callable[[str], bool]:
    """Tells by its name whether a parameter is to be trained.

    Args:
        model: a Whisper.
        layers: `all`, or parts joined by `+`: `encoder`, `decoder`, `encoder:2` (its last two
            layers), `decoder:2`; or `re:` and a regular expression that names are searched for.

    Raises:
        SettingError: another text, more layers than there are, or no parameter is left.
    """
    pattern = re.compile(".*" if layers == "all" else _pattern(model, layers))
    if not any(pattern.search(name) for name, _ in model.named_parameters()):
        raise SettingError(
            f"No weight of the model has a name like `{layers}`.",
            hint="Set `layers` to all, decoder, encoder, encoder:2+decoder or re:PATTERN.",
        )
    return lambda name: pattern.search(name) is not None


def _pattern(model: Any, layers: str) -> str:
    if layers.startswith("re:"):
        try:
            return re.compile(layers.removeprefix("re:")).pattern
        except re.error as error:
            raise SettingError(
                f"`{layers}` is no regular expression: {error}",
                hint=r"Write it like `re:decoder\.layers\.[23]\.`.",
            ) from error
    return "|".join(_part(model, part) for part in layers.split("+"))


def _part(model: Any, part: str) -> str:
    found = PART.fullmatch(part.strip())
    if found is None:
        raise SettingError(
            f"`{part}` names no layers.",
            hint="Set `layers` to all, decoder, encoder, encoder:2+decoder or re:PATTERN.",
        )
    half, last = found.groups()
    if last is None:
        return rf"^model\.{half}\."
    count = len(getattr(model.model, half).layers)
    if not 0 < int(last) <= count:
        raise SettingError(
            f"The {half} has {count} layers; `{part}` cannot be trained.",
            hint=f"Set `layers` to {half}:1 … {half}:{count}.",
        )
    wanted = "|".join(str(place) for place in range(count - int(last), count))
    return rf"^model\.{half}\.(layers\.({wanted})\.|layer_norm\.)"


def attach(model: Any, options: WhisperOptions, base: str) -> Adapter | None:
    """Leaves only what is to be trained trainable, with an adapter in place when one is asked for.

    The adapter's first weights come from torch's present random state.

    Raises:
        SettingError: layers or targets that the model does not have.
        MissingDependencyError: peft is not installed.
    """
    chosen = choose_layers(model, options.layers)
    for name, parameter in model.named_parameters():
        if not chosen(name):
            parameter.requires_grad_(False)  # noqa: FBT003
    if options.adapter == "none":
        return None
    peft = _peft()
    wanted = [one.strip() for one in options.adapter_targets.split(",") if one.strip()]
    if not wanted:
        wanted = list(IA3_TARGETS) if options.adapter == "ia3" else [*PROJECTIONS, *FEEDFORWARD]
    modules = [
        name
        for name, _ in model.named_modules()
        if name.rpartition(".")[2] in wanted and chosen(f"{name}.weight")
    ]
    if not modules:
        raise SettingError(
            f"No layer that is trained is called {' or '.join(wanted)}.",
            hint="Leave `adapter_targets` empty, or choose from q_proj,k_proj,v_proj,out_proj,"
            "fc1,fc2.",
        )
    with _older_names():
        return Adapter(peft.get_peft_model(model, _config(peft, options, modules)), base)


def merge_adapter(base: Path, adapter: Path, target: Path) -> None:
    """Writes into `target` the Whisper in `base` with an adapter added to its weights.

    Raises:
        NotFoundError: `adapter` holds none in the format of peft.
        ConflictError: it does not fit the base.
        MissingDependencyError: peft is not installed.
    """
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        if not (adapter / name).is_file():
            raise NotFoundError(
                f"there is no adapter in `{adapter}`: it lacks `{name}`",
                hint=f"give the folder `{FOLDER}` of a model that was trained with an adapter",
            )
    peft = _peft()
    prepare_torch(threads=0)
    model, processor = load_base(str(base), dropout=0.0)
    try:
        with _older_names():
            wrapped = peft.PeftModel.from_pretrained(model, str(adapter))
    except (ValueError, RuntimeError, KeyError) as error:
        raise ConflictError(
            f"the adapter in `{adapter}` does not fit the model in `{base}`",
            hint="merge it into the model it was trained beside; its adapter_config.json names it",
        ) from error
    write_model_folder(target, model=wrapped.merge_and_unload(), processor=processor)


def _config(peft: Any, options: WhisperOptions, modules: list[str]) -> Any:
    if options.adapter == "ia3":
        feedforward = [name for name in modules if name.rpartition(".")[2] in FEEDFORWARD]
        return peft.IA3Config(target_modules=modules, feedforward_modules=feedforward)
    return peft.LoraConfig(
        r=options.adapter_rank,
        lora_alpha=options.adapter_alpha,
        lora_dropout=options.adapter_dropout,
        target_modules=modules,
        use_dora=options.adapter == "dora",
    )


@contextmanager
def _older_names() -> Iterator[None]:
    """Lets peft ask transformers by names that the newest versions call otherwise."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _peft() -> Any:
    try:
        import peft
    except ImportError as error:
        raise MissingDependencyError(
            f"adapters need `{error.name}`, which is not installed",
            hint='pip install "truing[train]"',
        ) from error
    return peft
