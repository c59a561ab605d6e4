"""Morse as a modality: everything the loop asks for, gathered from the modules beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from truing.domain.evaluation import Metric
from truing.domain.finding import CheckReport
from truing.domain.media import IngestedMedia, Media
from truing.domain.modality import CheckInput
from truing.domain.recipe import Example
from truing.domain.settings import Setting, Settings
from truing_morse import checks
from truing_morse.media import ROLE, read_signal
from truing_morse.metrics import LETTER_ERRORS
from truing_morse.recipes import RECIPES
from truing_morse.recognize import MorseRecognizer
from truing_morse.table import international, read


class Morse:
    """Dots and dashes to text."""

    name = "morse"
    summary = "Morse code to text"
    roles: tuple[str, ...] = (ROLE,)
    settings: tuple[Setting, ...] = (checks.SHORTEST,)
    metrics: tuple[Metric, ...] = (LETTER_ERRORS,)
    recipes: Mapping[str, str] = RECIPES
    baseline_name = "international code"

    def ingest(self, role: str, source: object) -> IngestedMedia:
        """Takes bytes, a text or a path; there is one role."""
        return read_signal(role, source)

    def check(self, given: CheckInput, settings: Settings) -> CheckReport:
        """See `checks`."""
        return checks.check(given, settings)

    def group_keys(self, media: Sequence[Media]) -> tuple[str, ...]:
        """Equal signals belong together."""
        return tuple(f"content:{medium.facts['content']}" for medium in media)

    def open_recognizer(
        self,
        model: str,
        options: Mapping[str, object],  # noqa: ARG002 - part of the contract
    ) -> MorseRecognizer:
        """Loads a model folder; there are no options."""
        return MorseRecognizer(Path(model))

    def baseline(
        self,
        train: Sequence[Example],  # noqa: ARG002 - part of the contract
        test: Sequence[Example],
    ) -> list[str] | None:
        """What somebody reads who knows the standard and not the person."""
        table = international()
        return [read(table, one.media[ROLE].path.read_text(encoding="ascii")).text for one in test]
