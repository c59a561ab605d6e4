"""The modality `speech`: where the loop meets sound. Each method is one module of this folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.evaluation import Metric
from truing.domain.finding import CheckReport
from truing.domain.media import IngestedMedia, Media
from truing.domain.modality import CheckInput
from truing.domain.recipe import Example, MediaFile
from truing.domain.settings import Setting, Settings
from truing.metrics.words import CER, SENTENCE, WER
from truing.modalities.speech.recipes import RECIPES
from truing.modalities.speech.thresholds import THRESHOLDS

if TYPE_CHECKING:
    from truing.modalities.speech.recognize import SpeechRecognizer


class Speech:
    """Sound to text. Abilities: recognise, train, baseline, publish, play."""

    name: str = "speech"
    summary: str = "spoken words and their transcripts"
    roles: tuple[str, ...] = ("audio",)
    settings: tuple[Setting, ...] = THRESHOLDS
    metrics: tuple[Metric, ...] = (WER, CER, SENTENCE)
    recipes: Mapping[str, str] = RECIPES
    baseline_name: str = "nearest template (MFCC)"

    def ingest(self, role: str, source: object) -> IngestedMedia:
        """See `media.ingest`."""
        from truing.modalities.speech.media import ingest

        return ingest(role, source)

    def check(self, given: CheckInput, settings: Settings) -> CheckReport:
        """See `checks.check`."""
        from truing.modalities.speech.checks import check

        return check(given, settings)

    def group_keys(self, media: Sequence[Media]) -> tuple[str, ...]:
        """See `media.group_keys`."""
        from truing.modalities.speech.media import group_keys

        return group_keys(media)

    def open_recognizer(self, model: str, options: Mapping[str, object]) -> SpeechRecognizer:
        """See `recognize.open_recognizer`."""
        from truing.modalities.speech.recognize import open_recognizer

        return open_recognizer(model, options)

    def baseline(self, train: Sequence[Example], test: Sequence[Example]) -> list[str] | None:
        """See `baseline.nearest_template`."""
        from truing.modalities.speech.baseline import nearest_template

        return nearest_template(train, test)

    def publish(self, model: Path, target: Path, options: Mapping[str, object]) -> Path:
        """See `publish.publish`."""
        from truing.modalities.speech.publish import publish

        return publish(model, target, options)

    def play(self, media: Mapping[str, MediaFile]) -> None:
        """See `play.play`."""
        from truing.modalities.speech.play import play

        play(media)
