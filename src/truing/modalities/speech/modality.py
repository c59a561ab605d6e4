"""The modality `speech`: where the loop meets sound. Each method is one module of this folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.evaluation import Metric
from truing.domain.finding import CheckReport
from truing.domain.media import IngestedMedia, Media
from truing.domain.modality import CheckInput, Marks
from truing.domain.recipe import Example, MediaFile
from truing.domain.settings import Setting, Settings
from truing.metrics.words import CER, SENTENCE, WER
from truing.modalities.speech.compress import COMPRESSIONS
from truing.modalities.speech.conversions import CONVERSIONS
from truing.modalities.speech.recipes import RECIPES
from truing.modalities.speech.thresholds import THRESHOLDS

if TYPE_CHECKING:
    from truing.modalities.speech.recognize import SpeechRecognizer


class Speech:
    """Sound to text. Abilities: recognise, train, baseline, publish, combine, play, preview,
    compress.
    """

    name: str = "speech"
    summary: str = "spoken words and their transcripts"
    roles: tuple[str, ...] = ("audio",)
    settings: tuple[Setting, ...] = THRESHOLDS
    metrics: tuple[Metric, ...] = (WER, CER, SENTENCE)
    recipes: Mapping[str, str] = RECIPES
    baseline_name: str = "nearest template (MFCC)"
    least_likeness: str = "speech.near_duplicate"
    conversions: Mapping[str, str] = CONVERSIONS
    compressions: Mapping[str, str] = COMPRESSIONS

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

    def marks(self, media: Sequence[Media]) -> Marks:
        """See `fingerprint.marks`."""
        from truing.modalities.speech.fingerprint import marks

        return marks(media)

    def likeness(self, one: Mapping[str, bytes], other: Mapping[str, bytes]) -> float:
        """See `fingerprint.likeness`."""
        from truing.modalities.speech.fingerprint import likeness

        return likeness(one["audio"], other["audio"])

    def sketch(self, media: Sequence[Media]) -> tuple[float, ...] | None:
        """See `fingerprint.sketch`."""
        from truing.modalities.speech.fingerprint import sketch

        return sketch(media)

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

    def locate(self, model: str) -> Path:
        """See `model_folder.find_model`."""
        from truing.modalities.speech.model_folder import find_model

        return find_model(model)

    def merge(self, base: Path, adapter: Path, target: Path) -> None:
        """See `recipes.adapters.merge_adapter`."""
        from truing.modalities.speech.recipes.adapters import merge_adapter

        merge_adapter(base, adapter, target)

    def play(self, media: Mapping[str, MediaFile]) -> None:
        """See `play.play`."""
        from truing.modalities.speech.play import play

        play(media)

    def preview(self, media: Mapping[str, MediaFile], buckets: int) -> Mapping[str, object]:
        """See `preview.preview`."""
        from truing.modalities.speech.preview import preview

        return preview(media["audio"], buckets)

    def compress(self, medium: MediaFile, format: str, quality: int) -> bytes | None:
        """See `compress.compress`."""
        from truing.modalities.speech.compress import compress

        return compress(medium, format, quality)

    def convert(self, medium: MediaFile, format: str) -> bytes:
        """See `conversions.convert`."""
        from truing.modalities.speech.conversions import convert

        return convert(medium, format)
