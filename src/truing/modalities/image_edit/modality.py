"""The modality `image_edit`: where the loop meets edited pictures. Each method is one module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from truing.domain.evaluation import Measure, Metric
from truing.domain.finding import CheckReport
from truing.domain.media import IngestedMedia, Media
from truing.domain.modality import CheckInput, LoadedEditor, LoadedJudge, Marks
from truing.domain.recipe import MediaFile
from truing.domain.settings import Setting, Settings
from truing.metrics.words import SENTENCE, WER
from truing.modalities.image_edit.cleaning import MODEL
from truing.modalities.image_edit.compress import COMPRESSIONS
from truing.modalities.image_edit.conversions import CONVERSIONS
from truing.modalities.image_edit.judging import COPY
from truing.modalities.image_edit.judging import SETTINGS as JUDGED_BY
from truing.modalities.image_edit.recipes import RECIPES
from truing.modalities.image_edit.roles import EDITED, ROLES
from truing.modalities.image_edit.thresholds import THRESHOLDS


class ImageEdit:
    """Picture pairs with an instruction. Abilities: choose, tell whole, spot copies, sketch,
    tidy, preview, convert, compress, train, edit, judge.

    The text of a sample is its instruction; the metrics judge it against what people made of it.
    """

    name: str = "image_edit"
    summary: str = "a picture, an instruction, and the picture that came of it"
    roles: tuple[str, ...] = ROLES
    settings: tuple[Setting, ...] = (*THRESHOLDS, *JUDGED_BY)
    metrics: tuple[Metric, ...] = (SENTENCE, WER)
    least_likeness: str = "image_edit.near_duplicate"
    recipes: Mapping[str, str] = RECIPES
    conversions: Mapping[str, str] = CONVERSIONS
    compressions: Mapping[str, str] = COMPRESSIONS
    tidied_by: str = MODEL
    baseline_name: str = COPY
    chosen_role: str = EDITED
    tells_whole: bool = True

    def ingest(self, role: str, source: object) -> IngestedMedia:
        """See `media.ingest`."""
        from truing.modalities.image_edit.media import ingest

        return ingest(role, source)

    def check(self, given: CheckInput, settings: Settings) -> CheckReport:
        """See `checks.check`."""
        from truing.modalities.image_edit.checks import check

        return check(given, settings)

    def group_keys(self, media: Sequence[Media]) -> tuple[str, ...]:
        """See `media.group_keys`."""
        from truing.modalities.image_edit.media import group_keys

        return group_keys(media)

    def marks(self, media: Sequence[Media]) -> Marks:
        """See `fingerprint.marks`."""
        from truing.modalities.image_edit.fingerprint import marks

        return marks(media)

    def likeness(self, one: Mapping[str, bytes], other: Mapping[str, bytes]) -> float:
        """See `fingerprint.likeness`."""
        from truing.modalities.image_edit.fingerprint import likeness

        return likeness(one, other)

    def sketch(self, media: Sequence[Media]) -> tuple[float, ...] | None:
        """See `fingerprint.sketch`."""
        from truing.modalities.image_edit.fingerprint import sketch

        return sketch(media)

    def tidy(self, text: str) -> str:
        """See `cleaning.clean`."""
        from truing.modalities.image_edit.cleaning import clean

        return clean(text).text

    def preview(self, media: Mapping[str, MediaFile], buckets: int) -> Mapping[str, object]:
        """See `preview.preview`."""
        from truing.modalities.image_edit.preview import preview

        return preview(media, buckets)

    def convert(self, medium: MediaFile, format: str) -> bytes:
        """See `conversions.convert`."""
        from truing.modalities.image_edit.conversions import convert

        return convert(medium, format)

    def compress(self, medium: MediaFile, format: str, quality: int) -> bytes | None:
        """See `compress.compress`."""
        from truing.modalities.image_edit.compress import compress

        return compress(medium, format, quality)

    def open_editor(self, model: str, options: Mapping[str, object]) -> LoadedEditor:
        """See `editor.open_editor`."""
        from truing.modalities.image_edit.editor import open_editor

        return open_editor(model, options)

    def measures(self, settings: Settings) -> tuple[Measure, ...]:
        """See `judging.measures`."""
        from truing.modalities.image_edit.judging import measures

        return measures(settings)

    def open_judge(self, settings: Settings) -> LoadedJudge:
        """See `judging.open_judge`."""
        from truing.modalities.image_edit.judging import open_judge

        return open_judge(settings)
