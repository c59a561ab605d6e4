"""The modality `lipreading`: where the loop meets moving lips. Each method is one module here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from truing.domain.evaluation import Metric
from truing.domain.finding import CheckReport
from truing.domain.media import IngestedMedia, Media
from truing.domain.modality import CheckInput, LoadedRecognizer
from truing.domain.recipe import Example, MediaFile
from truing.domain.settings import Setting, Settings
from truing.metrics.words import CER, SENTENCE, WER
from truing.modalities.lipreading.conversions import CONVERSIONS
from truing.modalities.lipreading.recipes import RECIPES
from truing.modalities.lipreading.thresholds import THRESHOLDS

if TYPE_CHECKING:
    from pathlib import Path


class LipReading:
    """Video to text: recognise, stream, train, baseline, publish, combine, preview, convert."""

    name: str = "lipreading"
    summary: str = "video of a speaking mouth and what was said"
    roles: tuple[str, ...] = ("video", "alignment")
    settings: tuple[Setting, ...] = THRESHOLDS
    metrics: tuple[Metric, ...] = (WER, CER, SENTENCE)
    recipes: Mapping[str, str] = RECIPES
    baseline_name: str = "pixel ridge"
    conversions: Mapping[str, str] = CONVERSIONS

    def ingest(self, role: str, source: object) -> IngestedMedia:
        """See `media.ingest`."""
        from truing.modalities.lipreading.media import ingest

        return ingest(role, source)

    def check(self, given: CheckInput, settings: Settings) -> CheckReport:
        """See `checks.check`."""
        from truing.modalities.lipreading.checks import check

        return check(given, settings)

    def group_keys(self, media: Sequence[Media]) -> tuple[str, ...]:
        """See `media.group_keys`."""
        from truing.modalities.lipreading.media import group_keys

        return group_keys(media)

    def open_recognizer(self, model: str, options: Mapping[str, object]) -> LoadedRecognizer:
        """See `recognize.open_recognizer`."""
        from truing.modalities.lipreading.recognize import open_recognizer

        return open_recognizer(model, options)

    def baseline(self, train: Sequence[Example], test: Sequence[Example]) -> list[str] | None:
        """See `baseline.pixel_ridge`."""
        from truing.modalities.lipreading.baseline import pixel_ridge

        return pixel_ridge(train, test)

    def publish(self, model: Path, target: Path, options: Mapping[str, object]) -> Path:
        """See `publish.publish`."""
        from truing.modalities.lipreading.publish import publish

        return publish(model, target, options)

    def locate(self, model: str) -> Path:
        """See `vlm_model.locate`."""
        from truing.modalities.lipreading.vlm_model import locate

        return locate(model)

    def merge(self, base: Path, adapter: Path, target: Path) -> None:
        """See `vlm_model.merge_adapter`."""
        from truing.modalities.lipreading.vlm_model import merge_adapter

        merge_adapter(base, adapter, target)

    def preview(self, media: Mapping[str, MediaFile], buckets: int) -> Mapping[str, object]:
        """See `preview.preview`."""
        from truing.modalities.lipreading.preview import preview

        return preview(media, buckets)

    def convert(self, medium: MediaFile, format: str) -> bytes:
        """See `conversions.convert`."""
        from truing.modalities.lipreading.conversions import convert

        return convert(medium, format)
