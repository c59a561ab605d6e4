"""The adapter that `vlm-lora` trains: LoRA beside the projections of the language model alone.

LoRA: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021). Names such as `q_proj`
also occur in the vision tower of Gemma 3 and in the audio tower of Gemma 3n, so the layers are
named by a regular expression that begins with the place of the language model.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from truing.domain.errors import InvalidInputError, MissingDependencyError, SettingError
from truing.modalities.lipreading.vlm_folder import EXTRA, Found
from truing.modalities.lipreading.vlm_model import quietly, with_adapter

if TYPE_CHECKING:
    from truing.modalities.lipreading.recipes.vlm_lora import VlmLoraOptions


def language_prefix(model: Any) -> str:
    """The name of the language model within a vision-language model, such as
    `model.language_model`.

    Raises:
        InvalidInputError: the model has no language model apart from its eyes.
    """
    decoder = model.get_decoder()
    found = next((name for name, module in model.named_modules() if module is decoder), "")
    sees = [name for name, _ in model.named_modules() if "vision" in name or "visual" in name]
    if not found or any(name.startswith(f"{found}.") for name in sees):
        raise InvalidInputError(
            f"`{type(model).__name__}` has no language model apart from its eyes",
            hint="take Gemma 3, Gemma 3n, Idefics3, Qwen-VL or a model that is built like them",
        )
    return found


def targets_in(model: Any, leaves: str) -> str:
    """The regular expression that names the layers to adapt, whole names from start to end.

    Args:
        model: a vision-language model of transformers.
        leaves: last parts of the layers' names, separated by commas.

    Raises:
        SettingError: the language model has no such layer.
    """
    wanted = [one.strip() for one in leaves.split(",") if one.strip()]
    any_of = "|".join(re.escape(one) for one in wanted)
    pattern = rf"{re.escape(language_prefix(model))}\.(?:.*\.)?(?:{any_of})"
    if not wanted or not any(re.fullmatch(pattern, name) for name, _ in model.named_modules()):
        raise SettingError(
            f"The language model has no layer called {' or '.join(wanted) or 'nothing'}.",
            hint="Set `targets` to q_proj,k_proj,v_proj,o_proj, or to some of them.",
        )
    return pattern


def attach(model: Any, options: VlmLoraOptions, found: Found) -> Any:
    """The model with an adapter to train; one that the base has already is trained on.

    Its first weights come from torch's present random state.

    Raises:
        SettingError: layers that the model does not have.
        ConflictError: the adapter of the base does not fit it.
        MissingDependencyError: peft is not installed.
    """
    try:
        import peft
    except ImportError as error:
        raise MissingDependencyError("adapters need `peft`", hint=EXTRA) from error
    if options.quantize_4bit:
        model = peft.prepare_model_for_kbit_training(
            model,
            use_gradient_checkpointing=options.gradient_checkpointing,
            gradient_checkpointing_kwargs={"use_reentrant": False},
        )
    if found.adapter is not None:
        wrapped = with_adapter(model, found.adapter, trainable=True)
    else:
        config = peft.LoraConfig(
            r=options.rank,
            lora_alpha=options.alpha,
            lora_dropout=options.dropout,
            target_modules=targets_in(model, options.targets),
            task_type="CAUSAL_LM",
        )
        with quietly():
            wrapped = peft.get_peft_model(model, config)
    for one in wrapped.peft_config.values():
        # Each time peft saves an adapter, it would ask the hub about a base of this name.
        one.base_model_name_or_path = ""
    return wrapped
