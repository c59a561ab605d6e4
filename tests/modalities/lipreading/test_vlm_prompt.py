"""What a vision-language model is asked, and how it writes an answer."""

from __future__ import annotations

from typing import Any

import pytest

from truing.domain.errors import InvalidInputError
from truing.modalities.lipreading.grid.messages import QUESTIONS, system_prompt
from truing.modalities.lipreading.vlm_prompt import Dialogue
from truing.testing.tiny_vlm import tiny_gemma3


@pytest.fixture(scope="module")
def processor(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoProcessor

    folder = tiny_gemma3(tmp_path_factory.mktemp("base"), ["bin blue at f two now"])
    return AutoProcessor.from_pretrained(folder, local_files_only=True)


def test_the_question_is_that_of_the_messages(processor: Any) -> None:
    two, three = Dialogue(processor, 2), Dialogue(processor, 3)
    assert QUESTIONS[2] in two.prompt
    assert system_prompt() not in two.prompt
    assert QUESTIONS[3] in three.prompt
    assert system_prompt() in three.prompt
    assert two.prompt.count("<start_of_image>") == three.prompt.count("<start_of_image>") == 1
    assert two.prompt.endswith("<start_of_turn>model\n")


def test_an_answer_ends_with_the_end_of_the_turn(processor: Any) -> None:
    end = processor.tokenizer.convert_tokens_to_ids("<end_of_turn>")
    dialogue = Dialogue(processor, 2, ends=[1, end])
    assert dialogue.end == end
    assert dialogue.ends == [1, end]
    tokens = dialogue.answer("  bin blue\nat f two now ")
    assert processor.tokenizer.decode(tokens) == "bin blue at f two now<end_of_turn>"


def test_a_model_without_a_template_is_refused(processor: Any) -> None:
    template, processor.chat_template = processor.chat_template, None
    try:
        with pytest.raises(InvalidInputError, match="no chat template"):
            Dialogue(processor, 2)
    finally:
        processor.chat_template = template


@pytest.mark.parametrize(
    "template",
    [
        "{% if add_generation_prompt %}Say:{% else %}Whole other text{% endif %}",
        "{% if add_generation_prompt %}Say:{% else %}Say: something{% endif %}",
    ],
)
def test_a_template_that_hides_the_answer_is_refused(processor: Any, template: str) -> None:
    kept, processor.chat_template = processor.chat_template, template
    try:
        with pytest.raises(InvalidInputError, match="behind the prompt"):
            Dialogue(processor, 2)
    finally:
        processor.chat_template = kept


def test_a_template_without_an_end_gets_the_tokenizers(processor: Any) -> None:
    plain = (
        "{% for turn in messages %}{{ turn.role }}:{% for part in turn.content %}"
        "{{ ' ' + part.text if part.type == 'text' else '<start_of_image>' }}{% endfor %}\n"
        "{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
    )
    kept, processor.chat_template = processor.chat_template, plain
    try:
        dialogue = Dialogue(processor, 2)
    finally:
        processor.chat_template = kept
    assert dialogue.end == processor.tokenizer.eos_token_id
    tokens = dialogue.answer("bin blue")
    assert processor.tokenizer.decode(tokens) == " bin blue<eos>"
