"""A tiny untrained pipeline that edits pictures, built without a network.

The folder is what diffusers saves of a real one: UNet with eight input channels, VAE, CLIP's text
encoder and tokenizer, scheduler. The VAE's weights are set by hand: its four latents of a pixel are
red, green, blue and grey, so that it loses nothing and what an editor scores is the UNet's doing.
The UNet's weights are random; with `copies` one path through it is set by hand as well, along which
it gives back the original, as an editor does that was trained before: what remains to be learnt in
the seconds of a test is the edit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SIZE = 32
"""Side of the pictures that it is made for, in pixels; others will do."""
LOUD = 1000.0
"""Value of two opposite channels beside which no pixel counts: a normalisation becomes a constant
division."""
LIFT = 20.0
"""Added before SiLU, which is the identity there but for 1e-7."""
TOKENS = 16
FIRM = 4.0
"""Value of two opposite channels that keep a normalisation from following the picture's contrast,
and do not drown what is learnt beside them."""
PAIRED = 8
"""Channels of the copying path: red, green and blue, each with its negative, and the firm two."""


def tiny_editor(
    folder: Path,
    texts: Sequence[str],
    *,
    widths: tuple[int, ...] = (32, 64),
    channels: int = 8,
    size: int = SIZE,
    prediction: str = "v_prediction",
    copies: bool = False,
) -> Path:
    """Writes a pipeline of some 800 000 weights into `folder` and returns it.

    Args:
        folder: where to.
        texts: what the tokenizer is made from; words that are frequent become one token.
        widths: channels of the UNet's levels, multiples of 8; each level halves the picture.
        channels: input channels of the UNet: 8 = it edits, 4 = it makes pictures from text.
        size: side of its pictures in pixels.
        prediction: what the UNet says: `epsilon`, `v_prediction` or `sample`.
        copies: give back the original until trained to do otherwise; takes eight input channels and
            the prediction `sample`.
    """
    from truing.modalities.image_edit.pipeline import Parts, pipeline_of, quietly
    from truing.modalities.image_edit.pipeline_folder import EditNote

    with quietly():
        import torch
        from diffusers import DDIMScheduler

        torch.manual_seed(0)
        tokenizer = _tokenizer(folder / "tokenizer", texts)
        unet = _unet(widths, channels, size)
        if copies:
            _copy_through(unet)
        parts = Parts(
            unet=unet,
            vae=_vae(size),
            text_encoder=_text_encoder(len(tokenizer)),
            tokenizer=tokenizer,
            scheduler=DDIMScheduler(
                beta_schedule="scaled_linear",
                beta_start=0.00085,
                beta_end=0.012,
                clip_sample=False,
                prediction_type=prediction,
                timestep_spacing="trailing",
                rescale_betas_zero_snr=prediction != "epsilon",
            ),
        )
        pipeline_of(parts).save_pretrained(folder, safe_serialization=True)
    EditNote(size=size, steps=4, text_guidance=1.0, image_guidance=1.0).write(folder)
    if channels != 8:
        _rename(folder / "model_index.json", "StableDiffusionPipeline")
    return folder


def _rename(index: Path, kind: str) -> None:
    said = json.loads(index.read_text(encoding="utf-8")) | {"_class_name": kind}
    index.write_text(json.dumps(said, indent=2), encoding="utf-8")


def _unet(widths: tuple[int, ...], channels: int, size: int) -> Any:  # noqa: ANN401 - of diffusers
    from diffusers import UNet2DConditionModel

    below = len(widths) - 1
    return UNet2DConditionModel(
        sample_size=size,
        in_channels=channels,
        out_channels=4,
        block_out_channels=widths,
        layers_per_block=1,
        down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * below,
        up_block_types=("CrossAttnUpBlock2D",) * below + ("UpBlock2D",),
        cross_attention_dim=32,
        attention_head_dim=2,
        norm_num_groups=widths[0] // PAIRED,
    )


def _copy_through(unet: Any) -> None:  # noqa: ANN401 - of diffusers
    """Sets a path from the original's channels over the outermost skip to the output.

    SiLU(x) - SiLU(-x) = x, so a value and its negative pass an activation unchanged.
    """
    import torch

    last = unet.up_blocks[-1].resnets[-1]
    skipped = last.conv_shortcut.in_channels - unet.conv_in.out_channels
    with torch.no_grad():
        for layer in (unet.conv_in, last.conv2, last.conv_shortcut):
            layer.weight[:PAIRED].zero_()
            layer.bias[:PAIRED].zero_()
        for channel in range(3):
            for sign in (0, 1):
                unet.conv_in.weight[2 * channel + sign, 4 + channel, 1, 1] = 1 - 2 * sign
        unet.conv_in.bias[6], unet.conv_in.bias[7] = FIRM, -FIRM
        for channel in range(PAIRED):
            last.conv_shortcut.weight[channel, skipped + channel] = 1.0
        unet.conv_norm_out.weight[:PAIRED] = FIRM * math.sqrt(2 / PAIRED)
        unet.conv_out.weight.mul_(0.1)
        unet.conv_out.weight[:, :PAIRED].zero_()
        for place in range(4):
            for channel in range(3):
                # Twice as strong: so the VAE's scale has it. The fourth latent is grey.
                share = 2.0 * (1 / 3 if place == 3 else float(place == channel))
                unet.conv_out.weight[place, 2 * channel, 1, 1] = share
                unet.conv_out.weight[place, 2 * channel + 1, 1, 1] = -share


def _vae(size: int) -> Any:  # noqa: ANN401 - of diffusers
    import torch
    from diffusers import AutoencoderKL

    vae = AutoencoderKL(
        block_out_channels=(8,),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=1,
        sample_size=size,
        scaling_factor=2.0,
        use_quant_conv=False,
        use_post_quant_conv=False,
        mid_block_add_attention=False,
    )
    with torch.no_grad():
        for name, weight in vae.named_parameters():
            if ".conv2." in name:  # the last of each residual block: the block adds nothing
                weight.zero_()
        _pass_through(
            vae.encoder, [[(i, 1.0)] for i in range(3)] + [[(i, 1 / 3) for i in range(3)]]
        )
        vae.encoder.conv_out.bias[4:] = -30.0  # the latents' log-variance: none
        _pass_through(vae.decoder, [[(i, 1.0)] for i in range(3)])
    return vae


def _pass_through(half: Any, outputs: Sequence[Sequence[tuple[int, float]]]) -> None:  # noqa: ANN401
    """Sets an encoder or decoder to copy its first three channels, mixed as `outputs` say.

    Each value travels as itself and its negative, so that their mean is zero.
    """
    first, last = half.conv_in, half.conv_out
    for layer in (first, last):
        layer.weight.zero_()
        layer.bias.zero_()
    for channel in range(3):
        first.weight[2 * channel, channel, 1, 1] = 1.0
        first.weight[2 * channel + 1, channel, 1, 1] = -1.0
    first.bias[6], first.bias[7] = LOUD, -LOUD
    # The spread over eight channels of which two are loud.
    half.conv_norm_out.weight.fill_(LOUD * math.sqrt(2 / 8))
    half.conv_norm_out.bias.fill_(LIFT)
    for place, mixed in enumerate(outputs):
        for channel, share in mixed:
            last.weight[place, 2 * channel, 1, 1] = share
            last.bias[place] -= share * LIFT


def _tokenizer(folder: Path, texts: Sequence[str]) -> Any:  # noqa: ANN401 - of transformers
    """CLIP's, over the letters and the most frequent words of the texts."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import CLIPTokenizer

    made = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()]
    )
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=800,
        special_tokens=["<|startoftext|>", "<|endoftext|>"],
        initial_alphabet=letters,
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    made.train_from_iterator([text.lower() for text in texts], trainer)
    said = json.loads(made.to_str())["model"]
    vocabulary: dict[str, int] = said["vocab"]
    for letter in letters:  # a letter at the end of a word is a token of its own
        vocabulary.setdefault(f"{letter}</w>", len(vocabulary))
    merges = [
        tuple(pair) if isinstance(pair, list) else tuple(pair.split()) for pair in said["merges"]
    ]
    folder.mkdir(parents=True, exist_ok=True)
    return CLIPTokenizer(
        vocab=vocabulary, merges=merges, model_max_length=TOKENS, pad_token="<|endoftext|>"
    )


def _text_encoder(vocabulary: int) -> Any:  # noqa: ANN401 - of transformers
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel

    model = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=TOKENS,
            projection_dim=32,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=1,
        )
    )
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:  # as drawn by default, all texts would look alike
                weight.normal_(0, 1 / math.sqrt(weight.shape[-1]))
    return model
