"""What a run shows of itself: edits of a few fixed validation pairs by the model as it is now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from truing.domain.recipe import Glimpse, ShowsGlimpses
from truing.modalities.image_edit.editor import edit_with
from truing.modalities.image_edit.media import as_png
from truing.modalities.image_edit.pipeline import pipeline_of
from truing.modalities.image_edit.recipes.views import WHOLE, squares

if TYPE_CHECKING:
    from truing.domain.recipe import Example, RunContext
    from truing.modalities.image_edit.pipeline import Parts
    from truing.modalities.image_edit.pipeline_folder import EditNote
    from truing.platform.numerics import Numerics


def show_of(
    parts: Parts, rows: Sequence[Example], note: EditNote, numerics: Numerics, context: RunContext
) -> Callable[[int], None] | None:
    """Makes the pictures of a step and hands them to the run; None where nobody would see them.

    Args:
        parts: of the pipeline; its UNet is the one in training.
        rows: what is shown, always the same.
        note: size, steps and guidance.
        numerics: device and precision.
        context: of the run.
    """
    if not rows or not isinstance(context, ShowsGlimpses):
        return None
    pipeline, keeper = pipeline_of(parts), context
    pairs = [squares(row, WHOLE, note.size) for row in rows]

    def show(step: int) -> None:
        shown = []
        for row, (original, edited) in zip(rows, pairs, strict=True):
            made = edit_with(pipeline, original, row.truth, note, 0, numerics)
            given, wanted = as_png(original), as_png(edited)
            shown.append(
                Glimpse(uid=row.uid, text=row.truth, given=given, made=as_png(made), wanted=wanted)
            )
        keeper.show(step, shown)

    return show
