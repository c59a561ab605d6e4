"""Two models whose pictures people can compare: a workspace filled as an evaluation leaves it.

No model is loaded: what each "made" of an original is drawn here. The original is a sky, a sun and
hills; the one model makes it warmer, the other one greyer, by plain arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING

from truing.domain.dataset import DatasetRef, Split
from truing.domain.digest import chain_digest
from truing.domain.evaluation import RowScore
from truing.domain.modality import CanJudge, measures_of
from truing.domain.model import ModelRef
from truing.testing.factories import make_evaluated_row, make_evaluation, make_model

if TYPE_CHECKING:
    from PIL import Image

    from truing.domain.evaluation import EvaluatedRow, Evaluation
    from truing.workspace import Workspace

MODALITY = "image_edit"
DATASET = "tested@1"
NAMES = ("image_edit/1", "image_edit/2")
INSTRUCTION = "Make the evening warmer"
SIZE = (240, 160)
_TRIVIAL = {"ci": None, "difference": 0.1, "p_better": 0.01, "standard_error": None, "differing": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arranged:
    """What there is to compare."""

    dataset: str
    uids: tuple[str, ...]
    """Of the samples, in the order they were captured."""
    a: Evaluation
    b: Evaluation
    pictures: tuple[tuple[str, str], ...]
    """For each sample, the digests of what a and b made of it."""


def arrange(
    workspace: Workspace,
    count: int = 24,
    *,
    equal: int = 0,
    per_cluster: int = 1,
    size: tuple[int, int] = SIZE,
) -> Arranged:
    """Captures originals, freezes them as the test set `tested@1`, and stores two evaluations.

    Args:
        workspace: an empty one.
        count: how many originals.
        equal: for so many of them both models made the very same.
        per_cluster: so many rows count as one original.
        size: of the pictures, width and height in pixels.
    """
    uids = _tested(workspace, count, size)
    made = []
    for number in range(count):
        original = scene(number, size)
        one = png(tinted(original, (1.15, 1.0, 0.75)))
        other = one if number < equal else png(tinted(original, (0.8, 0.85, 0.9)))
        made.append((workspace.blobs.put(one), workspace.blobs.put(other)))
    evaluations = []
    for place, name in enumerate(NAMES):
        rows = [
            _row(uid, pictures[place], f"original-{at // per_cluster}")
            for at, (uid, pictures) in enumerate(zip(uids, made, strict=True))
        ]
        evaluations.append(_evaluated(workspace, name, rows))
    return Arranged(
        dataset=DATASET,
        uids=tuple(uids),
        a=evaluations[0],
        b=evaluations[1],
        pictures=tuple(made),
    )


def _tested(workspace: Workspace, count: int, size: tuple[int, int]) -> list[str]:
    """The uids of exactly so many test rows of `DATASET`, its only ones."""
    for number in range(count + max(2, count // 8)):
        _captured(workspace, number, size)
    frozen = workspace.freeze("scenes", modality=MODALITY, test_share=0.95, validation_share=0.0)
    rows = list(workspace.store.datasets.rows(frozen.ref, Split.TEST))[:count]
    if len(rows) < count:
        raise RuntimeError(f"{len(rows)} test rows are fewer than {count}")
    # A freeze keeps something to train on, too.
    version = replace(
        frozen,
        ref=DatasetRef.parse(DATASET),
        uid=workspace.ids.new(),
        digest=chain_digest(row.digest for row in rows),
        counts={Split.TEST.value: count},
    )
    kept = [replace(row, position=place) for place, row in enumerate(rows)]
    workspace.store.datasets.add(version, kept, [])
    return [str(row.sample_uid) for row in kept]


def _captured(workspace: Workspace, number: int, size: tuple[int, int]) -> None:
    original = scene(number, size)
    added = workspace.capture(
        MODALITY,
        original=png(original),
        edited=png(tinted(original, (1.1, 1.0, 0.8))),
        raw=f"{INSTRUCTION}, {number}",
        model="app",
        sampling="wholesale",
    )
    if added is None:
        raise RuntimeError("the workspace is set to capture nothing")
    workspace.review(added.id, "accepted")


def _evaluated(workspace: Workspace, name: str, rows: list[EvaluatedRow]) -> Evaluation:
    ref = ModelRef.parse(name)
    model = make_model(ref.number, modality=MODALITY, dataset=DATASET, recipe="instruct-pix2pix")
    workspace.store.models.add(model)
    folder = workspace.layout.models / MODALITY / str(ref.number)
    folder.mkdir(parents=True)
    # As far as a list of its files looks; nobody loads it.
    for file in ("model.json", "config.json", "model.safetensors"):
        (folder / file).write_text("{}", encoding="utf-8")
    modality = workspace.modality(MODALITY)
    measures = measures_of(modality, workspace.settings)
    scores = {one.name: RowScore(numerator=1, denominator=2) for one in measures}
    figures = {one.name: 0.5 for one in measures}
    trivial = modality.baseline_name if isinstance(modality, CanJudge) else None
    return workspace.store.evaluations.add(
        make_evaluation(
            [replace(row, scores=scores) for row in rows],
            modality=MODALITY,
            model=name,
            model_digest=model.digest,
            dataset=DATASET,
            dataset_digest=workspace.store.datasets.get(DatasetRef.parse(DATASET)).digest,
            metric=measures[0].name,
            metric_version=measures[0].version,
            figures={
                **figures,
                "ci": None,
                "rows": len(rows),
                "clusters": len({row.cluster for row in rows}),
                "baseline": {"name": trivial, **_TRIVIAL, **dict.fromkeys(figures, 0.4)},
            },
        )
    )


def _row(uid: str, prediction: str, cluster: str) -> EvaluatedRow:
    return make_evaluated_row(uid, prediction=prediction, cluster=cluster, subject=None)


def scene(number: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """A landscape, RGB; each number gives another one."""
    from PIL import Image, ImageDraw

    width, height = size
    sky = Image.linear_gradient("L").resize(size)
    colours = ((40 + number * 13 % 90, 70, 150), (240, 170 + number * 7 % 60, 120))
    found = Image.composite(
        Image.new("RGB", size, colours[1]), Image.new("RGB", size, colours[0]), sky
    )
    draw = ImageDraw.Draw(found)
    x, y, round_ = width * (2 + number * 5 % 7) // 10, height * (3 + number % 4) // 12, height // 9
    draw.ellipse((x - round_, y - round_, x + round_, y + round_), fill=(255, 236, 180))
    for hill in range(3):
        top = height * (5 + hill) // 9
        at = width * ((number * 3 + hill * 4) % 9) // 9
        green = (30 + hill * 18, 80 + hill * 24 + number % 5 * 6, 60)
        draw.ellipse((at - width // 2, top, at + width, top + height), fill=green)
    return found


def tinted(picture: Image.Image, shares: tuple[float, float, float]) -> Image.Image:
    """The picture with red, green and blue times the shares."""
    from PIL import Image

    bands = [
        band.point(lambda value, share=share: min(255, round(value * share)))
        for band, share in zip(picture.split(), shares, strict=True)
    ]
    return Image.merge("RGB", bands)


def png(picture: Image.Image) -> bytes:
    """A picture as a PNG file."""
    kept = BytesIO()
    picture.save(kept, format="PNG")
    return kept.getvalue()
