"""The UNet of a run: widened to see the original, and which of its weights are trained.

Method: the original's latents come in beside the noisy ones; where the base has no channels for
them its first layer gets some, with weights of zero, so that before the first step it does what it
did (Brooks, Holynski and Efros, "InstructPix2Pix: Learning to Follow Image Editing Instructions",
2023, section 3.2). With LoRA (Hu et al., 2021) the first layer is still trained whole where it was
widened: a frozen zero would never see the original.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.errors import InvalidInputError, MissingDependencyError, SettingError
from truing.modalities.image_edit.pipeline import quietly
from truing.modalities.image_edit.pipeline_folder import EXTRA
from truing.training.adapter_files import write_adapter

if TYPE_CHECKING:
    from truing.modalities.image_edit.recipes.options import InstructPix2PixOptions

FOLDER = "adapter"
"""Where in a model's folder its adapter lies, beside the merged weights."""


def widen(unet: Any, latents: int) -> bool:
    """Gives the first layer twice `latents` input channels, in place; False where it has them.

    Raises:
        InvalidInputError: the UNet has another number of channels altogether.
    """
    import torch

    has = unet.config.in_channels
    if has == 2 * latents:
        return False
    if has != latents:
        raise InvalidInputError(
            f"the UNet takes {has} channels, and the VAE gives {latents}",
            hint="start from a pipeline that makes pictures from text, or one that edits",
        )
    narrow = unet.conv_in
    wide = torch.nn.Conv2d(
        2 * latents,
        narrow.out_channels,
        narrow.kernel_size,
        narrow.stride,
        narrow.padding,
        device=narrow.weight.device,
        dtype=narrow.weight.dtype,
    )
    with torch.no_grad():
        wide.weight.zero_()
        wide.weight[:, :latents] = narrow.weight
        wide.bias.copy_(narrow.bias)
    unet.conv_in = wide
    unet.register_to_config(in_channels=2 * latents)
    return True


class Adapter:
    """LoRA in a UNet, until it is merged.

    Args:
        wrapped: the UNet as peft holds it.
        base: what the adapter belongs to, as a person names it.
    """

    def __init__(self, wrapped: Any, base: str) -> None:
        self._wrapped, self._base = wrapped, base

    def write(self, folder: Path) -> None:
        """Writes the adapter alone, in the format of peft, into `folder`."""
        with quietly():
            write_adapter(folder, self._wrapped, self._base)

    def merged(self) -> Any:
        """The UNet with what was learnt added to its own weights; the adapter is gone then."""
        return self._wrapped.merge_and_unload()


def attach(
    unet: Any, options: InstructPix2PixOptions, base: str, *, widened: bool
) -> Adapter | None:
    """Chooses what is trained: everything, or an adapter; None when there is no adapter.

    Raises:
        SettingError: the UNet has no layer of the names given.
        MissingDependencyError: peft is not installed.
    """
    unet.requires_grad_(options.adapter == "none")
    if options.adapter == "none":
        return None
    try:
        with quietly():
            from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise MissingDependencyError("adapters need `peft`", hint=EXTRA) from error
    wanted = [one.strip() for one in options.adapter_targets.split(",") if one.strip()]
    settings = LoraConfig(
        r=options.adapter_rank,
        lora_alpha=options.adapter_alpha,
        target_modules=wanted,
        modules_to_save=["conv_in"] if widened else None,
        init_lora_weights="gaussian",
    )
    try:
        with quietly():
            wrapped = get_peft_model(unet, settings)
    except ValueError as error:
        raise SettingError(
            f"The option `adapter_targets` cannot be `{options.adapter_targets}`.",
            hint="Name layers of the UNet, such as to_q,to_k,to_v,to_out.0.",
        ) from error
    return Adapter(wrapped, base)
