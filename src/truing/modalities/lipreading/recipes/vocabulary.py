"""What a network's outputs shall mean: chosen from the training texts, or taken from the base."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from truing.domain.errors import NothingToDoError, SettingError
from truing.metrics.normalise import neutral
from truing.modalities.lipreading.grammar import GRID, Grammar, infer
from truing.modalities.lipreading.recipes.ctc import CtcModel, ctc_of
from truing.modalities.lipreading.recipes.sentence_model import SentenceModel

if TYPE_CHECKING:
    from truing.modalities.lipreading.recipes.tcn_folder import Decoder
    from truing.modalities.lipreading.recipes.tcn_options import VisualTcnOptions

MOST = 0.9
"""A grammar must fit this share of the texts; a few slips of the pen do not make open speech."""


def choose_vocabulary(
    texts: Sequence[str], options: VisualTcnOptions, base: Decoder | None
) -> tuple[Decoder, str]:
    """The meaning of the outputs, and a sentence that says what was chosen.

    Args:
        texts: of the training rows.
        options: `vocabulary` asks for one kind; `lexicon` confines characters to known words.
        base: that of the base model, which is kept where the texts fit it.

    Raises:
        NothingToDoError: there is no text at all.
        SettingError: a grammar was asked for and the texts have none.
    """
    said = [plain for plain in map(neutral, texts) if plain]
    if not said:
        raise NothingToDoError(
            "All training texts are empty.", hint="Correct some samples: type what was said."
        )
    if base is not None and options.vocabulary in ("auto", base.kind) and _fit(base, said):
        return base, f"The vocabulary is the base's own ({base.kind})."
    if options.vocabulary in ("auto", "grammar"):
        grammar = _grammar_of(said)
        if grammar is not None:
            names = ", ".join(f"{slot.name} ({len(slot.words)})" for slot in grammar.slots)
            return SentenceModel(grammar), f"The texts have a grammar: {names}."
        if options.vocabulary == "grammar":
            raise SettingError(
                f"The {len(said)} training texts have no common grammar, such as `{said[0]}`.",
                hint="Set `vocabulary` to characters, or to auto.",
            )
    kind = "words" if options.vocabulary == "words" else "characters"
    found = ctc_of(said, kind, lexicon=options.lexicon)
    return found, f"Open speech is written in {kind}: {len(found.units)} labels."


def _fit(decoder: Decoder, texts: Sequence[str]) -> bool:
    """Whether the decoder knows most of the texts, and for open speech every one of them."""
    endless = 1_000_000
    known = sum(decoder.labels(text, endless) is not None for text in texts)
    share = 1.0 if isinstance(decoder, CtcModel) else MOST
    return known >= share * len(texts)


def _grammar_of(texts: Sequence[str]) -> Grammar | None:
    """GRID, or a grammar of the texts that have the usual number of words."""
    if sum(GRID.fits(text) for text in texts) >= MOST * len(texts):
        return GRID
    usual, count = Counter(len(text.split()) for text in texts).most_common(1)[0]
    if count < MOST * len(texts):
        return None
    return infer([text for text in texts if len(text.split()) == usual])
