"""A Whisper model's tokens: prompts, text and words from the `tokenizer.json` in its folder.

Scope: decoding only. The same file serves both runtimes, so that both spell alike.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from truing.domain.errors import (
    DamagedError,
    InvalidInputError,
    MissingDependencyError,
    NotFoundError,
)

FIRST_MULTILINGUAL_SIZE = 51_865
"""Vocabulary from which OpenAI's checkpoints are multilingual; English-only ones have 51 864."""
SPACELESS = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Languages written without spaces: each character stands for a word, as in OpenAI's Whisper."""
NO_SPEECH = ("<|nospeech|>", "<|nocaptions|>")


class Vocabulary:
    """Token ids of one model.

    Args:
        folder: a model folder with `tokenizer.json`; `generation_config.json` is read if present.
        size: the model's vocabulary size.

    Raises:
        NotFoundError: no `tokenizer.json`.
        DamagedError: a file that cannot be read.
        MissingDependencyError: `tokenizers` is not installed.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self._tokenizer = _load(folder)
        self.generation = read_json(folder / "generation_config.json", {})
        self.size = size
        self.start = self._id("<|startoftranscript|>", folder)
        self.end = self._id("<|endoftext|>", folder)
        self._plain = self._id("<|notimestamps|>", folder)
        found = (self._tokenizer.token_to_id(name) for name in NO_SPEECH)
        self.no_speech: int | None = next((number for number in found if number is not None), None)
        said = self.generation.get("is_multilingual")
        self.multilingual = size >= FIRST_MULTILINGUAL_SIZE if said is None else bool(said)
        self.languages: Mapping[str, int] = self._languages() if self.multilingual else {}

    def _id(self, name: str, folder: Path) -> int:
        number = self._tokenizer.token_to_id(name)
        if number is None:
            raise InvalidInputError(
                f"the tokenizer in `{folder}` does not know `{name}`",
                hint="give the folder of a Whisper model",
            )
        return int(number)

    def _languages(self) -> dict[str, int]:
        """Codes between `<|startoftranscript|>` and `<|translate|>`, where Whisper puts them."""
        listed = self.generation.get("lang_to_id")
        if isinstance(listed, dict):
            return {str(token).strip("<|>"): int(number) for token, number in listed.items()}
        last = self._tokenizer.token_to_id("<|translate|>") or self.start
        names = (self._tokenizer.id_to_token(i) for i in range(self.start + 1, last))
        return {
            name.strip("<|>"): i for i, name in enumerate(names, self.start + 1) if name is not None
        }

    def language(self, wanted: str | None) -> str | None:
        """The code to use: the wanted one, else the model's own; None means: detect it.

        Raises:
            InvalidInputError: the model does not know the language.
        """
        if not self.multilingual:
            if wanted and wanted.strip("<|>").lower() not in ("en", "english"):
                raise InvalidInputError(
                    f"the model knows English only, not `{wanted}`",
                    hint="use a multilingual model, or leave `language` away",
                )
            return None
        name = wanted or self.generation.get("language")
        if not name:
            return None
        code = str(name).strip("<|>").lower()
        if code not in self.languages:
            code = _code_by_name(code)
        if code not in self.languages:
            near = difflib.get_close_matches(code, self.languages, n=1)
            raise InvalidInputError(
                f"the model knows no language `{name}`",
                hint=f"did you mean `{near[0]}`?" if near else "give a code such as `en` or `de`",
            )
        return code

    def prompt(self, language: str | None, task: str) -> list[int]:
        """Token ids that open a transcript without timestamps.

        Raises:
            InvalidInputError: a task that the model does not know.
        """
        if not self.multilingual or language is None:
            return [self.start, self._plain]
        number = self._tokenizer.token_to_id(f"<|{task}|>")
        if number is None:
            raise InvalidInputError(
                f"the model knows no task `{task}`", hint="use `transcribe` or `translate`"
            )
        return [self.start, self.languages[language], int(number), self._plain]

    def is_text(self, token: int) -> bool:
        """Whether a token is part of the text; specials come after the text in every Whisper."""
        return token < self.end

    @property
    def marks(self) -> range:
        """Specials other than the end: never part of a transcript without timestamps."""
        return range(self.end + 1, self.size)

    def text(self, tokens: Iterable[int]) -> str:
        """The text of tokens, without specials and outer blanks."""
        kept = [token for token in tokens if self.is_text(token)]
        return str(self._tokenizer.decode(kept, skip_special_tokens=True)).strip()

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text as it stands, without specials."""
        return [int(one) for one in self._tokenizer.encode(text, add_special_tokens=False).ids]

    def words(self, tokens: Sequence[int], language: str | None) -> list[tuple[str, int, int]]:
        """Words as (text, first token, token after the last), punctuation with its word.

        A word begins at a token that starts with a blank, as in OpenAI's `whisper/timing.py`; in
        languages without spaces, at each character.
        """
        words: list[tuple[str, int, int]] = []
        first = 0
        while first < len(tokens):
            last = first + 1
            piece = self._raw(tokens[first:last])
            # A character may be spread over several tokens: wait until its bytes are complete.
            while piece.endswith("\ufffd") and last < len(tokens):
                last += 1
                piece = self._raw(tokens[first:last])
            if words and not piece[:1].isspace() and language not in SPACELESS:
                text, begin, _ = words.pop()
                words.append((text + piece, begin, last))
            else:
                words.append((piece, first, last))
            first = last
        return _with_punctuation(words)

    def _raw(self, tokens: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=False))


def _with_punctuation(words: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Joins what holds no letter or digit to the word before it, and drops empty words."""
    found: list[tuple[str, int, int]] = []
    for text, first, after in words:
        if found and not any(c.isalnum() for c in text):
            before, begin, _ = found.pop()
            found.append((before + text.rstrip(), begin, after))
        elif text.strip():
            found.append((text.strip(), first, after))
    return found


def _load(folder: Path) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingDependencyError(
            "reading a model's tokenizer needs `tokenizers`",
            hint='pip install "truing[train]"',
        ) from error
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise NotFoundError(
            f"the model folder `{folder}` has no `tokenizer.json`",
            hint="copy it from the folder of the original model",
        )
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare `Exception` for a file it cannot read
        raise DamagedError(
            f"`{path}` cannot be read: {error}", hint="copy or download the model again"
        ) from error


def _code_by_name(name: str) -> str:
    """`german` -> `de` where transformers, which holds the table, is installed."""
    try:
        from transformers.models.whisper.tokenization_whisper import TO_LANGUAGE_CODE
    except ImportError:
        return name
    return str(TO_LANGUAGE_CODE.get(name, name))


def read_json(path: Path, default: Any = None) -> Any:
    """A JSON file of a model folder; `default` when it is not there and a default was given.

    Raises:
        NotFoundError: the file is missing and there is no default.
        DamagedError: it is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if default is not None:
            return default
        raise NotFoundError(
            f"the model folder `{path.parent}` has no `{path.name}`",
            hint="give the folder of a Whisper model",
        ) from error
    except (OSError, ValueError) as error:
        raise DamagedError(
            f"`{path}` cannot be read: {error}", hint="copy or download the model again"
        ) from error
