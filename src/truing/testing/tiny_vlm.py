"""Tiny untrained vision-language models, built without a network: Gemma 3 and Idefics3.

Each folder is what transformers saves of a real one: configuration, safetensors, a tokenizer made
from a few sentences, an image processor that works without torchvision, and a chat template of the
family's form. Weights are larger than transformers would draw them: with its 0.02 such a small
frozen model tells no two pictures apart, and no adapter beside it could learn anything.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from truing.modalities.lipreading.grid.messages import QUESTIONS, system_prompt

IMAGE = 56
"""Side of the picture that the models see, in pixels."""
PATCH = 7
SEEN = 16
"""Tokens that a picture becomes."""

GEMMA_TEMPLATE = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{% set first = messages[0].content[0].text"
    " + '\\n\\n' %}{% set turns = messages[1:] %}{% else %}{% set first = '' %}"
    "{% set turns = messages %}{% endif %}"
    "{% for turn in turns %}<start_of_turn>{{ 'model' if turn.role == 'assistant' else turn.role }}"
    "\n{{ first if loop.first else '' }}{% for part in turn.content %}{% if part.type == 'image' %}"
    "<start_of_image>{% else %}{{ part.text | trim }}{% endif %}{% endfor %}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
IDEFICS_TEMPLATE = (
    "<|begin_of_text|>{% for turn in messages %}{{ turn.role.capitalize() }}:"
    "{% for part in turn.content %}{% if part.type == 'image' %}<image>{% else %}"
    "{{ ' ' + part.text }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)


def tiny_gemma3(folder: Path, texts: Sequence[str]) -> Path:
    """Writes a Gemma 3 of some 150 000 weights into `folder`, which must be empty or not exist.

    Args:
        folder: where to.
        texts: what the tokenizer is made from; words that are frequent become one token.
    """
    import torch
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration, Gemma3Processor
    from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

    special = {f"{name}_token": f"<{name}>" for name in ("pad", "eos", "bos", "unk")}
    more = ["<start_of_turn>", "<end_of_turn>"]
    pictures = {
        "boi_token": "<start_of_image>",
        "eoi_token": "<end_of_image>",
        "image_token": "<image_soft_token>",
    }
    tokenizer = _tokenizer(texts, special, more, pictures)
    ids = {name: tokenizer.convert_tokens_to_ids(token) for name, token in pictures.items()}
    processor = Gemma3Processor(
        image_processor=Gemma3ImageProcessorPil(size={"height": IMAGE, "width": IMAGE}),
        tokenizer=tokenizer,
        chat_template=GEMMA_TEMPLATE,
        image_seq_length=SEEN,
    )
    config = Gemma3Config(
        text_config={**_text_shape(len(tokenizer)), "head_dim": 16, "sliding_window": 512},
        vision_config=_eye_shape(),
        mm_tokens_per_image=SEEN,
        boi_token_index=ids["boi_token"],
        eoi_token_index=ids["eoi_token"],
        image_token_index=ids["image_token"],
        eos_token_id=[1, tokenizer.convert_tokens_to_ids("<end_of_turn>")],
    )
    torch.manual_seed(0)
    return _saved(folder, Gemma3ForConditionalGeneration(config), processor)


def tiny_idefics3(folder: Path, texts: Sequence[str]) -> Path:
    """Writes an Idefics3 of some 150 000 weights into `folder`; see `tiny_gemma3`."""
    import torch
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration, Idefics3Processor
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    special = {
        "pad_token": "<pad>",
        "eos_token": "<|end_of_text|>",
        "bos_token": "<|begin_of_text|>",
        "unk_token": "<unk>",
    }
    more = ["<end_of_utterance>", "<fake_token_around_image>", "<image>", "<global-img>"]
    tokenizer = _tokenizer(texts, special, more)
    processor = Idefics3Processor(
        image_processor=Idefics3ImageProcessorPil(
            size={"longest_edge": IMAGE},
            max_image_size={"longest_edge": IMAGE},
            do_image_splitting=False,
        ),
        tokenizer=tokenizer,
        image_seq_len=SEEN,
        chat_template=IDEFICS_TEMPLATE,
    )
    config = Idefics3Config(
        text_config={"model_type": "llama", **_text_shape(len(tokenizer))},
        vision_config=_eye_shape(),
        scale_factor=IMAGE // PATCH // math.isqrt(SEEN),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
    )
    torch.manual_seed(0)
    return _saved(folder, Idefics3ForConditionalGeneration(config), processor)


def _tokenizer(
    texts: Sequence[str],
    special: Mapping[str, str],
    more: Sequence[str],
    pictures: Mapping[str, str] | None = None,
) -> Any:  # noqa: ANN401 - of transformers
    """`pictures` are special tokens that the tokenizer also knows by a name, as Gemma's does."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=[*special.values(), *more, *(pictures or {}).values()],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    asked = [*QUESTIONS.values(), system_prompt()] * 3
    made.train_from_iterator([*(f" {text}" for text in texts), *texts, *asked], trainer)
    named = {"extra_special_tokens": dict(pictures), **pictures} if pictures else {}
    return PreTrainedTokenizerFast(tokenizer_object=made, **special, **named)


def _text_shape(vocabulary: int) -> dict[str, Any]:
    return {
        "vocab_size": vocabulary,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "bos_token_id": 2,
    }


def _eye_shape() -> dict[str, Any]:
    return {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": IMAGE,
        "patch_size": PATCH,
    }


def _saved(folder: Path, model: Any, processor: Any) -> Path:  # noqa: ANN401 - of transformers
    import torch
    from transformers.utils import logging

    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "embed_tokens" in name or "lm_head" in name:
                weight.normal_(0, 0.15)
            elif "position_embedding" in name:
                weight.normal_(0, 0.1)
            elif weight.ndim > 1:
                weight.normal_(0, 2 / math.sqrt(weight[0].numel()))
    logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
    return folder
